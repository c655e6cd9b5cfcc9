import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ForeignKey } from '../../schemas/table-schema.ts';
import { makeTarget, positionAt, remove, upsert } from '../../test/sink-contract-model.ts';
import type { Sink, Target, Write } from '../sink.ts';
import { labelOf } from './names.ts';
import { closeReader, createSink, harness, query } from './test-graph.ts';

/**
 * Rooms with a composite key and a code that is unique; beds that refer to a room by its key and by its code; stays, which
 * have a key of their own and are relationships between a bed and a room.
 */
const rooms = makeTarget('l_rooms', ['house', 'no'], {
  no: { kind: 'int4' },
  house: { kind: 'text' },
  code: { kind: 'text' },
});
const reference = (name: string, columns: string[], to: Target, referencedColumns: string[]): ForeignKey => ({
  name,
  columns,
  referencedSchema: 'public',
  referencedTable: to.table.name,
  referencedColumns,
});
const withKeys = (target: Target, ...foreignKeys: ForeignKey[]): Target => ({
  ...target,
  table: { ...target.table, foreignKeys },
});
const beds = withKeys(
  makeTarget('l_beds', ['id'], {
    id: { kind: 'text' },
    room_no: { kind: 'int4' },
    room_house: { kind: 'text' },
    room_code: { kind: 'text' },
  }),
  reference('beds_room', ['room_no', 'room_house'], rooms, ['no', 'house']),
  reference('beds_code', ['room_code'], rooms, ['code']),
);
const stays = withKeys(
  makeTarget('l_stays', ['id'], {
    id: { kind: 'text' },
    bed: { kind: 'text', nullable: false },
    no: { kind: 'int4', nullable: false },
    house: { kind: 'text', nullable: false },
    nights: { kind: 'int4' },
  }),
  reference('stays_bed', ['bed'], beds, ['id']),
  reference('stays_room', ['house', 'no'], rooms, ['house', 'no']),
);
const targets = [rooms, beds, stays];
const mapping = {
  [`public.${beds.table.name}`]: {
    relationships: { beds_room: 'STANDS_IN', room_code: { type: 'HOLDS', direction: 'in' } },
  },
  [`public.${stays.table.name}`]: { as: 'relationship', start: 'stays_room', type: `STAYS_${stays.name}` },
};

type Step =
  | { readonly table: 'rooms' | 'beds' | 'stays'; readonly ids: readonly number[]; readonly gone: boolean }
  | { readonly table: 'truncate'; readonly ids: readonly number[] };

const id = fc.nat(2);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      table: fc.constantFrom('rooms' as const, 'beds' as const, 'stays' as const),
      ids: fc.tuple(id, id, id, fc.nat(3)),
      gone: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ table: fc.constant('truncate' as const), ids: fc.tuple(id) }) },
);

/** Every step at least once, some twice, in any order, by one of two sinks. */
const deliveries = fc.array(step, { minLength: 1, maxLength: 16 }).chain((history) => {
  const all = history.map((_, index) => index);
  return fc.record({
    history: fc.constant(history),
    order: fc
      .array(fc.constantFrom(...all), { maxLength: 6 })
      .chain((again) => fc.shuffledSubarray([...all, ...again], { minLength: all.length + again.length })),
    batchSize: fc.integer({ min: 1, max: 6 }),
  });
});

interface Truncate {
  readonly op: 'truncate';
  readonly target: Target;
  readonly position: Write['position'];
}

function changeOf(run: number, one: Step, index: number): Write | Truncate {
  const place = run * 100 + index;
  const [first = 0, second = 0, third = 0, fourth = 0] = one.ids;
  if (one.table === 'truncate')
    return { op: 'truncate', target: targets[first] ?? rooms, position: positionAt(place) };
  const name = (what: string, value: number): string => `${what}${run}-${value}`;
  const room = { house: name('h', second % 2), no: third % 2 };
  const row =
    one.table === 'rooms'
      ? { ...room, code: fourth === 3 ? null : name('c', fourth) }
      : one.table === 'beds'
        ? {
            id: name('b', first),
            room_house: room.house,
            // A foreign key with a null part points to nothing.
            room_no: third === 2 ? null : room.no,
            room_code: fourth === 3 ? null : name('c', fourth),
          }
        : { id: name('s', first), bed: name('b', third), ...room, nights: index };
  const target = { rooms, beds, stays }[one.table];
  return one.gone ? remove(target, row, place) : upsert(target, row, place);
}

function batched(changes: readonly (Write | Truncate)[], size: number): (Write[] | Truncate)[] {
  const batches: (Write[] | Truncate)[] = [];
  const keyOf = ({ target, key }: Write): string => JSON.stringify([target.name, Object.values(key)]);
  for (const change of changes) {
    const open = batches.at(-1);
    if (change.op === 'truncate') batches.push(change);
    else if (!Array.isArray(open) || open.length >= size || open.some((one) => keyOf(one) === keyOf(change)))
      batches.push([change]);
    else open.push(change);
  }
  return batches;
}

