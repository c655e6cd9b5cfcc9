import { Double, Int32, MongoClient, type Document } from 'mongodb';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import type { z } from 'zod';
import { createLogger } from '../../core/logger.ts';
import { makeTarget, remove, upsert } from '../../test/sink-contract-model.ts';
import { tableOptionsOf } from '../../test/table-options.ts';
import type { Sink, Target } from '../sink.ts';
import { databaseOf, optionsSchema, type tableOptionsSchema } from './config.ts';
import { sink as mongodb } from './index.ts';

const url = process.env['MONGODB_URL'];
if (url === undefined) throw new Error('MONGODB_URL is missing: give the address of a MongoDB server');
const client = new MongoClient(url, { serverSelectionTimeoutMS: 5_000 });
const db = client.db(databaseOf(optionsSchema.parse({ url })));
afterAll(() => client.close());

type TableOptions = z.input<typeof tableOptionsSchema>;

function createSink(mapping: Record<string, TableOptions>): Sink {
  const sink = mongodb.create(mongodb.options.parse({ url }), {
    name: 'test',
    log: createLogger({ sink: 'test' }),
    tableOptions: tableOptionsOf(mongodb, 'test', mapping as never),
  });
  onTestFinished(() => sink.close());
  return sink;
}

/** A sink that has prepared these targets, each with its options. */
async function prepared(...targets: readonly (readonly [Target, TableOptions])[]): Promise<Sink> {
  onTestFinished(async () => {
    for (const [{ name }] of targets) await db.collection(name).drop();
  });
  const sink = createSink(
    Object.fromEntries(targets.map(([{ table }, options]) => [`public.${table.name}`, options])),
  );
  await sink.connect();
  await sink.prepare(targets.map(([target]) => target));
  return sink;
}

let tests = 0;

const people = (): Target =>
  makeTarget(`options_${++tests}`, ['id'], {
    id: { kind: 'int4' },
    email: { kind: 'text' },
    street: { kind: 'text' },
    city: { kind: 'text' },
    seen: { kind: 'timestamptz' },
    born: { kind: 'timestamp', precision: 3 },
  });

const indexesOf = async (target: Target): Promise<Record<string, Document>> =>
  Object.fromEntries(
    (await db.collection(target.name).listIndexes().toArray()).map(({ name, v: _v, ...index }) => [
      String(name),
      index,
    ]),
  );

const thrownBy = async (call: () => Promise<unknown>): Promise<unknown> =>
  call().then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  );

describe('nest and dates', () => {
  test('columns of a group lie in a subdocument, and those of dates are Date without microseconds', async () => {
    const target = people();
    const sink = await prepared([target, { nest: { address: ['street', 'city'] }, dates: ['seen'] }]);
    const rows = [
      { id: 1, street: 'Main', seen: '2024-02-29T12:00:00.123456Z' },
      { id: 2, city: 'Bonn', seen: '1969-12-31T23:59:59.999999Z' },
      { id: 3, seen: 'infinity' },
    ];
    await sink.write(rows.map((row) => upsert(target, row, 1)));
    const stored = await db
      .collection(target.name)
      .find({}, { sort: { _id: 1 } })
      .toArray();
    expect(stored.map(({ address, seen }) => ({ address, seen }))).toEqual([
      { address: { street: 'Main', city: null }, seen: new Date('2024-02-29T12:00:00.123Z') },
      { address: { street: null, city: 'Bonn' }, seen: new Date('1969-12-31T23:59:59.999Z') },
      { address: { street: null, city: null }, seen: 'infinity' },
    ]);
    expect(stored.map((document) => 'street' in document)).toEqual([false, false, false]);
  });
});

