import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { canEnter, makeOpenFolder } from './account.ts';
import { withLock } from './lock.ts';
import type { Machine } from './servers/server.ts';
import type { Software } from './servers/server.ts';
import { StackError, exitCodes } from './stack-error.ts';
import { runTool } from './tool.ts';

/** Where downloads are kept: a place outside the project, which the account that runs the servers can read. */
export function cacheFolder(env = process.env, uid = process.getuid?.()): string {
  const chosen = env['TAILRACE_CACHE'];
  if (chosen !== undefined && chosen !== '') return chosen;
  // A home folder of root is closed to the account that the servers run as.
  if (uid === 0) return '/var/cache/tailrace';
  const base = env['XDG_CACHE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'tailrace');
}

/** The server's folder in the cache; it exists exactly when the software is there, whole. */
export function softwareFolder(server: Software, cache = cacheFolder()): string {
  return join(cache, `${server.name}-${server.version}`);
}

/** Downloads the server unless the cache has it. Two stacks that want it at the same time download it once. */
export async function installServer(
  server: Software,
  machine: Machine,
  onProgress: (line: string) => void,
): Promise<string> {
  const folder = softwareFolder(server);
  if (existsSync(folder)) return folder;
  makeCache(machine);
  const onWait = (pid: number) => onProgress(`${server.name}: process ${pid} is downloading it, waiting`);
  await withLock(`${folder}.lock`, onWait, async () => {
    if (!existsSync(folder)) await download(server, machine, folder, onProgress);
  });
  return folder;
}

async function download(
  server: Software,
  machine: Machine,
  folder: string,
  onProgress: (line: string) => void,
): Promise<void> {
  const startedMs = Date.now();
  onProgress(`${server.name}: downloading ${server.standIn ?? server.name} ${server.version}`);
  const unfinished = mkdtempSync(join(cacheFolder(), 'unfinished-'));
  try {
    await server.install(unfinished, machine);
    await runTool('chmod', ['-R', 'a+rX', unfinished]);
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  const size = (await runTool('du', ['-sm', folder])).split('\t')[0];
  onProgress(`${server.name}: downloaded, ${size} MB in ${((Date.now() - startedMs) / 1000).toFixed(0)} s`);
}

function makeCache(machine: Machine): void {
  const cache = cacheFolder();
  try {
    makeOpenFolder(cache);
  } catch {
    throw cacheError(`${cache} cannot be made`);
  }
  if (!canEnter(machine.account, cache))
    throw cacheError(`the servers run as nobody, who cannot enter ${cache}`);
}

function cacheError(what: string): StackError {
  return new StackError(
    'CACHE_UNUSABLE',
    exitCodes.permission,
    what,
    'set TAILRACE_CACHE to a folder that you can write and all can read',
  );
}
