import { randomBytes, randomUUID } from 'node:crypto';
import type { PortablePart } from '../../shared/portable/part.js';
import { AFFILIATIONS, oneOf, type PortableRoom, type PortableRooms } from '../../shared/portable/rooms.js';
import { loadSettings } from '../../shared/settings/load.js';
import { defineSettings } from '../../shared/settings/settings.js';
import type { Storage } from '../../shared/storage/storage.js';
import { escapeText } from '../../shared/xml/escape.js';
import { parseJid } from '../../shared/xmpp/jid.js';
import { defaultConfig } from './rooms/config.js';
import { ROOMS, type RoomDocument } from './rooms/documents.js';
import { settings } from './settings.js';

/** Rooms are nobody's account data. */
export function portableParts(): readonly PortablePart[] {
  return [];
}

/** Not its secret, which is not made before the first start. */
const NEEDED = defineSettings({
  MUC_DOMAIN: settings.entries.MUC_DOMAIN,
  MUC_HISTORY: settings.entries.MUC_HISTORY,
});

/** The rooms of a stopped muc process, to be moved from and to other servers. */
export function openPortableRooms(storage: Storage, environment: NodeJS.ProcessEnv): PortableRooms {
  const own = loadSettings(NEEDED, { process: 'muc', environment, partial: true });
  const rooms = storage.keyval(ROOMS);
  const domain = own.MUC_DOMAIN;
  return {
    domain,
    async *list() {
      for await (const local of rooms.owners()) {
        const found = await rooms.get(local);
        // a temporary room has no life without its occupants
        if (found?.value.config.persistent === true && !found.value.locked)
          yield portableRoom(local, domain, found.value);
      }
    },
    async create(room) {
      const jid = parseJid(`${room.name}@${domain}`);
      // A name that is no localpart, `a/b` for one, makes another address of it.
      if (jid === null || jid.local === '' || !jid.isBare) return false;
      if ((await rooms.get(jid.local)) !== undefined) return false;
      await rooms.put(jid.local, documentOf(room, own.MUC_HISTORY), { expect: 0 });
      return true;
    },
  };
}

function portableRoom(name: string, domain: string, document: RoomDocument): PortableRoom {
  const { config, subject } = document;
  return {
    name,
    domain,
    title: config.name,
    description: config.description,
    language: config.language,
    public: config.public,
    persistent: config.persistent,
    moderated: config.moderated,
    membersOnly: config.membersOnly,
    changeSubject: config.changeSubject,
    memberInvites: config.memberInvites,
    password: config.password,
    whois: config.whois,
    privateMessages: config.privateMessages,
    presenceBroadcast: config.presenceBroadcast,
    ...(config.maxUsers === 0 ? {} : { maxUsers: config.maxUsers }),
    history: config.historyFetch,
    affiliations: document.affiliations.flatMap(({ affiliation, ...rest }) => {
      const known = oneOf(AFFILIATIONS, affiliation);
      return known === undefined ? [] : [{ ...rest, affiliation: known }];
    }),
    subject: subject === null ? null : { text: subject.text, nick: subject.nick, at: subject.at },
    voice: document.voice,
  };
}

function documentOf(room: PortableRoom, historyLimit: number): RoomDocument {
  const { subject } = room;
  const affiliations = room.affiliations.flatMap(({ jid, ...rest }) => {
    // XEP-0045 §9.1: a ban may be on a whole domain
    const bare = parseJid(jid)?.bare;
    return bare === undefined ? [] : [{ jid: bare, ...rest }];
  });
  return {
    config: {
      ...defaultConfig(historyLimit),
      name: room.title,
      description: room.description,
      language: room.language,
      public: room.public,
      persistent: room.persistent,
      moderated: room.moderated,
      membersOnly: room.membersOnly,
      changeSubject: room.changeSubject,
      memberInvites: room.memberInvites,
      password: room.password,
      whois: room.whois,
      privateMessages: room.privateMessages,
      presenceBroadcast: [...room.presenceBroadcast],
      maxUsers: room.maxUsers ?? 0,
      historyFetch: Math.min(historyLimit, room.history ?? historyLimit),
    },
    affiliations,
    subject:
      subject === null
        ? null
        : {
            content: `<subject>${escapeText(subject.text)}</subject>`,
            text: subject.text,
            nick: subject.nick,
            // Whose it was is not known: nobody's.
            occupantId: randomBytes(32).toString('hex'),
            id: randomUUID(),
            stanzaId: randomUUID(),
            at: subject.at,
          },
    voice: room.voice.flatMap(([jid, role]) => {
      const bare = parseJid(jid)?.bare;
      return bare === undefined ? [] : [[bare, role] as [string, typeof role]];
    }),
    registrations: [],
    locked: false,
    creator: affiliations.find(({ affiliation }) => affiliation === 'owner')?.jid ?? '',
    createdAt: Date.now(),
  };
}
