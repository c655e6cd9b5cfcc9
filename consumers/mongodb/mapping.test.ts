import { Binary, Decimal128, Double, Int32, Long } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { makeTarget, remove, upsert } from '../../test/sink-contract-model.ts';
import type { Column } from '../../schemas/table-schema.ts';
import type { Value, ValueKind } from '../../schemas/value.ts';
import { NO_TABLE_OPTIONS } from './config.ts';
import { mapWrite } from './mapping.ts';
import { assertStorable } from './storable.ts';

/** The field that a value of this kind becomes. */
function stored(kind: ValueKind, value: Value, column: Partial<Column> = {}): unknown {
  const target = makeTarget('row', ['id'], { id: { kind: 'int4' }, c: { kind, ...column } });
  return mapWrite(upsert(target, { id: 1, c: value }, 1)).document?.['c'];
}

/** The `_id` that a key of these kinds becomes. */
function idOf(kinds: Record<string, ValueKind>, key: Record<string, Value>): unknown {
  const columns = Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, { kind }]));
  return mapWrite(remove(makeTarget('row', Object.keys(kinds), columns), key, 1)).id;
}

describe('one rule a kind', () => {
  test.each<[ValueKind, Value, unknown, Partial<Column>?]>([
    ['boolean', false, false],
    ['int2', 7, new Int32(7)],
    ['int4', -1, new Int32(-1)],
    ['int8', 9223372036854775807n, Long.MAX_VALUE],
    ['float8', 1, new Double(1)],
    ['float8', Number.NaN, new Double(Number.NaN)],
    ['numeric', '12.50', Decimal128.fromString('12.50')],
    ['numeric', 'NaN', Decimal128.fromString('NaN')],
    ['numeric', '-Infinity', Decimal128.fromString('-Infinity')],
    ['numeric', '9'.repeat(34), Decimal128.fromString('9'.repeat(34))],
    ['numeric', '9'.repeat(35), '9'.repeat(35)],
    ['numeric', `0.${'0'.repeat(6999)}1`, `0.${'0'.repeat(6999)}1`],
    ['date', '2024-02-29', new Date('2024-02-29T00:00:00Z')],
    ['date', '0044-03-15 BC', '0044-03-15 BC'],
    ['date', 'infinity', 'infinity'],
    ['date', '10000-01-01', '10000-01-01'],
    ['timestamp', '2024-02-29T12:00:00.123', new Date('2024-02-29T12:00:00.123Z'), { precision: 3 }],
    ['timestamptz', '2024-02-29T12:00:00Z', new Date('2024-02-29T12:00:00Z'), { precision: 0 }],
    ['timestamp', '2024-02-29T12:00:00', '2024-02-29T12:00:00.000000'],
    ['timestamptz', '2024-02-29T12:00:00.1Z', '2024-02-29T12:00:00.100000Z'],
    ['timestamptz', '2024-02-29T12:00:00.123456Z', '2024-02-29T12:00:00.123456Z', { precision: 6 }],
    ['timestamptz', '0044-03-15T12:00:00Z BC', '0044-03-15T12:00:00.000000Z BC'],
    ['timestamp', 'infinity', 'infinity', { precision: 3 }],
    ['bytea', Uint8Array.from([1, 2]), new Binary(Uint8Array.from([1, 2]))],
    ['json', '{"a": 1.50}', '{"a": 1.50}'],
    ['other', '{1,2}', '{1,2}'],
    ['text', '', ''],
    ['text', null, null],
  ])('%s %s', (kind, value, expected, column) => {
    expect(stored(kind, value, column)).toEqual(expected);
  });
});

describe('jsonb is nested where BSON means the same', () => {
  test.each<[string, unknown]>([
    ['{"a": [1, true, null, "x"]}', { a: [new Int32(1), true, null, 'x'] }],
    ['3000000000', Long.fromNumber(3e9)],
    ['1.5', new Double(1.5)],
    ['0.1', new Double(0.1)],
    ['9007199254740993.5', Decimal128.fromString('9007199254740993.5')],
    ['18446744073709551616', Decimal128.fromString('18446744073709551616')],
  ])('%s', (text, expected) => {
    expect(stored('jsonb', text)).toEqual(expected);
  });

  test.each([
    'null',
    '{"$set": 1}',
    '{"a.b": 1}',
    '{"": 1}',
    '{"_bsontype": "Long"}',
    '{"__json": "1"}',
    `1${'0'.repeat(40)}`,
    `${'['.repeat(90)}${']'.repeat(90)}`,
  ])('%s is kept as its text, told apart from a JSON string', (text) => {
    expect(stored('jsonb', text)).toEqual({ __json: text });
  });
});

test('a single key is _id itself, several are a subdocument in the order of the key', () => {
  expect(idOf({ id: 'int8' }, { id: 5n })).toEqual(Long.fromNumber(5));
  const id = idOf({ b: 'text', a: 'int4' }, { a: 1, b: 'x' });
  expect(Object.entries(Object(id))).toEqual([
    ['b', 'x'],
    ['a', new Int32(1)],
  ]);
});

test('equal numerics are one key, and a jsonb key is its text', () => {
  expect(idOf({ id: 'numeric' }, { id: '10.00' })).toEqual(Decimal128.fromString('10'));
  expect(idOf({ id: 'numeric' }, { id: '100' })).toEqual(Decimal128.fromString('100'));
  expect(idOf({ id: 'jsonb' }, { id: '[1]' })).toBe('[1]');
});

test('a row above 16 MB is refused without its values', () => {
  expect(() => stored('text', 'x'.repeat(16 * 1024 * 1024))).toThrow(/larger than the 16 MB/);
});

test.each<ValueKind>(['jsonb', 'int8'])('a %s that is none is refused without its text', (kind) => {
  let refusal: unknown;
  try {
    stored(kind, 'secret');
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toMatchObject({ code: 'SINK_EVENT_REJECTED' });
  expect(Object(refusal)).not.toHaveProperty('cause');
  expect(String(refusal)).toMatch(/^(?!.*secret).*Column c/);
});

test.each(['$cost', 'a.b', '_id', '__pos', '_bsontype'])(
  'a column named %s is refused with a fix',
  (name) => {
    const target = makeTarget('odd', ['id'], { id: { kind: 'int4' }, [name]: { kind: 'text' } });
    expect(() => assertStorable(target, NO_TABLE_OPTIONS)).toThrow(/can't be a field/);
  },
);

test('a key column may be named _id', () => {
  const target = makeTarget('odd', ['_id'], { _id: { kind: 'int4' }, n: { kind: 'int4' } });
  expect(() => assertStorable(target, NO_TABLE_OPTIONS)).not.toThrow();
  expect(mapWrite(upsert(target, { _id: 1, n: 2 }, 1)).document).toMatchObject({
    _id: new Int32(1),
    n: new Int32(2),
  });
});

test.each(['__tombstones', 'system.users', 'a$b'])('a target named %s is refused', (name) => {
  const target = { ...makeTarget('odd', ['id'], { id: { kind: 'int4' } }), name };
  expect(() => assertStorable(target, NO_TABLE_OPTIONS)).toThrow(/can't have a collection/);
});
