import { expect, test } from 'vitest';
import type { ChangeEvent, Operation } from '../schemas/change-event.ts';
import { positionsOf } from '../schemas/position.ts';
import type { TableSchema } from '../schemas/table-schema.ts';
import { HaltedOutput } from './halted-output.ts';
import type { TableOutput } from './table-output.ts';

const table = (keyType: string, valueType: string): TableSchema => ({
  schema: 'public',
  name: 'item',
  columns: [
    { name: 'id', type: keyType, kind: 'int4', nullable: false },
    { name: 'n', type: valueType, kind: 'text', nullable: true },
  ],
  key: ['id'],
  foreignKeys: [],
});
const refused = { topic: 'p.public.item', table: table('integer', 'text') };

/** Shows what it is given. */
function outputOf(of: TableSchema): TableOutput {
  return {
    topic: refused.topic,
    table: of,
    headers: () => Buffer.from(of.columns[1]?.type ?? ''),
    encode: ({ op, before, after, table: { columns } }) => ({
      key: op,
      value: JSON.stringify([columns[1]?.type, before, after]),
    }),
  };
}

function eventOf(op: Operation): ChangeEvent {
  const row = { id: 1, n: 'text' };
  return {
    table: refused.table,
    op,
    key: op === 't' ? {} : { id: 1 },
    before: op === 'd' ? row : null,
    after: op === 'd' || op === 't' ? null : row,
    position: positionsOf(1n)(1),
    source: { name: 'p', db: 'd', txId: 1, lsn: 1n, tsUs: 1, snapshot: false },
    tsMs: 1,
  };
}

const asItIs = (event: ChangeEvent) => event;

test('a halted table writes deletes by their key and truncates, in the accepted schema, and nothing else', () => {
  const output = new HaltedOutput(refused, asItIs, outputOf(table('integer', 'integer')));
  expect((['c', 'u', 'r'] as const).map((op) => output.encode(eventOf(op)))).toEqual([null, null, null]);
  expect(output.encode(eventOf('d'))).toEqual({ key: 'd', value: '["integer",{"id":1},null]' });
  expect(output.encode(eventOf('t'))).toEqual({ key: 't', value: '["integer",null,null]' });
  expect(output.headers(eventOf('d')).toString()).toBe('integer');
});

test('a transform that makes a delete of an update is obeyed', () => {
  const drop = (event: ChangeEvent): ChangeEvent => ({ ...event, op: 'd', before: event.after, after: null });
  const output = new HaltedOutput(refused, drop, outputOf(table('integer', 'integer')));
  expect(output.encode(eventOf('u'))).toEqual({ key: 'd', value: '["integer",{"id":1},null]' });
});

test('without an accepted schema of the same key nothing is written', () => {
  for (const accepted of [null, outputOf(table('text', 'integer'))])
    expect(new HaltedOutput(refused, asItIs, accepted).encode(eventOf('d'))).toBeNull();
});

test('who holds a halted output writes whole events once it is resumed', () => {
  const output = new HaltedOutput(refused, asItIs, null);
  output.resume(outputOf(refused.table));
  expect(output.encode(eventOf('c'))).toEqual({ key: 'c', value: '["text",null,{"id":1,"n":"text"}]' });
  expect(output.headers(eventOf('c')).toString()).toBe('text');
});
