import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { checkCertificates } from '../../../shared/cli/checks/certificates.js';
import { checkDns } from '../../../shared/cli/checks/dns.js';
import type { Finding } from '../../../shared/cli/checks/finding.js';
import { checkPorts } from '../../../shared/cli/checks/ports.js';
import { checkSharing } from '../../../shared/cli/checks/sharing.js';
import { checkStorage } from '../../../shared/cli/checks/storage.js';
import { testCertificate, writePair } from '../../tools/certificates.js';

const folder = mkdtempSync(join(tmpdir(), 'entourage-check-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const brief = (findings: readonly Finding[]): string[] =>
  findings.map(({ level, message }) => `${level}: ${message.replaceAll(`${folder}/`, '')}`);

describe('check certificates', () => {
  const good = writePair(join(folder, 'good'), testCertificate(['example.org', '*.example.org']));
  const other = writePair(join(folder, 'other'), testCertificate(['example.net']));
  const day = 86_400_000;
  const old = writePair(
    join(folder, 'old'),
    testCertificate(['example.org'], {
      notBefore: new Date(Date.now() - 9 * day),
      notAfter: new Date(Date.now() - day),
    }),
  );
  const ending = writePair(
    join(folder, 'ending'),
    testCertificate(['example.org'], { notAfter: new Date(Date.now() + 5.5 * day) }),
  );
  const early = writePair(
    join(folder, 'early'),
    testCertificate(['example.org'], { notBefore: new Date(Date.now() + day) }),
  );
  writeFileSync(join(folder, 'rubbish.crt'), 'rubbish');
  const check = (domains: string[], cert?: string, key?: string, certs?: string): string[] =>
    brief(checkCertificates(domains, { cert, key, folder: certs, dataFolder: folder }));

  test('one that fits, and a wildcard', () => {
    assert.match(
      check(['example.org'], good.cert, good.key)[0] ?? '',
      /^ok: example\.org: good\.crt, valid for 89|^ok.*90 days/,
    );
    assert.match(check(['rooms.example.org'], good.cert, good.key)[0] ?? '', /^ok/);
  });
  test('none configured', () => {
    assert.match(check(['localhost'])[0] ?? '', /^warning: none is configured/);
  });
  test('wrong domain', () => {
    assert.match(
      check(['example.org'], other.cert, other.key)[0] ?? '',
      /^error: example\.org: other\.crt is not for this domain \(DNS:example\.net\)/,
    );
    assert.match(check(['a.b.example.org'], good.cert, good.key)[0] ?? '', /^error: .*not for this domain/);
  });
  test('expired, not yet valid, and soon to end', () => {
    assert.match(
      check(['example.org'], old.cert, old.key)[0] ?? '',
      /^error: example\.org: old\.crt expired on /,
    );
    assert.match(check(['example.org'], early.cert, early.key)[0] ?? '', /^error: .*is not valid before/);
    assert.match(check(['example.org'], ending.cert, ending.key)[0] ?? '', /^warning: .*expires in 5 days/);
  });
  test('unreadable, of another key, without its key', () => {
    assert.match(
      check(['example.org'], join(folder, 'none.crt'), good.key)[0] ?? '',
      /^error: .*cannot be read as a certificate \(ENOENT\)/,
    );
    assert.match(
      check(['example.org'], join(folder, 'rubbish.crt'), good.key)[0] ?? '',
      /^error: .*cannot be read as a certificate/,
    );
    assert.match(
      check(['example.org'], good.cert, other.key)[0] ?? '',
      /^error: .*other\.key is not the key of good\.crt/,
    );
    assert.match(
      check(['example.org'], good.cert)[0] ?? '',
      /^error: example\.org: .*good\.crt cannot be read as a key/,
    );
    const both = join(folder, 'both.pem');
    writeFileSync(both, readFileSync(good.cert, 'utf8') + readFileSync(good.key, 'utf8'), { mode: 0o600 });
    assert.match(check(['example.org'], both)[0] ?? '', /^ok: example\.org: .*both\.pem/);
  });
  test('a key that everybody may read', () => {
    chmodSync(early.key, 0o644);
    assert.ok(
      check(['example.org'], early.cert, early.key).some((line) =>
        /^warning: .*everybody may read/.test(line),
      ),
    );
  });
  test('a folder with one per domain', () => {
    writePair(join(folder, 'two.example'), testCertificate(['two.example']));
    assert.match(check(['two.example'], undefined, undefined, folder)[0] ?? '', /^ok: two\.example/);
    assert.deepEqual(check(['three.example'], undefined, undefined, folder), [
      'error: three.example: no certificate',
    ]);
    assert.match(
      check(['x'], undefined, undefined, join(folder, 'no'))[0] ?? '',
      /^error: TLS_CERTS_DIR=no is not/,
    );
  });
});

describe('check ports', () => {
  const settingsOf = (settings: Readonly<Record<string, unknown>>, name = 'core') => ({
    entry: { name, folder: name },
    settings: { LISTEN_HOST: '127.0.0.1', ...settings },
    reports: [],
    problems: [],
  });

  test('says which is taken, by another program or by two settings, and leaves off and auto alone', async (t) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const taken = (server.address() as AddressInfo).port;
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const freePort = (free.address() as AddressInfo).port;
    await new Promise((resolve) => free.close(resolve));
    const findings = await checkPorts(
      [
        settingsOf({ C2S_PORT: taken, C2S_TLS_PORT: 0, S2S_PORT: 'auto', COMPONENT_TLS_PORT: freePort }),
        settingsOf({ BOSH_PORT: freePort, CORE_PORT: taken }, 'bosh'),
      ],
      [],
    );
    assert.deepEqual(brief(findings), [
      `error: core C2S_PORT=${taken} cannot be used: another program listens there`,
      `ok: core COMPONENT_TLS_PORT=${freePort} is free`,
      `error: bosh BOSH_PORT=${freePort} is also core COMPONENT_TLS_PORT=${freePort}`,
    ]);
    const running = {
      process: 'core',
      pid: 1,
      startedAt: '',
      ready: true,
      addresses: { c2s: `127.0.0.1:${taken}` },
    };
    assert.deepEqual(brief(await checkPorts([settingsOf({ C2S_PORT: taken })], [running])), [
      `ok: core C2S_PORT=${taken} is served by this system`,
    ]);
  });
});

describe('check DNS', () => {
  const ports = { c2s: 5222, c2sTls: 0, s2s: 5269, s2sTls: 0 };

  test('nothing to look up for localhost', async () => {
    const findings = await checkDns([{ name: 'localhost', clients: true }], ports, {
      timeoutMilliseconds: 100,
    });
    assert.deepEqual(brief(findings), ['note: no public domain is configured: nothing to look up']);
  });

  test('ends in time where no name server answers', async (t) => {
    const silent = createSocket('udp4');
    await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
    t.after(() => silent.close());
    const findings = await checkDns([{ name: 'example.org', clients: true }], ports, {
      timeoutMilliseconds: 400,
      servers: [`127.0.0.1:${silent.address().port}`],
    });
    assert.equal(findings.length, 2);
    for (const finding of findings)
      assert.match(finding.message, /cannot be looked up \((ETIMEOUT|ECANCELLED)\)/);
  });

  test('says which record to add where there is none, and where a record leads elsewhere', async (t) => {
    const server = createSocket('udp4');
    // Answers SRV of _xmpp-client with port 5223 at example.org, everything else with NXDOMAIN; A with 192.0.2.1.
    server.on('message', (query, from) => server.send(answerTo(query), from.port, from.address));
    await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const findings = await checkDns(
      [
        { name: 'example.org', clients: true },
        { name: 'rooms.example.org', clients: false },
      ],
      ports,
      { timeoutMilliseconds: 3_000, servers: [`127.0.0.1:${server.address().port}`] },
    );
    assert.deepEqual(brief(findings), [
      'warning: _xmpp-client._tcp.example.org → example.org:5223, but this system listens on 5222',
      'note: _xmpp-server._tcp.example.org has no SRV record; to add: _xmpp-server._tcp.example.org. IN SRV 0 5 5269 example.org.',
      'error: _xmpp-server._tcp.rooms.example.org has no SRV record; to add: _xmpp-server._tcp.rooms.example.org. IN SRV 0 5 5269 rooms.example.org.',
    ]);
  });
});

function encodeName(name: string): Buffer {
  return Buffer.concat([
    ...name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)])),
    Buffer.of(0),
  ]);
}

