import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

// Unicode tricks in addresses and nicknames, at the doors where names are made: RFC 7622 (with RFC 8264, 8265, 5892),
// RFC 6120 §13.10. The tables of the preparation itself are in test/unit/xmpp.

let core: CoreUnderTest;
let juliet: RawClient;

before(async () => {
  core = await CoreUnderTest.start({
    REGISTRATION: 'open',
    COMPONENTS: 'muc',
    COMPONENT_MUC_SECRET: 'secret',
  });
  await core.component('muc');
  await core.addUsers('paypal', 'fuss', 'juliet', 'mallory');
  juliet = await core.online('juliet', 'balcony');
});
after(() => core.stop());

/** Names that nobody may register: RFC 7622 §3.3 refuses the class or the rule. */
const refused: readonly (readonly [what: string, name: string])[] = [
  ['a soft hyphen', 'pay\u00adpal'],
  ['a zero-width space', 'pay\u200bpal'],
  ['a zero-width joiner where no script asks for it', 'pay\u200dpal'],
  ['a zero-width non-joiner where no script asks for it', 'pay\u200cpal'],
  ['a right-to-left override', 'lap\u202eyap'],
  ['a left-to-right mark', 'paypal\u200e'],
  ['an isolate', 'pay\u2066pal\u2069'],
  ['a byte order mark', '\ufeffpaypal'],
  ['a variation selector', 'paypal\ufe0f'],
  ['a tag character', 'paypal\u{e0061}'],
  ['a ligature (compatibility)', 'ﬁsh'],
  ['a superscript', 'paypal\u00b2'],
  ['mathematical letters', '\u{1d429}aypal'],
  ['a Roman numeral', 'henry\u2163'],
  ['a circled letter', '\u24d0dmin'],
  ['a symbol', 'pay\u2764pal'],
  ['an emoji', 'pay\u{1f600}'],
  ['a combining mark before a letter of two directions', '\u05d0\u0300a'],
  ['mixed directions (Bidi Rule)', '\u05d0bc'],
  ['Arabic and extended Arabic digits together', '\u0627\u0661\u06f1'],
  ['a middle dot that is not between two l', 'pay\u00b7pal'],
  ['a Katakana middle dot without Japanese', 'pay\u30fbpal'],
  ['a Greek keraia without Greek', 'pay\u0375pal'],
  ['an unassigned code point', 'paypal\u{2fe0}'],
  ['a code point that will never be assigned', 'paypal\ufdd0'],
  ['private use', 'paypal\ue000'],
  ['old Hangul', '\u1100\u1161\u11a8paypal'],
  ['a space', 'pay pal'],
  ['a no-break space', 'pay\u00a0pal'],
  ['an ideographic space', 'pay\u3000pal'],
  ['a fullwidth commercial at', 'pay\uff20pal'],
  ['a slash', 'pay/pal'],
  ['a quotation mark', 'pay"pal'],
  ['1024 octets', 'a'.repeat(1024)],
];

/** Names that are the same as one that exists: `conflict`, never a second account. */
const same: readonly (readonly [what: string, name: string])[] = [
  ['upper case', 'PayPal'],
  ['fullwidth letters', '\uff50\uff41\uff59\uff50\uff41\uff4c'],
  ['fullwidth capitals', '\uff30\uff21\uff39\uff30\uff21\uff2c'],
];

async function register(name: string): Promise<string> {
  const client = await core.connect();
  await client.open('localhost');
  client.send(
    `<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>${name.replace(/"/g, '&quot;')}</username><password>secret</password></query></iq>`,
  );
  const answer = (await client.stanza((stanza) => stanza.name === 'iq')).source;
  client.cut();
  return answer;
}

describe('names of accounts', () => {
  for (const [what, name] of refused) {
    test(`${what}: not-acceptable`, async () => {
      assert.match(await register(name), /<not-acceptable /);
    });
  }
  for (const [what, name] of same) {
    test(`${what}: conflict with the account that is there`, async () => {
      assert.match(await register(name), /<conflict /);
      const client = await core.connect();
      await client.open('localhost');
      await client.authenticate(name, 'secret', 'localhost');
      assert.equal((await client.bind('x')).split('/')[0], 'paypal@localhost');
      client.cut();
    });
  }
  test('a name is registered as it is prepared: combining marks are composed', async () => {
    assert.match(await register('cafe\u0301'), /type='result'/);
    assert.match(await register('caf\u00e9'), /<conflict /);
  });
  test('look-alikes of other scripts are other names (RFC 7622 §7.3.2 leaves them to policy): another account', async () => {
    assert.match(await register('p\u0430yp\u0430l'), /type='result'/);
    const client = await core.connect();
    await client.open('localhost');
    await client.authenticate('p\u0430yp\u0430l', 'secret', 'localhost');
    assert.notEqual((await client.bind('x')).split('/')[0], 'paypal@localhost');
    client.cut();
  });
});

