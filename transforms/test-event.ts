import type { ChangeEvent, Operation } from '../schemas/change-event.ts';
import { makePosition } from '../schemas/position.ts';
import type { Column, TableSchema } from '../schemas/table-schema.ts';
import type { Row } from '../schemas/value.ts';

const column = (name: string, kind: Column['kind'], nullable = true): Column => ({
  name,
  type: kind,
  kind,
  nullable,
});

/** What the tests of this folder transform: one table, and one that refers to it. */
export const places: TableSchema = {
  schema: 'public',
  name: 'places',
  columns: [
    column('id', 'int8', false),
    column('name', 'text', false),
    column('email', 'text'),
    column('population', 'int4'),
    column('budget', 'numeric'),
    column('ratio', 'float8'),
    column('founded', 'date'),
    column('seen_at', 'timestamptz'),
    column('active', 'boolean'),
    column('code', 'uuid'),
    column('seal', 'bytea'),
  ],
  key: ['id'],
  foreignKeys: [],
};

export const grants: TableSchema = {
  schema: 'public',
  name: 'grants',
  columns: [
    column('customer', 'int4', false),
    column('place_id', 'int8', false),
    column('backup_id', 'int8'),
  ],
  key: ['customer', 'place_id'],
  foreignKeys: [
    {
      name: 'grants_place',
      columns: ['place_id'],
      referencedSchema: 'public',
      referencedTable: 'places',
      referencedColumns: ['id'],
    },
    {
      name: 'grants_backup',
      columns: ['backup_id'],
      referencedSchema: 'public',
      referencedTable: 'places',
      referencedColumns: ['id'],
    },
  ],
};

export const austin: Row = {
  id: 7n,
  name: 'Austin',
  email: 'mayor@austin.example',
  population: 961_855,
  budget: '12.50',
  ratio: 0.1,
  founded: '1839-12-27',
  seen_at: '2024-02-29T12:00:00.123456Z',
  active: true,
  code: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  seal: new TextEncoder().encode('seal'),
};

/** An event of the table; `row` is the new row, or for a delete the old one. */
export function eventOf(table: TableSchema, op: Operation, row: Row, before: Row | null = null): ChangeEvent {
  const key = Object.fromEntries(table.key.map((name) => [name, row[name] ?? null]));
  return {
    table,
    op,
    key,
    before: op === 'd' ? row : before,
    after: op === 'd' ? null : row,
    position: makePosition(0x16_b374_d848n, 3),
    source: { name: 'p', db: 'd', txId: 5, lsn: 1n, tsUs: 1_790_000_000_123_456, snapshot: op === 'r' },
    tsMs: 1_790_000_000_456,
  };
}
