import { expect, test } from 'vitest';
import type { ChangeEvent } from '../schemas/change-event.ts';
import { makePosition } from '../schemas/position.ts';
import type { TableSchema } from '../schemas/table-schema.ts';
import type { Row } from '../schemas/value.ts';
import { collapse, type TargetEvent } from './collapse.ts';

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

test('the newest event of a key wins, in whatever order they come', () => {
  const key = { a: 'x', b: 'y' };
  const events = [item(key, 2), item(key, 3, true), item(key, 1)];
  for (const order of [events, events.toReversed()]) {
    const writes = collapse(order);
    expect(writes).toHaveLength(1);
    expect(writes[0]?.write).toMatchObject({ op: 'delete', position: makePosition(1n, 3) });
    expect(writes[0]?.events).toHaveLength(3);
  }
});

test('at the same position the later one wins, as a tombstone follows its delete', () => {
  const key = { a: 'x', b: 'y' };
  expect(collapse([item(key, 1), item(key, 1, true)])[0]?.write.op).toBe('delete');
});

test('keys whose values join to the same text stay apart', () => {
  expect(collapse([item({ a: 'x', b: 'yz' }, 1), item({ a: 'xy', b: 'z' }, 2)])).toHaveLength(2);
  expect(collapse([item({ a: '","', b: '' }, 1), item({ a: '', b: '","' }, 2)])).toHaveLength(2);
});
