import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { verifyCaps } from '../../../shared/xmpp/caps.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

const INFO = 'http://jabber.org/protocol/disco#info';
const ITEMS = 'http://jabber.org/protocol/disco#items';
let core: CoreUnderTest;
let romeo: RawClient;
let nurse: RawClient;

before(async () => {
  core = await CoreUnderTest.start({
    CONTACT_ADDRESSES:
      'abuse=mailto:abuse@example.org,abuse=xmpp:abuse@example.org,support=https://example.org/help',
  });
  await core.addUsers('romeo', 'juliet', 'nurse');
  const juliet = await core.login('juliet', 'setup');
  romeo = await core.login('romeo', 'orchard');
  nurse = await core.login('nurse', 'house');
  nurse.send("<presence type='subscribe' to='juliet@localhost'/>");
  await nurse.ping();
  juliet.send("<presence type='subscribed' to='nurse@localhost'/>");
  await juliet.ping();
  await juliet.close();
  await nurse.ping();
  nurse.received.length = 0;
});
after(() => core.stop());

const condition = (answer: Stanza) =>
  answer.type === 'error' ? StanzaError.fromStanza(answer).condition : String(answer.type);
const identities = (answer: Stanza) =>
  (answer.element.getChild('query', INFO)?.getChildren('identity') ?? []).map(
    ({ attrs }) => `${attrs['category']}/${attrs['type']}`,
  );
const features = (answer: Stanza) =>
  (answer.element.getChild('query', INFO)?.getChildren('feature') ?? []).map(
    ({ attrs }) => attrs['var'] ?? '',
  );

describe('entity capabilities of the server (XEP-0115)', () => {
  test('§6.3, §7: a stream feature whose hash disco#info proves, at its node and at none', async () => {
    const client = await core.connect();
    await client.open('localhost');
    const offered = (await client.authenticate('romeo', 'secret', 'localhost')).source;
    await client.close();
    const caps = /<c xmlns='http:\/\/jabber.org\/protocol\/caps'[^>]*>/.exec(offered)?.[0] ?? '';
    const [node = '', ver = ''] = ['node', 'ver'].map(
      (name) => new RegExp(` ${name}='([^']*)'`).exec(caps)?.[1],
    );
    for (const ask of [`<query xmlns='${INFO}'/>`, `<query xmlns='${INFO}' node='${node}#${ver}'/>`]) {
      const query = (await romeo.iq('get', ask, 'localhost')).element.getChild('query', INFO);
      assert.ok(query);
      assert.equal(verifyCaps({ node, ver, hash: 'sha-1' }, query), 'valid');
      assert.ok(query.getChildren('feature').some(({ attrs }) => attrs['var'] === NS.caps));
    }
    const other = await romeo.iq('get', `<query xmlns='${INFO}' node='${node}#AAAA'/>`, 'localhost');
    assert.equal(condition(other), 'item-not-found');
  });
});

