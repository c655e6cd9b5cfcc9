import { expect, test } from 'vitest';
import type { ChangeEvent } from '../schemas/change-event.ts';
import { makePosition } from '../schemas/position.ts';
import type { TableSchema } from '../schemas/table-schema.ts';
import type { Row } from '../schemas/value.ts';
import { collapse } from './collapse.ts';
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
    const { writes } = collapse(order);
    expect(writes).toHaveLength(1);
    expect(writes[0]?.write).toMatchObject({ op: 'delete', position: makePosition(1n, 3) });
    expect(writes[0]?.events).toHaveLength(3);
  }
});

test('at the same position the later one wins, as a tombstone follows its delete', () => {
  const key = { a: 'x', b: 'y' };
  expect(collapse([item(key, 1), item(key, 1, true)]).writes[0]?.write.op).toBe('delete');
});

test('keys whose values join to the same text stay apart', () => {
  expect(collapse([item({ a: 'x', b: 'yz' }, 1), item({ a: 'xy', b: 'z' }, 2)]).writes).toHaveLength(2);
  expect(collapse([item({ a: '","', b: '' }, 1), item({ a: '', b: '","' }, 2)]).writes).toHaveLength(2);
});

test('what is older than a truncate is not written, what is newer is, in whatever order they come', () => {
  const events = [
    item({ a: 'x', b: '' }, 1),
    truncate(3),
    item({ a: 'x', b: '' }, 4),
    item({ a: 'y', b: '' }, 2),
    item({ a: 'z', b: '' }, 5),
  ];
  for (const order of [events, events.toReversed()]) {
    const { writes, truncates } = collapse(order);
    expect(writes.map(({ write }) => write.position).toSorted()).toEqual([4, 5].map(at));
    expect(truncates).toMatchObject([{ target, position: at(3) }]);
    expect(positions(truncates[0]?.events ?? []).toSorted()).toEqual([1, 2, 3].map(at));
  }
});

test('of several truncates of a target the newest counts, each target has its own', () => {
  const other = { ...target, name: 'other' };
  const { writes, truncates } = collapse([
    truncate(2),
    { ...item({ a: 'x', b: '' }, 1), target: other },
    truncate(6),
    truncate(4),
    truncate(3, other),
    { ...item({ a: 'y', b: '' }, 5), target: other },
    item({ a: 'x', b: '' }, 5),
  ]);
  expect(writes).toMatchObject([{ write: { target: other, position: at(5) } }]);
  expect(truncates).toMatchObject([
    { target, position: at(6) },
    { target: other, position: at(3) },
  ]);
  expect(truncates.map(({ events }) => positions(events))).toEqual([[2, 6, 4, 5].map(at), [1, 3].map(at)]);
});

function at(ordinal: number): string {
  return makePosition(1n, ordinal);
}