describe('indexes', () => {
  test('are made when the sink prepares, by the paths of the columns, and preparing again changes nothing', async () => {
    const target = people();
    const options: TableOptions = {
      nest: { address: ['street', 'city'] },
      dates: ['seen'],
      indexes: [
        { keys: { city: 1, email: -1 } },
        { keys: { email: 1 }, name: 'by_email', unique: true, sparse: true },
        { keys: { street: 1 }, partial: { city: 'Bonn' } },
        { keys: { seen: 1 }, ttlSeconds: 86_400 },
      ],
    };
    const sink = await prepared([target, options]);
    const made = await indexesOf(target);
    expect(made).toMatchObject({
      'address.city_1_email_-1': { key: { 'address.city': 1, email: -1 } },
      by_email: { key: { email: 1 }, unique: true, sparse: true },
      'address.street_1': { partialFilterExpression: { 'address.city': 'Bonn' } },
      seen_1: { expireAfterSeconds: 86_400 },
    });
    await sink.prepare([target]);
    expect(await indexesOf(target)).toEqual(made);
  });

  test('one that differs stops the sink, with both sides in the error, and stays as it is', async () => {
    const target = people();
    await prepared([target, { indexes: [{ keys: { email: 1 } }] }]);
    const other = createSink({
      [`public.${target.table.name}`]: { indexes: [{ keys: { email: 1 }, unique: true }] },
    });
    const error = await thrownBy(() => other.prepare([target]));
    expect(error).toMatchObject({
      code: 'SINK_SCHEMA_CONFLICT',
      message: expect.stringContaining('unique is false, and the config wants true'),
      fix: expect.stringContaining('dropIndex("email_1")'),
    });
    expect((await indexesOf(target))['email_1']?.['unique'] ?? false).toBe(false);
  });

  test('a unique one over rows that are not stops the sink without their values', async () => {
    const target = people();
    const sink = await prepared([target, {}]);
    await sink.write([1, 2].map((id) => upsert(target, { id, email: 'secret' }, 1)));
    const other = createSink({
      [`public.${target.table.name}`]: { indexes: [{ keys: { email: 1 }, unique: true }] },
    });
    const error = await thrownBy(() => other.prepare([target]));
    expect(error).toMatchObject({ code: 'SINK_SCHEMA_CONFLICT' });
    expect(String(error)).not.toContain('secret');
  });

  test('a value that a row of the same batch gives up is free for another, whatever their order', async () => {
    const target = people();
    const sink = await prepared([target, { indexes: [{ keys: { email: 1 }, unique: true }] }]);
    const ids = Array.from({ length: 6 }, (_, id) => id);
    await sink.write(ids.map((id) => upsert(target, { id, email: `at ${id}` }, 1)));
    const moved = ids.map((id) => upsert(target, { id, email: `at ${id + 1}` }, 2));
    expect((await sink.write(moved)).map(({ result }) => result)).toEqual(ids.map(() => 'applied'));
    const later = moved.map((_, id) => upsert(target, { id, email: `at ${id}` }, 3)).toReversed();
    expect((await sink.write(later)).map(({ result }) => result)).toEqual(ids.map(() => 'applied'));
    const taken = await sink.write([upsert(target, { id: 9, email: 'at 1' }, 4)]);
    expect(taken.map(({ result }) => result)).toEqual(['rejected']);
  });
});

test.each<[string, TableOptions]>([
  ['dates.*no column sen', { dates: ['sen'] }],
  ['dates.*not a timestamp', { dates: ['email'] }],
  ['nest.address.*no column stret', { nest: { address: ['stret'] } }],
  ['nest.b.*lies in a already', { nest: { a: ['street'], b: ['street'] } }],
  ['nest.city.*column of that name', { nest: { city: ['street'] } }],
  ['indexes.0.*no column mail', { indexes: [{ keys: { mail: 1 } }] }],
  ['indexes.0.*no column address.email', { nest: { address: ['city'] }, indexes: [{ keys: { 'address.email': 1 } }] }],
  ['indexes.0.*kept as Date', { indexes: [{ keys: { seen: 1 }, ttlSeconds: 60 }] }],
  ['embed.email.*another field of that name', { embed: { email: { table: 'public.lines' } } }],
])('%s is an error of the config before anything is made', async (message, options) => {
  const target = people();
  const sink = createSink({ [`public.${target.table.name}`]: options });
  const error = await thrownBy(() => sink.prepare([target]));
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) });
  expect(await db.listCollections({ name: target.name }).toArray()).toEqual([]);
}); // prettier-ignore

