import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  expectedRows,
  makeTarget,
  positionAt,
  remove,
  upsert,
  type StoredRows,
} from '../../test/sink-contract-model.ts';
import {
  recordsOf,
  requestsOf,
  toTheEnd,
  TRUNCATE_RUNS,
  truncatedHistories,
  type Request,
} from '../../test/sink-contract-truncate-histories.ts';
import type { Position } from '../../schemas/position.ts';
import type { Sink, Target, Write } from '../sink.ts';
import { keysOf, preparedSink, testHarness, testUrl } from './test-sink.ts';

const reader = new Redis(testUrl());
afterAll(() => reader.disconnect());

const OPTIONS = {
  sets: ['by_name:{name}', 'by_both:{name}:{step}', 'all'],
  sorted: { by_step: 'step', 'by_step_of:{name}': 'step' },
};

/** Members and scores of all sets of a target, by the sets' names after the target's. */
type Indexes = Record<string, Record<string, string>>;

async function storedIndexes({ name }: Target): Promise<Indexes> {
  const indexes: Indexes = {};
  for (const key of await keysOf(reader, `${name}:*`)) {
    const type = await reader.type(key);
    const own = key.slice(name.length + 1);
    if (type === 'set')
      indexes[own] = Object.fromEntries((await reader.smembers(key)).map((each) => [each, '']));
    if (type !== 'zset') continue;
    const flat = await reader.zrange(key, '0', '-1', 'WITHSCORES');
    indexes[own] = {};
    for (let at = 0; at < flat.length; at += 2) indexes[own][flat[at] ?? ''] = flat[at + 1] ?? '';
  }
  return indexes;
}

/** What the sets must hold, by the rows alone. */
function indexesOf(rows: StoredRows): Indexes {
  const indexes: Indexes = {};
  const add = (name: string, member: string, score = ''): void => {
    (indexes[name] ??= {})[member] = score;
  };
  for (const [id, { name = null, step = null }] of rows) {
    add('all', id);
    if (name !== null) add(`by_name:${name}`, id);
    if (name !== null && step !== null)
      add(`by_both:${name.replaceAll('\\', '\\\\').replaceAll(':', '\\:')}:${step}`, id);
    if (step !== null) add('by_step', id, step);
    if (step !== null && name !== null) add(`by_step_of:${name}`, id, step);
  }
  return indexes;
}

