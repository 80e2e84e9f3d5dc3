import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Deployment } from '../../tools/cli.js';

function write(folder: string, path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), text);
}

/** Somebody's data folder, with what a newer or older Prosody, or a community module, has left there. */
function prosodyFolder(deployment: Deployment): string {
  const folder = join(deployment.folder, 'prosody');
  write(folder, 'localhost/accounts/jul%c3%a9.dat', 'return { ["password"] = "pencil"; };');
  write(
    folder,
    'localhost/vcard/jul%c3%a9.dat',
    'return { { "Julé"; ["name"] = "FN"; ["attr"] = {}; }; ["name"] = "vCard"; ["attr"] = { ["xmlns"] = "vcard-temp"; }; };',
  );
  write(
    folder,
    'localhost/private/jul%c3%a9.dat',
    'return { ["a:b"] = { ["name"] = "a"; ["attr"] = { ["xmlns"] = "b"; }; }; };',
  );
  write(
    folder,
    'localhost/privacy/jul%c3%a9.dat',
    'return { ["default"] = "mine"; ["lists"] = { ["mine"] = { ["items"] = { { ["type"] = "jid"; ["value"] = "a@b"; ["action"] = "deny"; ["order"] = 3; ["message"] = true; }; }; }; }; };',
  );
  write(
    folder,
    'localhost/roster/jul%c3%a9.dat',
    'return { [false] = { ["pending"] = { ["paris@example.net"] = true; }; }; ["a@b"] = { ["subscription"] = "both"; ["groups"] = {}; ["ask"] = "subscribe"; }; };',
  );
  // 0.9 and before: nodes without a configuration
  write(folder, 'localhost/pep/jul%c3%a9.dat', 'return { ["urn:old"] = true; };');
  write(
    folder,
    'rooms%2elocalhost/config/x.dat',
    'return { ["jid"] = "x@rooms.localhost"; ["_data"] = { ["persistent"] = true; }; ["_affiliations"] = {}; };',
  );
  write(
    folder,
    'conference%2elocalhost/config/x.dat',
    'return { ["jid"] = "x@conference.localhost"; ["_data"] = { ["persistent"] = true; ["name"] = "X"; }; ["_affiliations"] = { ["a@b"] = "owner"; }; ["_affiliation_data"] = { ["a@b"] = { ["reserved_nickname"] = "A"; }; }; };',
  );
  write(
    folder,
    'conference%2elocalhost/config/gone.dat',
    'return { ["jid"] = "gone@conference.localhost"; ["_data"] = {}; };',
  );
  return folder;
}

describe("Prosody's data folder", () => {
  test('what is in it is imported, and what cannot be is named', async (t) => {
    const deployment = new Deployment(t);
    const folder = prosodyFolder(deployment);
    const { code, out, error } = await deployment.run(['store', 'import', folder]);
    assert.equal(code, 0, error);
    assert.equal(out, `${folder}: 1 accounts, 1 rooms imported\n`);
    assert.deepEqual(error.split('\n').sort(), [
      '',
      'rooms.localhost is not MUC_DOMAIN (conference.localhost): its rooms were left out (1 times)',
    ]);
    assert.equal((await deployment.run(['user', 'list'])).out, 'julé@localhost\n');

    const exported = await deployment.run(['store', 'export', 'again', '--for', 'prosody']);
    assert.match(exported.out, /1 accounts, 1 rooms/);
    const again = (path: string): string => readFileSync(join(deployment.folder, 'again', path), 'utf8');
    assert.equal(statSync(join(deployment.folder, 'again')).mode & 0o777, 0o700);
    assert.equal(
      statSync(join(deployment.folder, 'again/localhost/accounts/jul%c3%a9.dat')).mode & 0o777,
      0o600,
    );
    assert.match(again('localhost/privacy/jul%c3%a9.dat'), /\["value"\] = "a@b";/);
    assert.match(again('localhost/roster/jul%c3%a9.dat'), /\["paris@example\.net"\] = true/);
    assert.match(again('localhost/private/jul%c3%a9.dat'), /\["a:b"\] = \{/);
    assert.match(again('localhost/vcard/jul%c3%a9.dat'), /"Jul\\195\\169"/);
    assert.match(again('conference%2elocalhost/config/x.dat'), /\["reserved_nickname"\] = "A"/);
    const twice = await deployment.run(['store', 'import', 'again']);
    assert.equal(twice.out, 'again: 0 accounts imported\n');
    assert.match(twice.error, /julé@localhost: exists already/);
    assert.match(twice.error, /x@conference\.localhost: exists already/);
    assert.equal((await deployment.run(['store', 'export', 'again', '--for', 'prosody'])).code, 4);
  });

  test('--only takes a part, makes no accounts, and leaves what is there', async (t) => {
    const deployment = new Deployment(t);
    const folder = prosodyFolder(deployment);
    const vcard = await deployment.run(['store', 'import', folder, '--only', 'vcard']);
    assert.equal(vcard.out, `${folder}: 1 accounts imported\n`);
    assert.equal((await deployment.run(['user', 'list'])).out, '');
    const again = await deployment.run(['store', 'import', folder, '--only', 'vcard,rooms']);
    assert.equal(again.out, `${folder}: 0 accounts, 1 rooms imported\n`);
    assert.match(again.error, /julé@localhost: has vcard already: left as it is/);
    // of accounts that are another server's
    await deployment.run(['store', 'export', 'cards', '--for', 'prosody', '--only', 'vcard']);
    assert.deepEqual(readdirSync(join(deployment.folder, 'cards'), { recursive: true }).sort(), [
      'localhost',
      'localhost/vcard',
      'localhost/vcard/jul%c3%a9.dat',
    ]);
    const wrong = await deployment.run(['store', 'import', folder, '--only', 'vcards']);
    assert.equal(wrong.code, 2);
    assert.match(
      wrong.error,
      /--only takes roster, messages, private, vcard, pep, privacy, rooms; not vcards/,
    );
  });

  test('broken files are named', async (t) => {
    const deployment = new Deployment(t);
    const folder = prosodyFolder(deployment);
    write(folder, 'localhost/roster/jul%c3%a9.dat', 'return os.exit()');
    const result = await deployment.run(['store', 'import', folder]);
    assert.equal(result.code, 1);
    assert.match(result.error, /roster\/jul%c3%a9\.dat: /);
    mkdirSync(join(deployment.folder, 'empty'));
    const empty = await deployment.run(['store', 'import', 'empty']);
    assert.match(empty.error, /no stores of Prosody's in it/);
    writeFileSync(join(deployment.folder, 'dump'), '{tables,[}.');
    assert.match((await deployment.run(['store', 'import', 'dump'])).error, /dump: .*expected at character/);
    const none = await deployment.run(['store', 'import', 'nowhere']);
    assert.deepEqual([none.code, none.error], [1, 'nowhere: there is no such file or folder\n']);
    const other = await deployment.run(['store', 'import', '.env']);
    assert.equal(other.code, 1);
    assert.match(
      other.error,
      /^\.env: .*: this is not \(only\) XEP-0227, .* \(0 accounts imported before\)$/m,
    );
  });
});