test('a key that becomes a bigint is the same key, and an older write of it is stale', async () => {
  const target = makeTarget('widened_key', ['id'], { id: { kind: 'int4' }, n: { kind: 'int4' } });
  const wide = {
    ...target,
    table: makeTarget('widened_key', ['id'], { id: { kind: 'int8' }, n: { kind: 'int4' } }).table,
  };
  const sink = await prepared([target, {}]);
  await sink.write([upsert(target, { id: 1, n: 1 }, 5), upsert(target, { id: 2, n: 1 }, 1)]);
  expect(await sink.write([upsert(wide, { id: 1n, n: 2 }, 4), upsert(wide, { id: 2n, n: 2 }, 7)])).toEqual([
    { result: 'stale' },
    { result: 'applied' },
  ]);
  expect(await sink.write([remove(wide, { id: 1n }, 6)])).toEqual([{ result: 'applied' }]);
  const stored = await db.collection(target.name).find({}, { promoteValues: false }).toArray();
  expect(stored.map(({ n }) => n)).toEqual([new Int32(2)]);
});

describe('embed in the config', () => {
  const foreignKey = (orders: Target) => ({
    name: 'lines_order',
    columns: ['order_a', 'order_b'],
    referencedSchema: 'public',
    referencedTable: orders.table.name,
    referencedColumns: ['a', 'b'],
  });

  test('arrays come with embed as soon as both tables are known, and go without it, for composite keys too', async () => {
    const orders = makeTarget(`embed_on_${++tests}`, ['b', 'a'], { a: { kind: 'text' }, b: { kind: 'int4' } });
    const plainLines = makeTarget(`embed_of_${tests}`, ['id'], {
      id: { kind: 'int4' },
      order_a: { kind: 'text' },
      order_b: { kind: 'int4' },
      weight: { kind: 'float8' },
    });
    const lines = { ...plainLines, table: { ...plainLines.table, foreignKeys: [foreignKey(orders)] } };
    const without = await prepared([orders, {}], [lines, {}]);
    await without.write([
      upsert(orders, { a: 'x', b: 1 }, 1),
      upsert(orders, { a: 'y', b: 1 }, 1),
      upsert(lines, { id: 7, order_a: 'x', order_b: 1, weight: 1 }, 1),
    ]);
    const arrays = (): Promise<Document[]> =>
      db.collection(orders.name).find({}, { sort: { a: 1 }, promoteValues: false }).toArray();
    expect((await arrays()).map((order) => order['lines'])).toEqual([undefined, undefined]);

    const mapping = { [`public.${orders.table.name}`]: { embed: { lines: { table: `public.${lines.table.name}` } } } };
    const embedding = createSink(mapping);
    await embedding.prepare([orders, lines]);
    const line = { _id: new Int32(7), id: new Int32(7), order_a: 'x', order_b: new Int32(1), weight: new Double(1) };
    expect((await arrays()).map((order) => order['lines'])).toEqual([[line], []]);
    await embedding.write([upsert(lines, { id: 7, order_a: 'y', order_b: 1, weight: 1 }, 2)]);
    expect((await arrays()).map((order) => order['lines'])).toEqual([[], [{ ...line, order_a: 'y' }]]);

    await createSink({}).prepare([orders, lines]);
    expect((await arrays()).map((order) => 'lines' in order)).toEqual([false, false]);
    const again = createSink(mapping);
    await again.prepare([orders]);
    expect((await arrays()).map((order) => 'lines' in order)).toEqual([false, false]);
    await again.prepare([lines]);
    expect((await arrays()).map((order) => order['lines'].length)).toEqual([0, 1]);
  });

  test('several sinks that start without embed take the arrays away at once', async () => {
    const label = ++tests;
    const orders = makeTarget(`embed_off_${label}`, ['id'], { id: { kind: 'int4' } });
    const lines = makeTarget(`embed_off_lines_${label}`, ['id'], {
      id: { kind: 'int4' },
      order_id: { kind: 'int4' },
    });
    const embed = { lines: { table: `public.${lines.table.name}`, by: ['order_id'] } };
    const sink = await prepared([orders, { embed }], [lines, {}]);
    await sink.write([upsert(orders, { id: 1 }, 1), upsert(lines, { id: 1, order_id: 1 }, 1)]);
    const former = [1, 2, 3, 4].map(() => createSink({}));
    await Promise.all(former.map((each) => each.connect()));
    await Promise.all(former.map((each) => each.prepare([orders, lines])));
    expect(Object.keys(await indexesOf(orders)).filter((name) => name.includes('lines'))).toEqual([]);
    expect((await db.collection(orders.name).find({}).toArray()).map((one) => 'lines' in one)).toEqual([false]);
  });
}); // prettier-ignore
