import { z } from 'zod';
import type { CollectionDefinition } from '../../../shared/storage/storage.js';
import { contentText, elementText, isStanzaInParts, jidText } from '../../../shared/storage/stored-text.js';
import { RoomConfigSchema } from './config.js';

/** What is stored. One document per room, one per session in it, one archive entry per message. */

const AffiliationSchema = z.enum(['outcast', 'none', 'member', 'admin', 'owner']);

const SubjectSchema = z.object({
  /** The `<subject/>` elements as they are sent, and whatever else the change carried. */
  content: contentText,
  text: z.string(),
  lang: z.string().optional(),
  nick: z.string(),
  occupantId: z.string(),
  id: z.string(),
  stanzaId: z.string(),
  at: z.number(),
});
export type Subject = z.infer<typeof SubjectSchema>;

const RegistrationSchema = z.object({
  nick: z.string(),
  fields: z.array(z.tuple([z.string(), z.array(z.string())])),
});

/** XEP-0486: the room's vCard as it is sent, and the hashes of the pictures in it. */
const RoomVcardSchema = z.object({ text: elementText, avatars: z.array(z.string()) });
export type RoomVcard = z.infer<typeof RoomVcardSchema>;

const RoomDocumentSchema = z.object({
  config: RoomConfigSchema,
  affiliations: z.array(
    z.object({
      jid: jidText,
      affiliation: AffiliationSchema,
      nick: z.string().optional(),
      reason: z.string().optional(),
    }),
  ),
  subject: SubjectSchema.nullable(),
  /** Voice that a moderator gave or took in a moderated room (§5.1: SHOULD last across visits). */
  voice: z.array(z.tuple([jidText, z.enum(['visitor', 'participant'])])),
  /** Requests to register that wait for an admin (§9.9). */
  registrations: z.array(z.tuple([jidText, RegistrationSchema])),
  vcard: RoomVcardSchema.optional(),
  locked: z.boolean(),
  creator: z.string(),
  createdAt: z.number(),
});
export type RoomDocument = z.infer<typeof RoomDocumentSchema>;

const SessionDocumentSchema = z.object({
  jid: jidText,
  nick: z.string(),
  role: z.enum(['visitor', 'participant', 'moderator']),
  presence: contentText,
  lang: z.string().optional(),
  priority: z.number(),
  joinedAt: z.number(),
});
export type SessionDocument = z.infer<typeof SessionDocumentSchema>;

/** A groupchat message as it is sent, but for the addressee, which goes between `head` and `tail`. */
const MessageDocumentSchema = z
  .object({
    stanzaId: z.string(),
    at: z.number(),
    from: z.string(),
    head: z.string(),
    tail: z.string(),
    /** Not replayed as history: subject changes, configuration notices. */
    live: z.boolean(),
    /** Carries its own `<delay/>` (§7.9: history brought in by the owner). */
    delayed: z.boolean(),
  })
  .refine(isStanzaInParts, 'not one stanza');
export type MessageDocument = z.infer<typeof MessageDocumentSchema>;

export const ROOMS: CollectionDefinition<RoomDocument> = {
  name: 'muc-rooms',
  schema: RoomDocumentSchema,
  schemaVersion: 1,
};
export const SESSIONS: CollectionDefinition<SessionDocument> = {
  name: 'muc-sessions',
  schema: SessionDocumentSchema,
  schemaVersion: 1,
};
export const MESSAGES: CollectionDefinition<MessageDocument> = {
  name: 'muc-messages',
  schema: MessageDocumentSchema,
  schemaVersion: 1,
};
/** Rooms with messages whose delivery is not confirmed: those after `after` may be unfinished. */
export const JOURNAL: CollectionDefinition<{ after: number }> = {
  name: 'muc-journal',
  schema: z.object({ after: z.number() }),
  schemaVersion: 1,
};
/** Rooms by the bare JID that created them, and by the other server (`@` and its domain), for the limits. */
export const CREATORS: CollectionDefinition<{ rooms: string[] }> = {
  name: 'muc-creators',
  schema: z.object({ rooms: z.array(z.string()) }),
  schemaVersion: 1,
};
/** What the service itself keeps: the secret of occupant ids. */
export const SERVICE: CollectionDefinition<{ occupantIdSecret: string }> = {
  name: 'muc-service',
  schema: z.object({ occupantIdSecret: z.string() }),
  schemaVersion: 1,
};
/** Who serves these rooms now: rooms have one owner. */
export const INSTANCE: CollectionDefinition<{ instance: string }> = {
  name: 'muc-instance',
  schema: z.object({ instance: z.string() }),
  schemaVersion: 1,
};
