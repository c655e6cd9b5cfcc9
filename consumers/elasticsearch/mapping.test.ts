import { expect, test } from 'vitest';
import { columnSchema, type TableSchema } from '../../schemas/table-schema.ts';
import type { Row, Value, ValueKind } from '../../schemas/value.ts';
import type { Write } from '../sink.ts';
import { makePosition } from '../../schemas/position.ts';
import { documentId, documentOf, fieldsOf } from './mapping.ts';

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

function upsertOf(table: TableSchema, row: Row): Write {
  return { op: 'upsert', target: { name: 't', table }, key: row, row, position };
}

/** The text of column v in the document. */
function sourceOf(kind: ValueKind, value: Value): string | undefined {
  const write = upsertOf(tableOf({ v: kind }), { v: value });
  return /^\{"v":(.*),"__pos":"[0-9a-f]{32}"\}$/.exec(documentOf(write, FIELDS, 0))?.[1];
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
  expect(documentOf(write, new Map([['v', 'text']]), 0)).toBe(`{"v":"{\\"a\\": 1}","__pos":"${position}"}`);
});

test('a null is absent from the document', () => {
  const write = upsertOf(tableOf({ id: 'int4', v: 'jsonb' }), { id: 1, v: null });
  expect(documentOf(write, FIELDS, 0)).toBe(`{"id":1,"__pos":"${position}"}`);
});

test('a delete becomes a tombstone with the position and the time', () => {
  const target = { name: 't', table: tableOf({ id: 'int4' }) };
  const write: Write = { op: 'delete', target, key: { id: 1 }, position };
  expect(JSON.parse(documentOf(write, FIELDS, 1234))).toEqual({
    __deleted: true,
    __deleted_at: 1234,
    __pos: position,
  });
});

test.each(['_id', '_source', '__pos', '', 'a..b', '.a', 'b.', ' '])(
  'column %j is refused because it cannot be a field',
  (name) => {
    expect(() => fieldsOf(tableOf({ id: 'int4', [name]: 'text' }))).toThrow(
      /renameColumns|cannot be a field/,
    );
  },
);

test.each(['constructor', 'a.b', 'Key Col', '_own'])('column %j is a field', (name) => {
  expect(fieldsOf(tableOf({ id: 'int4', [name]: 'uuid' }))).toHaveProperty([name], {
    type: 'keyword',
    ignore_above: 8191,
  });
});

test('an id that Elasticsearch does not take is refused and not quoted', () => {
  const table = tableOf({ id: 'text' });
  const long = 'secret'.repeat(100);
  expect(() => documentId(table, { id: '' })).toThrow(/empty or longer/);
  expect(() => documentId(table, { id: long })).toThrow(/^(?!.*secret)/);
  expect(documentId(table, { id: 'x'.repeat(512) })).toHaveLength(512);
});
