import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { tableName } from '../../consumers/target-name.ts';
import type { Column, TableSchema } from '../../schemas/table-schema.ts';
import type { ValueKind } from '../../schemas/value.ts';
import { addressOf } from './stores.ts';
import { openHandWritten, PARTITIONS, type HandWritten, type RunningSink } from './written-by-hand.ts';
import { until } from './until.ts';

const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition);

const redis = new Redis(addressOf('redis'));

afterAll(() => redis.disconnect());

function tableOf(name: string, columns: Readonly<Record<string, ValueKind>>): TableSchema {
  const described = Object.entries({ id: 'int4' as const, ...columns }).map(([column, kind]): Column => ({
    name: column,
    type: kind,
    kind,
    nullable: column !== 'id',
  }));
  return { schema: 'public', name, columns: described, key: ['id'], foreignKeys: [] };
}

/** A name that no other test has; what the store holds under it goes with the test. */
function uniqueName(label: string): string {
  const name = `${label}_${randomUUID().slice(0, 8)}`;
  onTestFinished(async () => {
    const keys = await redis.keys(`*${name}*`);
    if (keys.length > 0) await redis.del(keys);
  });
  return name;
}

async function opened(tables?: readonly string[]): Promise<HandWritten> {
  const pipeline = await openHandWritten({
    type: 'redis',
    url: addressOf('redis'),
    ...(tables !== undefined && { tables }),
  });
  onTestFinished(() => pipeline[Symbol.asyncDispose]());
  return pipeline;
}

/** The rows of a table in the store by their ids, without versions. */
async function stored(table: TableSchema): Promise<Record<string, Record<string, string>>> {
  const rows: Record<string, Record<string, string>> = {};
  for (const key of await redis.keys(`${tableName(table)}:*`)) {
    const { __pos: _, id = '', ...row } = await redis.hgetall(key);
    rows[id] = row;
  }
  return rows;
}

async function figure(sink: RunningSink, labels: Readonly<Record<string, string>>): Promise<number> {
  const { values } = await sink.metrics.sinkEvents.get();
  return values
    .filter((value) =>
      Object.entries(labels).every(
        ([label, text]) => new Map(Object.entries(value.labels)).get(label) === text,
      ),
    )
    .reduce((sum, { value }) => sum + value, 0);
}

test('a truncate takes the older rows of all partitions, and counts once a partition', async () => {
  const table = tableOf(uniqueName('orders'), { note: 'text' });
  const neighbour = tableOf(`${table.name}_old`, { note: 'text' });
  const pipeline = await opened();
  await pipeline.publish(table, neighbour);
  const sink = pipeline.start();
  for (let id = 1; id <= 12; id++) await pipeline.write(table, 'c', { id, note: 'older' }, id);
  await pipeline.write(neighbour, 'c', { id: 1, note: 'kept' }, 13);
  await sink.caughtUp();
  expect(Object.keys(await stored(table))).toHaveLength(12);
  await pipeline.truncate(table, 20, ALL);
  await pipeline.write(table, 'c', { id: 3, note: 'newer' }, 21);
  await sink.caughtUp();
  expect(await stored(table)).toEqual({ 3: { note: 'newer' } });
  expect(await stored(neighbour)).toEqual({ 1: { note: 'kept' } });
  expect(await figure(sink, { op: 't', result: 'applied', table: `public.${table.name}` })).toBe(PARTITIONS);
});

test('rows that are older than a truncate of other partitions go with the truncate of their own', async () => {
  const table = tableOf(uniqueName('late'), { note: 'text' });
  const pipeline = await opened();
  await pipeline.publish(table);
  const sink = pipeline.start();
  const [late = 0, ...others] = ALL;
  await pipeline.truncate(table, 50, others);
  await sink.caughtUp();
  // Whatever partitions these rows lie in, each is older than the truncate and comes after two of its three records.
  for (let id = 1; id <= 12; id++) await pipeline.write(table, 'c', { id, note: 'older' }, id);
  await pipeline.truncate(table, 50, [late, ...others]);
  await pipeline.write(table, 'c', { id: 99, note: 'newer' }, 60);
  await sink.caughtUp();
  expect(await stored(table)).toEqual({ 99: { note: 'newer' } });
});

