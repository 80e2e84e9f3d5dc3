import { childElements, type Element, xml } from '../xml/element.js';
import { detachedCopy } from '../xml/names.js';
import { parseJid } from './jid.js';
import { NS } from './namespaces.js';
import { StanzaError } from './stanza-error.js';

/** Data forms (XEP-0004): a form is declared once, and from that it is offered, its submissions are checked, its results told. */

type FieldType =
  | 'boolean'
  | 'fixed'
  | 'hidden'
  | 'jid-multi'
  | 'jid-single'
  | 'list-multi'
  | 'list-single'
  | 'text-multi'
  | 'text-private'
  | 'text-single';

/** A boolean field has a boolean; a `-multi` field (and `hidden` with several values) strings, in order; any other one string. */
export type FieldValue = boolean | string | readonly string[];
export type FormValues = Readonly<Record<string, FieldValue | undefined>>;

export interface FieldDeclaration {
  readonly var: string;
  readonly type: FieldType;
  readonly label?: string;
  readonly description?: string;
  /** A submission without it, or with nothing in it, is refused. */
  readonly required?: boolean;
  /** What a list field offers; a submitted value must be one of them unless `open`. */
  readonly options?: readonly (string | { readonly value: string; readonly label?: string })[];
  readonly open?: boolean;
  /** The value in an offered form where none is given. */
  readonly default?: FieldValue;
  /** XEP-0122; `xs:integer` is checked (with `range`, both ends included). */
  readonly datatype?: 'xs:integer' | 'xs:dateTime' | 'xs:anyURI' | 'xs:string';
  readonly range?: { readonly min?: number; readonly max?: number };
  /** What is no JID is handed on as it is, to who has a better answer for it than an error. */
  readonly anyText?: boolean;
  /** A further check of a submitted value: the reason why it is refused, or undefined. */
  readonly check?: (value: FieldValue) => string | undefined;
}

export interface FormDeclaration {
  /** The FORM_TYPE (XEP-0068). */
  readonly formType: string;
  readonly title?: string;
  readonly instructions?: string;
  readonly fields: readonly FieldDeclaration[];
}

/** The form to fill in, with the present values. */
export function formElement(form: FormDeclaration, values: FormValues = {}): Element {
  const x = xml('x', { xmlns: NS.dataForms, type: 'form' });
  if (form.title !== undefined) x.append(xml('title', {}, form.title));
  if (form.instructions !== undefined) x.append(xml('instructions', {}, form.instructions));
  x.append(formTypeElement(form.formType));
  for (const field of form.fields) {
    const element = valueElement(field, values[field.var] ?? field.default);
    if (field.description !== undefined) element.prepend(xml('desc', {}, field.description));
    if (field.required) element.append(xml('required'));
    const validation = validateElement(field);
    if (validation !== undefined) element.append(validation);
    for (const option of field.options ?? []) {
      const { value, label } = typeof option === 'string' ? { value: option } : option;
      element.append(xml('option', { label }, xml('value', {}, value)));
    }
    x.append(element);
  }
  return x;
}

/** A form of type result: the declared fields that have a value, in the declared order. */
export function valuesElement(form: FormDeclaration, values: FormValues): Element {
  const fields = form.fields.filter((field) => values[field.var] !== undefined);
  return xml(
    'x',
    { xmlns: NS.dataForms, type: 'result' },
    formTypeElement(form.formType),
    ...fields.map((field) => valueElement(field, values[field.var])),
  );
}

/** A form as it is, unchecked: for forms that others declare (publish-options, disco extensions, what a client asks of MAM). */
export interface ParsedForm {
  /** `form`, `submit`, `cancel`, `result`, or what else it says. */
  readonly type: string;
  /** Undefined without FORM_TYPE, and where that is not hidden though the form is no submission (XEP-0068 §4.3). */
  readonly formType: string | undefined;
  /** Values by field name, FORM_TYPE left out; for a name that comes twice, the first. */
  readonly fields: ReadonlyMap<
    string,
    { readonly type: string | undefined; readonly values: readonly string[] }
  >;
}

/** Values are copies: what a form configures is kept for long, and the stanza it came in is not to be. */
export function parseForm(x: Element): ParsedForm {
  const type = x.attrs['type'] ?? 'form';
  let formType: string | undefined;
  const fields = new Map<string, { type: string | undefined; values: string[] }>();
  for (const field of childElements(x)) {
    const name = field.attrs['var'];
    if (!field.is('field', NS.dataForms) || name === undefined) continue;
    const values = field.getChildren('value', NS.dataForms).map((value) => detachedCopy(value.getText()));
    if (name === 'FORM_TYPE') {
      if (type === 'submit' || field.attrs['type'] === 'hidden') formType ??= values[0];
    } else if (!fields.has(name)) fields.set(name, { type: field.attrs['type'], values });
  }
  return { type, formType, fields };
}

/** The form in a wrapper element such as `<query/>`, or undefined. */
export function formOf(wrapper: Element): Element | undefined {
  return wrapper.getChild('x', NS.dataForms);
}

/**
 * The values of a submission, checked against what was declared: by field name, only fields that were submitted, so that
 * what is omitted keeps its value (XEP-0004 §3.5). JIDs are prepared, duplicates in `jid-multi` left out; an emptied field
 * has `''` or no strings. Fields that are not declared are ignored. Null where the form was cancelled.
 *
 * Throws StanzaError: `bad-request` for a form of another type or FORM_TYPE, `not-acceptable` for a value that its field
 * cannot have (§4), naming the field.
 */
