import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { LmdbStorage } from '../../../shared/storage/lmdb.js';
import { describeStorage } from './conformance.js';

const folder = mkdtempSync(join(tmpdir(), 'entourage-lmdb-'));
after(() => rmSync(folder, { recursive: true, force: true }));

describeStorage('lmdb', async () => new LmdbStorage({ folder, process: 'conformance' }));
