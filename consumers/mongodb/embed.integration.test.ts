import fc from 'fast-check';
import { BSON, type Document } from 'mongodb';
import { afterAll, describe, expect, test } from 'vitest';
import { expectedRows, makeTarget, positionAt, remove, upsert } from '../../test/sink-contract-model.ts';
import { asRuntime } from '../../test/sink-contract-runtime.ts';
import type { Value } from '../../schemas/value.ts';
import type { Sink, Target } from '../sink.ts';
import { sink as mongodb } from './index.ts';
import {
  deliveries,
  deliveryOf,
  IDS_PER_RUN,
  type Delivery,
  type Family,
  type Truncate,
} from './test-embed-histories.ts';
import { client, db, documents, embedded, family, openSink } from './test-embed-sink.ts';

afterAll(() => client.close());

/** Types and order of the elements count, those of fields do not. */
const asText = (value: unknown): string => BSON.EJSON.stringify(value, { relaxed: false });

describe('rows of another table as an array of their parent', () => {
  test('an order holds its lines, whichever came first', async () => {
    const { orders, lines } = family();
    const sink = await openSink([orders, lines], embedded({ orders, lines }));
    await sink.write([upsert(lines, { id: 2, order_id: 1, amount: '2.50' }, 1)]);
    await sink.write([upsert(orders, { id: 1n, note: 'first' }, 2)]);
    await sink.write([upsert(lines, { id: 1, order_id: 1, amount: null }, 3)]);
    await sink.write([upsert(orders, { id: 1n, note: 'second' }, 4)]);
    const [order] = await documents(orders);
    expect(JSON.parse(asText(order))).toEqual({
      _id: { $numberLong: '1' },
      __pos: positionAt(4),
      id: { $numberLong: '1' },
      note: 'second',
      lines: [
        { _id: { $numberInt: '1' }, id: { $numberInt: '1' }, order_id: { $numberInt: '1' }, amount: null },
        {
          _id: { $numberInt: '2' },
          id: { $numberInt: '2' },
          order_id: { $numberInt: '1' },
          amount: { $numberDecimal: '2.50' },
        },
      ],
    });
  });

  test('a line that moves leaves its former order, and a deleted one all', async () => {
    const { orders, lines } = family();
    const sink = await openSink([orders, lines], embedded({ orders, lines }));
    await sink.write([1n, 2n].map((id) => upsert(orders, { id }, 1)));
    await sink.write([1, 2].map((id) => upsert(lines, { id, order_id: 1 }, 2)));
    const held = async (): Promise<unknown> =>
      Object.fromEntries(
        (await documents(orders)).map((order) => [
          String(order['_id']),
          order['lines'].map((line: Document) => Number(line['_id'])),
        ]),
      );
    expect(await held()).toEqual({ 1: [1, 2], 2: [] });
    await sink.write([upsert(lines, { id: 1, order_id: 2 }, 3)]);
    expect(await held()).toEqual({ 1: [2], 2: [1] });
    await sink.write([upsert(lines, { id: 1, order_id: 1 }, 2), remove(lines, { id: 2 }, 4)]);
    expect(await held()).toEqual({ 1: [], 2: [1] });
    await sink.write([upsert(lines, { id: 1, order_id: null }, 5)]);
    expect(await held()).toEqual({ 1: [], 2: [] });
  });

  test('what a writer that died left marked is finished when a sink starts', async () => {
    const { orders, lines } = family();
    const sink = await openSink([orders, lines], embedded({ orders, lines }));
    await sink.write([upsert(orders, { id: 1n }, 1), upsert(lines, { id: 1, order_id: 1 }, 1)]);
    const mark = new BSON.ObjectId();
    await db.collection(orders.name).updateOne({ id: 1 }, { $set: { lines: [], __embedding: mark } });
    await sink.prepare([orders, lines]);
    const [order] = await documents(orders);
    expect([order?.['lines'].length, order?.['__embedding']]).toEqual([1, undefined]);
  });

  // SecantusDB takes the NaN of a float8 for another key at each write, which MongoDB does not.
  test.each<['numeric' | 'float8', readonly Value[]]>([
    ['numeric', ['0', 'NaN', 'Infinity', '-Infinity']],
    ['float8', [0, Infinity, -Infinity]],
  ])('%s keys that are no plain numbers have rows of their own', async (kind, keys) => {
    const orders = makeTarget(`unusual_${kind}`, ['id'], { id: { kind } });
    const lines = makeTarget(`unusual_lines_${kind}`, ['id'], { id: { kind: 'int4' }, order_id: { kind } });
    const embed = { lines: { table: `public.${lines.table.name}`, by: ['order_id'] } };
    const sink = await openSink([orders, lines], { [`public.${orders.table.name}`]: { embed } });
    await sink.write(keys.map((id) => upsert(orders, { id }, 1)));
    await sink.write(keys.map((order_id, id) => upsert(lines, { id, order_id }, 2)));
    const held = (await documents(orders)).map((order) => [
      String(order['_id']),
      order['lines'].map((line: Document) => Number(line['_id'])),
    ]);
    expect(Object.fromEntries(held)).toEqual(Object.fromEntries(keys.map((key, id) => [String(key), [id]])));
  });

  test("another program's document gets no array", async () => {
    const { orders, lines } = family();
    const sink = await openSink([orders, lines], embedded({ orders, lines }));
    await db.collection<Document>(orders.name).insertOne({ _id: 1, mine: true } as Document);
    await sink.write([upsert(lines, { id: 1, order_id: 1 }, 1)]);
    expect(await db.collection(orders.name).findOne({})).toEqual({ _id: 1, mine: true });
  });
});

