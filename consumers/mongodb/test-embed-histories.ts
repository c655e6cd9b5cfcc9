import fc from 'fast-check';
import { keyText } from '../../schemas/key-text.ts';
import type { Position } from '../../schemas/position.ts';
import { positionAt, remove, upsert } from '../../test/sink-contract-model.ts';
import type { Target, Write } from '../sink.ts';

/** Orders and their lines, which lie in the orders as the array `lines`. */
export interface Family {
  readonly orders: Target;
  readonly lines: Target;
}

/** One change of a history of three orders and four lines. */
type Change =
  | { readonly what: 'put order' | 'delete order'; readonly order: number }
  | { readonly what: 'put line'; readonly line: number; readonly order: number | null }
  | { readonly what: 'delete line'; readonly line: number }
  | { readonly what: 'move line'; readonly line: number; readonly to: number; readonly order: number };

const order = fc.nat(2);
const line = fc.nat(3);
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('put order' as const), order }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('delete order' as const), order }) },
  { weight: 12, arbitrary: fc.record({ what: fc.constant('put line' as const), line, order: fc.option(order) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('delete line' as const), line }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('move line' as const), line, to: line, order }) },
); // prettier-ignore

const MAX_CHANGES = 9;
/** Histories in one property run: their batches share requests, which is what makes 500 of them affordable. */
const HISTORIES = 25;

/** A history and one way to deliver it: every change at least once, in any order, in any batches. */
const history = fc.array(change, { minLength: 3, maxLength: MAX_CHANGES }).chain((changes) => {
  const places = [...changes.keys(), ...changes.keys()].slice(0, changes.length + 3);
  return fc.record({
    changes: fc.constant(changes),
    places: fc.shuffledSubarray(places, { minLength: places.length }),
    batchSize: fc.integer({ min: 1, max: 5 }),
  });
});

/** Plans of what is written, and of how it is delivered. */
export const deliveries = fc.record({
  histories: fc.array(history, { minLength: HISTORIES, maxLength: HISTORIES }),
  /** Truncates of all histories' rows: after which place of the histories, and behind which batches each is delivered. */
  truncates: fc.array(
    fc.record({
      table: fc.constantFrom('orders' as const, 'lines' as const),
      place: fc.nat(MAX_CHANGES),
      behind: fc.uniqueArray(fc.nat(6), { minLength: 1, maxLength: 3 }),
    }),
    { maxLength: 2 },
  ),
});

/** Delivered behind each batch of these numbers. */
export interface Truncate {
  readonly target: Target;
  readonly position: Position;
  readonly behind: readonly number[];
}

/** `writes` are the histories themselves, `batches` what is delivered of them. */
export interface Delivery {
  readonly writes: readonly Write[];
  readonly truncates: readonly Truncate[];
  readonly batches: readonly (readonly Write[])[];
}

const STEPS_PER_PLACE = (HISTORIES + 2) * 2;
const STEPS_PER_RUN = STEPS_PER_PLACE * (MAX_CHANGES + 1);
/** The ids of run 7 are those from 7 times this on. */
export const IDS_PER_RUN = HISTORIES * 10;

/** What a plan of `deliveries` is for these tables. The rows of each `run` are its own, and its positions above all earlier ones. */
export function deliveryOf(
  { orders, lines }: Family,
  { histories, truncates }: typeof deliveries extends fc.Arbitrary<infer One> ? One : never,
  run: number,
): Delivery {
  const stepOf = (place: number, rank: number): number =>
    run * STEPS_PER_RUN + place * STEPS_PER_PLACE + rank * 2;
  const each = histories.map(({ changes, places, batchSize }, rank) => {
    const writes = changes.map((one, place) =>
      writesOf({ orders, lines }, one, run * IDS_PER_RUN + rank * 10, stepOf(place, rank)),
    );
    const delivered = places.flatMap((place) => writes[place] ?? []);
    return { writes: writes.flat(), batches: batchesOf(delivered, batchSize) };
  });
  const longest = Math.max(...each.map(({ batches }) => batches.length));
  return {
    writes: each.flatMap(({ writes }) => writes),
    truncates: truncates.map(({ table, place, behind }, rank) => ({
      target: table === 'orders' ? orders : lines,
      position: positionAt(stepOf(place, HISTORIES + rank)),
      behind,
    })),
    batches: Array.from({ length: longest }, (_, number) =>
      each.flatMap(({ batches }) => batches[number] ?? []),
    ),
  };
}

function writesOf({ orders, lines }: Family, one: Change, firstId: number, step: number): Write[] {
  const put = (id: number, ofOrder: number | null, at: number): Write =>
    upsert(
      lines,
      { id: firstId + id, order_id: ofOrder === null ? null : firstId + ofOrder, amount: `${at}` },
      at,
    );
  switch (one.what) {
    case 'put order':
      return [upsert(orders, { id: BigInt(firstId + one.order), note: `at ${step}` }, step)];
    case 'delete order':
      return [remove(orders, { id: BigInt(firstId + one.order) }, step)];
    case 'put line':
      return [put(one.line, one.order, step)];
    case 'delete line':
      return [remove(lines, { id: firstId + one.line }, step)];
    case 'move line':
      return [remove(lines, { id: firstId + one.line }, step), put(one.to, one.order, step + 1)];
  }
}

/** A key comes at most once in a batch, as the runtime promises. */
function batchesOf(writes: readonly Write[], size: number): Write[][] {
  const batches: Write[][] = [];
  let keys = new Set<string>();
  for (const write of writes) {
    const key = `${write.target.name} ${keyText(write.target.table.key, write.key)}`;
    const open = batches.at(-1);
    if (open === undefined || open.length === size || keys.has(key)) {
      batches.push([write]);
      keys = new Set([key]);
    } else {
      open.push(write);
      keys.add(key);
    }
  }
  return batches;
}
