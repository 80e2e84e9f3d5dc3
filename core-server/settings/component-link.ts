import { choice, domain, host, list, port, seconds, text } from '../../shared/settings/kinds.js';
import { setting, settingFamily } from '../../shared/settings/setting.js';
import { COMPONENT_LABELS, firstDomain } from '../../shared/settings/shared.js';

/** The doors for components, who may come in, and what holds while the privacy component is not there. */
export const componentLinkSettings = {
  COMPONENT_PORT: setting(port, { description: 'Port for components (XEP-0114), plain.', default: 5347 }),
  COMPONENT_PLAIN_HOST: setting(host, {
    description: 'Address of the plain component port.',
    default: '127.0.0.1',
  }),
  COMPONENT_TLS_PORT: setting(port, { description: 'Port for components with TLS.', default: 5348 }),
  COMPONENT_CA: setting(text.optional(), {
    reads: 'certificates',
    description:
      'When set, components on the TLS port must show a certificate signed by one of these (PEM file).',
  }),
  COMPONENT_KEEPALIVE_SECONDS: setting(seconds(1, 3600), {
    description: 'How often a component is asked whether it is still there (it has 5 s to answer).',
    default: 60,
  }),
  COMPONENT_GRACE_SECONDS: setting(seconds(0, 600), {
    description: 'How long stanzas wait for a component that restarts.',
    default: 5,
  }),
  COMPONENTS: setting(list(text, 'a name'), {
    description: 'Components that may connect (and that `entourage start` runs, where they are ours).',
    default: 'muc,pep,vcard,privacy,bosh',
  }),
  COMPONENT: settingFamily({
    description: 'One component that may connect.',
    names: (read) =>
      (read('COMPONENTS') ?? Object.keys(COMPONENT_LABELS).join(','))
        .split(',')
        .map((name) => name.trim().toLowerCase())
        .filter((name) => name !== '' && name !== 'none'),
    members: {
      DOMAIN: setting(domain, {
        description: 'Its domain.',
        default: (read, member) => {
          const own = read(`${member.toUpperCase()}_DOMAIN`);
          if (own !== undefined) return own;
          return `${COMPONENT_LABELS[member.toLowerCase()] ?? member.toLowerCase()}.${firstDomain(read)}`;
        },
        defaultText: '`<name>.` + the first of `XMPP_DOMAINS`',
      }),
      SECRET: setting(text.optional(), {
        description: 'Its secret; a component without one cannot connect.',
        default: (read, member) => read(`${member.toUpperCase()}_SECRET`),
        defaultText: '`<NAME>_SECRET`',
        secret: true,
      }),
      GRANTS: setting(text.optional(), {
        description:
          'What it may do for the server; absent: what our component of that name needs. See `docs/operating.md`.',
      }),
      CONFLICT: setting(choice('refuse', 'replace', 'share'), {
        description:
          'A second connection for its domain: refused, replaces a dead first one, or shares the load.',
        default: 'replace',
      }),
      NAMESPACE_VERSION: setting(choice('1', '2'), {
        description: 'Generation of the delegation and privilege namespaces it speaks.',
        default: '2',
      }),
    },
  }),

  PRIVACY_SYNC_TIMEOUT: setting(seconds(0), {
    description: 'How long log-ins wait for a configured privacy component while this core knows no rules.',
    default: 30,
  }),
  PRIVACY_FAIL: setting(choice('open', 'closed'), {
    description: 'What happens after `PRIVACY_SYNC_TIMEOUT`: log-ins without rules, or none.',
    default: 'open',
  }),
};