/** Delivers the batches whose number `isOwn`, each with the truncates behind it, and in the end every truncate once more. */
async function deliver(
  sink: Sink,
  { batches, truncates }: Delivery,
  isOwn: (number: number) => boolean,
): Promise<void> {
  const asked = (call: () => Promise<void>): Promise<void> =>
    asRuntime((error) => mongodb.classify(error), call);
  const truncate = ({ target, position }: Truncate): Promise<void> =>
    asked(() => sink.truncate(target, position));
  for (const [number, batch] of batches.entries()) {
    if (!isOwn(number)) continue;
    await asked(async () => {
      const outcomes = await sink.write(batch);
      expect(outcomes.map(({ result }) => result)).not.toContain('rejected');
    });
    for (const one of truncates) if (one.behind.includes(number)) await truncate(one);
  }
  for (const one of truncates) await truncate(one);
}

/** Every order of the run with what its array must hold, and nothing else. */
async function expectFamily({ orders, lines }: Family, all: Delivery, run: number): Promise<void> {
  const rowsOf = (target: Target) =>
    expectedRows(
      target,
      all.writes.filter((write) => write.target === target),
      all.truncates.filter((one) => one.target === target).map(({ position }) => position),
    );
  const linesByOrder = Map.groupBy(rowsOf(lines).values(), (each) => each['order_id']);
  const expected = [...rowsOf(orders)].map(([id, { note }]) => ({
    id,
    note,
    lines: (linesByOrder.get(id) ?? [])
      .toSorted((left, right) => Number(left['id']) - Number(right['id']))
      .map((each) => `${each['id']} ${each['amount']}`),
  }));
  const ids = { $gte: run * IDS_PER_RUN, $lt: (run + 1) * IDS_PER_RUN };
  const found = await db
    .collection<Document>(orders.name)
    .find({ _id: ids } as Document, { promoteValues: false })
    .toArray();
  // Whatever else the document has shows as a difference: a mark that is left is one.
  const stored = found.map(({ _id, __pos: _position, id: _column, note, lines: array, ...more }) => ({
    id: String(_id),
    note,
    lines: array?.map((each: Document) => `${each['_id']} ${each['amount']}`),
    ...more,
  }));
  const byId = (left: { id: string }, right: { id: string }): number => Number(left.id) - Number(right.id);
  expect(stored.toSorted(byId)).toEqual(expected.toSorted(byId));
}

let runs = 0;

/** The stand-in takes each of the thousands of updates on its own, and the machine may be busy. */
const PATIENCE_MS = 400_000;

test(
  'any order and repetition of 500 histories of orders and lines ends with the same arrays',
  async () => {
    const both = family();
    const sink = await openSink([both.orders, both.lines], embedded(both));
    await fc.assert(
      fc.asyncProperty(deliveries, async (plan) => {
        const run = ++runs;
        const delivery = deliveryOf(both, plan, run);
        await deliver(sink, delivery, () => true);
        await expectFamily(both, delivery, run);
      }),
      { numRuns: 20 },
    );
  },
  PATIENCE_MS,
);

test(
  'two sinks that write orders and lines at once end with the same arrays',
  async () => {
    const both = family();
    const one = await openSink([both.orders, both.lines], embedded(both));
    const two = await openSink([], embedded(both));
    await two.prepare([both.orders, both.lines]);
    await fc.assert(
      fc.asyncProperty(deliveries, async (plan) => {
        const run = ++runs;
        const delivery = deliveryOf(both, plan, run);
        await Promise.all([
          deliver(one, delivery, (number) => number % 2 === 0),
          deliver(two, delivery, (number) => number % 2 === 1),
        ]);
        await expectFamily(both, delivery, run);
      }),
      // Timing decides here, so a smaller example would prove nothing.
      { numRuns: 6, endOnFailure: true },
    );
  },
  PATIENCE_MS,
);
