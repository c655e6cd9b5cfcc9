import { rmSync } from 'node:fs';
import { mkdtempSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installServer } from '../../infra/cache.ts';
import { awaitReady, launch } from '../../infra/daemon.ts';
import { inspectMachine } from '../../infra/machine.ts';
import { choosePort } from '../../infra/ports.ts';
import { stopProcess } from '../../infra/process-tree.ts';
import { postgres } from '../../infra/servers/postgres.ts';
import type { Instance } from '../../infra/servers/server.ts';
import { makeHome } from '../../infra/stack-state.ts';

/** A Postgres of the test's own with wal_level = replica, as a server is that nobody has prepared. */
export interface ReplicaPostgres extends AsyncDisposable {
  readonly url: string;
}

/** Starts the stack's Postgres outside of any stack, with that one setting changed. */
export async function startReplicaPostgres(): Promise<ReplicaPostgres> {
  const machine = await inspectMachine([postgres]);
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-postgres-'));
  // The server's own account passes through to its home.
  chmodSync(folder, 0o755);
  const instance: Instance = {
    software: await installServer(postgres, machine, () => undefined),
    home: join(folder, 'home'),
    port: await choosePort({}, new Set()),
    innerPort: 0,
    password: 'replica',
    account: machine.account,
  };
  makeHome(instance.home, machine.account);
  const command = await postgres.command(instance, machine);
  const args = command.args.map((arg) => (arg === 'wal_level=logical' ? 'wal_level=replica' : arg));
  const log = join(folder, 'log');
  const running = launch({ ...command, args }, instance, log);
  await awaitReady(postgres, instance, running, log);
  return {
    url: postgres.url(instance),
    [Symbol.asyncDispose]: async () => {
      await stopProcess(running, 'SIGINT', 10_000);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
