import { expect, test } from 'vitest';
import { decodeRecord, type DecodedRecord } from './decode-record.ts';
import { openPipeline, type Pipeline } from './harness.ts';
import { until } from './until.ts';

const ROWS = 2_000;
const ITEMS = `CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL, note text);
  INSERT INTO items SELECT g, 0, md5(g::text) FROM generate_series(1, ${ROWS}) g`;

async function events(pipeline: Pipeline): Promise<DecodedRecord[]> {
  return Promise.all((await pipeline.records('public.items')).map(decodeRecord));
}

/** The ids of the rows that were read, each as often as it was read. */
async function reads(pipeline: Pipeline): Promise<number[]> {
  const found = (await events(pipeline)).filter(({ value }) => value?.op === 'r');
  return found.map(({ value }) => Number(value?.after?.['id'])).toSorted((left, right) => left - right);
}

test('tailrace snapshot reads the rows that a condition picks, and tells when they are read', async () => {
  await using pipeline = await openPipeline({ sql: ITEMS, source: { snapshot: 'never' } });
  pipeline.start('producer');
  await pipeline.untilCaptured();
  const where = 'id BETWEEN 5 AND 7 -- by hand';
  const asked = await pipeline.tailrace('snapshot', 'items', '--where', where, '--json');
  expect([asked.exitCode, asked.stderr]).toStrictEqual([0, expect.any(String)]);
  expect(JSON.parse(asked.stdout)).toMatchObject({
    tables: [{ table: 'public.items', state: 'done', rows: 3, failure: null }],
  });
  expect(await reads(pipeline)).toStrictEqual([5, 6, 7]);
  const again = await pipeline.tailrace('snapshot', 'public.items', '--where', 'id = 9');
  expect(again).toMatchObject({ exitCode: 0, stdout: 'public.items: 1 rows read\n' });
  expect(await reads(pipeline)).toStrictEqual([5, 6, 7, 9]);
});

test('tailrace snapshot is obeyed once when it is given while no producer runs', async () => {
  await using pipeline = await openPipeline({ sql: ITEMS, source: { snapshotChunkRows: 500 } });
  const first = pipeline.start('producer');
  await pipeline.untilCaptured();
  await first.end('SIGTERM');
  const asked = await pipeline.tailrace('snapshot', 'items', '--no-wait', '--json');
  expect(JSON.parse(asked.stdout)).toMatchObject({ asked: [{ table: 'public.items' }] });
  const second = pipeline.start('producer');
  await until('all rows are read again', async () => (await reads(pipeline)).length >= 2 * ROWS);
  await pipeline.untilCaptured();
  await second.end('SIGKILL');
  pipeline.start('producer');
  await pipeline.untilCaptured();
  const waited = await pipeline.tailrace('snapshot', 'items', '--where', 'id = 1', '--json');
  expect(waited.exitCode).toBe(0);
  expect(await reads(pipeline)).toHaveLength(2 * ROWS + 1);
});

test('tailrace snapshot lets it stand still and go on, also over a restart', async () => {
  await using pipeline = await openPipeline({
    sql: ITEMS,
    sinks: { cache: 'redis' },
    source: { snapshotChunkRows: 5 },
  });
  const first = pipeline.start('producer');
  await until('the snapshot has begun', async () => {
    const { details } = await first.status('producer');
    return ((details['snapshot'] as { rows: number } | null)?.rows ?? 0) > 0;
  });
  // The next chunk waits for this lock, so the command comes in time.
  const locking = await pipeline.database.connect();
  await locking.query('BEGIN; LOCK TABLE items');
  expect(await pipeline.tailrace('snapshot', '--pause')).toMatchObject({ exitCode: 0 });
  await until('the snapshot is paused', async () => isPaused(await first.status('producer')));
  await locking.query('COMMIT');
  await first.end('SIGKILL');
  const second = pipeline.start('producer');
  await until('the snapshot is paused still', async () => isPaused(await second.status('producer')));
  const { stdout } = await pipeline.tailrace('snapshot', '--status', '--json');
  const shown = JSON.parse(stdout) as { paused: boolean; tables: { state: string; rows: number }[] };
  expect(shown).toMatchObject({ paused: true, tables: [{ table: 'public.items' }] });
  expect(shown.tables[0]?.rows).toBeLessThan(ROWS);
  // Changes go on meanwhile.
  await pipeline.database.query('UPDATE items SET n = 7 WHERE id = 2000');
  await pipeline.slotConfirms();
  expect((await events(pipeline)).filter(({ value }) => value?.op === 'u')).toHaveLength(1);
  expect(await pipeline.tailrace('snapshot', '--resume')).toMatchObject({ exitCode: 0 });
  pipeline.start('sink', 'cache');
  await until('the snapshot is done', async () => (await second.status('producer')).state === 'running');
  await pipeline.untilCaughtUp();
  expect(new Set(await reads(pipeline)).size).toBe(ROWS);
  await pipeline.expectEqual(['public.items']);
});

function isPaused({ details }: { details: Record<string, unknown> }): boolean {
  return (details['snapshot'] as { paused: boolean } | null)?.paused === true;
}

test('a condition that fails on a row ends its request and nothing else', async () => {
  await using pipeline = await openPipeline({ sql: ITEMS, source: { snapshot: 'never' } });
  const producer = pipeline.start('producer');
  await pipeline.untilCaptured();
  const failed = await pipeline.tailrace('snapshot', 'items', '--where', '1 / (id - 1000) = 0', '--json');
  expect(failed.exitCode).toBe(1);
  expect(JSON.parse(failed.stdout)).toMatchObject({ tables: [{ state: 'failed', failure: '22012' }] });
  const asked = await pipeline.tailrace('snapshot', 'items', '--where', 'id = 3');
  expect(asked.exitCode).toBe(0);
  expect((await reads(pipeline)).includes(3)).toBe(true);
  expect((await producer.status('producer')).lastError).toBeNull();
});

test('tailrace snapshot refuses what it cannot do', async () => {
  await using pipeline = await openPipeline({ sql: ITEMS, source: { snapshot: 'never' } });
  pipeline.start('producer');
  await pipeline.untilCaptured();
  const refused = [
    [['items', '--where', 'nothing = 1'], 2, 'does not take the condition'],
    [['items', '--where', 'true); DROP TABLE items; --'], 2, 'does not take the condition'],
    [['item'], 3, 'did you mean "public.items"?'],
    [[], 2, 'give tables'],
    [['items', '--pause'], 2, 'give tables'],
    [['items', 'items', '--where', 'true'], 2, 'exactly one table'],
  ] as const;
  for (const [args, exitCode, message] of refused) {
    const ending = await pipeline.tailrace('snapshot', ...args);
    expect([args, ending.exitCode]).toStrictEqual([args, exitCode]);
    expect(ending.stderr).toContain(message);
  }
  const planned = await pipeline.tailrace('snapshot', 'items', '--where', 'id < 3', '--dry-run', '--json');
  expect(JSON.parse(planned.stdout)).toMatchObject({ plan: [{ table: 'public.items', where: 'id < 3' }] });
  expect(await pipeline.database.query('SELECT FROM items')).toHaveLength(ROWS);
  expect(await reads(pipeline)).toStrictEqual([]);
});
