import { expect, test, vi } from 'vitest';
import { openPipeline } from './harness.ts';
import { startOwnPostgres } from './own-postgres.ts';

test('a prepared transaction arrives once, when it is committed, and never when it is rolled back', async () => {
  await using server = await startOwnPostgres({ max_prepared_transactions: '10' });
  vi.stubEnv('DATABASE_URL', server.url);
  try {
    await using pipeline = await openPipeline({ sql: 'CREATE TABLE ledger (id int PRIMARY KEY, word text)' });
    const { database } = pipeline;
    const producer = pipeline.start('producer');
    await pipeline.untilCaptured();
    const prepare = (id: number, name: string) =>
      database.query(`BEGIN; INSERT INTO ledger VALUES (${id}, '${name}'); PREPARE TRANSACTION '${name}'`);
    await prepare(1, 'kept');
    await prepare(2, 'dropped');
    await prepare(3, 'kept later');
    await database.query("INSERT INTO ledger VALUES (4, 'beside')");
    await pipeline.slotConfirms();
    expect((await pipeline.records('public.ledger')).map(({ key }) => keyOf(key))).toEqual([4]);

    await database.query("COMMIT PREPARED 'kept'");
    await database.query("ROLLBACK PREPARED 'dropped'");
    await pipeline.slotConfirms();
    // A prepared transaction outlives the producer that saw it begin.
    await producer.end('SIGKILL');
    pipeline.start('producer');
    await database.query("COMMIT PREPARED 'kept later'");
    await pipeline.untilCaptured();
    const keys = (await pipeline.records('public.ledger')).map(({ key }) => keyOf(key));
    expect(keys.toSorted((left, right) => left - right)).toEqual([1, 3, 4]);
  } finally {
    vi.unstubAllEnvs();
  }
});

function keyOf(key: Buffer | null): number {
  const { id } = JSON.parse(String(key)) as { id: number };
  return id;
}
