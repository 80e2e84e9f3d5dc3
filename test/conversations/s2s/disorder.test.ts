import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loopbackAddress, startFederated } from '../../tools/federation.js';
import { RawServer, sendHeader } from '../../tools/raw-server.js';

const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const TLS = 'urn:ietf:params:xml:ns:xmpp-tls';

/** Everything that is said between servers, each at a moment when it may make no sense. */
const elements = [
  "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' to='montague.test' version='1.0'>",
  "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms></stream:features>",
  "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
  '<stream:error/>',
  `<proceed xmlns='${TLS}'/>`,
  `<failure xmlns='${TLS}'/>`,
  `<auth xmlns='${SASL}' mechanism='EXTERNAL'>=</auth>`,
  `<auth xmlns='${SASL}' mechanism='EXTERNAL'/>`,
  `<auth xmlns='${SASL}'>????</auth>`,
  `<response xmlns='${SASL}'>=</response>`,
  `<abort xmlns='${SASL}'/>`,
  `<success xmlns='${SASL}'/>`,
  `<failure xmlns='${SASL}'/>`,
  `<challenge xmlns='${SASL}'/>`,
  "<bidi xmlns='urn:xmpp:bidi'/>",
  "<db:result from='capulet.test' to='montague.test'>k</db:result>",
  "<db:result from='capulet.test' to='montague.test'/>",
  "<db:result from='capulet.test' to='montague.test' type='valid'/>",
  "<db:result from='capulet.test' to='montague.test' type='error'/>",
  "<db:result from='capulet.test' to='montague.test' type='unheard-of'/>",
  "<db:verify from='capulet.test' to='montague.test' id='1'>k</db:verify>",
  "<db:verify from='capulet.test' to='montague.test' id='1' type='valid'/>",
  "<db:verify from='capulet.test' to='montague.test' id='1' type='error'><error/></db:verify>",
  "<db:strange from='capulet.test' to='montague.test'/>",
  "<message from='a@capulet.test' to='romeo@montague.test'/>",
  "<presence from='a@capulet.test' to='romeo@montague.test' type='subscribe'/>",
  "<iq from='a@capulet.test' to='montague.test' type='get' id='1'/>",
  "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>",
  "<iq type='get' id='1'><query xmlns='jabber:iq:auth'/></iq>",
  '</stream:stream>',
];

test('whatever is said in whatever order, incoming or outgoing, the core lives and nothing is logged as its error', async () => {
  const peer = await RawServer.start(loopbackAddress());
  const montague = await startFederated(
    'montague.test',
    loopbackAddress(),
    { '*': peer.address },
    { S2S_REQUIRE_TLS: 'false', S2S_CONNECT_SECONDS: '2' },
  );
  let seed = 20;
  const random = (bound: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * bound);
  };
  const some = () => Array.from({ length: 1 + random(8) }, () => elements[random(elements.length)]).join('');
  try {
    await montague.core.addUsers('romeo@montague.test');
    for (let k = 0; k < 150; k++) {
      const stream = await montague.core.connect('s2s');
      sendHeader(stream, 'montague.test', 'capulet.test', k % 5 === 0 ? '' : "version='1.0'");
      await stream.header();
      stream.send(some());
      if (k % 3 === 0) stream.cut();
    }
    // and as the server that the core connects to
    const romeo = await montague.core.online('romeo', 'orchard', 'montague.test');
    for (let k = 0; k < 60; k++) {
      romeo.send(`<message to='juliet@d${k}.test' id='m${k}'><body>x</body></message>`);
    }
    for (let k = 0; k < 60; k++) {
      const stream = await peer.accept();
      stream.send(
        `<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback' id='1'${k % 5 === 0 ? '' : " version='1.0'"}>${some()}`,
      );
      if (k % 3 === 0) stream.cut();
    }
    for (let k = 0; k < 60; k++) {
      const answer = await romeo.stanza((one) => one.id === `m${k}`, 15_000);
      assert.equal(answer.type, 'error', answer.source);
    }
    await romeo.ping();
    await romeo.close();
    assert.ok(!montague.core.process.output.includes('"level":"error"'), montague.core.process.output);
  } finally {
    await montague.core.stop();
    await peer.stop();
  }
});
