import type { ChangeEvent } from '../../schemas/change-event.ts';
import { makePosition } from '../../schemas/position.ts';
import type { Column, TableSchema } from '../../schemas/table-schema.ts';
import type { Row, Value, ValueKind } from '../../schemas/value.ts';

const column = (name: string, type: string, kind: ValueKind, rest: Partial<Column> = {}): Column => ({
  name,
  type,
  kind,
  nullable: name !== 'id',
  ...rest,
});

/** An order as a shop keeps it: 20 columns of the types that tables have most. */
export const SAMPLE_TABLE: TableSchema = {
  schema: 'public',
  name: 'orders',
  columns: [
    column('id', 'bigint', 'int8'),
    column('customer_id', 'bigint', 'int8'),
    column('reference', 'uuid', 'uuid'),
    column('status', 'order_status', 'enum'),
    column('priority', 'smallint', 'int2'),
    column('items', 'integer', 'int4'),
    column('is_gift', 'boolean', 'boolean'),
    column('subtotal', 'numeric(12,2)', 'numeric', { precision: 12, scale: 2 }),
    column('tax', 'numeric(12,2)', 'numeric', { precision: 12, scale: 2 }),
    column('weight', 'double precision', 'float8'),
    column('currency', 'character(3)', 'text'),
    column('email', 'text', 'text'),
    column('city', 'text', 'text'),
    column('street', 'text', 'text'),
    column('note', 'text', 'text'),
    column('details', 'jsonb', 'jsonb'),
    column('ordered_on', 'date', 'date'),
    column('created_at', 'timestamp without time zone', 'timestamp', { precision: 6 }),
    column('updated_at', 'timestamp with time zone', 'timestamptz', { precision: 6 }),
    column('cancelled_at', 'timestamp with time zone', 'timestamptz', { precision: 6 }),
  ],
  key: ['id'],
  foreignKeys: [],
};

const STATUSES = ['new', 'paid', 'packed', 'sent'];
const CITIES = ['Zürich', 'Lisbon', 'København', 'Trieste'];

/** The insert of the row with that number; rows differ in every column but the currency. */
export function sampleEvent(number: number): ChangeEvent {
  const two = (value: number) => String(value).padStart(2, '0');
  const moment = `2026-03-${two((number % 28) + 1)}T${two(number % 24)}:${two(number % 60)}:07.${100_001 + (number % 800_000)}`;
  const after: Record<string, Value> = {
    id: BigInt(number) + 4_000_000_000n,
    customer_id: BigInt(number % 9973) + 70_000n,
    reference: `6ba7b810-9dad-41d1-80b4-${(0x00c0_4fd4_30c8 + number).toString(16).padStart(12, '0')}`,
    status: STATUSES[(number >> 3) % 4] ?? '',
    priority: number % 5,
    items: number % 40,
    is_gift: number % 7 === 0,
    subtotal: `${number % 9000}.${two(number % 100)}`,
    tax: `${number % 700}.${two(number % 97)}`,
    weight: (number % 3000) / 7,
    currency: 'EUR',
    email: `customer.${number % 9973}@example.org`,
    city: CITIES[number % 4] ?? '',
    street: `${number % 200} Harbour Street, third floor`,
    note:
      number % 3 === 0
        ? null
        : `Leave it with the neighbours at number ${number % 50}, and ring twice, please.`,
    details: `{"channel": "web", "coupon": "SPRING-${number % 90}", "steps": [1, 2, ${number % 9}]}`,
    ordered_on: moment.slice(0, 10),
    created_at: moment,
    updated_at: `${moment}Z`,
    cancelled_at: null,
  };
  return {
    table: SAMPLE_TABLE,
    op: 'c',
    key: { id: after['id'] ?? null },
    before: null,
    after: after as Row,
    position: makePosition(BigInt(Math.floor(number / 100)) * 8192n + 0x1_6b37_4d84n, (number % 100) + 1),
    source: {
      name: 'shop',
      db: 'shop',
      txId: 700 + Math.floor(number / 100),
      lsn: BigInt(number) * 256n + 0x1_6b37_4000n,
      tsUs: 1_790_000_000_000_000 + Math.floor(number / 100) * 1000,
      snapshot: false,
    },
    tsMs: 1_790_000_000_456 + number,
  };
}
