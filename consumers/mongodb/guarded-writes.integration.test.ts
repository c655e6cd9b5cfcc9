import fc from 'fast-check';
import { MongoClient } from 'mongodb';
import { afterAll, expect, test } from 'vitest';
import { keyText } from '../../schemas/key-text.ts';
import type { Position } from '../../schemas/position.ts';
import { expectedRows, makeTarget, positionAt, remove, upsert } from '../../test/sink-contract-model.ts';
import type { Write } from '../sink.ts';
import { StoreError, TIME_LIMIT_EXCEEDED } from './bulk.ts';
import { databaseOf, optionsSchema } from './config.ts';
import { applyWrites } from './guarded-writes.ts';
import { mapWrite, truncateId, type RowDocument, type Tombstone } from './mapping.ts';
import { turnstile, untilApplied } from './test-turnstile.ts';
import { truncateRows } from './truncate.ts';

const url = process.env['MONGODB_URL'];
if (url === undefined) throw new Error('MONGODB_URL is missing: give the address of a MongoDB server');
const client = new MongoClient(url, { serverSelectionTimeoutMS: 5_000 });
const db = client.db(databaseOf(optionsSchema.parse({ url })));
const target = makeTarget('interleaved', ['id'], { id: { kind: 'int4' }, name: { kind: 'text' } });
const rows = db.collection<RowDocument>(target.name);
const tombstones = db.collection<Tombstone>(`__${target.name}`);

afterAll(async () => {
  for (const collection of [rows, tombstones]) await collection.drop();
  await client.close();
});

const plans = fc.record({
  /** The history of the key: what each change is, and which writer brings it. */
  changes: fc.array(
    fc.record({ what: fc.constantFrom('put', 'put', 'delete', 'truncate'), writer: fc.nat(2) }),
    {
      minLength: 2,
      maxLength: 5,
    },
  ),
  /** In what order each writer brings its changes: a replay may bring an old one after a new one. */
  shuffle: fc.array(fc.nat(100), { minLength: 5, maxLength: 5 }),
  order: fc.array(fc.nat(2), { minLength: 1, maxLength: 40 }),
  /** Each writer's request after which it dies once; its batches are then delivered again. */
  crashAt: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 3, maxLength: 3 }),
});

/** An upsert that looks, is overtaken by the whole newer delete, writes, and dies before it looks again. */
const overtakenAndDead = {
  changes: [
    { what: 'put', writer: 0 },
    { what: 'delete', writer: 1 },
  ],
  shuffle: [0, 0, 0, 0, 0],
  order: [0, 1, 1, 1, 1, 0, 0],
  crashAt: [2, 0, 0],
};
const overtaken = { ...overtakenAndDead, crashAt: [0, 0, 0] };
/** The same with a truncate, which looks, raises its tombstone and finds no row yet. */
const truncatedAndDead = {
  ...overtakenAndDead,
  changes: [
    { what: 'put', writer: 0 },
    { what: 'truncate', writer: 1 },
  ],
};

let usedIds = 0;

/** Steps of a test above those of all tests before it, since a truncate reaches every row of the table. */
const stepOf = (id: number, step: number): number => id * 10 + step;

test('no order of the requests of three writers, and no crash between two, ends in a wrong row', async () => {
  await fc.assert(
    fc.asyncProperty(plans, async ({ changes, shuffle, order, crashAt }) => {
      const id = ++usedIds;
      const records = changes.map(({ what }, index) => {
        const step = stepOf(id, index);
        if (what === 'truncate') return positionAt(step);
        if (what === 'delete') return remove(target, { id }, step);
        return upsert(target, { id, name: `change ${index}` }, step);
      });
      const gate = turnstile(order);
      const writer = async (number: number): Promise<void> => {
        let requests = 0;
        const crashes = (): boolean => ++requests === crashAt[number];
        const collections = {
          rows: gate.through(rows, number, crashes),
          tombstones: gate.through(tombstones, number, crashes),
        };
        const own = records
          .map((record, index) => ({ record, place: shuffle[index] ?? 0, writer: changes[index]?.writer }))
          .filter((entry) => entry.writer === number)
          .toSorted((left, right) => left.place - right.place);
        for (const { record } of own)
          await untilApplied(() =>
            typeof record === 'string'
              ? truncateRows(collections, truncateId(target), record)
              : applyWrites(collections, [mapWrite(record)]),
          );
      };
      const ended = Promise.all([0, 1, 2].map((number) => gate.start(() => writer(number))));
      await Promise.all([gate.run(), ended]);
      await expectRow(
        id,
        records.filter((record) => typeof record !== 'string'),
        records.filter((record) => typeof record === 'string'),
      );
    }),
    { numRuns: 80, examples: [[overtaken], [overtakenAndDead], [truncatedAndDead]] },
  );
});

