import assert from 'node:assert/strict';
import { test } from 'node:test';
import { child, children, type Element, xml } from '../../../shared/xml/element.js';
import {
  type FieldDeclaration,
  type FormDeclaration,
  formElement,
  formOf,
  parseForm,
  readSubmission,
  valuesElement,
} from '../../../shared/xmpp/forms.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';

const bot: FormDeclaration = {
  formType: 'jabber:bot',
  title: 'Bot Configuration',
  instructions: 'Fill out this form to configure your new bot!',
  fields: [
    { var: '', type: 'fixed', default: 'Section 1' },
    { var: 'botname', type: 'text-single', label: 'The name of your bot' },
    { var: 'description', type: 'text-multi' },
    { var: 'public', type: 'boolean', required: true },
    { var: 'password', type: 'text-private' },
    {
      var: 'features',
      type: 'list-multi',
      options: [{ value: 'news', label: 'News' }, { value: 'polls' }, 'search'],
      default: ['news', 'search'],
    },
    {
      var: 'maxsubs',
      type: 'list-single',
      options: ['10', '20', 'none'],
      datatype: 'xs:integer',
      default: '20',
    },
    { var: 'invitelist', type: 'jid-multi', description: 'Tell all your friends!' },
    { var: 'owner', type: 'jid-single' },
    { var: 'size', type: 'text-single', datatype: 'xs:integer', range: { min: 1, max: 100 } },
    { var: 'secret', type: 'hidden' },
  ],
};

function submission(
  fields: Record<string, readonly string[]>,
  formType: string | null = 'jabber:bot',
): Element {
  const x = xml('x', { xmlns: NS.dataForms, type: 'submit' });
  if (formType !== null) x.append(xml('field', { var: 'FORM_TYPE' }, xml('value', {}, formType)));
  for (const [name, values] of Object.entries({ public: ['0'], ...fields })) {
    x.append(xml('field', { var: name }, ...values.map((value) => xml('value', {}, value))));
  }
  return x;
}

/** The value that the form reads from what was submitted for one field. */
function read(name: string, ...values: string[]): unknown {
  return readSubmission(submission({ [name]: values }), bot)?.[name];
}

function refusal(name: string, ...values: string[]): string | undefined {
  try {
    read(name, ...values);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof StanzaError);
    assert.equal(error.condition, 'not-acceptable');
    return error.text;
  }
}

test('a form without a type is a submission; one of another type is none', () => {
  const untyped = submission({ botname: ['Joogle'] });
  delete untyped.attrs['type'];
  assert.equal(readSubmission(untyped, bot)?.['botname'], 'Joogle');
  untyped.attrs['type'] = 'form';
  assert.throws(
    () => readSubmission(untyped, bot),
    (error) => error instanceof StanzaError && error.condition === 'bad-request',
  );
});

test('a form is offered with what was declared', () => {
  const x = formElement(bot, { botname: 'Joogle', public: true, description: 'one\ntwo' });
  assert.equal(x.attrs['type'], 'form');
  assert.equal(child(x, 'title')?.getText(), 'Bot Configuration');
  const fields = children(x, 'field');
  const field = (name: string) => fields.find((element) => element.attrs['var'] === name);
  const values = (name: string) =>
    field(name)
      ?.getChildren('value')
      .map((value) => value.getText());
  assert.equal(fields[0]?.attrs['var'], 'FORM_TYPE');
  assert.equal(fields[0]?.attrs['type'], 'hidden');
  assert.deepEqual(values('FORM_TYPE'), ['jabber:bot']);
  assert.equal(fields[1]?.attrs['type'], 'fixed');
  assert.equal(fields[1]?.attrs['var'], undefined);
  assert.deepEqual(values('botname'), ['Joogle']);
  assert.deepEqual(values('description'), ['one', 'two']);
  assert.deepEqual(values('public'), ['1']);
  assert.ok(field('public')?.getChild('required'));
  assert.deepEqual(values('features'), ['news', 'search']);
  assert.deepEqual(
    field('features')
      ?.getChildren('option')
      .map((option) => [option.attrs['label'], option.getChildText('value')]),
    [
      ['News', 'news'],
      [undefined, 'polls'],
      [undefined, 'search'],
    ],
  );
  assert.equal(field('invitelist')?.getChildText('desc'), 'Tell all your friends!');
  assert.equal(
    field('size')?.getChild('validate', NS.dataValidate)?.toString(),
    `<validate xmlns="${NS.dataValidate}" datatype="xs:integer"><range min="1" max="100"/></validate>`,
  );
});

