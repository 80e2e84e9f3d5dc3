import type { Element } from '../../../shared/xml/element.js';
import { type FieldValue, formOf, parseForm, readSubmission } from '../../../shared/xmpp/forms.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { pubsubError } from '../errors.js';
import { type NodeConfig, sameValue } from '../nodes/node-config.js';
import { parts } from './request.js';

export type Options = Readonly<Record<string, FieldValue>>;

/** The preconditions of a publish request (XEP-0060 §7.1.5); none where there are no options. */
export function publishOptions(pubsub: Element, defaults: NodeConfig): Options {
  const [element] = parts(pubsub, 'publish-options');
  const form = element && formOf(element);
  if (element === undefined) return {};
  if (form === undefined) throw pubsubError('bad-request', 'invalid-options');
  const { formType, fields } = parseForm(form);
  if (formType !== NS.pubsubPublishOptions) {
    throw pubsubError('bad-request', 'invalid-options', {
      text: `FORM_TYPE is not ${NS.pubsubPublishOptions}`,
    });
  }
  // "it MUST reject the publication upon encountering unknown fields"
  for (const name of fields.keys()) {
    if (!defaults.form.fields.some((field) => field.var === name)) {
      throw pubsubError('bad-request', 'invalid-options', { text: `unknown field ${name}` });
    }
  }
  try {
    return readSubmission(form, { ...defaults.form, formType: NS.pubsubPublishOptions }) ?? {};
  } catch (error) {
    if (!(error instanceof StanzaError)) throw error;
    throw pubsubError('bad-request', 'invalid-options', error.text === undefined ? {} : { text: error.text });
  }
}

/** Throws `precondition-not-met` where a node is not configured as the publisher takes for granted. */
export function checkPreconditions(config: NodeConfig, options: Options): void {
  for (const [name, wanted] of Object.entries(options)) {
    const value = config.value(name);
    const met =
      value === undefined
        ? wanted === '' || wanted === false
        : sameNumber(value, wanted) || sameValue(value, wanted);
    if (!met) throw pubsubError('conflict', 'precondition-not-met', { text: `${name} differs` });
  }
}

/** `010` is 10. */
function sameNumber(one: FieldValue, other: FieldValue): boolean {
  if (typeof one !== 'string' || typeof other !== 'string') return false;
  return /^\d+$/.test(one) && /^\d+$/.test(other) && Number(one) === Number(other);
}