describe('service discovery (XEP-0030)', () => {
  test('§3.1: the server: identity, features, each once, among them disco itself', async () => {
    const answer = await romeo.iq('get', `<query xmlns='${INFO}'/>`, 'localhost');
    assert.deepEqual(identities(answer), ['server/im']);
    const found = features(answer);
    assert.equal(new Set(found).size, found.length);
    for (const feature of [
      INFO,
      ITEMS,
      'urn:xmpp:ping',
      'jabber:iq:version',
      'urn:xmpp:time',
      'jabber:iq:last',
      'jabber:iq:register',
      'jabber:iq:roster',
      'msgoffline',
      'urn:xmpp:carbons:2',
    ])
      assert.ok(found.includes(feature), feature);
  });

  test('XEP-0157, XEP-0128: contact addresses as a form', async () => {
    const answer = await romeo.iq('get', `<query xmlns='${INFO}'/>`, 'localhost');
    const form = answer.element
      .getChild('query', INFO)
      ?.getChildren('x', 'jabber:x:data')
      .find((each) => each.getChildByAttr('var', 'abuse-addresses'));
    const values = (name: string) =>
      form
        ?.getChildByAttr('var', name)
        ?.getChildren('value')
        .map((value) => value.getText());
    assert.equal(form?.attrs['type'], 'result');
    assert.deepEqual(values('FORM_TYPE'), ['http://jabber.org/network/serverinfo']);
    assert.deepEqual(values('abuse-addresses'), ['mailto:abuse@example.org', 'xmpp:abuse@example.org']);
    assert.deepEqual(values('support-addresses'), ['https://example.org/help']);
    assert.equal(values('sales-addresses'), undefined);
  });

  test('§3.2, §7: items; unknown nodes are item-not-found; a set is refused', async () => {
    assert.equal(condition(await romeo.iq('get', `<query xmlns='${ITEMS}'/>`, 'localhost')), 'result');
    for (const namespace of [INFO, ITEMS]) {
      assert.equal(
        condition(await romeo.iq('get', `<query xmlns='${namespace}' node='nope'/>`, 'localhost')),
        'item-not-found',
      );
      assert.equal(
        condition(await romeo.iq('set', `<query xmlns='${namespace}'/>`, 'localhost')),
        'service-unavailable',
      );
    }
  });

  test('§3.2: an empty node is mirrored, too', async () => {
    for (const to of ['localhost', 'romeo@localhost'])
      for (const xmlns of [INFO, ITEMS]) {
        const answer = await romeo.iq('get', `<query xmlns='${xmlns}' node=''/>`, to);
        assert.equal(answer.type, 'result');
        assert.equal(answer.element.getChild('query', xmlns)?.attrs['node'], '');
      }
  });

  test('one’s own account, and that of a contact whose presence one sees', async () => {
    for (const [client, to] of [
      [romeo, 'romeo@localhost'],
      [romeo, undefined],
      [nurse, 'juliet@localhost'],
    ] as const) {
      const answer = await client.iq('get', `<query xmlns='${INFO}'/>`, to);
      assert.deepEqual(identities(answer), ['account/registered']);
      assert.ok(features(answer).includes(INFO));
      assert.equal(condition(await client.iq('get', `<query xmlns='${ITEMS}'/>`, to)), 'result');
    }
  });
});

describe('RFC 6120 §10.2, XEP-0030 §8: what a stranger asks of an account is answered as for a missing account', () => {
  const questions: readonly (readonly [
    what: string,
    type: 'get' | 'set',
    payload: string,
    expected?: string,
  ])[] = [
    ['disco#info', 'get', `<query xmlns='${INFO}'/>`],
    ['disco#info of a node', 'get', `<query xmlns='${INFO}' node='x'/>`],
    ['ping', 'get', "<ping xmlns='urn:xmpp:ping'/>"],
    ['last activity (XEP-0012 §4)', 'get', "<query xmlns='jabber:iq:last'/>", 'forbidden'],
    ['version', 'get', "<query xmlns='jabber:iq:version'/>"],
    ['time', 'get', "<time xmlns='urn:xmpp:time'/>"],
    ['registration', 'get', "<query xmlns='jabber:iq:register'/>"],
    ['removal', 'set', "<query xmlns='jabber:iq:register'><remove/></query>"],
    ['session', 'set', "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>"],
    ['carbons', 'set', "<enable xmlns='urn:xmpp:carbons:2'/>"],
    ['vCard', 'get', "<vCard xmlns='vcard-temp'/>"],
    ['privacy lists', 'get', "<query xmlns='jabber:iq:privacy'/>"],
    ['an unknown payload', 'get', "<foo xmlns='http://example.org/'/>"],
  ];
  for (const [what, type, payload, expected = 'service-unavailable'] of questions) {
    test(what, async () => {
      const normalised: string[] = [];
      for (const name of ['juliet@localhost', 'nobody@localhost']) {
        const answer = await romeo.iq(type, payload, name, 'same');
        assert.equal(condition(answer), expected);
        normalised.push(answer.source.replaceAll(name, 'X'));
      }
      assert.equal(normalised[0], normalised[1], 'to the last byte');
    });
  }
});

describe('XEP-0030 §8 rule 2: items of an account that one may not see are none, as of a missing account', () => {
  for (const node of ['', " node='urn:example:node'"]) {
    test(node === '' ? 'without a node' : 'of a node', async () => {
      const sources: string[] = [];
      for (const name of ['juliet@localhost', 'nobody@localhost']) {
        romeo.send(`<iq type='get' id='same' to='${name}'><query xmlns='${ITEMS}'${node}/></iq>`);
        const answer = await romeo.expect(
          `<iq type='result' id='same' from='${name}' to='romeo@localhost/orchard'><query xmlns='${ITEMS}'${node}/></iq>`,
        );
        sources.push(answer.source.replaceAll(name, 'X'));
      }
      assert.equal(sources[0], sources[1], 'to the last byte');
    });
  }
});

