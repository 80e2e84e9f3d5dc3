import { randomUUID } from 'node:crypto';
import type { IqRequest } from '../../shared/component/component.js';
import { type Element, xml } from '../../shared/xml/element.js';
import { infoElement, itemsElement } from '../../shared/xmpp/disco.js';
import { type FormDeclaration, formElement, formOf, readSubmission } from '../../shared/xmpp/forms.js';
import { parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';

/** What the commands do; the service and the main program give it. */
interface CommandActions {
  readonly domain: string;
  readonly isAdmin: (bare: string) => boolean;
  /** Closes the service for good. Called when the answer has gone out. */
  readonly close: () => Promise<number>;
  readonly destroyRoom: (local: string, reason: string | undefined) => Promise<boolean>;
}

interface Command {
  readonly node: string;
  readonly name: string;
  readonly form: FormDeclaration;
  run(actions: CommandActions, values: Readonly<Record<string, unknown>>): Promise<string>;
}

const CLOSE: Command = {
  node: 'urn:entourage:muc:close',
  name: 'Close the service',
  form: {
    formType: 'urn:entourage:muc:close',
    title: 'Close the service',
    instructions:
      'Everybody is removed from every room, and the service ends and does not come back by itself. To restart it, restart its process instead: nobody notices that.',
    fields: [{ var: 'confirm', type: 'boolean', label: 'Close the service?', required: true }],
  },
  async run(actions, values) {
    if (values['confirm'] !== true) throw new StanzaError('not-acceptable', { text: 'not confirmed' });
    // XEP-0045 §11.2: those who are removed are told; whoever asked is told first.
    setImmediate(() => void actions.close());
    return 'The service closes.';
  },
};

const DESTROY: Command = {
  node: 'urn:entourage:muc:destroy-room',
  name: 'Destroy a room',
  form: {
    formType: 'urn:entourage:muc:destroy-room',
    title: 'Destroy a room',
    fields: [
      { var: 'room', type: 'jid-single', label: 'Room', required: true },
      { var: 'reason', type: 'text-single', label: 'Reason' },
    ],
  },
  async run(actions, values) {
    const room = parseJid(String(values['room'] ?? ''));
    const reason = String(values['reason'] ?? '');
    if (room === null || room.domain !== actions.domain || room.local === '')
      throw new StanzaError('item-not-found');
    const found = await actions.destroyRoom(room.local, reason === '' ? undefined : reason);
    if (!found) throw new StanzaError('item-not-found');
    return 'The room is destroyed.';
  },
};

const COMMANDS: readonly Command[] = [CLOSE, DESTROY];

/** The service's ad-hoc commands (XEP-0050), for its administrators. */
export class Commands {
  readonly #actions: CommandActions;

  constructor(actions: CommandActions) {
    this.#actions = actions;
  }

  /** disco#items of the node `http://jabber.org/protocol/commands`. */
  items(from: string): Element {
    const { domain, isAdmin } = this.#actions;
    const commands = isAdmin(from) ? COMMANDS : [];
    return itemsElement(
      commands.map(({ node, name }) => ({ jid: domain, node, name })),
      NS.commands,
    );
  }

  /** disco#info of a command's node. */
  info(from: string, node: string): Element {
    const command = this.#actions.isAdmin(from) ? COMMANDS.find((one) => one.node === node) : undefined;
    if (node === NS.commands)
      return infoElement({ identities: [{ category: 'automation', type: 'command-list' }] }, node);
    if (command === undefined) throw new StanzaError('item-not-found');
    return infoElement(
      {
        identities: [{ category: 'automation', type: 'command-node', name: command.name }],
        features: [NS.commands, NS.dataForms],
      },
      node,
    );
  }

  async execute({ from, payload }: Pick<IqRequest, 'from' | 'payload'>): Promise<Element> {
    const { node, action = 'execute', sessionid = randomUUID() } = payload.attrs;
    const command = COMMANDS.find((one) => one.node === node);
    if (command === undefined) throw new StanzaError('item-not-found');
    if (!this.#actions.isAdmin(from.bare)) throw new StanzaError('forbidden');
    const answer = (status: string, ...content: Element[]): Element =>
      xml('command', { xmlns: NS.commands, node, sessionid, status }, ...content);
    if (action === 'cancel') return answer('canceled');
    const form = formOf(payload);
    if (form === undefined)
      return answer(
        'executing',
        xml('actions', { execute: 'complete' }, xml('complete')),
        formElement(command.form),
      );
    const values = readSubmission(form, command.form);
    if (values === null) return answer('canceled');
    const note = await command.run(this.#actions, values);
    return answer('completed', xml('note', { type: 'info' }, note));
  }
}
