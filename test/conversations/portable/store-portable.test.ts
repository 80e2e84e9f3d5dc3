import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Deployment } from '../../tools/cli.js';
import { RawClient } from '../../tools/raw-client.js';

// RFC 5802 §5: user "user", password "pencil", as another server would have stored it.
const SCRAM = `<scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-SHA-1'>
  <iter-count>4096</iter-count><salt>QSXCR+Q6sek8bf92</salt>
  <server-key>D+CSWLOshSulAsxiupA+qs2/fTE=</server-key><stored-key>6dlGYMOdZcOPutkcNY8U2g7vK9Y=</stored-key>
</scram-credentials>`;

const JULIET = `<user name='juliet'>${SCRAM}
  <query xmlns='jabber:iq:roster'>
    <item jid='romeo@montague.example' name='Romeo &amp; co' subscription='both'><group>Friends</group><group>A</group></item>
    <item jid='nurse@localhost' subscription='none' ask='subscribe'/>
    <item jid='a b@c' subscription='both'/>
  </query>
  <presence xmlns='jabber:client' type='subscribe' id='x1' from='paris@montague.example/r'><nick xmlns='http://jabber.org/protocol/nick'>Paris</nick></presence>
  <offline-messages>
    <message xmlns='jabber:client' from='romeo@montague.example/orchard' to='juliet@localhost' type='chat'><body>first &lt;</body><delay xmlns='urn:xmpp:delay' from='localhost' stamp='2026-01-01T00:00:00Z'/></message>
    <message xmlns='jabber:client' from='romeo@montague.example/orchard' to='juliet@localhost' type='chat'><body>second</body></message>
  </offline-messages>
  <vCard xmlns='vcard-temp'><FN>Juliet Capulet</FN></vCard>
  <query xmlns='jabber:iq:privacy'><default name='public'/>
    <list name='public'><item type='jid' value='tybalt@example.com' action='deny' order='1'/><item action='allow' order='2'/></list>
    <list name='private'><item type='subscription' value='both' action='allow' order='10'><message/></item></list></query>
  <pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>
    <configure node='urn:xmpp:bookmarks:1'><x xmlns='jabber:x:data' type='form'>
      <field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/pubsub#node_config</value></field>
      <field var='pubsub#access_model'><value>whitelist</value></field><field var='pubsub#max_items'><value>max</value></field>
      <field var='pubsub#title' type='text-single'/><field var='other#thing'><value>x</value></field></x></configure>
    <affiliations node='urn:xmpp:bookmarks:1'><affiliation jid='mercutio@example.net' affiliation='member'/></affiliations>
    <subscriptions node='urn:xmpp:bookmarks:1'><subscription jid='mercutio@example.net' subscription='subscribed' subid='123-abc'/></subscriptions>
    <configure node='urn:example:odd'><x xmlns='jabber:x:data' type='form'><field var='pubsub#access_model'><value>strange</value></field></x></configure>
  </pubsub>
  <pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:bookmarks:1'>
    <item id='theplay@conference.shakespeare.lit'><conference xmlns='urn:xmpp:bookmarks:1' name='The Play&apos;s the Thing' autojoin='true'><nick>Romeo</nick></conference></item>
    <item id='orchard@conference.shakespeare.lit'/></items></pubsub>
  <future xmlns='urn:example:unheard-of'/>
</user>`;

function documentOf(...hosts: string[]): string {
  return `<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='urn:xmpp:pie:0' xmlns:xi='http://www.w3.org/2001/XInclude'>${hosts.join('')}</server-data>\n`;
}