/** A DNS answer for the last test: one SRV, one A, and NXDOMAIN for the rest (RFC 1035 §4). */
function answerTo(query: Buffer): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('ascii', at + 1, at + 1 + length));
    at += length + 1;
  }
  const question = query.subarray(12, at + 5);
  const type = query.readUInt16BE(at + 1);
  const name = labels.join('.').toLowerCase();
  let data: Buffer | undefined;
  if (type === 33 && name === '_xmpp-client._tcp.example.org') {
    data = Buffer.concat([Buffer.of(0, 0, 0, 5, 5223 >> 8, 5223 & 255), encodeName('example.org')]);
  } else if (type === 1 && name === 'example.org') data = Buffer.of(192, 0, 2, 1);
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(data === undefined ? 0x8183 : 0x8180, 2);
  header.writeUInt16BE(1, 4);
  if (data === undefined) return Buffer.concat([header, question]);
  header.writeUInt16BE(1, 6);
  const record = Buffer.alloc(12);
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(type, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(60, 6);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([header, question, record, data]);
}

describe('check storage', () => {
  test('a folder that can be written, a database that answers, and one that does not', async (t) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const port = (server.address() as AddressInfo).port;
    assert.deepEqual(brief(await checkStorage(`lmdb:${folder}`, folder)).length, 1);
    assert.deepEqual(
      brief(await checkStorage(`mongodb://user:hush@127.0.0.1:${port}/x`, folder))[1],
      `ok: the database at 127.0.0.1:${port} answers`,
    );
    await new Promise((resolve) => server.close(resolve));
    const findings = await checkStorage(`mongodb://user:hush@127.0.0.1:${port}/x`, folder);
    assert.match(findings[1]?.message ?? '', /does not answer: .*ECONNREFUSED/);
    assert.ok(!JSON.stringify(findings).includes('hush'));
    t.diagnostic('no password is shown');
  });
});

describe('sharing a component’s domain', () => {
  const storages: Readonly<Record<string, string>> = { vcard: 'mongodb://db/chat', pep: 'lmdb:./data' };
  const found = (name: string, CONFLICT = 'share') =>
    checkSharing(new Map([[name, { CONFLICT }]]), (each) => storages[each]).map(({ level }) => level);

  test('needs a store in common, and a component that keeps everything by owner', () => {
    assert.deepEqual(found('vcard'), []);
    assert.deepEqual(found('pep'), ['error']);
    assert.deepEqual(found('pep', 'replace'), []);
    assert.deepEqual(found('muc'), ['error']);
    assert.deepEqual(found('bosh'), [], 'it keeps nothing');
    // somebody else's, or on another host: they know
    assert.deepEqual(found('biboumi'), []);
  });
});
