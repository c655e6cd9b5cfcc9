import { expect, test } from 'vitest';
import type { ChangeEvent } from '../schemas/change-event.ts';
import { makePosition } from '../schemas/position.ts';
import type { TableSchema } from '../schemas/table-schema.ts';
import type { Row } from '../schemas/value.ts';
import { changeKey } from './change-key.ts';

const people: TableSchema = {
  schema: 'public',
  name: 'people',
  columns: [
    { name: 'id', type: 'integer', kind: 'int4', nullable: false },
    { name: 'email', type: 'text', kind: 'text', nullable: false },
    { name: 'nick', type: 'text', kind: 'text', nullable: true },
  ],
  key: ['id'],
  foreignKeys: [],
};

function change(op: ChangeEvent['op'], before: Row | null, after: Row | null, name = 'p'): ChangeEvent {
  return {
    table: people,
    op,
    key: op === 't' ? {} : { id: 1 },
    before,
    after,
    position: makePosition(9n, 1),
    source: { name, db: 'd', txId: 5, lsn: 1n, tsUs: 0, snapshot: false },
    tsMs: 0,
  };
}

const row = (email: string): Row => ({ id: 1, email, nick: null });
const applied = (columns: readonly string[], event: ChangeEvent) =>
  changeKey(columns, people, true).apply(event, event);
const told = (events: readonly ChangeEvent[]) =>
  events.map(({ op, key, after }) => [op, key, after?.['email']]);

test('inserts and updates have the other key, and the target says so', () => {
  const keyed = changeKey(['email'], people, true);
  const { table } = keyed;
  const apply = (event: ChangeEvent) => keyed.apply(event, event);
  expect(table.key).toEqual(['email']);
  expect(told(apply(change('c', null, row('a'))))).toEqual([['c', { email: 'a' }, 'a']]);
  expect(told(apply(change('u', row('a'), row('a'))))).toEqual([['u', { email: 'a' }, 'a']]);
  for (const event of apply(change('u', row('a'), row('a')))) expect(event.table).toBe(table);
});

test('an update that changes the key deletes the old one at the same position', () => {
  const events = applied(['email'], change('u', row('a'), row('b')));
  expect(told(events)).toEqual([
    ['d', { email: 'a' }, undefined],
    ['u', { email: 'b' }, 'b'],
  ]);
  expect(new Set(events.map(({ position }) => position)).size).toBe(1);
});

test('a delete takes the old key from the old row', () => {
  expect(told(applied(['email'], change('d', row('a'), null)))).toEqual([['d', { email: 'a' }, undefined]]);
});

test('a truncate stays one, and a tombstone without its delete says nothing', () => {
  const apply = (event: ChangeEvent) => applied(['email'], event);
  expect(told(apply(change('t', null, null)))).toEqual([['t', {}, undefined]]);
  expect(apply(change('d', { id: 1 }, null, ''))).toEqual([]);
});

test('a change that does not tell the old values is refused with the command that mends it', () => {
  const apply = (event: ChangeEvent) => applied(['email'], event);
  expect(() => apply(change('u', null, row('b')))).toThrow('does not tell the old values of email');
  expect(() => apply(change('d', { id: 1 }, null))).toThrow('does not tell the old values');
});

test('columns of the primary key need no old row', () => {
  expect(told(applied(['id'], change('u', null, row('b'))))).toEqual([['u', { id: 1 }, 'b']]);
});

test('columns that are missing or may be null are refused', () => {
  expect(() => changeKey(['mail'], people, true)).toThrow('there is no column "mail"');
  expect(() => changeKey(['nick'], people, true)).toThrow('column "nick" may be null');
});

test('of a schema from before the column was NOT NULL, rows that have a value are taken', () => {
  const { apply } = changeKey(['nick'], people, false);
  const insert = (nick: string | null) => change('c', null, { id: 1, email: 'a', nick });
  expect(told(apply(insert('n'), insert('n')))).toEqual([['c', { nick: 'n' }, 'a']]);
  expect(() => apply(insert(null), insert(null))).toThrow('a row has no value in column "nick"');
});
