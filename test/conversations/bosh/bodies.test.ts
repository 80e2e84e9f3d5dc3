import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type BoshClient, httpBind, message, post } from '../../tools/bosh-client.js';
import { startBosh, type TestBosh } from '../../tools/bosh-server.js';

// XEP-0124 §"<body/> Wrapper Element" and XEP-0206: the XML of bodies, and what becomes of it on its way to the server.

let bosh: TestBosh;
before(async () => {
  bosh = await startBosh({ wait: 10, polling: 0 });
});
after(() => bosh.stop());

const session = () => bosh.session({ wait: 0 });

const start = (client: BoshClient, more = '') =>
  `<body xmlns='${httpBind}' sid='${client.sid}' rid='${client.rid++}'${more}`;

test('bytes that are not UTF-8 end their session, wherever they stand', async () => {
  const bad = [
    Buffer.from([0xff]),
    Buffer.from([0xc0, 0xaf]), // overlong
    Buffer.from([0xed, 0xa0, 0x80]), // a surrogate
    Buffer.from([0xf4, 0x90, 0x80, 0x80]), // beyond U+10FFFF
    Buffer.from([0xe2, 0x82]), // cut short
  ];
  for (const bytes of bad) {
    const { client, stream } = await session();
    const [before, behind] = [
      `${start(client)}><message xmlns='jabber:client'><body>`,
      '</body></message></body>',
    ];
    const answer = await post(bosh.port, Buffer.concat([Buffer.from(before), bytes, Buffer.from(behind)]));
    assert.equal(answer.body.attrs['condition'], 'bad-request', bytes.toString('hex'));
    assert.deepEqual(stream.sent, []);
    assert.equal(stream.closedBy, 'bad-request');
  }
  // In the start tag nobody can know whose body it is.
  const { client, stream } = await session();
  const inTag = Buffer.concat([Buffer.from(`${start(client)} x='`), Buffer.from([0xff]), Buffer.from("'/>")]);
  assert.equal((await post(bosh.port, inTag)).body.attrs['condition'], 'bad-request');
  assert.equal(stream.closedBy, undefined);
});

test('a byte order mark is not part of the document; a wrong one is no document', async () => {
  const { client, stream } = await session();
  const body = `${start(client)}>${message('m')}</body>`;
  const { body: answer } = await post(
    bosh.port,
    Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(body)]),
  );
  assert.equal(answer.attrs['type'], undefined);
  assert.equal(stream.sent.length, 1);
  const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(client.text(), 'utf16le')]);
  assert.equal((await post(bosh.port, utf16)).body.attrs['condition'], 'bad-request');
});

test('no body, two bodies, something behind the body, half a body', async () => {
  for (const text of [
    '',
    ' ',
    `<body xmlns='${httpBind}'/><body xmlns='${httpBind}'/>`,
    `<body xmlns='${httpBind}'/>x`,
    `<body xmlns='${httpBind}'/><!-- -->`,
    `<body xmlns='${httpBind}'>`,
    `<body xmlns='${httpBind}'></bodi>`,
  ]) {
    const { body, status } = await post(bosh.port, text);
    assert.deepEqual([status, body.attrs['condition']], [200, 'bad-request'], text);
  }
  const { client, stream } = await session();
  const two = `${start(client)}>${message('1')}</body><body xmlns='${httpBind}'/>`;
  assert.equal((await post(bosh.port, two)).body.attrs['condition'], 'bad-request');
  assert.deepEqual(stream.sent, [], 'nothing of a body that is wrong');
  assert.equal(stream.closedBy, 'bad-request');
});

test('character data in the wrapper is refused, white space is not', async () => {
  const { client, stream } = await session();
  assert.equal(
    (await client.send({}, `\n  ${message('1')}\n  ${message('2')}\n`)).body.attrs['type'],
    undefined,
  );
  assert.equal(stream.sent.length, 2);
  const { body } = await client.send({}, `${message('3')} text`);
  assert.equal(body.attrs['condition'], 'bad-request');
  assert.equal(stream.sent.length, 2);
});

