import { randomUUID } from 'node:crypto';
import { type Element, xml } from '../../shared/xml/element.js';
import { formElement, formOf, readSubmission } from '../../shared/xmpp/forms.js';
import { jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { type DefinedCondition, StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Core } from '../core.js';
import { defineFeature } from '../feature.js';
import type { IqRequest } from '../iq/iq-registry.js';
import type { AdHocCommand, CommandOutcome } from './command-registry.js';
import { CommandSessions } from './command-sessions.js';

/** Ad-hoc commands of the server (XEP-0050): what is in `core.commands`, found by disco and run stage by stage. */
export const adHocCommands = defineFeature({
  name: 'ad-hoc commands',
  xeps: [{ id: '0050', version: '1.3.0', status: 'complete' }],
  setup(core) {
    const sessions = new CommandSessions();
    core.disco.feature('server', NS.commands);
    core.disco.node(NS.commands, {
      info: () => ({
        identities: [{ category: 'automation', type: 'command-list' }],
        features: [NS.discoInfo, NS.discoItems],
        forms: [],
      }),
      items: ({ from, to }) =>
        core.commands.visibleTo(from).map(({ node, name }) => ({ jid: to.domain, node, name })),
    });
    core.iq.on('server', 'set', NS.commands, 'command', (request) => execute(core, sessions, request));
    // Some ask their own account instead (RFC 6120 §10.3.3 has the server answer for it): to them it is the server.
    core.iq.on('account', 'set', NS.commands, 'command', (request) => {
      if (request.from.bare !== request.account?.bare) throw new StanzaError('service-unavailable');
      return execute(core, sessions, request);
    });
  },
  async start(core) {
    for (const command of core.commands.all()) announce(core, command);
  },
});

/** disco of one command's node (XEP-0050 §"Retrieving the Command List"). */
function announce(core: Core, command: AdHocCommand): void {
  const guard = (from: Parameters<AdHocCommand['allowed']>[0]): void => {
    if (!command.allowed(from)) throw new StanzaError('forbidden');
  };
  core.disco.node(command.node, {
    info({ from }) {
      guard(from);
      return {
        identities: [{ category: 'automation', type: 'command-node', name: command.name }],
        features: [NS.commands, NS.dataForms],
        forms: [],
      };
    },
    items({ from }) {
      guard(from);
      return [];
    },
  });
}

async function execute(core: Core, sessions: CommandSessions, request: IqRequest): Promise<Element> {
  const { from, payload } = request;
  const to = jid(request.to.domain);
  const { node, action = 'execute', sessionid } = payload.attrs;
  const command = node === undefined ? undefined : core.commands.find(node);
  if (node === undefined || command === undefined) throw new StanzaError('item-not-found');
  if (!command.allowed(from)) throw new StanzaError('forbidden');
  if (sessionid !== undefined && !sessions.has(sessionid, from, node)) {
    throw refusal('not-allowed', 'session-expired');
  }
  const answer = (status: string, id: string, content: readonly Element[] = []): Element =>
    xml('command', { xmlns: NS.commands, node, sessionid: id, status }, ...content);

  if (action === 'cancel') {
    if (sessionid === undefined) throw refusal('bad-request', 'bad-sessionid');
    sessions.end(sessionid);
    return answer('canceled', sessionid);
  }
  // There is one stage, so `next` and `prev` lead nowhere (the table of §"Errors").
  if (action === 'next' || action === 'prev') throw refusal('bad-request', 'bad-action');
  if (action !== 'execute' && action !== 'complete') throw refusal('bad-request', 'malformed-action');

  const form = command.form?.({ from, to });
  const submission = formOf(payload);
  if (form !== undefined && submission === undefined) {
    if (sessionid !== undefined) throw refusal('bad-request', 'bad-payload');
    return answer('executing', sessions.begin(from, node), [
      xml('actions', { execute: 'complete' }, xml('complete')),
      formElement(form),
    ]);
  }
  // A program that knows the form may submit it without asking for it first.
  const values = form === undefined || submission === undefined ? {} : readSubmission(submission, form);
  const id = sessionid ?? randomUUID();
  if (values === null) {
    sessions.end(id);
    return answer('canceled', id);
  }
  const outcome = await command.run({ from, to, values });
  sessions.end(id);
  return answer('completed', id, contentOf(outcome));
}

function contentOf({ note, payloads = [] }: CommandOutcome): Element[] {
  return note === undefined ? [...payloads] : [xml('note', { type: note.type }, note.text), ...payloads];
}

function refusal(condition: DefinedCondition, detail: string): StanzaError {
  return new StanzaError(condition, { application: xml(detail, { xmlns: NS.commands }) });
}
