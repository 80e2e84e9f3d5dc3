import { connect, type Socket } from 'node:net';
import { SaxesParser } from 'saxes';
import { type BoshAnswer, BoshClient } from '../bosh-client.js';
import { giveBack } from './client.js';
import { worldOf } from './client-door.js';
import type { Dice } from './dice.js';
import type { Door, Step } from './door.js';
import type { SystemUnderFire } from './system.js';
import { anyBodyAttributes, anyHttp, anyWebSocket, selfContained } from './web-scripts.js';
import { cut, mutateText } from './xml-mutations.js';

const END_MILLISECONDS = 12_000;
const SIGNIFICANT_IDS = /\bid='(b-\d+)'/g;

/** With it nothing is held for long. */
const PING =
  "<iq xmlns='jabber:client' type='get' id='ping' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>";

/** Sends bytes and ends; resolves with what came until the other side ended, or with null when it did not. */
async function exchange(port: number, steps: readonly Step[], dice: Dice): Promise<string | null> {
  const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      socket.destroy();
      resolve(null);
    }, END_MILLISECONDS);
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Buffer.concat(chunks).toString('latin1'));
    };
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('end', done);
    socket.once('close', done);
    for (const step of steps) {
      const bytes = Buffer.from(step);
      for (const chunk of dice.chance(0.1) ? cut(dice, bytes) : [bytes]) socket.write(chunk);
    }
    socket.end();
  });
}

/** What saxes makes of a response's body: '' when it is a `<body/>` of BOSH. */
function problemOf(text: string): string {
  let problem = '';
  let root = '';
  const parser = new SaxesParser({ xmlns: true, position: false });
  parser.on('error', (error) => {
    problem ||= error.message;
  });
  parser.on('opentag', (tag) => {
    root ||= `${tag.uri} ${tag.local}`;
  });
  parser.write(text).close();
  return problem || (root === 'http://jabber.org/protocol/httpbind body' ? '' : `the root is ${root}`);
}

/** Browsers: BOSH sessions that send anything, HTTP from its first byte, WebSockets. */
export function webDoor(system: SystemUnderFire): Door {
  let client: BoshClient | undefined;
  let sessions = 0;
  let asked = 0;

  /** Judges one answer; false when the session is over. */
  function judge(answer: BoshAnswer, report: string): boolean {
    const xml = /xml/.test(answer.headers['content-type'] ?? '');
    if (answer.status === 200 && xml) {
      const problem = problemOf(answer.text);
      if (problem !== '')
        system.findings.add('BOSH: ill-formed body', `${problem} ${answer.text.slice(0, 2000)} ${report}`);
      if (/internal-server-error/.test(answer.text))
        system.findings.add('BOSH: internal-server-error', `${answer.text.slice(0, 1000)} ${report}`);
    }
    if (answer.status >= 500) system.findings.add(`BOSH: status ${answer.status}`, report);
    return answer.status === 200 && !/type='terminate'|type="terminate"/.test(answer.text.slice(0, 500));
  }

  async function session(): Promise<BoshClient> {
    if (client !== undefined) return client;
    try {
      client = await logIn();
    } catch {
      // a case over WebSocket may have removed the account
      await giveBack(system.core, 'a5');
      client = await logIn();
    }
    return client;
  }

  async function logIn(): Promise<BoshClient> {
    const made = new BoshClient(system.httpPort);
    const plain = Buffer.from('\0a5\0secret').toString('base64');
    await made.create({ to: 'localhost', wait: 1 });
    await made.send({}, `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`);
    await made.send({ 'xmpp:restart': 'true', to: 'localhost' });
    const { text } = await made.send(
      {},
      "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>bosh</resource></bind></iq>",
    );
    if (!text.includes('<jid>')) throw new Error(`no session over BOSH: ${text.slice(0, 300)}`);
    sessions++;
    return made;
  }

  return {
    name: 'bosh',
    async start() {
      await system.core.addUsers('a5');
    },
    make(dice) {
      const kind = dice.next();
      if (kind < 0.35) return ['http', anyHttp(dice)];
      if (kind < 0.6) return ['websocket', ...anyWebSocket(dice, worldOf('a5@localhost/ws'))];
      const bodies = dice.several(1, 3, () => {
        const content = dice
          .several(0, 3, () => selfContained(dice, worldOf('a5@localhost/bosh'), `b-${dice.below(1e9)}`))
          .join('');
        return JSON.stringify([
          anyBodyAttributes(dice),
          dice.chance(0.1) ? mutateText(dice, content) : content,
          dice.chance(0.04) ? dice.below(10) - 5 : 0,
        ]);
      });
      return ['session', ...bodies];
    },
    async run([kind, ...steps], dice, report) {
      if (kind === 'http') {
        const heard = await exchange(system.httpPort, steps, dice);
        if (heard === null) system.findings.add('BOSH: a connection did not end', report);
        else if (heard !== '' && !heard.startsWith('HTTP/1.1 '))
          system.findings.add('BOSH: no HTTP came', `${heard.slice(0, 300)} ${report}`);
        else if (/^HTTP\/1\.1 5(?!05|01)/.test(heard))
          system.findings.add('BOSH: a server error', `${heard.slice(0, 300)} ${report}`);
        return;
      }
      if (kind === 'websocket') {
        const heard = await exchange(system.httpPort, steps, dice);
        if (heard === null) system.findings.add('WebSocket: a connection did not end', report);
        else if (/internal-server-error/.test(heard))
          system.findings.add('WebSocket: internal-server-error', `${heard.slice(0, 500)} ${report}`);
        return;
      }
      const made = await session();
      for (const step of steps) {
        const [attributes, content, jump] = JSON.parse(String(step)) as [
          Record<string, string>,
          string,
          number,
        ];
        asked += content.match(SIGNIFICANT_IDS)?.length ?? 0;
        made.rid += jump;
        const written = Object.fromEntries(
          Object.entries(attributes).map(([name, value]) => [
            name,
            value.replaceAll(/[&<']/g, (char) => `&#${char.charCodeAt(0)};`),
          ]),
        );
        if (!judge(await made.send(written, content + PING), report)) {
          client = undefined;
          return;
        }
      }
    },
    told: () => `${asked} requests, ${sessions} sessions`,
    async stop() {
      await client?.send({ type: 'terminate' }).catch(() => undefined);
    },
  };
}
