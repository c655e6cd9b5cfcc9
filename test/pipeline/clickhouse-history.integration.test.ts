import { expect, test } from 'vitest';
import { openPipeline, type Pipeline } from './harness.ts';
import { until } from './until.ts';

async function ask({ places }: Pipeline, sql: string): Promise<unknown[]> {
  const url = new URL(places['rows']?.url ?? '');
  const response = await fetch(`${url.origin}/?database=${url.pathname.slice(1)}`, {
    method: 'POST',
    headers: {
      'X-ClickHouse-User': decodeURIComponent(url.username),
      'X-ClickHouse-Key': decodeURIComponent(url.password),
    },
    body: `${sql} FORMAT JSONEachRow`,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}

test('every change of a row is in the history, in its order', async () => {
  await using pipeline = await openPipeline({
    sql: 'CREATE TABLE item (id int PRIMARY KEY, n int); INSERT INTO item VALUES (1, 0)',
    sinks: { rows: 'clickhouse' },
    sinkOptions: {
      rows: {
        mapping: {
          'public.item': {
            history: true,
            materializedViews: {
              per_day: { from: 'history', every: 'day', by: ['__op'], values: { n: 'count()' } },
            },
          },
        },
      },
    },
  });
  pipeline.start('producer');
  await pipeline.untilCaptured();
  await pipeline.database.query(
    `DO $$ BEGIN FOR i IN 1..50 LOOP UPDATE item SET n = i; END LOOP; END $$; UPDATE item SET id = 2; DELETE FROM item; INSERT INTO item VALUES (3, 3)`,
  );
  await pipeline.database.query('TRUNCATE item');
  await pipeline.untilCaptured();
  pipeline.start('sink', 'rows');
  await pipeline.untilCaughtUp();
  expect(
    await ask(pipeline, 'SELECT __op, count() AS c, max(n) AS n FROM item_changes GROUP BY 1 ORDER BY 1'),
  ).toEqual([
    { __op: 'c', c: 2, n: 50 },
    { __op: 'd', c: 2, n: null },
    { __op: 'r', c: 1, n: 0 },
    { __op: 't', c: 1, n: null },
    { __op: 'u', c: 50, n: 50 },
  ]);
  expect(await ask(pipeline, 'SELECT * FROM item_current')).toEqual([]);
});

test('a sink that is killed again and again keeps each change once', async () => {
  await using pipeline = await openPipeline({
    sql: 'CREATE TABLE item (id int PRIMARY KEY, n int); INSERT INTO item SELECT i, 0 FROM generate_series(0, 19) i',
    sinks: { rows: 'clickhouse' },
    sinkOptions: { rows: { mapping: { 'public.item': { history: true } } } },
  });
  pipeline.start('producer');
  await pipeline.untilCaptured();
  await pipeline.database.query(
    `CREATE PROCEDURE load(first int) LANGUAGE plpgsql AS $$ BEGIN
       FOR i IN first..first + 999 LOOP UPDATE item SET n = i WHERE id = i % 20; COMMIT; END LOOP; END $$`,
  );
  for (const first of [1, 1001, 2001]) {
    const worker = pipeline.start('sink', 'rows');
    const load = pipeline.database.query(`CALL load(${first})`);
    await until(
      'changes arrive',
      async () => Number((await worker.status('sink/rows')).details['appliedEvents']) > 0,
    );
    await worker.end('SIGKILL');
    await load;
  }
  pipeline.start('sink', 'rows');
  await pipeline.untilCaughtUp();
  expect(
    await ask(pipeline, `SELECT count() AS c, uniqExact(n) AS u FROM item_changes WHERE __op = 'u'`),
  ).toEqual([{ c: 3000, u: 3000 }]);
  await pipeline.expectEqual(['public.item']);
});
