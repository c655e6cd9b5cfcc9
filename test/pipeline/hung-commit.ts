import type pg from 'pg';
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
  const [probe, client] = [await database.connect(), await database.connect()];
  const probing = { goesOn: true };
  const hung: Promise<unknown>[] = [];
  try {
    await setStandby("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    // Commits obey the setting only when the checkpointer has read it, some time after the reload.
    hung.push(commitAgainAndAgain(probe, probing));
    await until('a commit hangs', () => hangingCommits(database, 1));
    probing.goesOn = false;
    hung.push(client.query(sql));
    await until('the commit hangs', () => hangingCommits(database, 2));
    await work();
  } finally {
    probing.goesOn = false;
    await setStandby('ALTER SYSTEM RESET synchronous_standby_names');
    await Promise.all(hung);
  }
}

async function commitAgainAndAgain(client: pg.Client, probing: { goesOn: boolean }): Promise<void> {
  while (probing.goesOn) await client.query("SELECT pg_logical_emit_message(true, 'tests', '')");
}

async function hangingCommits(database: SourceDatabase, expected: number): Promise<boolean> {
  const sessions = await database.query(
    `SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = current_database()`,
  );
  return sessions.length === expected;
}

function setStandby(sql: string): Promise<unknown> {
  return onServer(async (server) => {
    await server.query('SET synchronous_commit = local');
    await server.query(sql);
    await server.query('SELECT pg_reload_conf()');
  });
}