test('the attributes of XEP-0206 are known by their namespace, whatever prefixes there are for it', async () => {
  const names = ["xmlns:xmpp='urn:xmpp:xbosh'", "xmlns:a='urn:xmpp:xbosh' xmlns:b='urn:xmpp:xbosh'"];
  for (const [declarations, prefix] of [
    [names[0], 'xmpp'],
    [names[1], 'a'],
    [names[1], 'b'],
    [`xmlns:xmpp='urn:something:else' xmpp:version='9' ${names[1]}`, 'a'],
  ]) {
    const text = `<body xmlns='${httpBind}' rid='7' to='example.com' wait='0' ver='1.6' ${declarations} ${prefix}:version='1.0'/>`;
    const { body } = await post(bosh.port, text);
    assert.ok(body.attrs['sid']);
    assert.equal(bosh.upstream.last.header.version, '1.0', text);
    const stream = bosh.upstream.last;
    await post(
      bosh.port,
      `<body xmlns='${httpBind}' rid='8' sid='${body.attrs['sid']}' ${declarations} ${prefix}:restart='1'/>`,
    );
    assert.equal(stream.restarts.length, 1, text);
  }
  // Of another namespace, or of none, they are something else; an undeclared prefix is an error.
  for (const [text, condition] of [
    ["xmlns:xmpp='urn:something:else' xmpp:restart='true'", undefined],
    ["restart='true'", undefined],
    ["xmpp:restart='true'", 'bad-request'],
  ]) {
    const { client, stream } = await session();
    const { body } = await post(bosh.port, `${start(client)} ${text}/>`);
    assert.equal(body.attrs['condition'], condition);
    assert.equal(stream.restarts.length, 0);
  }
});

test('the whole body may have a prefix', async () => {
  const { body } = await post(
    bosh.port,
    `<b:body xmlns:b='${httpBind}' rid='1' to='example.com' wait='0' ver='1.6'/>`,
  );
  const stream = bosh.upstream.last;
  const { body: answer } = await post(
    bosh.port,
    `<b:body xmlns:b='${httpBind}' xmlns='jabber:client' rid='2' sid='${body.attrs['sid']}'><message id='m'><body>x</body></message></b:body>`,
  );
  assert.equal(answer.attrs['type'], undefined);
  assert.deepEqual(stream.sent, ["<message xmlns='jabber:client' id='m'><body>x</body></message>"]);
});

test('a stanza without a namespace is jabber:client with all that is in it, but not what has a namespace', async () => {
  const { client, stream } = await session();
  await client.send(
    {},
    "<message id='1'><body>&lt;x&gt;</body><x xmlns='urn:x'><body/></x><a:y xmlns:a='urn:a'/></message>" +
      "<iq type='get' id='2'><query xmlns='jabber:iq:roster'/></iq>" +
      `<presence xmlns='${httpBind}'/>`,
  );
  assert.match(
    stream.sent[0] ?? '',
    /^<message xmlns=['"]jabber:client['"] id=['"]1['"]><body>&lt;x&gt;<\/body><x xmlns=['"]urn:x['"]><body\/><\/x><a:y xmlns:a=['"]urn:a['"]\/><\/message>$|^<message id="1" xmlns="jabber:client"><body>&lt;x&gt;<\/body><x xmlns="urn:x"><body\/><\/x><a:y xmlns:a="urn:a"\/><\/message>$/,
  );
  assert.match(stream.sent[1] ?? '', /jabber:client.*jabber:iq:roster/);
  assert.equal(stream.sent[2], "<presence xmlns='jabber:client'/>");
  assert.doesNotMatch(stream.sent.join(''), /httpbind/);
});

test("the language of a body is its stanzas' (XML §2.12), unless they say another", async () => {
  const { client, stream } = await session();
  await client.send(
    { 'xml:lang': 'de' },
    `${message('1')}<message xmlns='jabber:client' xml:lang='fr'/><presence/>` +
      "<c:message xmlns:c='jabber:client' id='4'/><r xmlns='urn:xmpp:sm:3'/>",
  );
  const languages = stream.sent.map((text) => /^<[^>]*xml:lang=['"]([^'"]*)/.exec(text)?.[1]);
  assert.deepEqual(languages, ['de', 'fr', 'de', 'de', undefined]);
  await client.send({}, message('2'));
  assert.doesNotMatch(stream.sent.at(-1) ?? '', /xml:lang/);
});

test('what many small elements inherit from the body counts, before it is written out for each', async () => {
  const { client, stream } = await session();
  const long = `urn:${'x'.repeat(100_000)}`;
  const text = `${start(client, ` xmlns:a='${long}'`)}>${'<a:x/>'.repeat(50_000)}</body>`;
  assert.ok(text.length < 524_288);
  const { body } = await post(bosh.port, text);
  assert.equal(body.attrs['condition'], 'policy-violation');
  assert.deepEqual(stream.sent, []);
  // The same with less of it.
  const small = await session();
  const fitting = `${start(small.client, ` xmlns:a='${long}'`)}>${'<a:x/>'.repeat(3)}</body>`;
  assert.equal((await post(bosh.port, fitting)).body.attrs['type'], undefined);
  assert.equal(small.stream.sent.length, 3);
});

test('the limits are for each body anew', async () => {
  const { client, stream } = await session();
  for (let i = 0; i < 8; i++) {
    const { body } = await client.send({}, message(`${i}`, 'x'.repeat(200_000)));
    assert.equal(body.attrs['type'], undefined, `${i}`);
  }
  assert.equal(stream.sent.length, 8);
});
