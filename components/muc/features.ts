import { runtimeFeatures } from '../../shared/component/features.js';

/** What this process implements, for the generated documents. */
export const features = [
  ...runtimeFeatures,
  {
    name: 'multi-user-chat',
    xeps: [
      { id: '0045', version: '1.35.5' },
      { id: '0203', version: '2.0' },
      {
        id: '0249',
        version: '1.2',
        note: 'Direct invitations go from user to user; the room lets them pass in private messages.',
      },
      { id: '0307', version: '0.1' },
      { id: '0359', version: '0.7.0' },
      { id: '0410', version: '1.1.0' },
      { id: '0421', version: '1.0.1' },
      { id: '0486', version: '0.1.0' },
    ],
  },
  {
    name: 'multi-user-chat-forms',
    xeps: [
      { id: '0004', version: '2.13.2' },
      { id: '0068', version: '1.3.0' },
      { id: '0128', version: '1.0.1' },
    ],
  },
  { name: 'multi-user-chat-lists', xeps: [{ id: '0059', version: '1.0' }] },
  { name: 'multi-user-chat-registration', xeps: [{ id: '0077', version: '2.4' }] },
  { name: 'multi-user-chat-commands', xeps: [{ id: '0050', version: '1.3.0' }] },
  {
    name: 'multi-user-chat-multicast',
    xeps: [
      {
        id: '0033',
        version: '1.2.1',
        status: 'partial' as const,
        note: "muc uses a server's multicast service.",
      },
    ],
  },
];
