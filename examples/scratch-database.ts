import { randomUUID } from 'node:crypto';
import pg from 'pg';

/** An empty database for one test; `await using` drops it at the end of the test. */
export interface ScratchDatabase extends AsyncDisposable {
  url: string;
  /** Runs one statement on a connection of its own and returns its rows. */
  query<Row extends pg.QueryResultRow>(sql: string): Promise<Row[]>;
}

/** Makes the database on the server of `DATABASE_URL`. */
export async function scratchDatabase(): Promise<ScratchDatabase> {
  const serverUrl = process.env['DATABASE_URL'];
  if (serverUrl === undefined || serverUrl === '') {
    throw new Error('This test needs a Postgres server: set DATABASE_URL, or run it with `npm test`.');
  }
  const name = `scratch_${randomUUID().replaceAll('-', '')}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await query(serverUrl, `CREATE DATABASE ${name}`);
  return {
    url: url.href,
    query: (sql) => query(url.href, sql),
    [Symbol.asyncDispose]: async () => {
      await query(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}
