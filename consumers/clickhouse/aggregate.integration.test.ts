import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { batchesOf, deliveries } from '../../test/sink-contract-histories.ts';
import { expectedRows, makeTarget, positionAt, upsert } from '../../test/sink-contract-model.ts';
import type { Target } from '../sink.ts';
import type { ClickHouseSink } from './sink.ts';
import { newSink, server, verdictOf } from './test-sink.ts';

const DATES = [
  '1950-05-01T10:59:59.9',
  '2024-02-29T10:00:00',
  '2024-02-29T10:59:59.999999',
  '2024-02-29T11:00:00',
];

const COLUMNS = {
  id: { kind: 'int8' },
  name: { kind: 'text' },
  step: { kind: 'int8' },
  at: { kind: 'timestamp' },
} as const;

async function refreshed(view: string, order = '1, 2'): Promise<Record<string, unknown>[]> {
  await server.run(`SYSTEM REFRESH VIEW ${view}`);
  await server.run(`SYSTEM WAIT VIEW ${view}`);
  return server.rows(`SELECT * FROM ${view} ORDER BY ${order}`);
}

const open: ClickHouseSink[] = [];

async function prepared(target: Target, mapping: Readonly<Record<string, unknown>>): Promise<ClickHouseSink> {
  const sink = newSink({}, mapping);
  open.push(sink);
  await sink.prepare([target]);
  return sink;
}