describe('the server’s own answers', () => {
  test('XEP-0199 §4.2: ping of the server and of one’s own account; a set is refused', async () => {
    for (const to of ['localhost', undefined, 'romeo@localhost']) {
      romeo.send(
        `<iq type='get' id='p'${to === undefined ? '' : ` to='${to}'`}><ping xmlns='urn:xmpp:ping'/></iq>`,
      );
      await romeo.expect(
        `<iq type='result' id='p' from='${to ?? 'romeo@localhost'}' to='romeo@localhost/orchard'/>`,
      );
    }
    assert.equal(
      condition(await nurse.iq('get', "<ping xmlns='urn:xmpp:ping'/>", 'juliet@localhost')),
      'result',
    );
    assert.equal(
      condition(await romeo.iq('set', "<ping xmlns='urn:xmpp:ping'/>", 'localhost')),
      'service-unavailable',
    );
  });

  test('XEP-0199 §4.3: from client to client, where presence is shared', async () => {
    const juliet = await core.login('juliet', 'balcony');
    nurse.send("<iq type='get' id='c2c' to='juliet@localhost/balcony'><ping xmlns='urn:xmpp:ping'/></iq>");
    await juliet.expect(
      "<iq type='get' id='c2c' from='nurse@localhost/house' to='juliet@localhost/balcony'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    juliet.send("<iq type='result' id='c2c' to='nurse@localhost/house'/>");
    await nurse.expect(
      "<iq type='result' id='c2c' from='juliet@localhost/balcony' to='nurse@localhost/house'/>",
    );
    await juliet.close();
  });

  test('XEP-0092: name and version, no operating system', async () => {
    const query = (await romeo.iq('get', "<query xmlns='jabber:iq:version'/>", 'localhost')).element.getChild(
      'query',
    );
    assert.equal(query?.getChildText('name'), 'Entourage');
    assert.match(query?.getChildText('version') ?? '', /^\d+\.\d+\.\d+/);
    assert.equal(query?.getChild('os'), undefined);
  });

  test('XEP-0202: the time, in UTC with the offset of the place', async () => {
    const time = (await romeo.iq('get', "<time xmlns='urn:xmpp:time'/>", 'localhost')).element.getChild(
      'time',
    );
    assert.match(time?.getChildText('utc') ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    assert.match(time?.getChildText('tzo') ?? '', /^(Z|[+-]\d\d:\d\d)$/);
    assert.ok(Math.abs(Date.parse(time?.getChildText('utc') ?? '') - Date.now()) < 60_000);
  });

  test('XEP-0012: uptime; 0 for who is there, seconds and last words for who left; nothing before', async () => {
    const last = (client: RawClient, to: string) => client.iq('get', "<query xmlns='jabber:iq:last'/>", to);
    const seconds = (answer: Stanza) => Number(answer.element.getChild('query')?.attrs['seconds']);
    assert.ok(seconds(await last(romeo, 'localhost')) >= 0);
    assert.equal(condition(await last(romeo, 'romeo@localhost')), 'item-not-found');
    const juliet = await core.online('juliet', 'balcony');
    assert.equal(seconds(await last(nurse, 'juliet@localhost')), 0);
    juliet.send("<presence type='unavailable'><status>Good night</status></presence>");
    await juliet.close();
    const answer = await last(nurse, 'juliet@localhost');
    assert.ok(seconds(answer) >= 0);
    assert.equal(answer.element.getChild('query')?.getText(), 'Good night');
  });

  test('RFC 6121 §8.5: messages to the server are refused, presence to it is silence', async () => {
    romeo.send("<message to='localhost' id='m'><body>x</body></message>");
    assert.equal(StanzaError.fromStanza(await romeo.element('message')).condition, 'service-unavailable');
    romeo.send(
      "<presence to='localhost'/><presence to='localhost' type='unavailable'/><presence to='localhost' type='probe'/>",
    );
    await romeo.expectNothing();
  });
});
