import type { Element } from '../../../shared/xml/element.js';
import {
  type FieldDeclaration,
  type FieldValue,
  type FormDeclaration,
  type FormValues,
  valuesElement,
} from '../../../shared/xmpp/forms.js';
import { NS } from '../../../shared/xmpp/namespaces.js';

type AccessModel = 'open' | 'presence' | 'roster' | 'whitelist' | 'authorize';
type PublishModel = 'publishers' | 'subscribers' | 'open';
type SendLast = 'never' | 'on_sub' | 'on_sub_and_presence';

/** The most that a node may hold, whatever its owner asks for. */
export interface NodeLimits {
  readonly maxItems: number;
  readonly maxPayloadBytes: number;
}

/** What the form suggests: the languages that most pages are written in. */
const LANGUAGES = 'ar bn cs de en es fa fr hi id it ja ko nl pl pt ru sv tr uk vi zh'.split(' ');

const ACCESS_MODELS: readonly AccessModel[] = ['open', 'presence', 'roster', 'whitelist', 'authorize'];

/** A whole number, or `max` for what the service allows. */
function numberOrMax(most: number): (value: FieldValue) => string | undefined {
  return (value) => {
    if (value === 'max') return undefined;
    if (typeof value !== 'string' || !/^\d{1,15}$/.test(value.trim())) return 'is neither a number nor max';
    return Number(value) > most ? `is more than ${most}` : undefined;
  };
}

/** The configuration form of a node (XEP-0060 §16.4.4), with PEP's defaults (XEP-0163 §5). */
export function configForm(limits: NodeLimits): FormDeclaration {
  const bool = (name: string, label: string, value: boolean): FieldDeclaration => ({
    var: `pubsub#${name}`,
    type: 'boolean',
    label,
    default: value,
  });
  return {
    formType: NS.pubsubNodeConfig,
    fields: [
      { var: 'pubsub#title', type: 'text-single', label: 'A friendly name for the node' },
      { var: 'pubsub#description', type: 'text-single', label: 'A description of the node' },
      { var: 'pubsub#type', type: 'text-single', label: 'The namespace of the payload' },
      {
        var: 'pubsub#language',
        // §5.4: "SHOULD be list-single", to present a list; any other language tag is taken too.
        type: 'list-single',
        label: 'The default language of the node',
        options: LANGUAGES,
        open: true,
      },
      { var: 'pubsub#contact', type: 'jid-multi', label: 'The JIDs of those to contact with questions' },
      {
        var: 'pubsub#access_model',
        type: 'list-single',
        label: 'Who may subscribe and retrieve items',
        options: ACCESS_MODELS,
        default: 'presence',
      },
      {
        var: 'pubsub#roster_groups_allowed',
        type: 'list-multi',
        label: 'The roster groups that may subscribe and retrieve items',
        options: [],
        open: true,
      },
      {
        var: 'pubsub#publish_model',
        type: 'list-single',
        label: 'Who may publish',
        options: ['publishers', 'subscribers', 'open'],
        default: 'publishers',
      },
      bool('subscribe', 'Whether to allow subscriptions', true),
      bool('persist_items', 'Whether to keep items', true),
      {
        var: 'pubsub#max_items',
        type: 'text-single',
        label: 'How many items to keep, or max',
        default: '1',
        check: numberOrMax(limits.maxItems),
      },
      {
        var: 'pubsub#publish_node_full',
        type: 'list-single',
        label: 'What to do when publishing to a full node',
        options: ['retract-oldest', 'discard-oldest', 'reject'],
        default: 'discard-oldest',
      },
      {
        var: 'pubsub#item_expire',
        type: 'text-single',
        label: 'After how many seconds items are removed, or max',
        default: 'max',
        check: numberOrMax(Number.MAX_SAFE_INTEGER),
      },
      {
        var: 'pubsub#node_type',
        type: 'list-single',
        label: 'Whether the node is a leaf',
        options: ['leaf'],
        default: 'leaf',
      },
      {
        var: 'pubsub#max_payload_size',
        type: 'text-single',
        label: 'The most bytes of a payload',
        datatype: 'xs:integer',
        range: { min: 0, max: limits.maxPayloadBytes },
        default: String(limits.maxPayloadBytes),
      },
      bool('deliver_notifications', 'Whether to deliver event notifications', true),
      bool('deliver_payloads', 'Whether to deliver payloads with event notifications', true),
      bool('notify_config', 'Whether to notify subscribers when the configuration changes', false),
      bool('notify_delete', 'Whether to notify subscribers when the node is deleted', true),
      bool('notify_retract', 'Whether to notify subscribers when items are removed', true),
      bool('notify_sub', 'Whether to notify the owner about new subscribers and unsubscribes', false),
      {
        var: 'pubsub#notification_type',
        type: 'list-single',
        label: 'The type of notification messages',
        options: ['normal', 'headline'],
        default: 'headline',
      },
      {
        var: 'pubsub#send_last_published_item',
        type: 'list-single',
        label: 'When to send the last published item',
        options: ['never', 'on_sub', 'on_sub_and_presence'],
        default: 'on_sub_and_presence',
      },
      bool('presence_based_delivery', 'Whether to deliver notifications to available users only', false),
      {
        var: 'pubsub#itemreply',
        type: 'list-single',
        label: 'Whether items name their publisher',
        options: ['owner', 'publisher', 'none'],
        default: 'none',
      },
    ],
  };
}

