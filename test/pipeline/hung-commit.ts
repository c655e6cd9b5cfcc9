import { onServer, type SourceDatabase } from './source-database.ts';
import { until } from './until.ts';

/**
 * Runs `sql` so that its commit hangs while `work` runs: Postgres waits for a synchronous standby that does not exist. By
 * then the commit is in the WAL and every slot streams it, but no other session sees it. The setting holds for the whole
 * server, so other sessions must not commit meanwhile, unless with `synchronous_commit = local` as Tailrace does.
 */
export async function whileCommitHangs(
  database: SourceDatabase,
  sql: string,
  work: () => Promise<void>,
): Promise<void> {
  const client = await database.connect();
  let hung: Promise<unknown> = Promise.resolve();
  try {
    await setStandby("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    // The client itself has to know the setting before it commits.
    await until('the setting is known', async () => {
      const { rows } = await client.query<{ name: string }>(
        `SELECT current_setting('synchronous_standby_names') AS name`,
      );
      return rows[0]?.name === 'nobody';
    });
    hung = client.query(sql);
    await until('the commit hangs', () => hangs(database));
    await work();
  } finally {
    await setStandby('ALTER SYSTEM RESET synchronous_standby_names');
    await hung;
  }
}

async function hangs(database: SourceDatabase): Promise<boolean> {
  const [row] = await database.query<{ hung: number }>(
    `SELECT count(*)::int AS hung FROM pg_stat_activity
      WHERE wait_event = 'SyncRep' AND datname = current_database()`,
  );
  return (row?.hung ?? 0) > 0;
}

function setStandby(sql: string): Promise<unknown> {
  return onServer(async (server) => {
    await server.query('SET synchronous_commit = local');
    await server.query(sql);
    await server.query('SELECT pg_reload_conf()');
  });
}
