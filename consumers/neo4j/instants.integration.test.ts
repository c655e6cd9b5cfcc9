import { afterAll, expect, onTestFinished, test } from 'vitest';
import { makeTarget, upsert } from '../../test/sink-contract-model.ts';
import type { Sink, Target } from '../sink.ts';
import { labelOf } from './names.ts';
import { closeReader, harness, query, withForeignKeys } from './test-graph.ts';

afterAll(closeReader);

async function open(...targets: Target[]): Promise<Sink> {
  const one = await harness.open();
  onTestFinished(async () => {
    await harness.remove(targets);
    await one.close();
  });
  await one.sink.prepare(targets);
  return one.sink;
}

const date = { kind: 'date' as const };
const kinds = { at: { kind: 'timestamp' as const }, zoned: { kind: 'timestamptz' as const }, day: date };

/** Type and text of the properties of rows, in the order of `id`. */
const properties = async (pattern: string): Promise<string[]> => {
  const found = await query(
    `MATCH ${pattern} RETURN [x IN [n.at, n.zoned, n.day] | valueType(x) + ' ' + toString(x)] AS values ORDER BY n.id`,
  );
  return found.map(({ values }) => (values as unknown[]).map((one) => String(one)).join(', '));
};

const ROWS = [
  { at: '2024-02-29T12:00:00.123456', zoned: '2024-02-29T12:00:00.5Z', day: '2024-02-29' },
  { at: '0001-01-01T00:00:00', zoned: '9999-12-31T23:59:59.999999Z', day: '0001-01-01' },
  { at: '0001-12-31T00:00:00 BC', zoned: '294276-12-31T23:59:59Z', day: '5874897-12-31' },
  { at: 'infinity', zoned: '-infinity', day: null },
];
const STORED = [
  'LOCAL DATETIME NOT NULL 2024-02-29T12:00:00.123456, ZONED DATETIME NOT NULL 2024-02-29T12:00:00.5Z, DATE NOT NULL 2024-02-29',
  'LOCAL DATETIME NOT NULL 0001-01-01T00:00:00, ZONED DATETIME NOT NULL 9999-12-31T23:59:59.999999Z, DATE NOT NULL 0001-01-01',
  'LOCAL DATETIME NOT NULL 0000-12-31T00:00:00, ZONED DATETIME NOT NULL +294276-12-31T23:59:59Z, DATE NOT NULL +5874897-12-31',
  'STRING NOT NULL infinity, STRING NOT NULL -infinity, null',
];

test('dates and times of nodes have the types and digits of their columns', async () => {
  const target = makeTarget('i_nodes', ['id'], { id: { kind: 'int4' }, ...kinds });
  const sink = await open(target);
  await sink.write(ROWS.map((row, id) => upsert(target, { id, ...row }, 1)));
  expect(await properties(`(n:${labelOf(target.name)})`)).toEqual(STORED);
  await sink.write(ROWS.map((row, id) => upsert(target, { id: ROWS.length - 1 - id, ...row }, 2)));
  expect(await properties(`(n:${labelOf(target.name)})`)).toEqual(STORED.toReversed());
});

test('so have those of relationships, and one by which a node is found is found', async () => {
  const days = makeTarget('i_days', ['day'], { day: date, note: { kind: 'text' } });
  const bare = makeTarget('i_joins', ['one', 'other'], {
    one: date,
    other: date,
    id: { kind: 'int4' },
    ...kinds,
  });
  const joins = withForeignKeys(bare, { one: days, other: days });
  const visits = withForeignKeys(makeTarget('i_visits', ['id'], { id: { kind: 'int4' }, on_day: date }), {
    on_day: days,
  });
  const sink = await open(days, joins, visits);
  const dayOf = (id: number): string => `2024-02-1${id}`;
  await sink.write([
    ...ROWS.map((row, id) => upsert(joins, { one: dayOf(id), other: dayOf(9 - id), id, ...row }, 1)),
    ...ROWS.map((_, id) => upsert(visits, { id, on_day: dayOf(id) }, 1)),
    ...[0, 1, 2, 3, 6, 7, 8, 9].map((id) => upsert(days, { day: dayOf(id), note: 'x' }, 1)),
  ]);
  const joined = `()-[n:${joins.name.toUpperCase()}]->()`;
  expect(await properties(joined)).toEqual(STORED);
  await sink.write(
    ROWS.map((row, id) => upsert(joins, { one: dayOf(3 - id), other: dayOf(6 + id), id: 3 - id, ...row }, 2)),
  );
  expect(await properties(joined)).toEqual(STORED.toReversed());
  await sink.write(ROWS.map((_, id) => upsert(visits, { id, on_day: dayOf(id) }, 2)));
  expect(
    await query(
      `MATCH (n:${labelOf(visits.name)})-[:ON_DAY]->(d {note: 'x'}) WHERE d.day = n.on_day RETURN count(*) AS count`,
    ),
  ).toEqual([{ count: 4n }]);
  expect(await query(`MATCH (n:${labelOf(days.name)}) RETURN count(n) AS count`)).toEqual([{ count: 8n }]);
});

test('a text that a date column held when it was text stays a text', async () => {
  const typed = (kind: 'text' | 'date'): Target =>
    makeTarget('i_typed', ['id'], { id: { kind: 'int4' }, day: { kind } });
  const sink = await open(typed('date'));
  await sink.write([upsert(typed('text'), { id: 1, day: '2024-02-29' }, 1)]);
  await sink.write([upsert(typed('date'), { id: 2, day: '2024-02-29' }, 1)]);
  expect(
    await query(`MATCH (n:${labelOf(typed('date').name)}) RETURN valueType(n.day) AS type ORDER BY n.id`),
  ).toEqual([{ type: 'STRING NOT NULL' }, { type: 'DATE NOT NULL' }]);
});

test('a date that does not exist is rejected alone', async () => {
  const target = makeTarget('i_wrong', ['id'], { id: { kind: 'int4' }, day: date, at: kinds.at });
  const sink = await open(target);
  const outcomes = await sink.write([
    upsert(target, { id: 1, day: '2024-02-30' }, 1),
    upsert(target, { id: 2, day: '2024-02-29' }, 1),
    upsert(target, { id: 3, at: '2024-02-29T24:00:00' }, 1),
    upsert(target, { id: 4, at: '2024-02-29T23:00:00Z' }, 1),
  ]);
  expect(outcomes.map(({ result }) => result)).toEqual(['rejected', 'applied', 'rejected', 'rejected']);
});