/** What a node's owner has set, over the defaults of a form. */
export class NodeConfig {
  readonly form: FormDeclaration;
  /** Only what differs from the default: what is stored. */
  readonly overrides: Readonly<Record<string, FieldValue>>;
  readonly #limits: NodeLimits;

  constructor(form: FormDeclaration, limits: NodeLimits, overrides: Readonly<Record<string, FieldValue>>) {
    this.form = form;
    this.overrides = overrides;
    this.#limits = limits;
  }

  /** A copy with some fields set. */
  with(changes: Readonly<Record<string, FieldValue>>): NodeConfig {
    const overrides: Record<string, FieldValue> = { ...this.overrides };
    for (const field of this.form.fields) {
      const value = changes[field.var];
      if (value === undefined) continue;
      if (isEmptied(field, value) || sameValue(value, field.default ?? emptyValue(value)))
        delete overrides[field.var];
      else overrides[field.var] = value;
    }
    return new NodeConfig(this.form, this.#limits, overrides);
  }

  /** Every field's value by its name, for forms. */
  get values(): FormValues {
    const values: Record<string, FieldValue | undefined> = {};
    for (const field of this.form.fields) values[field.var] = this.value(field.var);
    return values;
  }

  value(name: string): FieldValue | undefined {
    const field = this.form.fields.find((one) => one.var === name);
    const value = this.overrides[name];
    return value === undefined || (field !== undefined && isEmptied(field, value)) ? field?.default : value;
  }

  /** The configuration as a result form. */
  toElement(): Element {
    return valuesElement(this.form, this.values);
  }

  get title(): string {
    return this.#text('title');
  }
  get accessModel(): AccessModel {
    return this.#text('access_model') as AccessModel;
  }
  get rosterGroups(): readonly string[] {
    const value = this.value('pubsub#roster_groups_allowed');
    return Array.isArray(value) ? value : [];
  }
  get publishModel(): PublishModel {
    return this.#text('publish_model') as PublishModel;
  }
  get subscribable(): boolean {
    return this.#flag('subscribe');
  }
  get persistent(): boolean {
    return this.#flag('persist_items');
  }
  get maxItems(): number {
    const value = this.#text('max_items');
    return value === 'max' ? this.#limits.maxItems : Math.min(Number(value), this.#limits.maxItems);
  }
  get whenFull(): 'retract-oldest' | 'discard-oldest' | 'reject' {
    return this.#text('publish_node_full') as 'retract-oldest' | 'discard-oldest' | 'reject';
  }
  /** Milliseconds after which an item is gone; null for never. */
  get itemLife(): number | null {
    const value = this.#text('item_expire');
    return value === 'max' || value === '0' ? null : Number(value) * 1000;
  }
  get maxPayloadBytes(): number {
    return Number(this.#text('max_payload_size'));
  }
  get deliversNotifications(): boolean {
    return this.#flag('deliver_notifications');
  }
  get deliversPayloads(): boolean {
    return this.#flag('deliver_payloads');
  }
  get notifiesConfig(): boolean {
    return this.#flag('notify_config');
  }
  get notifiesDelete(): boolean {
    return this.#flag('notify_delete');
  }
  get notifiesRetract(): boolean {
    return this.#flag('notify_retract');
  }
  get notifiesSubscriptions(): boolean {
    return this.#flag('notify_sub');
  }
  get notificationType(): 'normal' | 'headline' {
    return this.#text('notification_type') as 'normal' | 'headline';
  }
  get sendLast(): SendLast {
    return this.#text('send_last_published_item') as SendLast;
  }
  get availableOnly(): boolean {
    return this.#flag('presence_based_delivery');
  }
  get namesPublisher(): boolean {
    return this.#text('itemreply') === 'publisher';
  }

  #text(name: string): string {
    const value = this.value(`pubsub#${name}`);
    return typeof value === 'string' ? value : '';
  }
  #flag(name: string): boolean {
    return this.value(`pubsub#${name}`) === true;
  }
}

/** A field that was emptied although it needs a value (an option, a number): it has its default again. */
function isEmptied(field: FieldDeclaration, value: FieldValue): boolean {
  return value === '' && typeof field.default === 'string' && field.default !== '';
}

/** Whether two values of a field say the same. */
export function sameValue(one: FieldValue, other: FieldValue): boolean {
  if (typeof one === 'object' && typeof other === 'object') {
    return one.length === other.length && one.every((text) => other.includes(text));
  }
  return one === other;
}

function emptyValue(like: FieldValue): FieldValue {
  if (typeof like === 'boolean') return false;
  return typeof like === 'string' ? '' : [];
}
