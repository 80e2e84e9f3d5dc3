import { z } from 'zod';

/** What an owner configures (XEP-0045 §10.1, §16.5.3). The names are ours; `configuration-form.ts` has the fields'. */
export const RoomConfigSchema = z.object({
  name: z.string(),
  description: z.string(),
  language: z.string(),
  logging: z.boolean(),
  changeSubject: z.boolean(),
  memberInvites: z.boolean(),
  privateMessages: z.enum(['anyone', 'participants', 'moderators', 'none']),
  /** 0: as many as the service allows. */
  maxUsers: z.number().int().min(0),
  presenceBroadcast: z.array(z.enum(['moderator', 'participant', 'visitor'])),
  memberList: z.array(z.enum(['moderator', 'participant', 'visitor', 'member'])),
  public: z.boolean(),
  persistent: z.boolean(),
  moderated: z.boolean(),
  membersOnly: z.boolean(),
  password: z.string().nullable(),
  whois: z.enum(['moderators', 'anyone']),
  historyFetch: z.number().int().min(0),
  pubsub: z.string(),
  registration: z.enum(['automatic', 'approval', 'closed']),
  lockNicks: z.boolean(),
});

export type RoomConfig = z.infer<typeof RoomConfigSchema>;

/** What a new room is like until its owner says otherwise. */
export function defaultConfig(historyFetch: number): RoomConfig {
  return {
    name: '',
    description: '',
    language: '',
    logging: false,
    changeSubject: false,
    memberInvites: false,
    privateMessages: 'anyone',
    maxUsers: 0,
    presenceBroadcast: ['moderator', 'participant', 'visitor'],
    memberList: ['moderator', 'participant', 'visitor'],
    public: true,
    persistent: false,
    moderated: false,
    membersOnly: false,
    password: null,
    whois: 'moderators',
    historyFetch,
    pubsub: '',
    registration: 'automatic',
    lockNicks: false,
  };
}