/** What Postgres would hold, drawn as a graph: a line a node and a relationship. */
function expectedGraph(changes: readonly (Write | Truncate)[]): string[] {
  const rows = (target: Target): Record<string, unknown>[] => {
    const own = changes.filter((change) => change.target === target);
    const last = new Map<string, Write>();
    for (const change of own.toSorted((left, right) => (left.position < right.position ? -1 : 1)))
      if (change.op === 'truncate') last.clear();
      else last.set(JSON.stringify(change.key), change);
    return [...last.values()].flatMap((change) => (change.op === 'upsert' ? [change.row] : []));
  };
  const [liveRooms, liveBeds, liveStays] = [rows(rooms), rows(beds), rows(stays)];
  const nodes = new Set<string>();
  const lines: string[] = [];
  const roomName = ({ house, no }: Record<string, unknown>): string => `room ${String(house)} ${String(no)}`;
  for (const room of liveRooms) nodes.add(`${roomName(room)} ${String(room['code'])}`);
  for (const bed of liveBeds) nodes.add(`bed ${String(bed['id'])} live`);
  const pointTo = (name: string): string => {
    if (![...nodes].some((node) => node.startsWith(`${name} `))) nodes.add(`${name} placeholder`);
    return name;
  };
  for (const bed of liveBeds) {
    const own = `bed ${String(bed['id'])}`;
    if (bed['room_no'] !== null)
      lines.push(`${own} STANDS_IN ${pointTo(roomName({ house: bed['room_house'], no: bed['room_no'] }))}`);
    for (const room of liveRooms)
      if (room['code'] !== null && room['code'] === bed['room_code'])
        lines.push(`${roomName(room)} HOLDS ${own}`);
  }
  for (const stay of liveStays)
    lines.push(
      `${pointTo(roomName(stay))} STAYS ${pointTo(`bed ${String(stay['bed'])}`)} ${String(stay['id'])} ${String(stay['nights'])}`,
    );
  return [...nodes, ...lines].toSorted();
}

async function storedGraph(run: number): Promise<string[]> {
  const name = (variable: string): string =>
    `CASE WHEN ${variable}:${labelOf(rooms.name)} THEN 'room ' + ${variable}.house + ' ' + ${variable}.no ELSE 'bed ' + ${variable}.id END`;
  const nodes = await query(
    `MATCH (n:${labelOf(rooms.name)}|${labelOf(beds.name)}) WHERE coalesce(n.house, n.id) CONTAINS $run
     RETURN ${name('n')} + ' ' + CASE WHEN n:__Placeholder THEN 'placeholder' WHEN n:${labelOf(beds.name)} THEN 'live' ELSE coalesce(n.code, 'null') END AS line`,
    { run: `${run}-` },
  );
  const relationships = await query(
    `MATCH (n:${labelOf(rooms.name)}|${labelOf(beds.name)})-[r]->(m) WHERE coalesce(n.house, n.id) CONTAINS $run
     RETURN ${name('n')} + ' ' + split(type(r), '_contract')[0] + ' ' + ${name('m')} + coalesce(' ' + r.id + ' ' + r.nights, '') AS line`,
    { run: `${run}-` },
  );
  return [...nodes, ...relationships].map(({ line }) => String(line)).toSorted();
}

const sinks: Sink[] = [];

beforeAll(async () => {
  for (const _ of [1, 2]) sinks.push(createSink({}, mapping));
  for (const sink of sinks) await sink.prepare(targets);
});

afterAll(async () => {
  await harness.remove([rooms, beds]);
  await query('MATCH (t:__Tombstone) WHERE t.id STARTS WITH $id DELETE t', { id: `${stays.name}:` });
  await query('MATCH (t:__Tailrace {id: $id}) DELETE t', { id: `target ${stays.name}` });
  const [constraint] = await query(
    'SHOW CONSTRAINTS YIELD name, labelsOrTypes WHERE labelsOrTypes = [$type] RETURN name',
    { type: `STAYS_${stays.name}` },
  );
  await query(`DROP CONSTRAINT ${String(constraint?.['name'])}`);
  for (const sink of sinks) await sink.close();
  await closeReader();
});

let runs = 100;

test('composite foreign keys, references by value and rows as relationships follow the rows, whatever the order', async () => {
  await fc.assert(
    fc.asyncProperty(deliveries, async ({ history, order, batchSize }) => {
      const run = ++runs;
      const changes = history.map((one, index) => changeOf(run, one, index));
      const delivered = order.flatMap((index) => changes[index] ?? []);
      // Like the runtime, which reads a truncate behind the older rows of each partition, the last word is told again.
      const last = changes.filter(({ op }) => op === 'truncate');
      for (const [index, batch] of batched([...delivered, ...last], batchSize).entries()) {
        const sink = sinks[index % sinks.length];
        if (sink === undefined) throw new Error('a sink is missing');
        if (Array.isArray(batch)) await sink.write(batch);
        else await sink.truncate(batch.target, batch.position);
      }
      expect(await storedGraph(run)).toEqual(expectedGraph(changes));
    }),
    { numRuns: 100, endOnFailure: true },
  );
}, 600_000);
