import fc from 'fast-check';
import { MongoClient, type Document } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectedRows, makeTarget, positionAt, remove, upsert } from '../../test/sink-contract-model.ts';
import type { Target, Write } from '../sink.ts';
import { databaseOf, NO_TABLE_OPTIONS, optionsSchema, tableOptionsSchema } from './config.ts';
import { embedWrites, finishMarked, refreshFilled } from './embedded-writes.ts';
import { familiesOf, MARK_FIELD } from './embedding.ts';
import { applyWrites, type Collections } from './guarded-writes.ts';
import { mapWrite, truncateId, type RowDocument, type Tombstone } from './mapping.ts';
import { prepareFamily } from './prepare-family.ts';
import type { CollectionOf } from './refresh.ts';
import { turnstile, untilApplied } from './test-turnstile.ts';
import { truncateRows } from './truncate.ts';

const url = process.env['MONGODB_URL'];
if (url === undefined) throw new Error('MONGODB_URL is missing: give the address of a MongoDB server');
const client = new MongoClient(url, { serverSelectionTimeoutMS: 5_000 });
const db = client.db(databaseOf(optionsSchema.parse({ url })));

const orders = makeTarget('raced_orders', ['id'], { id: { kind: 'int4' }, note: { kind: 'text' } });
const lines = makeTarget('raced_lines', ['id'], { id: { kind: 'int4' }, order_id: { kind: 'int4' } });
const embedding = { table: `public.${lines.table.name}`, by: ['order_id'] };
const ofOrders = tableOptionsSchema.parse({ embed: { lines: embedding } });
const {
  families: [family],
} = familiesOf([orders, lines], (table) => (table.name === orders.table.name ? ofOrders : NO_TABLE_OPTIONS));
if (family === undefined) throw new Error('the orders embed their lines');
const rowsOf = (name: string) => db.collection<RowDocument>(name);
const tombstones = db.collection<Tombstone>(`__${orders.name}`);

beforeAll(async () => {
  for (const { name } of [orders, lines]) await db.createCollection(name);
  await prepareFamily(rowsOf, family);
});

afterAll(async () => {
  for (const name of [orders.name, lines.name, `__${orders.name}`]) await db.collection(name).drop();
  await client.close();
});

/** What changes, and which of the writers brings it. */
interface Change {
  readonly what: string;
  readonly writer: number;
  readonly order?: number | null;
  readonly line?: number;
}

const writer = fc.nat(2);
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constantFrom('put order', 'delete order'), writer, order: fc.nat(1) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      what: fc.constant('put line'),
      writer,
      line: fc.nat(1),
      order: fc.option(fc.nat(1), { freq: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('delete line'), writer, line: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('truncate orders', 'truncate lines'), writer }) },
); // prettier-ignore

const plans = fc.record({
  /** The history of two orders and two lines: what each change is, and which writer brings it. */
  changes: fc.array(change, { minLength: 3, maxLength: 7 }),
  /** In what order each writer brings its changes: a replay may bring an old one after a new one. */
  shuffle: fc.array(fc.nat(100), { minLength: 7, maxLength: 7 }),
  order: fc.array(fc.nat(2), { minLength: 1, maxLength: 80 }),
  /** Each writer's request after which it dies once; its change is then delivered again. */
  crashAt: fc.array(fc.integer({ min: 0, max: 24 }), { minLength: 3, maxLength: 3 }),
});

const prepareOrders = [0, 1].map((order) => ({ what: 'put order', writer: 2, order }));
const inOrder = [0, 1, 2, 3, 4, 5, 6];
const requests = (writer: number, count: number): number[] => Array.from({ length: count }, () => writer);
/** Of a write of an order or a line: tombstones, row, tombstones, which parents; then mark, read, set, look, release. */
const REQUESTS = 9;

/** A line comes to an order and has been read there; before it is set, another writer moves it on, and finds it nowhere. */
const movedOn = {
  changes: [
    ...prepareOrders,
    { what: 'put line', writer: 0, line: 0, order: 0 },
    { what: 'put line', writer: 1, line: 0, order: 1 },
  ],
  shuffle: inOrder,
  order: [...requests(2, 2 * REQUESTS), ...requests(0, 6), ...requests(1, REQUESTS), ...requests(0, 20)],
  crashAt: [0, 0, 0],
};

/**
 * A line leaves an order, whose writer has read what is left there; another line comes to the order; the first writer sets what
 * it has read and dies. Delivered again, it does not find its line in that order any more.
 */
