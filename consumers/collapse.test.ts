import { expect, test } from 'vitest';
import type { ChangeEvent } from '../schemas/change-event.ts';
import { makePosition } from '../schemas/position.ts';
import type { TableSchema } from '../schemas/table-schema.ts';
import type { Row } from '../schemas/value.ts';
import { AT_TRUNCATE, collapse } from './collapse.ts';
import type { TargetEvent } from './sink.ts';

const table: TableSchema = {
  schema: 'public',
  name: 't',
  columns: [
    { name: 'a', type: 'text', kind: 'text', nullable: false },
    { name: 'b', type: 'text', kind: 'text', nullable: false },
  ],
  key: ['a', 'b'],
  foreignKeys: [],
};
const target = { name: 't', table };

function item(key: Row, ordinal: number, deleted = false): TargetEvent {
  const event: ChangeEvent = {
    table,
    op: deleted ? 'd' : 'u',
    key,
    before: null,
    after: deleted ? null : { ...key, n: ordinal },
    position: makePosition(1n, ordinal),
    source: { name: '', db: '', txId: null, lsn: 0n, tsUs: 0, snapshot: false },
    tsMs: 0,
  };
  return { target, event };
}

function truncate(ordinal: number, of = target): TargetEvent {
  const { event } = item({}, ordinal, true);
  return { target: of, event: { ...event, op: 't' } };
}

const positions = (events: readonly TargetEvent[]) => events.map(({ event }) => event.position);

test('the newest event of a key wins, in whatever order they come', () => {
  const key = { a: 'x', b: 'y' };
  const events = [item(key, 2), item(key, 3, true), item(key, 1)];
  for (const order of [events, events.toReversed()]) {
    const { writes, writeOf } = collapse(order);
    expect(writes).toMatchObject([{ op: 'delete', position: makePosition(1n, 3) }]);
    expect(writeOf).toEqual([0, 0, 0]);
  }
});

test('at the same position the later one wins, as a tombstone follows its delete', () => {
  const key = { a: 'x', b: 'y' };
  expect(collapse([item(key, 1), item(key, 1, true)]).writes[0]?.op).toBe('delete');
});

test('a key that is created in the batch is new, whatever comes behind it', () => {
  const created = item({ a: 'x', b: 'y' }, 1);
  const events = [
    { ...created, event: { ...created.event, op: 'c' as const } },
    item({ a: 'x', b: 'y' }, 2),
    item({ a: 'z', b: 'y' }, 3),
  ];
  for (const order of [events, events.toReversed()])
    expect(
      new Map(collapse(order).writes.map((write) => [write.key['a'], 'isNew' in write && write.isNew])),
    ).toEqual(
      new Map([
        ['x', true],
        ['z', false],
      ]),
    );
});

test('keys whose values join to the same text stay apart', () => {
  expect(collapse([item({ a: 'x', b: 'yz' }, 1), item({ a: 'xy', b: 'z' }, 2)]).writes).toHaveLength(2);
  expect(collapse([item({ a: '","', b: '' }, 1), item({ a: '', b: '","' }, 2)]).writes).toHaveLength(2);
});

test('what is older than a truncate is deleted at its position, what is newer is written, in whatever order they come', () => {
  const events = [
    item({ a: 'x', b: '' }, 1),
    truncate(3),
    item({ a: 'x', b: '' }, 4),
    item({ a: 'y', b: '' }, 2),
    item({ a: 'z', b: '' }, 5),
  ];
  for (const order of [events, events.toReversed()]) {
    const { writes, truncates } = collapse(order);
    expect(writes.map(({ op, key, position }) => [op, key['a'], position])).toEqual(
      expect.arrayContaining([
        ['upsert', 'x', at(4)],
        ['upsert', 'z', at(5)],
        ['delete', 'y', at(3)],
      ]),
    );
    expect(writes).toHaveLength(3);
    expect(truncates).toMatchObject([{ target, position: at(3) }]);
    expect(positions(truncates[0]?.events ?? []).toSorted()).toEqual([1, 2, 3].map(at));
  }
});

test('of several truncates of a target the newest counts, each target has its own', () => {
  const other = { ...target, name: 'other' };
  const { writes, writeOf, truncates } = collapse([
    truncate(2),
    { ...item({ a: 'x', b: '' }, 1), target: other },
    truncate(6),
    truncate(4),
    truncate(3, other),
    { ...item({ a: 'y', b: '' }, 5), target: other },
    item({ a: 'x', b: '' }, 5),
  ]);
  expect(writes).toMatchObject([
    { op: 'upsert', target: other, position: at(5) },
    { op: 'delete', target: other, position: at(3) },
    { op: 'delete', target, position: at(6) },
  ]);
  const none = AT_TRUNCATE;
  expect(writeOf).toEqual([none, none, none, none, none, 0, none]);
  expect(truncates).toMatchObject([
    { target, position: at(6) },
    { target: other, position: at(3) },
  ]);
  expect(truncates.map(({ events }) => positions(events))).toEqual([[2, 6, 4, 5].map(at), [1, 3].map(at)]);
});

function at(ordinal: number): string {
  return makePosition(1n, ordinal);
}
