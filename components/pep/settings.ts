import {
  byteSize,
  componentIdentity,
  componentSettings,
  defineSettings,
  integer,
  setting,
  sharedSettings,
} from '../../shared/settings/settings.js';

/** Settings of the pep process. */
export const settings = defineSettings({
  ...sharedSettings,
  ...componentSettings,
  ...componentIdentity('PEP', 'pep'),
  PEP_MAX_NODES: setting(integer(1, 100_000), {
    description: 'The most nodes that an account may have.',
    default: '200',
  }),
  PEP_MAX_ITEMS: setting(integer(1, 100_000), {
    description: 'The most items of a node: what `max` means as its `max_items`.',
    default: '1000',
  }),
  PEP_MAX_PAYLOAD_BYTES: setting(byteSize(1024), {
    description:
      'The largest payload of an item, in bytes of XML. An avatar takes a third more than its file.',
    default: '256K',
  }),
  PEP_MAX_NODE_BYTES: setting(byteSize(65_536), {
    description:
      'What the items of a node may take together; beyond it the oldest go, or the new one is refused.',
    default: '8M',
  }),
  PEP_MAX_SUBSCRIPTIONS: setting(integer(1, 1_000_000), {
    description: 'The most explicit subscriptions to a node, of one account at most 25. Contacts need none.',
    default: '1000',
  }),
});
