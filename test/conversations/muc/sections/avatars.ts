import { createHash } from 'node:crypto';
import { coven, error, iqError, iqResult, type Section, user } from './coven.js';

const photo = (type: string, bytes: Buffer) =>
  `<PHOTO><TYPE>${type}</TYPE><BINVAL>${bytes.toString('base64')}</BINVAL></PHOTO>`;
const vcard = (content: string) => `<vCard xmlns='vcard-temp'>${content}</vCard>`;
const sha1 = (bytes: Buffer) => createHash('sha1').update(bytes).digest('hex');
const get = (room: string, id: string) => `<iq type='get' id='${id}' to='${room}'>${vcard('')}</iq>`;
const set = (room: string, id: string, content: string) =>
  `<iq type='set' id='${id}' to='${room}'>${vcard(content)}</iq>`;

/** XEP-0486: a room's avatar, in its vCard. */
export const avatars: readonly Section[] = [
  {
    name: 'and XEP-0486, MUC Avatars: published by owners, told to occupants, for anybody to see, kept',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'avatars', {
        'muc#roomconfig_persistentroom': '1',
      });
      const hecate = await world.login('hecate', 'broom');
      const svg = Buffer.from("<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>");
      const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
      const changed = (to: string) =>
        `<message id='*' type='groupchat' from='${room}' to='${to}'>${user('', 104)}</message>`;
      const hashes = async (): Promise<string[]> => {
        hecate.send(
          `<iq type='get' id='info' to='${room}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
        );
        const { text } = await hecate.next();
        if (!text.includes("var='vcard-temp'") && !text.includes('var="vcard-temp"'))
          throw new Error('a room that has vCards does not say so');
        const field = /muc#roominfo_avatarhash.*?<\/field>/.exec(text)?.[0] ?? '';
        return [...field.matchAll(/<value>([0-9a-f]*)<\/value>/g)].map(([, hash]) => hash ?? '');
      };
      const expectHashes = async (...expected: string[]): Promise<void> => {
        const found = await hashes();
        if (found.join() !== expected.join())
          throw new Error(`avatars ${found.join()}, not ${expected.join()}`);
      };

      // §3.3: no hash where there is none; XEP-0054 §3.1: an empty vCard.
      await hecate.ask(get(room, 'g'), iqResult(hecate, room, 'g', vcard('')));
      await expectHashes();
      // §3.2: an admin is no owner.
      await second.ask(
        set(room, 's', photo('image/png', png)),
        iqError(
          second,
          room,
          's',
          error('auth', 'forbidden', 403, room, 'Only owners are allowed to set avatars.'),
        ),
      );
      const both = photo('image/svg+xml', svg) + photo('image/png', png);
      await first.ask(set(room, 's1', both), iqResult(first, room, 's1'), changed(first.jid));
      await third.expect(changed(third.jid));
      // §5.1: all pictures, in their order. §3.4: before entering, too.
      await expectHashes(sha1(svg), sha1(png));
      await hecate.ask(get(room, 'g1'), iqResult(hecate, room, 'g1', vcard(both)));
      // The same again is no change.
      await first.ask(set(room, 's2', both), iqResult(first, room, 's2'));
      await third.ask(get(room, 'g2'), iqResult(third, room, 'g2', vcard(both)));
      await first.ask(
        set(room, 's3', `<NOTE>${'x'.repeat(65_536)}</NOTE>`),
        iqError(
          first,
          room,
          's3',
          error(
            'modify',
            'policy-violation',
            406,
            room,
            'The vCard of a room may have at most 65536 characters',
          ),
        ),
      );
      await world.restart('SIGKILL');
      await expectHashes(sha1(svg), sha1(png));
      await hecate.ask(get(room, 'g3'), iqResult(hecate, room, 'g3', vcard(both)));
      // Removed by an empty one, which is what is then read back.
      await first.ask(set(room, 's4', ''), iqResult(first, room, 's4'), changed(first.jid));
      await third.expect(changed(third.jid));
      await hecate.ask(get(room, 'g4'), iqResult(hecate, room, 'g4', vcard('')));
      await expectHashes();
      await hecate.close();
      await end();
    },
  },
];
