import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { batchesOf, deliveries } from '../../test/sink-contract-histories.ts';
import {
  expectedRows,
  makeTarget,
  normalizedRows,
  positionAt,
  remove,
  upsert,
} from '../../test/sink-contract-model.ts';
import type { Position } from '../../schemas/position.ts';
import type { Target, Write } from '../sink.ts';
import { newSink, readLive, server, typesOf, verdictOf } from './test-sink.ts';
import { viewOf } from './table-layout.ts';

beforeAll(() => server.run(`CREATE DATABASE ${server.database} ENGINE = Atomic`));
afterAll(() => server.run(`DROP DATABASE ${server.database}`));

const COLUMNS = {
  id: { kind: 'int8' },
  at: { kind: 'timestamp' },
  status: { kind: 'text' },
  amount: { kind: 'numeric' },
} as const;

/** A sink with these options of every table, on which the target is prepared. */
async function preparedSink(target: Target, mapping: Readonly<Record<string, unknown>>) {
  const sink = newSink({}, mapping);
  await sink.prepare([target]);
  return {
    write: async (...writes: readonly Write[]): Promise<void> => {
      expect(await sink.write(writes)).toEqual(writes.map(() => ({ result: 'applied' })));
    },
    truncate: (of: Target, position: Position) => sink.truncate(of, position),
    [Symbol.asyncDispose]: () => sink.close(),
  };
}

/** Prepares once with these options. */
async function prepare(target: Target, mapping: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const sink = newSink({}, mapping);
  try {
    await sink.prepare([target]);
  } finally {
    await sink.close();
  }
}

const definitionOf = async (table: string): Promise<string> => {
  const [row] = await server.rows(
    `SELECT engine_full FROM system.tables WHERE database = '${server.database}' AND name = '${table}'`,
  );
  return String(row?.['engine_full']);
};

