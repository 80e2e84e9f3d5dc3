import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { type Finding, finding } from './finding.js';

/** Whether the store can be reached: its folder written, or its server connected to. Opens nothing, takes no lock. */
export async function checkStorage(storageUrl: string, dataFolder: string): Promise<Finding[]> {
  const findings = [checkFolder(dataFolder, 'the data folder')];
  if (!storageUrl.startsWith('lmdb:')) findings.push(...(await checkServer(storageUrl)));
  else if (storageUrl.slice('lmdb:'.length) !== dataFolder) {
    findings.push(checkFolder(storageUrl.slice('lmdb:'.length), 'the store'));
  }
  return findings;
}

function checkFolder(folder: string, what: string): Finding {
  try {
    if (!existsSync(folder)) mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return finding('ok', 'storage', `${what} ${folder} can be written`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return finding('error', 'storage', `${what} ${folder} cannot be written (${code})`);
  }
}

/** Only the hosts are named: a connection string can contain a password. */
async function checkServer(url: string): Promise<Finding[]> {
  if (url.startsWith('mongodb+srv:'))
    return [finding('note', 'storage', 'the database is found by DNS: not tried')];
  const hosts = (/^mongodb:\/\/(?:[^@/]*@)?([^/?]+)/.exec(url)?.[1] ?? '').split(',');
  return Promise.all(
    hosts.map(async (address) => {
      const problem = await tryToConnect(address);
      return problem === undefined
        ? finding('ok', 'storage', `the database at ${address} answers`)
        : finding('error', 'storage', `the database at ${address} does not answer: ${problem}`);
    }),
  );
}

function tryToConnect(address: string): Promise<string | undefined> {
  const match = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(decodeURIComponent(address));
  if (match === null) return Promise.resolve('not an address');
  return new Promise((resolve) => {
    const socket = connect({
      host: (match[1] ?? '').replace(/^\[|\]$/g, ''),
      port: Number(match[2] ?? 27017),
    });
    const end = (problem: string | undefined): void => {
      socket.destroy();
      resolve(problem);
    };
    socket.setTimeout(5_000, () => end('no answer within 5 s'));
    socket.once('connect', () => end(undefined));
    socket.once('error', (error) => end(error.message));
  });
}