describe('addresses in stanzas', () => {
  /** What the core makes of a `to` whose domain is ours. */
  const addressed = async (to: string) => {
    juliet.send(`<message to='${to}' id='a' type='chat'><body>x</body></message>`);
    return juliet.stanza((stanza) => stanza.name === 'message' && stanza.id === 'a');
  };
  for (const [what, name] of refused) {
    if (/["/ ]/.test(name)) continue;
    test(`${what}: jid-malformed`, async () => {
      assert.match((await addressed(`${name}@localhost`)).source, /<jid-malformed /);
    });
  }
  test('a resource with what RFC 8265 §4.2 refuses: jid-malformed; what it maps reaches whom it names', async () => {
    for (const resource of [
      'a\u200b',
      `${'a\u0000'.slice(0, 1)}\u00ad`,
      'x\u{2fe0}',
      '\ufdd0',
      'r'.repeat(1024),
    ])
      assert.match((await addressed(`juliet@localhost/${resource}`)).source, /<jid-malformed /);
    const client = await core.login('juliet', 'no\u00a0break caf\u00e9');
    assert.equal(client.jid, 'juliet@localhost/no break caf\u00e9');
    juliet.send(
      "<message to='JULIET@LOCALHOST/no break cafe\u0301' id='b' type='chat'><body>x</body></message>",
    );
    assert.equal((await client.stanza((stanza) => stanza.name === 'message')).id, 'b');
    await client.close();
  });
  test('a domain is compared as IDNA2008 prepares it', async () => {
    juliet.send("<iq type='get' id='i' to='ＬＯＣＡＬＨＯＳＴ'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert.equal((await juliet.stanza((stanza) => stanza.id === 'i')).type, 'result');
    for (const domain of [
      'local\u200bhost',
      'xn--a',
      'a..b',
      '-a.test',
      'a_b.test',
      '1.2',
      '[::1',
      'ex\u202eample',
    ]) {
      juliet.send(`<message to='${domain}' id='d'><body>x</body></message>`);
      assert.match((await juliet.stanza((stanza) => stanza.id === 'd')).source, /<jid-malformed /, domain);
    }
  });
  test('roster items and blocked names, too', async () => {
    for (const jid of ['pay\u00adpal@localhost', '\u05d0bc@localhost', 'a@b@c', '@localhost', 'x@-.test']) {
      const answer = await juliet.iq('set', `<query xmlns='jabber:iq:roster'><item jid='${jid}'/></query>`);
      assert.match(answer.source, /<jid-malformed /, jid);
    }
  });
});

describe('nicknames in rooms (XEP-0045 §17.1)', () => {
  let romeo: RawClient;
  const ROOM = 'verona@conference.localhost';
  const enter = async (client: RawClient, nick: string) => {
    client.send(`<presence to='${ROOM}/${nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`);
    return client.stanza(
      (stanza) =>
        stanza.name === 'presence' && (stanza.type === 'error' || stanza.source.includes("code='110'")),
    );
  };
  before(async () => {
    romeo = await core.online('mallory', 'orchard');
    assert.notEqual((await enter(juliet, 'Juliet')).type, 'error');
    juliet.send(
      `<iq type='set' to='${ROOM}' id='c'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>`,
    );
    await juliet.stanza((stanza) => stanza.id === 'c');
  });

  const taken: readonly (readonly [what: string, nick: string])[] = [
    ['the same', 'Juliet'],
    ['another case', 'juliet'],
    ['fullwidth letters', '\uff2auliet'],
    ['spaces at the end', 'Juliet '],
    ['combining marks that compose to nothing new', 'Juliet'.normalize('NFD')],
  ];
  for (const [what, nick] of taken) {
    test(`${what}: conflict`, async () => {
      assert.match((await enter(romeo, nick)).source, /<conflict /);
    });
  }
  const invisible: readonly (readonly [what: string, nick: string, condition: string])[] = [
    ['nothing to see', '\u3164', 'not-acceptable'],
    ['a zero-width space inside', 'Jul\u200biet', 'jid-malformed'],
    ['a right-to-left override', '\u202eteiluJ', 'jid-malformed'],
    ['a soft hyphen', 'Jul\u00adiet', 'jid-malformed'],
    ['1024 octets', 'j'.repeat(1024), 'jid-malformed'],
    ['65 characters', 'j'.repeat(65), 'not-acceptable'],
  ];
  for (const [what, nick, condition] of invisible) {
    test(`${what}: ${condition}`, async () => {
      const answer = await enter(romeo, nick);
      assert.equal(answer.type, 'error');
      assert.match(answer.source, new RegExp(`<(${condition}|jid-malformed) `));
    });
  }
});