describe.each(['hash', 'json'])('sets and sorted sets of rows as %s', (as) => {
  async function prepared(
    label: string,
    mapping: Readonly<Record<string, unknown>> = { as, ...OPTIONS },
  ): Promise<{ target: Target; sinks: [Sink, Sink] }> {
    const target = makeTarget(`${label}_${as}`, ['id'], {
      id: { kind: 'int8' },
      name: { kind: 'text' },
      step: { kind: 'int4' },
    });
    const harness = testHarness(reader, {}, mapping);
    const [one, two] = [await harness.open(), await harness.open()];
    onTestFinished(async () => {
      await harness.remove([target]);
      await one.close();
      await two.close();
    });
    await one.sink.prepare([target]);
    return { target, sinks: [one.sink, two.sink] };
  }

  test('however two sinks deliver a history with deletes and truncates, they say what the rows say', async () => {
    const { target, sinks } = await prepared('indexed');
    const writes: Write[] = [];
    const truncates: Position[] = [];
    let runs = 0;
    const apply = async (requests: readonly Request[], sink: Sink): Promise<void> => {
      for (const request of requests) {
        const outcomes = await sink.write(request.writes);
        expect(outcomes.map(({ result }) => result)).not.toContain('rejected');
        if (request.truncate !== null) await sink.truncate(target, request.truncate);
      }
    };
    await fc.assert(
      fc.asyncProperty(truncatedHistories, async ({ changes, readers: [one, two] }) => {
        const records = recordsOf(target, changes, ++runs);
        writes.push(...records.writes);
        truncates.push(...records.truncates);
        await Promise.all([
          apply(requestsOf(records, toTheEnd(one)), sinks[0]),
          apply(requestsOf(records, toTheEnd(two)), sinks[1]),
        ]);
        expect(await storedIndexes(target)).toEqual(indexesOf(expectedRows(target, writes, truncates)));
      }),
      // Timing decides here, so a smaller example would prove nothing.
      { numRuns: TRUNCATE_RUNS, endOnFailure: true },
    );
  });

  test('a row moves from set to set, leaves them with a null and with its delete', async () => {
    const {
      target,
      sinks: [sink],
    } = await prepared('moves');
    const steps: [Write, Indexes][] = [
      [
        upsert(target, { id: 1n, name: 'Bob', step: 7 }, 1),
        indexesOf(new Map([['1', { name: 'Bob', step: '7' }]])),
      ],
      [
        upsert(target, { id: 1n, name: 'Eve', step: 8 }, 2),
        indexesOf(new Map([['1', { name: 'Eve', step: '8' }]])),
      ],
      [
        upsert(target, { id: 1n, name: 'Old', step: 9 }, 1),
        indexesOf(new Map([['1', { name: 'Eve', step: '8' }]])),
      ],
      [upsert(target, { id: 1n, name: null, step: 8 }, 3), { all: { 1: '' }, by_step: { 1: '8' } }],
      [remove(target, { id: 1n }, 2), { all: { 1: '' }, by_step: { 1: '8' } }],
      [remove(target, { id: 1n }, 4), {}],
      [upsert(target, { id: 1n, name: 'Late', step: 3 }, 3), {}],
    ];
    for (const [write, expected] of steps) {
      await sink.write([write]);
      expect(await storedIndexes(target)).toEqual(expected);
    }
  });

  test('a replay with other sets leaves the old ones and enters the new ones', async () => {
    const {
      target,
      sinks: [sink],
    } = await prepared('replayed');
    const rows = [1n, 2n].map((id) => upsert(target, { id, name: 'Bob', step: Number(id) }, 1));
    await sink.write(rows);
    const harness = testHarness(reader, {}, { as, sets: ['named:{name}'] });
    const changed = await harness.open();
    onTestFinished(() => changed.close());
    await expect(changed.sink.prepare([target])).rejects.toMatchObject({
      code: 'SINK_SCHEMA_CONFLICT',
      message: expect.stringContaining(
        'sets lack named:{name}; sets have all, by_both:{name}:{step}, by_name:{name} besides; sorted have by_step by step, by_step_of:{name} by step besides',
      ) as string,
    });
    await reader.del(`__layout:${target.name}`);
    await changed.sink.prepare([target]);
    expect(await changed.sink.write(rows)).toEqual([{ result: 'applied' }, { result: 'applied' }]);
    expect(await storedIndexes(target)).toEqual({ 'named:Bob': { 1: '', 2: '' } });
    const without = await testHarness(reader, {}, { as }).open();
    onTestFinished(() => without.close());
    await without.sink.write(rows.slice(0, 1));
    await without.sink.write([remove(target, { id: 2n }, 2)]);
    expect(await storedIndexes(target)).toEqual({});
  });

  test('a replay in the other form and without sets leaves the old ones', async () => {
    const {
      target,
      sinks: [sink],
    } = await prepared('unset');
    const row = upsert(target, { id: 1n, name: 'Bob', step: 1 }, 1);
    await sink.write([row]);
    const changed = await testHarness(reader, {}, { as: as === 'hash' ? 'json' : 'hash' }).open();
    onTestFinished(() => changed.close());
    await changed.sink.write([row]);
    expect(await storedIndexes(target)).toEqual({});
  });

  test.each(['["a],', '"],', ']', '"]', '\\"],"'])(
    'a row may be in a set whose name has the marks of JSON: %s',
    async (name) => {
      const {
        target,
        sinks: [sink],
      } = await prepared('marks');
      await sink.write([1n, 2n].map((id) => upsert(target, { id, name, step: 1 }, 1)));
      await sink.write([upsert(target, { id: 1n, name: 'Bob', step: 1 }, 2), remove(target, { id: 2n }, 2)]);
      expect(await storedIndexes(target)).toEqual(indexesOf(new Map([['1', { name: 'Bob', step: '1' }]])));
    },
  );

  test('a row of the other form is replaced, and an older write of it is refused', async () => {
    const {
      target,
      sinks: [sink],
    } = await prepared('reformed');
    const other = await testHarness(reader, {}, { as: as === 'hash' ? 'json' : 'hash' }).open();
    onTestFinished(() => other.close());
    await other.sink.write([1n, 2n].map((id) => upsert(target, { id, name: 'Bob' }, 2)));
    expect(
      await sink.write([upsert(target, { id: 1n, name: 'old' }, 1), remove(target, { id: 2n }, 1)]),
    ).toEqual([{ result: 'stale' }, { result: 'stale' }]);
    await sink.write([upsert(target, { id: 1n, name: 'Bob' }, 2)]);
    expect(await reader.type(`${target.name}:1`)).toBe(as === 'hash' ? 'hash' : 'string');
    await sink.truncate(target, positionAt(3));
    expect(await keysOf(reader, `${target.name}:*`)).toEqual([]);
  });

  test("a set's key that another program uses rejects its rows alone and changes nothing", async () => {
    const {
      target,
      sinks: [sink],
    } = await prepared('foreign_set');
    await sink.write([upsert(target, { id: 1n, name: 'Bob', step: 1 }, 1)]);
    await reader.set(`${target.name}:by_name:Eve`, 'a string');
    const before = await storedIndexes(target);
    const outcomes = await sink.write([
      upsert(target, { id: 1n, name: 'Eve', step: 2 }, 2),
      upsert(target, { id: 2n, name: 'Bob', step: 3 }, 2),
    ]);
    expect(outcomes.map(({ result }) => result)).toEqual(['rejected', 'applied']);
    await sink.write([remove(target, { id: 2n }, 3)]);
    expect(await storedIndexes(target)).toEqual(before);
    expect(await reader.get(`${target.name}:by_name:Eve`)).toBe('a string');
  });
});

