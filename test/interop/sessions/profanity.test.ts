import { test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { isInstalled, Terminal } from '../../tools/terminal.js';

test('profanity, with stream management and carbons, sees what another device of its account receives', async (t) => {
  if (!(await isInstalled('tmux', '-V'))) return t.skip('tmux is not installed');
  if (!(await isInstalled('profanity', '--version'))) return t.skip('profanity is not installed');
  const core = await CoreUnderTest.start();
  t.after(() => core.stop());
  await core.addUsers('romeo', 'juliet');
  const { host, port } = core.address();
  const profanity = await Terminal.start('profanity');
  t.after(() => profanity.stop());
  await profanity.shows('/help');
  await profanity.type('/carbons on');
  await profanity.type(`/connect juliet@localhost server ${host} port ${port} tls disable`);
  await profanity.shows('password');
  await profanity.typeHidden('secret');
  await profanity.shows('logged in successfully');

  const desk = await core.online('juliet', 'desk');
  const romeo = await core.online('romeo', 'orchard');
  romeo.send(
    "<message to='juliet@localhost/desk' type='chat' id='p1'><body>what light is that</body></message>",
  );
  await desk.stanza((stanza) => stanza.id === 'p1');
  await profanity.shows('romeo@localhost');
  await profanity.type('/msg romeo@localhost');
  await profanity.shows('what light is that');
  await romeo.close();
  await desk.close();
});
