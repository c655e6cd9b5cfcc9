import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startOwnPostgres, type OwnPostgres } from '../../../test/pipeline/own-postgres.ts';
import { connectSource } from '../connection.ts';
import type { Check } from './check.ts';
import { checkTransactions, LONG_SECONDS } from './transactions.ts';

let server: OwnPostgres;

beforeAll(async () => {
  server = await startOwnPostgres({ max_prepared_transactions: '10' });
  await server.query('CREATE TABLE ledger (id int)');
});

afterAll(() => server[Symbol.asyncDispose]());

async function examine(longSeconds: number): Promise<Check[]> {
  const client = await connectSource(server.url, 'tests');
  try {
    return await checkTransactions({ client }, longSeconds);
  } finally {
    await client.end();
  }
}

test('an open and a prepared transaction are told once they are long, and the printed statements end them', async () => {
  const open = new pg.Client({ connectionString: server.url });
  const ended = new Promise<void>((resolve) => open.on('error', () => resolve()));
  await open.connect();
  await open.query('BEGIN; INSERT INTO ledger VALUES (1)');
  await server.query(`BEGIN; INSERT INTO ledger VALUES (2); PREPARE TRANSACTION 'it''s one'`);

  expect((await examine(LONG_SECONDS)).map(({ status, evidence }) => [status, evidence])).toEqual([
    ['ok', 'none over 5 min'],
    ['ok', 'none over 5 min'],
  ]);
  const [long, prepared, ...more] = await examine(0);
  expect(more).toEqual([]);
  expect(long).toMatchObject({ name: 'long transactions', status: 'warn' });
  expect(long?.evidence).toContain('idle in transaction');
  expect(prepared).toMatchObject({ name: 'prepared transactions', status: 'warn' });

  await server.query(/SELECT pg_terminate_backend\(\d+\);/.exec(long?.fix ?? '')?.[0] ?? '');
  await ended;
  await server.query(/COMMIT PREPARED '.*?';/.exec(prepared?.fix ?? '')?.[0] ?? '');
  expect(await server.query('SELECT id FROM ledger')).toEqual([{ id: 2 }]);
  expect((await examine(0)).map(({ status }) => status)).toEqual(['ok', 'ok']);
});

test('a role that cannot see the transactions of others is told so', async () => {
  await server.query("CREATE ROLE blind LOGIN PASSWORD 'blind'");
  const url = new URL(server.url);
  url.username = 'blind';
  url.password = 'blind';
  const client = await connectSource(url.href, 'tests');
  const [open] = await checkTransactions({ client }, LONG_SECONDS);
  await client.end();
  expect(open?.evidence).toContain('only those of role blind can be seen');
});
