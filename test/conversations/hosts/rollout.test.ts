import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { RawClient } from '../../tools/raw-client.js';

// Processes are upgraded one at a time: a component of the release before or after meets this core. There is no other
// release yet, so its version numbers are simulated.

const PRIVACY = 'urn:entourage:privacy-enforcement:1';
const LINK = 'urn:entourage:client-link:1';

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({
    COMPONENTS: 'privacy,bosh',
    COMPONENT_PRIVACY_SECRET: 'secret',
    COMPONENT_BOSH_SECRET: 'secret',
  });
});
after(() => core?.stop());

/** A component of any release, by hand. */
async function component(name: 'privacy' | 'bosh'): Promise<RawClient> {
  const { host, port } = core.address('component');
  const stream = await RawClient.connect(host, port);
  const domain = `${name}.localhost`;
  stream.send(
    `<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='${domain}'>`,
  );
  const { id } = await stream.header();
  const hash = createHash('sha1').update(`${id}secret`).digest('hex');
  stream.send(`<handshake>${hash}</handshake>`);
  await stream.element('handshake');
  stream.jid = domain;
  return stream;
}

async function ask(stream: RawClient, type: 'get' | 'set', payload: string): Promise<Stanza> {
  stream.send(`<iq type='${type}' id='hello' from='${stream.jid}' to='localhost'>${payload}</iq>`);
  return stream.stanza((stanza) => stanza.name === 'iq' && stanza.id === 'hello');
}

const RANGES = [
  ['of this release', 1, 1, true],
  ['one release newer, that still speaks ours', 1, 2, true],
  ['one release older, that speaks ours already', 0, 1, true],
  ['too new', 2, 3, false],
  ['too old', 0, 0, false],
] as const;

for (const [what, min, max, served] of RANGES) {
  test(`a component ${what}: ${served ? 'served with the version in common' : 'told which version there is'}`, async () => {
    const privacy = await component('privacy');
    const hello = await ask(privacy, 'get', `<hello xmlns='${PRIVACY}' min='${min}' max='${max}'/>`);
    const bosh = await component('bosh');
    const link = await ask(bosh, 'set', `<link xmlns='${LINK}' min='${min}' max='${max}'/>`);
    if (served) {
      assert.equal(hello.type, 'result', hello.source);
      assert.equal(hello.element.getChild('hello')?.attrs['max'], '1');
      assert.equal(link.type, 'result', link.source);
      assert.equal(link.element.getChild('link')?.attrs['version'], '1');
    } else {
      assert.equal(hello.type, 'error', hello.source);
      assert.match(hello.source, /not-acceptable.*version 1/s);
      assert.equal(link.type, 'error', link.source);
      assert.match(link.source, /feature-not-implemented.*unsupported-version[^>]*min=.1.[^>]*max=.1/s);
    }
    // whatever came of it, it stays connected, and the core is none the worse
    for (const stream of [privacy, bosh]) {
      const pong = await ask(stream, 'get', "<ping xmlns='urn:xmpp:ping'/>");
      assert.equal(pong.type, 'result');
      stream.send('</stream:stream>');
      await stream.close();
    }
  });
}
