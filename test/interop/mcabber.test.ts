import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CoreUnderTest } from '../tools/core-harness.js';
import { Terminal } from '../tools/terminal.js';

test('mcabber, a client of 2005, logs in, talks and is talked to', async (t) => {
  for (const program of ['/usr/bin/mcabber', '/usr/bin/tmux']) {
    if (!existsSync(program)) return t.skip(`${program.slice(9)} is not installed`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'mcabber-'));
  const core = await CoreUnderTest.start({ PASSWORD_STORAGE: 'plain', SASL_DIGEST_MD5: 'true' });
  let terminal: Terminal | undefined;
  try {
    await core.addUsers('bill', 'juliet');
    const { host, port } = core.address();
    const rc = join(folder, 'mcabberrc');
    writeFileSync(
      rc,
      `set jid = bill@localhost
set password = secret
set server = ${host}
set port = ${port}
set resource = globe
set tls = 1
set ssl_ignore_checks = 1
set disable_random_resource = 1
`,
      { mode: 0o600 },
    );
    const juliet = await core.online('juliet', 'balcony');
    terminal = await Terminal.start(`mcabber -f ${rc}`);
    await terminal.shows('Your status has been set');
    await terminal.type('/say_to juliet@localhost hello from the past');
    const message = await juliet.stanza((stanza) => stanza.name === 'message', 15_000);
    assert.equal(message.from, 'bill@localhost/globe');
    assert.ok(message.source.includes('hello from the past'), message.source);
    juliet.send(
      "<message to='bill@localhost/globe' type='chat' id='m'><body>hello from the future</body></message>",
    );
    // the mark of an unread message, beside the name
    await terminal.shows('#[_] Buddy: juliet@localhost');
    await juliet.close();
  } finally {
    await terminal?.stop();
    await core.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