test('a replay from the beginning after truncates ends in the same rows', async () => {
  const table = tableOf(uniqueName('replayed'), { note: 'text' });
  const pipeline = await opened();
  await pipeline.publish(table);
  const first = pipeline.start();
  for (let id = 1; id <= 9; id++) await pipeline.write(table, 'c', { id, note: 'first' }, id);
  await first.caughtUp();
  await pipeline.truncate(table, 20, ALL);
  for (const id of [2, 4]) await pipeline.write(table, 'c', { id, note: 'second' }, 20 + id);
  await pipeline.write(table, 'd', { id: 4, note: null }, 30);
  await pipeline.truncate(table, 40, ALL);
  for (const id of [4, 5]) await pipeline.write(table, 'c', { id, note: 'third' }, 40 + id);
  const expected = { 4: { note: 'third' }, 5: { note: 'third' } };
  await first.caughtUp();
  expect(await stored(table)).toEqual(expected);
  await first.stop();
  await pipeline.forgetOffsets();
  const second = pipeline.start();
  await second.caughtUp();
  expect(await stored(table)).toEqual(expected);
  expect(await figure(second, { op: 't', result: 'applied' })).toBe(2 * PARTITIONS);
});

test('a logical message is filtered, and the sink goes on', async () => {
  const table = tableOf(uniqueName('messages'), { note: 'text' });
  const pipeline = await opened();
  await pipeline.publish(table);
  const sink = pipeline.start();
  await pipeline.writeBytes(table, '{"prefix":"p"}', '{"op":"m","message":{"prefix":"p","content":"AA=="}}');
  await pipeline.write(table, 'c', { id: 1, note: 'x' }, 1);
  await sink.caughtUp();
  expect(await stored(table)).toEqual({ 1: { note: 'x' } });
  expect(await figure(sink, { op: 'm', result: 'filtered', table: `public.${table.name}` })).toBe(1);
});

test('a table that is added while the sink runs is read from its beginning, and nothing of the others is lost', async () => {
  const wanted = uniqueName('wanted');
  const first = { ...tableOf('first', { note: 'text' }), schema: wanted };
  const added = { ...tableOf('added', { note: 'text' }), schema: wanted };
  const unwanted = tableOf(uniqueName('unwanted'), { note: 'text' });
  const pipeline = await opened([`${wanted}.*`]);
  await pipeline.publish(first);
  const sink = pipeline.start();
  let written = 0;
  const writeSome = async () => {
    for (let more = 0; more < 50; more++) {
      written++;
      await pipeline.write(first, 'c', { id: written, note: 'x' }, written);
    }
  };
  await writeSome();
  await sink.caughtUp();
  await pipeline.publish(added, unwanted);
  await pipeline.write(unwanted, 'c', { id: 1, note: 'x' }, 1000);
  await pipeline.write(added, 'c', { id: 1, note: 'first of all' }, 1000);
  await until('the added table is in the store', async () => {
    await writeSome();
    return (await stored(added))['1'] !== undefined;
  });
  await pipeline.write(added, 'u', { id: 1, note: 'changed' }, 1001);
  await until('all is in the store', async () => (await stored(added))['1']?.['note'] === 'changed');
  await until('all is in the store', async () => Object.keys(await stored(first)).length === written);
  expect(await stored(unwanted)).toEqual({});
  expect(sink.status.current.lastError).toBeNull();
});

test('rows of an older and of a newer schema live side by side, in any order of their events', async () => {
  const name = uniqueName('evolving');
  const before = tableOf(name, { kept: 'text', dropped: 'text', amount: 'int4' });
  const after = tableOf(name, { kept: 'text', amount: 'text', added: 'text' });
  const pipeline = await opened();
  await pipeline.publish(before);
  const sink = pipeline.start();
  for (const id of [1, 2, 3])
    await pipeline.write(before, 'c', { id, kept: 'x', dropped: 'y', amount: id }, id);
  await sink.caughtUp();
  await pipeline.publish(after);
  await pipeline.write(after, 'u', { id: 2, kept: 'x', amount: 'two', added: 'z' }, 10);
  await pipeline.write(after, 'c', { id: 4, kept: 'x', amount: 'four', added: 'z' }, 11);
  await sink.caughtUp();
  const expected = {
    1: { kept: 'x', dropped: 'y', amount: '1' },
    2: { kept: 'x', amount: 'two', added: 'z' },
    3: { kept: 'x', dropped: 'y', amount: '3' },
    4: { kept: 'x', amount: 'four', added: 'z' },
  };
  expect(await stored(after)).toEqual(expected);
  // Each partition brings the older schema again, to a sink that prepared the newer one when it started.
  await sink.stop();
  await pipeline.forgetOffsets();
  const replay = pipeline.start();
  await replay.caughtUp();
  expect(await stored(after)).toEqual(expected);
});