test('values are told as a result, without what has none', () => {
  assert.equal(
    valuesElement(bot, { public: false, botname: 'Joogle', undeclared: 'x' }).toString(),
    `<x xmlns="${NS.dataForms}" type="result">` +
      '<field var="FORM_TYPE" type="hidden"><value>jabber:bot</value></field>' +
      '<field var="botname" type="text-single" label="The name of your bot"><value>Joogle</value></field>' +
      '<field var="public" type="boolean"><value>0</value></field></x>',
  );
});

test('XEP-0004 §4: the bot example is read', () => {
  const values = readSubmission(
    submission({
      botname: ['The Jabber Google Bot'],
      description: ['This bot enables you', 'to search'],
      password: ['v3r0na'],
      features: ['news', 'search'],
      maxsubs: ['10'],
      invitelist: ['juliet@capulet.com', 'benvolio@montague.net'],
      unknown: ['ignored'],
    }),
    bot,
  );
  assert.deepEqual(
    { ...values },
    {
      botname: 'The Jabber Google Bot',
      description: ['This bot enables you', 'to search'],
      public: false,
      password: 'v3r0na',
      features: ['news', 'search'],
      maxsubs: '10',
      invitelist: ['juliet@capulet.com', 'benvolio@montague.net'],
    },
  );
});

test('values are converted by the type of their field', () => {
  for (const [text, value] of [
    ['1', true],
    ['true', true],
    ['0', false],
    ['false', false],
    [' 1 ', true],
    ['', false],
  ] as const) {
    assert.equal(read('public', text), value, text);
  }
  assert.deepEqual(read('invitelist', 'A@B.com', 'a@b.com.', '', 'c@d/R'), ['a@b.com', 'c@d/R']);
  assert.equal(read('owner', ' Romeo@Montague.net '), 'romeo@montague.net');
  assert.deepEqual(read('features', 'polls', 'polls'), ['polls']);
  assert.equal(read('maxsubs', 'none'), 'none');
  assert.equal(read('size', '100'), '100');
  assert.equal(read('secret', 'a'), 'a');
  assert.deepEqual(read('secret', 'a', 'b'), ['a', 'b']);
});

test('an emptied field is told from an omitted one', () => {
  for (const name of ['botname', 'owner', 'maxsubs', 'size', 'secret']) {
    assert.equal(read(name), '', name);
    assert.equal(read(name, ''), '', name);
  }
  for (const name of ['description', 'features', 'invitelist']) {
    assert.deepEqual(read(name), [], name);
    assert.deepEqual(read(name, ''), [], name);
  }
  const values = readSubmission(submission({}), bot);
  assert.equal(values !== null && 'botname' in values, false);
});

test('a value that its field cannot have is refused by the name of the field', () => {
  assert.match(refusal('public', 'yes') ?? '', /^public /);
  assert.match(refusal('owner', 'not a jid@') ?? '', /^owner is not a JID/);
  assert.match(refusal('owner', 'a@b', 'c@d') ?? '', /^owner takes one value/);
  assert.equal(refusal('owner', 'a@b', 'A@B'), undefined, 'the same JID twice');
  assert.match(refusal('invitelist', 'a@b', 'c@') ?? '', /^invitelist is not a JID/);
  assert.match(refusal('features', 'news', 'other') ?? '', /^features is not one of the options/);
  assert.match(refusal('maxsubs', '30') ?? '', /^maxsubs is not one of/);
  assert.match(refusal('botname', 'a', 'b') ?? '', /^botname takes one value/);
  for (const text of ['0', '101', '1.5', 'x', '1e1', '99999999999999999999']) {
    assert.match(refusal('size', text) ?? '', /^size /, text);
  }
});

