import { expect, test } from 'vitest';
import type { Column, TableSchema } from './table-schema.ts';
import { typedColumn, typescriptOf } from './typescript-tables.ts';
import { VALUE_KINDS } from './value.ts';

const column = (name: string, kind: Column['kind'], type: string = kind, nullable = false): Column => ({
  name,
  type,
  kind,
  nullable,
});

const table = (name: string, columns: readonly Column[], key = ['id']): TableSchema => ({
  schema: 'public',
  name,
  columns: [...columns],
  key,
  foreignKeys: [],
});

const NONE = new Map<string, string[]>();

test('each kind of value has the type that value.ts gives it', () => {
  expect(
    Object.fromEntries(VALUE_KINDS.map((kind) => [kind, typedColumn(column('c', kind), NONE).typescript])),
  ).toEqual({
    boolean: 'boolean',
    int2: 'number',
    int4: 'number',
    int8: 'bigint',
    float4: 'number',
    float8: 'number',
    numeric: 'string',
    text: 'string',
    uuid: 'string',
    enum: 'string',
    date: 'PgDate',
    timestamp: 'Timestamp',
    timestamptz: 'Timestamptz',
    time: 'Time',
    timetz: 'Timetz',
    interval: 'Interval',
    bytea: 'Uint8Array',
    json: 'string',
    jsonb: 'string',
    other: 'string',
  });
});

test('an enum is the union of its labels, whatever they hold', () => {
  const labels = new Map([['public.mood', ['sad', "it's", 'a "b" \\ c', 'two\nlines']]]);
  expect(typedColumn(column('mood', 'enum', 'public.mood', true), labels).typescript).toBe(
    String.raw`'sad' | 'it\'s' | 'a "b" \\ c' | 'two\nlines' | null`,
  );
});

test('a masked enum is text', () => {
  const labels = new Map([['public.mood', ['sad']]]);
  expect(typedColumn(column('mood', 'text', 'public.mood'), labels).typescript).toBe('string');
});

test('odd names are quoted, and a type cannot end its comment', () => {
  const text = typescriptOf(
    'p',
    [table('t', [column('id', 'int4'), column("a*/ 'b", 'other', 'public."x*/y"')])],
    NONE,
  );
  expect(text).toContain(String.raw`/** public."x* /y" */
      readonly 'a*/ \'b': string;`);
});

test('the order of the tables changes nothing, and only the brands that are used are there', () => {
  const orders = table('orders', [column('id', 'int8'), column('at', 'timestamptz', 'timestamptz', true)]);
  const lines = table('lines', [column('id', 'int8'), column('n', 'int4')], ['n', 'id']);
  const text = typescriptOf('shop', [orders, lines], NONE);
  expect(text).toBe(typescriptOf('shop', [lines, orders], NONE));
  expect(text)
    .toBe(`// Made by \`tailrace types\` for the pipeline shop. Do not edit: make it anew after a migration.

/** \`2024-02-29T12:00:00.123456Z\`, always in UTC; also \` BC\`, \`infinity\`, \`-infinity\`. */
export type Timestamptz = string & { readonly __brand: 'timestamptz' };

export type Tables = {
  readonly 'public.lines': {
    readonly name: 'public.lines';
    readonly key: {
      readonly n: number;
      readonly id: bigint;
    };
    readonly row: {
      /** int8 */
      readonly id: bigint;
      /** int4 */
      readonly n: number;
    };
  };
  readonly 'public.orders': {
    readonly name: 'public.orders';
    readonly key: {
      readonly id: bigint;
    };
    readonly row: {
      /** int8 */
      readonly id: bigint;
      /** timestamptz */
      readonly at: Timestamptz | null;
    };
  };
};
`);
});
