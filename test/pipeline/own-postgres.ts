import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { installServer } from '../../infra/cache.ts';
import { awaitReady, launch } from '../../infra/daemon.ts';
import { inspectMachine } from '../../infra/machine.ts';
import { choosePort } from '../../infra/ports.ts';
import { stopProcess, type ProcessIdentity } from '../../infra/process-tree.ts';
import { postgres } from '../../infra/servers/postgres.ts';
import type { Instance } from '../../infra/servers/server.ts';
import { makeHome } from '../../infra/stack-state.ts';

const run = promisify(execFile);

/** A Postgres of the test's own, outside of any stack, whose settings and data the test may spoil. */
export interface OwnPostgres extends AsyncDisposable {
  readonly url: string;
  /** Runs SQL in the server's own database, or in another one of it. */
  query<Row extends pg.QueryResultRow>(sql: string, database?: string): Promise<Row[]>;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** The stopped server's data in a server of its own, as after a restore from a file system's snapshot; not started. */
  copy(): Promise<OwnPostgres>;
  startAsStandby(): Promise<void>;
  /** Starts it as a standby and promotes it, which begins a new timeline. */
  promote(): Promise<void>;
}

/** The settings are added to those of the stack's Postgres. */
export async function startOwnPostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<OwnPostgres> {
  const server = await makeServer(settings, null);
  await server.start();
  return server;
}

async function makeServer(
  settings: Readonly<Record<string, string>>,
  dataOf: Instance | null,
): Promise<OwnPostgres> {
  const machine = await inspectMachine([postgres]);
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-postgres-'));
  // The server's own account passes through to its home.
  chmodSync(folder, 0o755);
  const instance: Instance = {
    software: await installServer(postgres, machine, () => undefined),
    home: join(folder, 'home'),
    port: await choosePort({}, new Set()),
    innerPort: 0,
    password: 'own',
    account: machine.account,
  };
  makeHome(instance.home, machine.account);
  const data = join(instance.home, 'data');
  if (dataOf !== null) await run('cp', ['-a', join(dataOf.home, 'data'), data]);
  const log = join(folder, 'log');
  let running: ProcessIdentity | null = null;
  const start = async () => {
    const command = await postgres.command(instance, machine);
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    running = launch({ ...command, args: [...command.args, ...args] }, instance, log);
    await awaitReady(postgres, instance, running, log);
  };
  const stop = async () => {
    if (running !== null) await stopProcess(running, 'SIGINT', 20_000);
    running = null;
  };
  const query = async <Row extends pg.QueryResultRow>(sql: string, database?: string) => {
    const url = new URL(postgres.url(instance));
    if (database !== undefined) url.pathname = `/${database}`;
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const startAsStandby = async () => {
    writeFileSync(join(data, 'standby.signal'), '');
    await start();
  };
  return {
    url: postgres.url(instance),
    query,
    stop,
    start,
    copy: () => makeServer(settings, instance),
    startAsStandby,
    promote: async () => {
      await startAsStandby();
      await query('SELECT pg_promote()');
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