const leftAndDead = {
  changes: [
    ...prepareOrders,
    { what: 'put line', writer: 2, line: 0, order: 0 },
    { what: 'put line', writer: 0, line: 0, order: 1 },
    { what: 'put line', writer: 1, line: 1, order: 0 },
  ],
  shuffle: inOrder,
  order: [...requests(2, 3 * REQUESTS), ...requests(0, 6), ...requests(1, REQUESTS), ...requests(0, 20)],
  crashAt: [7, 0, 0],
};

let runs = 0;

test('no order of the requests of three writers, and no crash between two, ends in a wrong array', async () => {
  await fc.assert(
    fc.asyncProperty(plans, async ({ changes, shuffle, order, crashAt }) => {
      const run = ++runs;
      const records = changes.map((one, place) => {
        const step = run * 10 + place;
        if (one.what === 'truncate orders') return { target: orders, position: positionAt(step) };
        if (one.what === 'truncate lines') return { target: lines, position: positionAt(step) };
        return writeOf(one, run * 10, step);
      });
      const gate = turnstile(order);
      const start = async (number: number): Promise<void> => {
        let requests = 0;
        const crashes = (): boolean => ++requests === crashAt[number];
        const collectionOf: CollectionOf = (name) => gate.through(rowsOf(name), number, crashes);
        const ofTarget = ({ name }: Target): Collections => ({
          rows: collectionOf(name),
          tombstones: gate.through(tombstones, number, crashes),
          ...(name === orders.name && { keptFields: ['lines', MARK_FIELD] }),
        });
        const own = records
          .map((record, index) => ({ record, place: shuffle[index] ?? 0, writer: changes[index]?.writer }))
          .filter((entry) => entry.writer === number)
          .toSorted((left, right) => left.place - right.place);
        for (const { record } of own)
          await untilApplied(() => apply(record, ofTarget(record.target), collectionOf));
      };
      const ended = Promise.all([0, 1, 2].map((number) => gate.start(() => start(number))));
      await Promise.all([gate.run(), ended]);
      const hasCrashed = crashAt.some((request) => request > 0);
      // What a writer that died has left is finished when a sink starts.
      if (hasCrashed) await finishMarked(rowsOf, family, 0);
      await expectArrays(run * 10, records);
    }),
    { numRuns: 100, examples: [[movedOn], [leftAndDead]] },
  );
});

type TruncateRecord = Pick<Write, 'target' | 'position'>;

async function apply(
  record: Write | TruncateRecord,
  collections: Collections,
  collectionOf: CollectionOf,
): Promise<void> {
  if (family === undefined) return;
  if ('op' in record) {
    const write = mapWrite(record, record.target === orders ? ofOrders : NO_TABLE_OPTIONS);
    await applyWrites(collections, [write]);
    await embedWrites(collectionOf, family, [write]);
  } else
    await truncateRows(collections, truncateId(record.target), record.position, async () => {
      if (record.target === lines) await refreshFilled(collectionOf, family, lines.name);
    });
}

function writeOf(one: Change, firstId: number, step: number): Write {
  const order = one.order === null || one.order === undefined ? null : firstId + one.order;
  const line = firstId + (one.line ?? 0);
  switch (one.what) {
    case 'put order':
      return upsert(orders, { id: order, note: `at ${step}` }, step);
    case 'delete order':
      return remove(orders, { id: order }, step);
    case 'put line':
      return upsert(lines, { id: line, order_id: order }, step);
    default:
      return remove(lines, { id: line }, step);
  }
}

async function expectArrays(firstId: number, records: readonly (Write | TruncateRecord)[]): Promise<void> {
  const expectedOf = (target: Target) =>
    expectedRows(
      target,
      records.filter((record): record is Write => 'op' in record && record.target === target),
      records
        .filter((record) => !('op' in record) && record.target === target)
        .map(({ position }) => position),
    );
  const allLines = [...expectedOf(lines).values()];
  const expected = [...expectedOf(orders).values()].map(({ id, note }) => ({
    id: Number(id),
    note,
    lines: allLines
      .filter((line) => line['order_id'] === id)
      .map((line) => Number(line['id']))
      .toSorted((left, right) => left - right),
  }));
  const stored = await rowsOf(orders.name)
    .find({ _id: { $gte: firstId, $lt: firstId + 10 } } as Document)
    .toArray();
  const found = stored.map(({ _id, __pos: _position, id, note, lines: array, ...more }) => ({
    id,
    note,
    lines: array?.map((line: Document) => line['_id']),
    ...more,
  }));
  const byId = (left: { id: number }, right: { id: number }): number => left.id - right.id;
  expect(found.toSorted(byId)).toEqual(expected.toSorted(byId));
}