describe('entourage store export and import (XEP-0227)', () => {
  test('what is imported is exported again, and known to be what it was', async (t) => {
    const deployment = new Deployment(t);
    writeFileSync(join(deployment.folder, 'in.xml'), documentOf(`<host jid='localhost'>${JULIET}</host>`));
    const imported = await deployment.run(['store', 'import', 'in.xml']);
    assert.equal(imported.code, 0, imported.error);
    assert.equal(imported.out, 'in.xml: 1 accounts imported\n');
    assert.equal(
      imported.error,
      "<future xmlns='urn:example:unheard-of'/> is not known here: left out (1 times)\n",
    );

    const exported = await deployment.run(['store', 'export', 'out.xml']);
    assert.equal(exported.code, 0, exported.error);
    const path = join(deployment.folder, 'out.xml');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const text = readFileSync(path, 'utf8').replaceAll('"', "'");
    for (const part of [
      "<host jid='localhost'>",
      "<user name='juliet'>",
      '<salt>QSXCR+Q6sek8bf92</salt>',
      '<stored-key>6dlGYMOdZcOPutkcNY8U2g7vK9Y=</stored-key>',
      "name='Romeo &amp; co'",
      '<group>Friends</group><group>A</group>',
      "ask='subscribe'",
      "from='paris@montague.example'",
      '<body>first &lt;</body>',
      "stamp='2026-01-01T00:00:00Z'",
      '<FN>Juliet Capulet</FN>',
      "<default name='public'/>",
      "value='tybalt@example.com'",
      "<list name='private'>",
      '<message/>',
      "affiliation='member'",
      "subid='123-abc'",
      "id='theplay@conference.shakespeare.lit'",
      "xmlns='urn:xmpp:bookmarks:1'",
      '<nick>Romeo</nick>',
    ]) {
      assert.ok(text.includes(part), `${part} in ${text}`);
    }
    assert.ok(text.indexOf('first') < text.indexOf('second'), 'oldest first');
    const [bookmarks = '', odd = ''] = text.split("<configure node='urn:example:odd'>");
    for (const part of [bookmarks, odd]) {
      assert.match(
        part,
        /var='pubsub#access_model'[^>]*><value>whitelist</,
        'an unknown model is not an open one',
      );
    }
    assert.ok(!text.includes('a b@c'), 'what is no JID is left out');

    const other = new Deployment(t);
    writeFileSync(join(other.folder, 'in.xml'), readFileSync(path));
    assert.equal((await other.run(['store', 'import', 'in.xml'])).error, '');
    await other.run(['store', 'export', 'out.xml']);
    assert.equal(
      readFileSync(join(other.folder, 'out.xml'), 'utf8'),
      readFileSync(path, 'utf8'),
      'nothing is lost on the way',
    );
    assert.equal((await deployment.run(['store', 'export', 'out.xml'])).code, 4, 'not over another file');
  });

  test('what was imported is served', async (t) => {
    const deployment = new Deployment(t, { C2S_REQUIRE_TLS: 'false', COMPONENTS: 'pep,privacy,vcard' });
    writeFileSync(join(deployment.folder, 'in.xml'), documentOf(`<host jid='localhost'>${JULIET}</host>`));
    assert.equal((await deployment.run(['store', 'import', 'in.xml'])).code, 0);
    const running = await deployment.start(['start'], 'ready ');
    const [, port] = / c2s=127\.0\.0\.1:(\d+)/.exec(await running.line('ready ')) ?? [];
    const client = await RawClient.connect('127.0.0.1', Number(port));
    await client.login('juliet', 'pencil', 'localhost', 'balcony');
    const source = async (payload: string): Promise<string> =>
      (await client.iq('get', payload)).source.replaceAll('"', "'");
    const lists = await source("<query xmlns='jabber:iq:privacy'/>");
    assert.match(lists, /<default name='public'\/>/);
    assert.match(lists, /<list name='private'\/>/);
    assert.match(await source("<blocklist xmlns='urn:xmpp:blocking'/>"), /tybalt@example\.com/);
    assert.match(await source("<vCard xmlns='vcard-temp'/>"), /Juliet Capulet/);
    const items = await source(
      "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:bookmarks:1'/></pubsub>",
    );
    assert.match(items, /theplay@conference/);
    assert.match(items, /orchard@conference/);
    await client.close();
    assert.equal(await running.stop(), 0);
  });

  test('files that include others, users with a password, without any, of other domains, and twice', async (t) => {
    const deployment = new Deployment(t);
    const file = (name: string, text: string): void => writeFileSync(join(deployment.folder, name), text);
    mkdirSync(join(deployment.folder, 'localhost'));
    const xi = "xmlns:xi='http://www.w3.org/2001/XInclude'";
    file(
      'in.xml',
      documentOf(
        "<xi:include href='localhost.xml'/><host jid='elsewhere.example'><user name='x'/><user name='y'/></host>",
      ),
    );
    file(
      'localhost.xml',
      `<host xmlns='urn:xmpp:pie:0' ${xi} jid='localhost'><xi:include href='localhost/romeo.xml'/><user name='tybalt'/></host>`,
    );
    file(
      'localhost/romeo.xml',
      `<user xmlns='urn:xmpp:pie:0' ${xi} name='Romeo' password='pencil'><xi:include href='romeo-vcard.xml'/></user>`,
    );
    file('localhost/romeo-vcard.xml', "<vCard xmlns='vcard-temp'><FN>Romeo</FN></vCard>");
    const result = await deployment.run(['store', 'import', 'in.xml']);
    assert.equal(result.out, 'in.xml: 2 accounts imported\n');
    assert.equal(
      result.error,
      'tybalt@localhost: no usable password: set one\nelsewhere.example is not one of XMPP_DOMAINS: its users were left out (2 times)\n',
    );
    assert.equal((await deployment.run(['user', 'list'])).out, 'romeo@localhost\ntybalt@localhost\n');
    const again = await deployment.run(['store', 'import', 'in.xml']);
    assert.equal(again.out, 'in.xml: 0 accounts imported\n');
    assert.match(again.error, /romeo@localhost: exists already/);
  });

  test('bad files are refused with their name', async (t) => {
    const deployment = new Deployment(t);
    const refused = async (text: string, expected: RegExp): Promise<void> => {
      writeFileSync(join(deployment.folder, 'bad.xml'), text);
      const result = await deployment.run(['store', 'import', 'bad.xml']);
      assert.equal(result.code, 1);
      assert.match(result.error, expected);
    };
    await refused('<server-data', /bad\.xml: not one stanza/);
    await refused("<other xmlns='urn:xmpp:pie:0'/>", /bad\.xml: the root is not <server-data/);
    await refused(documentOf("<xi:include href='/etc/passwd'/>"), /only relative files can be included/);
    await refused(documentOf("<xi:include href='x.xml' parse='text'/>"), /cannot follow/);
    assert.equal((await deployment.run(['store', 'import', 'absent.xml'])).code, 1);
  });
});