test('of two writers that insert the same new rows at once the newer wins every row', async () => {
  const ids = Array.from({ length: 400 }, () => ++usedIds);
  const batch = (name: string, step: number): Write[] =>
    ids.map((id) => upsert(target, { id, name }, stepOf(ids[0] ?? 0, step)));
  const [older, newer] = [batch('older', 1), batch('newer', 2)];
  await Promise.all(
    [older, newer.toReversed()].map((writes) =>
      applyWrites(
        { rows, tombstones },
        writes.map((write) => mapWrite(write)),
      ),
    ),
  );
  expect(await rows.countDocuments({ name: 'newer', _id: { $in: ids as never[] } })).toBe(ids.length);
});

test('an upsert that another writer overtook with an older row is written again', async () => {
  const id = ++usedIds;
  const [older, newer] = [
    upsert(target, { id, name: 'older' }, stepOf(id, 1)),
    upsert(target, { id, name: 'newer' }, stepOf(id, 2)),
  ];
  let overtakenOnce = false;
  // MongoDB's upsert looks for a row and then inserts; between the two another writer inserts the same key.
  const raced = new Proxy(rows, {
    get(real, name) {
      if (name !== 'bulkWrite' || overtakenOnce) return Reflect.get(real, name).bind(real);
      return async (...all: Parameters<typeof rows.bulkWrite>) => {
        overtakenOnce = true;
        await applyWrites({ rows, tombstones }, [mapWrite(older)]);
        const { document } = mapWrite(newer);
        if (document === null) throw new Error('an upsert has a document');
        return real.bulkWrite([{ insertOne: { document: document as never } }], all[1]);
      };
    },
  });
  const notApplied = await applyWrites({ rows: raced, tombstones }, [mapWrite(newer)]);
  expect(notApplied.size).toBe(0);
  await expectRow(id, [older, newer]);
});

test('a truncate that is too much for one request takes its rows in batches', async () => {
  const id = ++usedIds;
  const ids = Array.from({ length: 2100 }, () => ++usedIds);
  const older = ids.map((each) => upsert(target, { id: each, name: 'older' }, stepOf(id, 1)));
  const newer = upsert(target, { id, name: 'newer' }, stepOf(id, 3));
  await applyWrites(
    { rows, tombstones },
    [...older, newer].map((write) => mapWrite(write)),
  );
  const requests: number[] = [];
  const slow = new Proxy(rows, {
    get(real, name) {
      if (name !== 'bulkWrite') return Reflect.get(real, name).bind(real);
      return (...all: Parameters<typeof rows.bulkWrite>) => {
        if (all[0].some((operation) => 'deleteMany' in operation))
          return Promise.reject(new StoreError(TIME_LIMIT_EXCEEDED));
        requests.push(all[0].length);
        return real.bulkWrite(...all);
      };
    },
  });
  await truncateRows({ rows: slow, tombstones }, truncateId(target), positionAt(stepOf(id, 2)));
  expect(await rows.countDocuments({ name: 'older' })).toBe(0);
  expect(Math.max(...requests)).toBe(1000);
  await expectRow(id, [newer]);
});

async function expectRow(
  id: number,
  writes: readonly Write[],
  truncates: readonly Position[] = [],
): Promise<void> {
  const expected = expectedRows(target, writes, truncates).get(keyText(['id'], { id }));
  const stored = await rows.findOne({ _id: id as never });
  expect(stored === null ? undefined : { id: String(stored['id']), name: stored['name'] }).toEqual(expected);
}
