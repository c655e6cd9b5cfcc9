import pg from 'pg';
import { identify, type ProcessIdentity } from '../infra/process-tree.ts';

/** The process of the server that sends a slot's changes. */
export interface Walsender {
  readonly process: ProcessIdentity;
  /** When the server got START_REPLICATION, milliseconds since the epoch. */
  readonly startedAtMs: number;
}

/** An empty database of one scenario. Disposing of it drops it with its slots. */
export interface Source extends AsyncDisposable {
  readonly url: string;
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** A connection of its own, closed with the database. */
  connect(): Promise<pg.Client>;
  /** Who reads the slot; undefined while nobody does. */
  walsenderOf(slot: string): Promise<Walsender | undefined>;
}

/** Makes the database on the server of `serverUrl`. */
export async function openSource(serverUrl: string, name: string): Promise<Source> {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const server = await connected(serverUrl);
  await server.query(`CREATE DATABASE ${name}`);
  const main = await connected(url.href);
  const clients = [main];
  const query = async <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
    (values.length === 0 ? await main.query<Row>(sql) : await main.query<Row>(sql, [...values])).rows;
  return {
    url: url.href,
    query,
    connect: async () => {
      const client = await connected(url.href);
      clients.push(client);
      return client;
    },
    walsenderOf: async (slot) => {
      const [row] = await query<{ pid: number; started_at_ms: number }>(
        `SELECT pid, extract(epoch FROM query_start)::float8 * 1000 AS started_at_ms
           FROM pg_stat_activity
           JOIN pg_replication_slots ON active_pid = pid AND slot_name = $1
          WHERE query ILIKE 'START_REPLICATION%'`,
        [slot],
      );
      const process = row === undefined ? undefined : identify(row.pid);
      return row === undefined || process === undefined
        ? undefined
        : { process, startedAtMs: row.started_at_ms };
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
      await drop(server, name);
    },
  };
}

async function drop(server: pg.Client, database: string): Promise<void> {
  try {
    await server.query(
      'SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE database = $1 AND active',
      [database],
    );
    await server.query(
      'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1',
      [database],
    );
    await server.query(`DROP DATABASE ${database} WITH (FORCE)`);
  } finally {
    await server.end().catch(() => undefined);
  }
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // The stack may be stopped under it; the next query reports that.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
