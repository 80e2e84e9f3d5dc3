/** Settings of a core with two components: `chat`, which is granted nothing, and `many`, which is granted multicast. */
export const CHAT_AND_MANY = {
  COMPONENTS: 'chat,many',
  COMPONENT_CHAT_DOMAIN: 'chat.localhost',
  COMPONENT_CHAT_SECRET: 'secret',
  COMPONENT_MANY_DOMAIN: 'many.localhost',
  COMPONENT_MANY_SECRET: 'secret',
  COMPONENT_MANY_GRANTS: 'multicast',
} as const;