test('a sorted set orders numbers and times, and leaves out null and NaN', async () => {
  const target = makeTarget('scores', ['id'], {
    id: { kind: 'text' },
    score: { kind: 'numeric' },
    at: { kind: 'timestamptz' },
  });
  const harness = testHarness(reader, {}, { sorted: { by_score: 'score', by_time: 'at' } });
  const sink = await preparedSink(harness, target);
  const rows = [
    { id: 'huge', score: `9${'0'.repeat(400)}`, at: 'infinity' },
    { id: 'micro', score: '-0.5', at: '2024-02-29T12:00:00.000001Z' },
    { id: 'nan', score: 'NaN', at: '2024-02-29T12:00:00.000002Z' },
    { id: 'null', score: null, at: null },
    { id: 'old', score: '-Infinity', at: '0044-03-15T00:00:00Z BC' },
    { id: 'ten', score: '10', at: '-infinity' },
    { id: 'two', score: '2.50', at: '2024-02-29T12:00:00Z' },
  ];
  expect(
    (await sink.write(rows.map((row) => upsert(target, row, 1)))).map(({ result }) => result),
  ).not.toContain('rejected');
  expect(await reader.zrange(`${target.name}:by_score`, '0', '-1')).toEqual([
    'old',
    'micro',
    'two',
    'ten',
    'huge',
  ]);
  expect(await reader.zrange(`${target.name}:by_time`, '0', '-1')).toEqual([
    'ten', 'old', 'two', 'micro', 'nan', 'huge',
  ]); // prettier-ignore
  const score = Number(await reader.zscore(`${target.name}:by_time`, 'two'));
  expect(new Date(score).toISOString()).toBe('2024-02-29T12:00:00.000Z');
});

test('rows and sets that would need one key are rejected alone, and nothing of them is written', async () => {
  const target = makeTarget('collisions', ['id'], {
    id: { kind: 'text' },
    a: { kind: 'text' },
    n: { kind: 'int4' },
  });
  const mapping = { sets: ['all', 'by:{a}'], sorted: { top: 'n' }, stream: { name: 'log' } };
  const harness = testHarness(reader, {}, mapping);
  const sink = await preparedSink(harness, target);
  const rows = [
    { id: 'all', a: 'x' },
    { id: 'log', a: 'x' },
    { id: 'top', a: 'x', n: 1 },
    { id: 'by:same', a: 'same', n: 1 },
    { id: 'x', a: 'y', n: 1 },
    { id: 'by:y', a: 'z', n: 1 },
    { id: 'y', a: 'y', n: null },
  ];
  const results = [];
  for (const row of rows)
    results.push(...(await sink.write([upsert(target, row, 1)])).map(({ result }) => result));
  expect(results).toEqual([...Array<string>(4).fill('rejected'), 'applied', 'rejected', 'applied']);
  expect([...(await harness.read(target)).keys()].toSorted()).toEqual(['x', 'y']);
  expect(await storedIndexes(target)).toEqual({
    all: { x: '', y: '' },
    'by:y': { x: '', y: '' },
    top: { x: '1' },
  });
});
