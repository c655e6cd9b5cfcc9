import { expect, test } from 'vitest';
import { columnSchema, type TableSchema } from '../../schemas/table-schema.ts';
import type { Row, Value, ValueKind } from '../../schemas/value.ts';
import type { Write } from '../sink.ts';
import { makePosition } from '../../schemas/position.ts';
import { tableOptionsSchema } from './config.ts';
import { documentId, documentOf, documentShape, routingOf } from './mapping.ts';

const FIELDS = new Map([['v', 'object']]);

const position = makePosition(0x1000n, 1);

function tableOf(columns: Readonly<Record<string, ValueKind>>, key: string[] = ['id']): TableSchema {
  return {
    schema: 'public',
    name: 't',
    key,
    columns: Object.entries(columns).map(([name, kind]) =>
      columnSchema.parse({ name, kind, type: kind, nullable: true }),
    ),
    foreignKeys: [],
  };
}

/** The document of an upsert into an index whose fields have these types. */
function documentIn(write: Write, fields = FIELDS, options: object = {}): string {
  return documentOf(write, documentShape(write.target, fields, tableOptionsSchema.parse(options)), 1234);
}

function upsertOf(table: TableSchema, row: Row): Write {
  return { op: 'upsert', target: { name: 't', table }, key: row, row, position };
}

/** The text of column v in the document. */
function sourceOf(kind: ValueKind, value: Value): string | undefined {
  const write = upsertOf(tableOf({ v: kind }), { v: value });
  return /^\{"v":(.*),"__pos":"[0-9a-f]{32}"\}$/.exec(documentIn(write))?.[1];
}

test.each<[ValueKind, Value, string]>([
  ['boolean', true, 'true'],
  ['int4', -5, '-5'],
  ['int8', 9223372036854775807n, '9223372036854775807'],
  ['float8', 0.1, '0.1'],
  ['float8', -0, '-0.0'],
  ['float4', Number.NaN, '"NaN"'],
  ['float8', -Infinity, '"-Infinity"'],
  ['numeric', '12.50', '"12.50"'],
  ['numeric', 'NaN', '"NaN"'],
  ['text', 'a "b"\n', '"a \\"b\\"\\n"'],
  ['date', 'infinity', '"infinity"'],
  ['timestamptz', '2024-02-29T12:00:00.123456Z', '"2024-02-29T12:00:00.123456Z"'],
  ['bytea', Uint8Array.from([0, 255]), '"AP8="'],
  ['json', '{"a": 1, "a": 2}', '"{\\"a\\": 1, \\"a\\": 2}"'],
  ['jsonb', '{"n": 12345678901234567890.10}', '{"n": 12345678901234567890.10}'],
  ['jsonb', '{\r\n"a": 1}', '{  "a": 1}'],
  ['jsonb', 'null', 'null'],
])('%s %s stands in the document as %s', (kind, value, text) => {
  expect(sourceOf(kind, value)).toBe(text);
});

test('a jsonb of an older schema goes as text into a field that is no object any more', () => {
  const write = upsertOf(tableOf({ v: 'jsonb' }), { v: '{"a": 1}' });
  expect(documentIn(write, new Map([['v', 'text']]))).toBe(`{"v":"{\\"a\\": 1}","__pos":"${position}"}`);
});

test('a null is absent from the document', () => {
  const write = upsertOf(tableOf({ id: 'int4', v: 'jsonb' }), { id: 1, v: null });
  expect(documentIn(write)).toBe(`{"id":1,"__pos":"${position}"}`);
});

test('a delete becomes a tombstone with the position and the time', () => {
  const target = { name: 't', table: tableOf({ id: 'int4' }) };
  const write: Write = { op: 'delete', target, key: { id: 1 }, position };
  expect(JSON.parse(documentIn(write))).toEqual({
    __deleted: true,
    __deleted_at: 1234,
    __pos: position,
  });
});

test('columns of an object stand in it, and an object of nulls alone is absent', () => {
  const table = tableOf({ id: 'int4', street: 'text', bill_city: 'text', city: 'text', n: 'int4' });
  const nest = { address: ['street', 'city', 'not there'], bill: { city: 'bill_city' } };
  const row = { id: 1, street: 's', bill_city: null, city: 'c', n: 2 };
  expect(documentIn(upsertOf(table, row), FIELDS, { nest })).toBe(
    `{"id":1,"n":2,"address":{"street":"s","city":"c"},"__pos":"${position}"}`,
  );
  expect(documentIn(upsertOf(table, { bill_city: 'b' }), FIELDS, { nest })).toBe(
    `{"bill":{"city":"b"},"__pos":"${position}"}`,
  );
});

test('routing is the text of its key column, and an empty one is refused', () => {
  const table = tableOf({ tenant: 'text', id: 'int8' }, ['tenant', 'id']);
  const shape = documentShape({ name: 't', table }, FIELDS, tableOptionsSchema.parse({ routing: 'tenant' }));
  expect(routingOf(table, { tenant: 'a:b', id: 1n }, shape)).toBe('a:b');
  expect(() => routingOf(table, { tenant: '', id: 1n }, shape)).toThrow(/empty tenant/);
  expect(routingOf(table, { tenant: '', id: 1n }, documentShape({ name: 't', table }, FIELDS))).toBeNull();
});

test('an id that Elasticsearch does not take is refused and not quoted', () => {
  const table = tableOf({ id: 'text' });
  const long = 'secret'.repeat(100);
  expect(() => documentId(table, { id: '' })).toThrow(/empty or longer/);
  expect(() => documentId(table, { id: long })).toThrow(/^(?!.*secret)/);
  expect(documentId(table, { id: 'x'.repeat(512) })).toHaveLength(512);
});