describe('table options', () => {
  test('order and partition of the config: versions of a row are folded, deletes too, after any merge', async () => {
    const target = makeTarget('partitioned', ['id', 'at'], COLUMNS);
    await using sink = await preparedSink(target, {
      partitionBy: 'toYYYYMM(at)',
      orderBy: ['toDate(at)', 'id', 'at'],
    });
    const writes = Array.from({ length: 150 }, (_, month) =>
      upsert(
        target,
        {
          id: 1n,
          at: `${2000 + Math.floor(month / 12)}-${String(1 + (month % 12)).padStart(2, '0')}-01T00:00:00.000001`,
          status: `${month}`,
        },
        month,
      ),
    );
    await sink.write(...writes);
    const at = '2000-01-01T00:00:00.000001';
    const later = [remove(target, { id: 1n, at }, 200), upsert(target, { id: 2n, at, status: 'new' }, 201)];
    await sink.write(...later);
    const expected = expectedRows(target, [...writes, ...later]);
    expect(normalizedRows(target, await readLive(target))).toEqual(expected);
    await server.run(`OPTIMIZE TABLE ${target.name} FINAL`);
    await sink.write(upsert(target, { id: 1n, at, status: 'stale' }, 199));
    expect(normalizedRows(target, await readLive(target))).toEqual(expected);
    await sink.truncate(target, positionAt(300));
    expect(await readLive(target)).toEqual(new Map());
    await sink.write(upsert(target, { id: 1n, at, status: 'stale' }, 299));
    expect(await readLive(target)).toEqual(new Map());
    expect(await definitionOf(target.name)).toMatch(
      /PARTITION BY toYYYYMM\(at\) ORDER BY \(toDate\(at\), id, at\)/,
    );
  });

  test('any order, batches and repetitions end the same in a table with an order and partitions of its own', async () => {
    const target = makeTarget('shuffled', ['id'], {
      id: { kind: 'int8' },
      name: { kind: 'text' },
      step: { kind: 'int8' },
    });
    await using sink = await preparedSink(target, {
      partitionBy: 'id % 3',
      orderBy: ['-id', 'id'],
      settings: { index_granularity: 1024 },
    });
    const all: Write[] = [];
    await fc.assert(
      fc.asyncProperty(deliveries, async (delivery) => {
        const batches = batchesOf([target], delivery, all.length);
        for (const batch of batches) await sink.write(...batch);
        all.push(...batches.flat());
      }),
      { numRuns: 60 },
    );
    expect(normalizedRows(target, await readLive(target))).toEqual(expectedRows(target, all));
    await server.run(`OPTIMIZE TABLE ${target.name}`);
    await sink.truncate(target, positionAt(5));
    expect(normalizedRows(target, await readLive(target))).toEqual(
      expectedRows(target, all, [positionAt(5)]),
    );
  });

  test('the same options again change nothing, others are told as a difference', async () => {
    const target = makeTarget('compared', ['id', 'at'], COLUMNS);
    const options = { partitionBy: 'toYYYYMM( `at` )', ttl: 'at+INTERVAL 999 YEAR', orderBy: ['id', 'at'] };
    await prepare(target, options);
    const before = await definitionOf(target.name);
    await prepare(target, options);
    expect(await definitionOf(target.name)).toBe(before);
    const verdict = await verdictOf(
      prepare(target, { ...options, partitionBy: 'toYear(at)', orderBy: ['at', 'id'] }),
    );
    expect(verdict).toMatchObject({ outcome: 'stop', code: 'SINK_SCHEMA_CONFLICT' });
    const { sentence } = verdict as { sentence: string };
    expect(sentence).toContain('ORDER BY is (id, at), and the config has (`at`, `id`)');
    expect(sentence).toContain('PARTITION BY is toYYYYMM(at), and the config has toYear(at)');
    expect(await verdictOf(prepare(target))).toMatchObject({
      sentence: expect.stringContaining('TTL is at + toIntervalYear(999), and the config has none') as string,
    });
  });

  test.each([
    ['a partition that parts versions', 'PARTITION BY status ORDER BY (id, at)', 'PARTITION BY is status'],
    ['an order that tells versions apart', 'ORDER BY (id, at, status)', 'ORDER BY is (id, at, status)'],
    ['an order that takes rows for one', 'ORDER BY (id, toDate(at))', 'ORDER BY is (id, toDate(at))'],
    [
      'merges that drop tombstones',
      'ORDER BY (id, at) SETTINGS allow_experimental_replacing_merge_with_cleanup = 1',
      'allow_experimental_replacing_merge_with_cleanup is 1',
    ],
  ])('a table made by hand with %s is refused', async (what, layout, line) => {
    const target = makeTarget(what.replaceAll(' ', '_'), ['id', 'at'], COLUMNS);
    await server.run(
      `CREATE TABLE ${target.name} (id Int64, at DateTime64(6, 'UTC'), status String, amount Nullable(String), __pos UInt128, ` +
        `__deleted UInt8) ENGINE = ReplacingMergeTree(__pos, __deleted) ${layout}`,
    );
    expect(await verdictOf(prepare(target))).toMatchObject({
      outcome: 'stop',
      sentence: expect.stringContaining(line) as string,
    });
  });

  test('a row whose TTL has passed is gone at once, and no older version of it comes to light', async () => {
    const target = makeTarget('mortal', ['id', 'at'], COLUMNS);
    await prepare(target);
    await using sink = await preparedSink(target, { ttl: 'at + INTERVAL 30 DAY' });
    const now = `${new Date().toISOString().slice(0, 19)}.000001`;
    const old = { id: 1n, at: '2020-01-01T00:00:00.000001' };
    const alive = [now, '2105-12-31T00:00:00.000001', '2299-12-31T23:59:59.999999'].map((at, index) =>
      upsert(target, { id: BigInt(index + 2), at, status: 'alive' }, 2),
    );
    const past = upsert(target, { id: 9n, at: '1901-01-01T00:00:00.000001' }, 2);
    await sink.write(upsert(target, { ...old, status: 'old' }, 1), past, ...alive);
    expect(normalizedRows(target, await readLive(target))).toEqual(expectedRows(target, alive));
    await server.run(`OPTIMIZE TABLE ${target.name} FINAL`);
    await sink.write(upsert(target, { ...old, status: 'older' }, 0));
    expect(normalizedRows(target, await readLive(target))).toEqual(expectedRows(target, alive));
    expect(await definitionOf(target.name)).toContain('TTL at + toIntervalDay(30)');
  });

  test('settings are set at the making and changed later', async () => {
    const target = makeTarget('set', ['id'], COLUMNS);
    await prepare(target, { settings: { index_granularity: 4096 } });
    await prepare(target, { settings: { index_granularity: 4096, min_age_to_force_merge_seconds: 60 } });
    expect(await definitionOf(target.name)).toMatch(
      /fsync_after_insert = 1.*index_granularity = 4096, min_age_to_force_merge_seconds = 60/,
    );
  });

  test('a setting or an expression that ClickHouse does not take is told as a mistake of the config', async () => {
    const target = makeTarget('wrong', ['id'], COLUMNS);
    for (const mapping of [
      { settings: { no_such_setting: 1 } },
      { partitionBy: 'noSuchFunction(id)' },
      { partitionBy: 'id +' },
      { partitionBy: 'id + rand()' },
    ])
      expect(await verdictOf(prepare(target, mapping))).toMatchObject({
        outcome: 'stop',
        code: 'CONFIG_INVALID',
      });
  });

  test('types of the config are exact, a value that does not fit makes a String of the column', async () => {
    const target = makeTarget('typed', ['id'], {
      ...COLUMNS,
      big: { kind: 'numeric', precision: 20, scale: 0 },
    });
    const options = { columnTypes: { amount: 'Decimal(38,10)', big: 'UInt64' }, lowCardinality: ['status'] };
    await using sink = await preparedSink(target, options);
    expect(await typesOf(target.name)).toMatchObject({
      amount: 'Nullable(Decimal(38, 10))',
      big: 'Nullable(UInt64)',
      status: 'LowCardinality(Nullable(String))',
    });
    const fits = upsert(
      target,
      { id: 1n, amount: '-0.0000000001', big: '18446744073709551615', status: 'a' },
      1,
    );
    await sink.write(fits);
    expect(normalizedRows(target, await readLive(target))).toEqual(expectedRows(target, [fits]));
    const wide = upsert(target, { id: 2n, amount: '0.00000000001', big: '-1', status: null }, 1);
    await sink.write(wide);
    expect(normalizedRows(target, await readLive(target))).toEqual(expectedRows(target, [fits, wide]));
    expect(await typesOf(viewOf(target.name))).toMatchObject({
      amount: 'Nullable(String)',
      big: 'Nullable(String)',
    });
  });

  test('a column becomes a LowCardinality when the config says so later', async () => {
    const target = makeTarget('later', ['id'], COLUMNS);
    const row = upsert(target, { id: 1n, status: 'a' }, 1);
    {
      await using sink = await preparedSink(target, {});
      await sink.write(row);
    }
    await prepare(target, { lowCardinality: ['status'] });
    await prepare(target);
    expect((await typesOf(viewOf(target.name)))['status']).toBe('LowCardinality(Nullable(String))');
    expect(normalizedRows(target, await readLive(target))).toEqual(expectedRows(target, [row]));
  });

  test.each(['none', 'zstd', 'gzip'])('rows arrive with compression %s', async (compression) => {
    const target = makeTarget(`sent_${compression}`, ['id'], COLUMNS);
    const sink = newSink({ compression });
    await sink.prepare([target]);
    const writes = Array.from({ length: 5000 }, (_, id) =>
      upsert(target, { id: BigInt(id), status: `row ${id}` }, 1),
    );
    await sink.write(writes);
    await sink.close();
    expect(normalizedRows(target, await readLive(target))).toEqual(expectedRows(target, writes));
  });
});