test('a required field must be there, and must hold something', () => {
  const required: FieldDeclaration = { var: 'name', type: 'text-single', required: true };
  const form: FormDeclaration = { formType: 'urn:x', fields: [required] };
  const refused = { condition: 'not-acceptable', text: 'name is required' };
  assert.throws(() => readSubmission(submission({}, 'urn:x'), form), refused);
  assert.throws(() => readSubmission(submission({ name: [''] }, 'urn:x'), form), refused);
  assert.throws(() => readSubmission(submission({ name: [] }, 'urn:x'), form), refused);
});

test("a field's own check is asked, and an open list takes anything", () => {
  const form: FormDeclaration = {
    formType: 'urn:x',
    fields: [
      {
        var: 'even',
        type: 'text-single',
        check: (value) => (Number(value) % 2 === 0 ? undefined : 'is odd'),
      },
      { var: 'any', type: 'list-single', options: ['a'], open: true },
    ],
  };
  assert.equal(readSubmission(submission({ even: ['2'] }, 'urn:x'), form)?.['even'], '2');
  assert.throws(() => readSubmission(submission({ even: ['3'] }, 'urn:x'), form), { text: 'even is odd' });
  assert.equal(readSubmission(submission({ any: ['b'] }, 'urn:x'), form)?.['any'], 'b');
});

test('the kind of form and its FORM_TYPE must fit', () => {
  assert.equal(readSubmission(xml('x', { xmlns: NS.dataForms, type: 'cancel' }), bot), null);
  for (const type of ['form', 'result', 'odd']) {
    assert.throws(() => readSubmission(xml('x', { xmlns: NS.dataForms, type }), bot), {
      condition: 'bad-request',
    });
  }
  assert.throws(() => readSubmission(submission({}, 'urn:other'), bot), { condition: 'bad-request' });
  assert.equal(readSubmission(submission({}, null), bot)?.['public'], false);
});

test('names that objects have by themselves are names like others', () => {
  const form: FormDeclaration = { formType: 'urn:x', fields: [{ var: '__proto__', type: 'text-single' }] };
  const x = xml(
    'x',
    { xmlns: NS.dataForms, type: 'submit' },
    xml('field', { var: '__proto__' }, xml('value', {}, 'x')),
  );
  const values = readSubmission(x, form);
  assert.deepEqual(Object.entries(values ?? {}), [['__proto__', 'x']]);
});

test('XEP-0068 §4: FORM_TYPE counts where it is hidden, or submitted', () => {
  const form = (type: string, fieldType?: string) =>
    parseForm(
      xml(
        'x',
        { xmlns: NS.dataForms, type },
        xml('field', { var: 'FORM_TYPE', type: fieldType }, xml('value', {}, 'urn:x')),
      ),
    ).formType;
  assert.equal(form('form', 'hidden'), 'urn:x');
  assert.equal(form('result', 'hidden'), 'urn:x');
  assert.equal(form('submit'), 'urn:x');
  assert.equal(form('form', 'text-single'), undefined);
  assert.equal(form('result'), undefined);
});

test('the form is found in its wrapper', () => {
  const x = xml('x', { xmlns: NS.dataForms, type: 'submit' });
  assert.equal(formOf(xml('query', { xmlns: NS.mucOwner }, x)), x);
  assert.equal(formOf(xml('query', { xmlns: NS.mucOwner }, xml('x'))), undefined);
});
