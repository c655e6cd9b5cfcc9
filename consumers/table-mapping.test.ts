import { expect, test } from 'vitest';
import type { SinkConfig } from '../core/config/schema.ts';
import type { ChangeEvent } from '../schemas/change-event.ts';
import { makePosition } from '../schemas/position.ts';
import type { TableSchema } from '../schemas/table-schema.ts';
import { loadMapping, mappingOf } from './table-mapping.ts';

const orders: TableSchema = {
  schema: 'public',
  name: 'orders',
  columns: [
    { name: 'id', type: 'integer', kind: 'int4', nullable: false },
    { name: 'person', type: 'integer', kind: 'int4', nullable: true },
    { name: 'note', type: 'text', kind: 'text', nullable: true },
  ],
  key: ['id'],
  foreignKeys: [
    {
      name: 'orders_person',
      columns: ['person'],
      referencedSchema: 'public',
      referencedTable: 'people',
      referencedColumns: ['id'],
    },
  ],
};

const insert: ChangeEvent = {
  table: orders,
  op: 'c',
  key: { id: 1 },
  before: null,
  after: { id: 1, person: 2, note: 'secret' },
  position: makePosition(9n, 1),
  source: { name: 'p', db: 'd', txId: 5, lsn: 1n, tsUs: 0, snapshot: false },
  tsMs: 0,
};

const bound = async (mapping: SinkConfig['mapping'], transforms: SinkConfig['transforms'] = []) =>
  (await loadMapping('cache', { transforms, mapping }, '.')).bind(orders);

test('without an entry a table is its own target', async () => {
  const { target, apply } = await bound({});
  expect(target).toEqual({ name: 'orders', table: orders });
  expect(apply(insert)).toEqual([insert]);
});

test('of several patterns that match, later keys win', () => {
  const mapping = { 'public.*': { name: 'all', key: ['id'] }, 'public.orders': { name: 'own' } };
  expect(mappingOf(mapping, orders)).toEqual({ name: 'own', key: ['id'] });
  expect(mappingOf(mapping, { schema: 'other', name: 'orders' })).toEqual({});
});

test('columns are included or excluded, keys stay, and a foreign key goes with its column', async () => {
  const { target, apply } = await bound({ 'public.orders': { columns: { include: ['note', 'gone'] } } });
  expect(target.table.columns.map(({ name }) => name)).toEqual(['id', 'note']);
  expect(target.table.foreignKeys).toEqual([]);
  expect(apply(insert)[0]?.after).toEqual({ id: 1, note: 'secret' });
  const other = await bound({ 'public.orders': { columns: { exclude: ['id', 'note'] } } });
  expect(other.apply(insert)[0]?.after).toEqual({ id: 1, person: 2 });
});

test('constants are columns of every row', async () => {
  const constants = { tenant: 'acme', version: 3, share: 0.5, live: true };
  const { target, apply } = await bound({ 'public.orders': { name: 'facts', constants } });
  expect(target.name).toBe('facts');
  expect(target.table.columns.slice(3).map(({ kind }) => kind)).toEqual([
    'text',
    'int8',
    'float8',
    'boolean',
  ]);
  expect(apply(insert)[0]?.after).toMatchObject({ tenant: 'acme', version: 3n, share: 0.5, live: true });
  await expect(bound({ 'public.orders': { constants: { note: 'x' } } })).rejects.toThrow('of its own');
});

test('a column that the table had once gives way to the constant of its name', async () => {
  const mapping = { 'public.orders': { constants: { note: 'constant' } } };
  const loaded = await loadMapping('cache', { transforms: [], mapping }, '.');
  const { target, apply } = loaded.bind(orders, { isPresent: false });
  expect(target.table.columns.map(({ name }) => name)).toEqual(['id', 'person', 'note']);
  expect(apply(insert)[0]?.after).toEqual({ id: 1, person: 2, note: 'constant' });
});

test("a table's transforms come behind those of the sink", async () => {
  const { target, apply } = await bound(
    { 'public.orders': { transforms: [{ renameColumns: { columns: { text: 'words' } } }] } },
    [{ renameColumns: { columns: { note: 'text' } } }],
  );
  expect(target.table.columns.map(({ name }) => name)).toEqual(['id', 'person', 'words']);
  expect(apply(insert)[0]?.after).toMatchObject({ words: 'secret' });
  await expect(bound({ 'public.orders': { transforms: [{ nothing: {} }] } })).rejects.toThrow(
    'no such transform',
  );
});

test('a row that a filter lets in or out moves under another key too', async () => {
  const people = { ...orders, columns: orders.columns.map((column) => ({ ...column, nullable: false })) };
  const loaded = await loadMapping(
    'cache',
    {
      transforms: [{ filterRows: { where: { column: 'person', equals: 2 } } }],
      mapping: { 'public.orders': { key: ['note'] } },
    },
    '.',
  );
  const { apply } = loaded.bind(people);
  const change = (before: number, after: number | null) =>
    apply({
      ...insert,
      table: people,
      op: after === null ? 'd' : 'u',
      before: { id: 1, person: before, note: 'old' },
      after: after === null ? null : { id: 1, person: after, note: 'new' },
    }).map(({ op, key }) => [op, key['note']]);
  expect(change(1, 2)).toEqual([['u', 'new']]);
  expect(change(2, 2)).toEqual([
    ['d', 'old'],
    ['u', 'new'],
  ]);
  expect(change(2, 1)).toEqual([['d', 'old']]);
  expect(change(1, 1)).toEqual([]);
  expect(change(1, null)).toEqual([]);
  expect(change(2, null)).toEqual([['d', 'old']]);
});