describe('materialized views', () => {
  beforeAll(() => server.run(`CREATE DATABASE ${server.database} ENGINE = Atomic`));

  afterAll(async () => {
    for (const sink of open) await sink.close();
    await server.run(`DROP DATABASE ${server.database}`);
  });

  test('an aggregate is that of the live rows, whatever was repeated, stale, deleted or truncated', async () => {
    const target = makeTarget('summed', ['id'], COLUMNS);
    const values = { rows: 'count()', total: 'sum(step)', least: 'min(name)' };
    const sink = await prepared(target, {
      materializedViews: { per_hour: { every: 'hour', time: 'at', by: ['name'], values, refresh: '1h' } },
    });
    let run = 0;
    const all: ReturnType<typeof batchesOf>[number] = [];
    await fc.assert(
      fc.asyncProperty(deliveries, async (delivery) => {
        run += 1;
        const batches = batchesOf(target, delivery, run).map((batch) =>
          batch.map((write) =>
            write.op === 'delete'
              ? write
              : {
                  ...write,
                  row: { ...write.row, at: DATES[Number(write.row['step']) % DATES.length] ?? null },
                },
          ),
        );
        for (const batch of batches) await sink.write(batch);
        all.push(...batches.flat());
      }),
      { numRuns: 40 },
    );
    const cut = positionAt(4);
    await sink.truncate(target, cut);
    await sink.truncate(target, cut);
    const expected = new Map<string, { rows: number; total: bigint }>();
    for (const { name = null, step, at } of expectedRows(target, all, [cut]).values()) {
      const hour = at?.replace(/^(.{10})T(..).*/, '$1 $2:00:00') ?? '';
      const group = JSON.stringify([hour, name]);
      const known = expected.get(group) ?? { rows: 0, total: 0n };
      expected.set(group, { rows: known.rows + 1, total: known.total + BigInt(step ?? 0) });
    }
    const found = await refreshed('per_hour');
    expect(
      new Map(
        found.map(({ hour, name, rows, total }) => [
          JSON.stringify([hour ?? '', name]),
          { rows: Number(rows), total: BigInt(String(total)) },
        ]),
      ),
    ).toEqual(expected);
  });

  test('a sum of large integers and of decimals is exact', async () => {
    const target = makeTarget('large', ['id'], {
      ...COLUMNS,
      price: { kind: 'numeric', precision: 18, scale: 2 },
    });
    const values = { total: 'sum(step)', prices: 'sum(price)', names: 'uniqExact(name)' };
    const sink = await prepared(target, {
      materializedViews: { large_per_day: { every: 'day', time: 'at', values } },
    });
    const rows = [1n, 2n, 3n].map((id) =>
      upsert(
        target,
        { id, step: 2n ** 63n - 1n, at: DATES[0] ?? null, price: '9999999999999999.99', name: 'x' },
        1,
      ),
    );
    await sink.write(rows);
    expect(await refreshed('large_per_day', '1')).toEqual([
      expect.objectContaining({ total: '27670116110564327421', prices: '29999999999999999.97', names: '1' }),
    ]);
  });

  test('another definition makes the view anew, the same one leaves it', async () => {
    const target = makeTarget('redefined', ['id'], COLUMNS);
    const uuidOf = async (): Promise<unknown> =>
      (await server.rows("SELECT uuid FROM system.tables WHERE name = 'redefined_view'"))[0];
    const view = { every: 'minute', time: 'at', values: { rows: 'count()' } };
    await prepared(target, { materializedViews: { redefined_view: view } });
    const first = await uuidOf();
    await prepared(target, { materializedViews: { redefined_view: view } });
    expect(await uuidOf()).toEqual(first);
    const more = { ...view, values: { ...view.values, last: 'max(step)' } };
    const sink = await prepared(target, { materializedViews: { redefined_view: more } });
    expect(await uuidOf()).not.toEqual(first);
    await sink.write([upsert(target, { id: 1n, at: DATES[1] ?? null, step: 7n }, 1)]);
    expect(await refreshed('redefined_view', '1')).toEqual([
      { minute: '2024-02-29 10:00:00', rows: '1', last: '7' },
    ]);
  });

  test('rows go on where a value makes a summed column a String; the view keeps what it had', async () => {
    const target = makeTarget('blocked', ['id'], {
      ...COLUMNS,
      price: { kind: 'numeric', precision: 10, scale: 2 },
    });
    const view = { every: 'day', time: 'at', values: { total: 'sum(price)' } };
    const sink = await prepared(target, { materializedViews: { blocked_view: view } });
    await sink.write([upsert(target, { id: 1n, at: DATES[1] ?? null, price: '1.50' }, 1)]);
    await refreshed('blocked_view', '1');
    await sink.write([upsert(target, { id: 2n, at: DATES[1] ?? null, price: 'NaN' }, 1)]);
    await sink.prepare([target]);
    expect(await server.rows('SELECT total FROM blocked_view')).toEqual([{ total: '1.5' }]);
    expect(await server.rows(`SELECT count() AS n FROM ${target.name}_current`)).toEqual([{ n: '2' }]);
  });

  test('changes are counted by the time of their commit, each once', async () => {
    const target = makeTarget('counted', ['id'], COLUMNS);
    const sink = await prepared(target, {
      history: true,
      materializedViews: {
        changes_per_hour: { from: 'history', every: 'hour', by: ['__op'], values: { changes: 'count()' } },
      },
    });
    const source = {
      name: 'p',
      db: 'd',
      txId: 1,
      lsn: 8n,
      tsUs: Date.UTC(2024, 1, 29, 10, 5) * 1000,
      snapshot: false,
    };
    const changes = (['c', 'u', 'u'] as const).map((op, step) => ({
      target,
      event: {
        table: target.table,
        op,
        key: { id: 1n },
        before: null,
        after: { id: 1n, name: null, step: 1n, at: null },
        position: positionAt(step),
        source,
        tsMs: 0,
      },
    }));
    await sink.history.record(changes);
    await sink.history.record(changes);
    expect(await refreshed('changes_per_hour')).toEqual([
      { hour: '2024-02-29 10:00:00', __op: 'c', changes: '1' },
      { hour: '2024-02-29 10:00:00', __op: 'u', changes: '2' },
    ]);
  });

  test('what somebody else made under the name is left alone', async () => {
    const target = makeTarget('foreign', ['id'], COLUMNS);
    await server.run('CREATE TABLE foreign_view (a Int32) ENGINE = MergeTree ORDER BY a');
    const view = { every: 'day', time: 'at', values: { rows: 'count()' } };
    expect(await verdictOf(prepared(target, { materializedViews: { foreign_view: view } }))).toMatchObject({
      outcome: 'stop',
      code: 'SINK_SCHEMA_CONFLICT',
    });
  });
});
