import { randomUUID } from 'node:crypto';
import pg from 'pg';

/** An empty database of the test's own on the server of DATABASE_URL; disposing of it takes its slots along. */
export interface SourceDatabase extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  /** Runs one text of SQL (several statements are one transaction) on a connection that stays open; returns the last rows. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** A connection of its own, closed with the database. */
  connect(): Promise<pg.Client>;
}

export function serverUrl(): string {
  const url = process.env['DATABASE_URL'];
  if (url === undefined)
    throw new Error('this test needs Postgres: set DATABASE_URL, or run it with `npm test`');
  return url;
}

export async function openSourceDatabase(): Promise<SourceDatabase> {
  const name = `pipeline_${randomUUID().replaceAll('-', '').slice(0, 12)}`;
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  await onServer((server) => server.query(`CREATE DATABASE ${name}`));
  const clients: pg.Client[] = [];
  const connect = async () => {
    const client = await connected(url.href);
    clients.push(client);
    return client;
  };
  const main = await connect();
  return {
    name,
    url: url.href,
    connect,
    query: async <Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]) => {
      const result = (await main.query<Row>(sql, values === undefined ? undefined : [...values])) as
        pg.QueryResult<Row> | pg.QueryResult<Row>[];
      return (Array.isArray(result) ? result.at(-1) : result)?.rows ?? [];
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
      await dropDatabase(name);
    },
  };
}

/** A slot that somebody still reads forbids the drop, so its reader goes first. */
async function dropDatabase(name: string): Promise<void> {
  await onServer(async (server) => {
    await server.query(
      'SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE database = $1 AND active',
      [name],
    );
    await server.query(
      'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1',
      [name],
    );
    await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
  });
}

/** Runs something on the server's own database, with the rights of DATABASE_URL. */
export async function onServer<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = await connected(serverUrl());
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // A test may end this connection from outside; the next query reports it.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