export function readSubmission(x: Element, form: FormDeclaration): Record<string, FieldValue> | null {
  const submitted = parseForm(x);
  if (submitted.type === 'cancel') return null;
  // XEP-0004 §3.1 requires a type, but clients leave it out, where the wrapper says as much (publish-options).
  if (submitted.type !== 'submit' && x.attrs['type'] !== undefined)
    throw new StanzaError('bad-request', { text: 'the form is not a submission' });
  // Old clients leave FORM_TYPE out (XEP-0068 §4.1): the wrapper says what it is then.
  if (submitted.formType !== undefined && submitted.formType !== form.formType) {
    throw new StanzaError('bad-request', { text: `FORM_TYPE is not ${form.formType}` });
  }
  const values: Record<string, FieldValue> = Object.create(null);
  for (const field of form.fields) {
    const given = submitted.fields.get(field.var);
    if (given === undefined) {
      if (field.required) refuse(field, 'is required');
    } else if (field.type !== 'fixed') {
      values[field.var] = checkedValue(field, given.values);
    }
  }
  return values;
}

function checkedValue(field: FieldDeclaration, given: readonly string[]): FieldValue {
  const value = convertedValue(field, given);
  const empty = value === '' || (Array.isArray(value) && value.length === 0);
  if (empty && field.required) refuse(field, 'is required');
  if (!empty) {
    if (field.datatype === 'xs:integer') checkInteger(field, value);
    const reason = field.check?.(value);
    if (reason !== undefined) refuse(field, reason);
  }
  return value;
}

function convertedValue(field: FieldDeclaration, given: readonly string[]): FieldValue {
  switch (field.type) {
    case 'boolean': {
      const text = single(field, given).trim();
      if (text === '1' || text === 'true') return true;
      if (text === '0' || text === 'false' || text === '') return false;
      return refuse(field, 'is neither true nor false');
    }
    case 'jid-single':
    case 'jid-multi': {
      const jids = new Set(given.filter((text) => text !== '').map((text) => preparedJid(field, text)));
      return field.type === 'jid-multi' ? [...jids] : single(field, [...jids]);
    }
    case 'list-multi':
    case 'list-single': {
      const chosen = given.filter((text) => text !== '');
      for (const text of chosen) checkOption(field, text);
      return field.type === 'list-multi' ? [...new Set(chosen)] : single(field, chosen);
    }
    case 'text-multi':
      return given.length === 1 && given[0] === '' ? [] : [...given];
    case 'hidden':
      return given.length > 1 ? [...given] : (given[0] ?? '');
    default:
      return single(field, given);
  }
}

function single(field: FieldDeclaration, given: readonly string[]): string {
  if (given.length > 1) refuse(field, 'takes one value');
  return given[0] ?? '';
}

function preparedJid(field: FieldDeclaration, text: string): string {
  return parseJid(text.trim())?.full ?? (field.anyText ? text : refuse(field, 'is not a JID'));
}

function checkOption(field: FieldDeclaration, text: string): void {
  const { options } = field;
  if (options === undefined || field.open) return;
  if (!options.some((option) => (typeof option === 'string' ? option : option.value) === text)) {
    refuse(field, 'is not one of the options');
  }
}

function checkInteger(field: FieldDeclaration, value: FieldValue): void {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = field.range ?? {};
  for (const text of Array.isArray(value) ? value : [value]) {
    // The options of a list may have other values beside the numbers (`none`, `max`).
    if (field.options?.some((option) => (typeof option === 'string' ? option : option.value) === text))
      continue;
    const number = /^[+-]?\d{1,15}$/.test(String(text).trim()) ? Number(text) : Number.NaN;
    if (Number.isNaN(number)) refuse(field, 'is not a whole number');
    if (number < min || number > max) refuse(field, `is not between ${min} and ${max}`);
  }
}

function refuse(field: FieldDeclaration, reason: string): never {
  throw new StanzaError('not-acceptable', { text: `${field.var} ${reason}` });
}

function formTypeElement(formType: string): Element {
  return xml('field', { var: 'FORM_TYPE', type: 'hidden' }, xml('value', {}, formType));
}

function valueElement(field: FieldDeclaration, value: FieldValue | undefined): Element {
  const { var: name, type, label } = field;
  const element = xml('field', { var: type === 'fixed' ? undefined : name, type, label });
  for (const text of textsOf(field, value)) element.append(xml('value', {}, text));
  return element;
}

function textsOf(field: FieldDeclaration, value: FieldValue | undefined): readonly string[] {
  if (value === undefined) return [];
  if (typeof value === 'boolean') return [value ? '1' : '0'];
  if (typeof value !== 'string') return value;
  // XEP-0004 §3.3: lines of a text-multi are values of their own.
  return field.type === 'text-multi' ? value.split(/\r\n|\n|\r/) : [value];
}

function validateElement({ datatype, range, open, options }: FieldDeclaration): Element | undefined {
  if (datatype === undefined) return undefined;
  const limits = range === undefined ? undefined : xml('range', { min: range.min, max: range.max });
  const method = options !== undefined && open ? xml('open') : (limits ?? xml('basic'));
  return xml('validate', { xmlns: NS.dataValidate, datatype }, method);
}
