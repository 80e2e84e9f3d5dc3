import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPortableRooms } from '../../../components/muc/portable.js';
import type { PortableRoom } from '../../../shared/portable/rooms.js';
import { createMemoryStorage } from '../../tools/memory-storage.js';

const room: PortableRoom = {
  name: 'orchard',
  domain: 'conference.localhost',
  title: 'The orchard',
  description: 'behind the wall',
  language: 'en',
  public: true,
  persistent: true,
  moderated: true,
  membersOnly: false,
  changeSubject: false,
  memberInvites: true,
  password: 'rose',
  whois: 'anyone',
  privateMessages: 'participants',
  presenceBroadcast: ['moderator', 'participant'],
  maxUsers: 20,
  history: 10,
  affiliations: [{ jid: 'juliet@localhost', affiliation: 'owner', nick: 'Juliet' }],
  subject: { text: 'names', nick: 'Juliet', at: 1_000 },
  voice: [['romeo@localhost', 'participant']],
};

test('what is moved is what was there; temporary rooms, which have no life without occupants, are not', async () => {
  const rooms = openPortableRooms(createMemoryStorage(), {
    XMPP_DOMAINS: 'localhost',
    MUC_DOMAIN: 'conference.localhost',
  });
  assert.equal(await rooms.create(room), true);
  assert.equal(await rooms.create({ ...room, name: 'passing', persistent: false }), true);
  assert.equal(await rooms.create(room), false);
  const listed: PortableRoom[] = [];
  for await (const one of rooms.list()) listed.push(one);
  assert.deepEqual(listed, [room]);
});
