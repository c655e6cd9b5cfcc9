import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cacheFolder, installServer } from './cache.ts';
import type { Machine } from './servers/server.ts';
import { serverNamed } from './servers/all.ts';
import type { Server } from './servers/server.ts';

const machine: Machine = { account: undefined, javas: [], python: undefined };
let cache = '';

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'cache-'));
  vi.stubEnv('TAILRACE_CACHE', cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true });
});

function serverThat(install: Server['install']): Server {
  return { ...serverNamed('redis'), version: '1', install };
}

test('an install that fails half-way leaves nothing in the cache', async () => {
  const server = serverThat((folder) => {
    writeFileSync(join(folder, 'half'), '');
    return Promise.reject(new Error('the network went away'));
  });
  await expect(installServer(server, machine, () => {})).rejects.toThrow('the network went away');
  expect(readdirSync(cache)).toEqual([]);
});

test('two installs at once download once, and a third does nothing', async () => {
  let downloads = 0;
  const server = serverThat(async (folder) => {
    downloads++;
    writeFileSync(join(folder, 'program'), '');
  });
  const lines: string[] = [];
  const both = [1, 2].map(() => installServer(server, machine, (line) => lines.push(line)));
  const [folder = ''] = await Promise.all(both);
  expect(await installServer(server, machine, () => {})).toBe(folder);
  expect(downloads).toBe(1);
  expect(existsSync(join(folder, 'program'))).toBe(true);
  expect(lines.filter((line) => line.startsWith('redis: downloaded, '))).toHaveLength(1);
});

test('the cache is where the user says, else where the servers of this user can read', () => {
  expect(cacheFolder({ TAILRACE_CACHE: '/c' }, 0)).toBe('/c');
  expect(cacheFolder({}, 0)).toBe('/var/cache/tailrace');
  expect(cacheFolder({ XDG_CACHE_HOME: '/home/u/.c' }, 1000)).toBe('/home/u/.c/tailrace');
});
