import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Column } from '../../schemas/table-schema.ts';
import type { Value, ValueKind } from '../../schemas/value.ts';
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

type Columns = Readonly<Record<string, Partial<Column> & { kind: ValueKind }>>;

const decimal = (precision: number, scale: number) => ({ kind: 'numeric' as const, precision, scale });

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
        const batches = batchesOf([target], delivery, run).map((batch) =>
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

  test.each<[string, string, Columns[string], Value, Columns[string], Value, string]>([
    [
      'max of an int4 that became an int8',
      'max',
      { kind: 'int4' },
      5,
      { kind: 'int8' },
      2n ** 40n,
      '1099511627776',
    ],
    ['min of a numeric with more digits', 'min', decimal(10, 2), '1.01', decimal(12, 4), '1.0001', '1.0001'],
    [
      'sum of an int4 that became an int8',
      'sum',
      { kind: 'int4' },
      1,
      { kind: 'int8' },
      2n ** 63n - 1n,
      `${2n ** 63n}`,
    ],
  ])('the %s is exact', async (what, run, from, value, to, newer, result) => {
    const view = `${what.replaceAll(' ', '_')}_view`;
    const before = makeTarget(`view of ${what}`, ['id'], { ...COLUMNS, v: from });
    const after = makeTarget(`view of ${what}`, ['id'], { ...COLUMNS, v: to });
    const values = { result: `${run}(v)` };
    const sink = await prepared(before, {
      materializedViews: { [view]: { every: 'day', time: 'at', values } },
    });
    await sink.write([upsert(before, { id: 1n, at: DATES[1] ?? null, v: value }, 1)]);
    await sink.prepare([after]);
    await sink.write([upsert(after, { id: 2n, at: DATES[1] ?? null, v: newer }, 1)]);
    expect(await refreshed(view, '1')).toEqual([{ day: '2024-02-29 00:00:00', result }]);
  });

  test('a view follows a column that a replayed older schema widens', async () => {
    const older = makeTarget('widened', ['id'], { ...COLUMNS, v: { kind: 'int8' } });
    const now = makeTarget('widened', ['id'], { ...COLUMNS, v: { kind: 'int4' } });
    const values = { most: 'max(v)', total: 'sum(v)' };
    const sink = await prepared(now, {
      materializedViews: { widened_view: { every: 'day', time: 'at', values } },
    });
    const rows = [1n, 2n].map((id) => upsert(older, { id, at: DATES[1] ?? null, v: 2n ** 63n - 1n }, 1));
    expect(await sink.write(rows)).toEqual(rows.map(() => ({ result: 'applied' })));
    expect(await refreshed('widened_view', '1')).toEqual([
      { day: '2024-02-29 00:00:00', most: `${2n ** 63n - 1n}`, total: `${2n ** 64n - 2n}` },
    ]);
  });

  test('a view of a type that its column has no more is not refreshed with cut values', async () => {
    const narrow = makeTarget('altered', ['id'], { ...COLUMNS, v: { kind: 'int4' } });
    const wide = makeTarget('altered', ['id'], { ...COLUMNS, v: { kind: 'int8' } });
    const sink = await prepared(narrow, {
      materializedViews: { altered_view: { every: 'day', time: 'at', values: { most: 'max(v)' } } },
    });
    await sink.write([upsert(narrow, { id: 1n, at: DATES[1] ?? null, v: 5 }, 1)]);
    await refreshed('altered_view', '1');
    // A program with another config, which knows nothing of the view.
    const other = await prepared(wide, {});
    await other.write([upsert(wide, { id: 2n, at: DATES[1] ?? null, v: 2n ** 40n }, 1)]);
    await expect(refreshed('altered_view', '1')).rejects.toThrow('REFRESH_FAILED');
    await sink.prepare([narrow]);
    expect(await refreshed('altered_view', '1')).toEqual([
      { day: '2024-02-29 00:00:00', most: `${2n ** 40n}` },
    ]);
  });

  test.each([
    ['a sum', 'price', 'NaN', { time: 'at', values: { result: 'sum(price)' } }],
    ['a maximum', 'price', 'NaN', { time: 'at', values: { result: 'max(price)' } }],
    ['groups', 'price', 'NaN', { time: 'at', by: ['price'], values: { result: 'count()' } }],
    ['periods', 'at', 'infinity', { time: 'at', values: { result: 'count()' } }],
  ])(
    'rows go on where a value makes the column of %s a String; the view keeps what it had',
    async (what, column, value, view) => {
      const name = `blocked_${what.replaceAll(' ', '_')}`;
      const target = makeTarget(name, ['id'], { ...COLUMNS, price: decimal(10, 2) });
      const sink = await prepared(target, {
        materializedViews: { [`${name}_view`]: { every: 'day', ...view } },
      });
      const row = { at: DATES[1] ?? null, price: '9.50' };
      await sink.write([upsert(target, { ...row, id: 1n }, 1)]);
      const kept = await refreshed(`${name}_view`, '1');
      expect(kept).toHaveLength(1);
      await sink.write([upsert(target, { ...row, id: 2n, price: '10.00' }, 1)]);
      await sink.write([upsert(target, { ...row, id: 3n, [column]: value }, 1)]);
      await sink.prepare([target]);
      await expect(refreshed(`${name}_view`, '1')).rejects.toThrow('REFRESH_FAILED');
      expect(await server.rows(`SELECT * FROM ${name}_view ORDER BY 1`)).toEqual(kept);
      expect(await server.rows(`SELECT count() AS n FROM ${target.name}_current`)).toEqual([{ n: '3' }]);
    },
  );

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
