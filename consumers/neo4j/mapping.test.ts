import { types } from 'neo4j-driver';
import { describe, expect, test } from 'vitest';
import type { Value, ValueKind } from '../../schemas/value.ts';
import { makeTarget, remove, upsert } from '../../test/sink-contract-model.ts';
import type { Target, Write } from '../sink.ts';
import { noTableOptions } from './config.ts';
import type { Layout } from './layout.ts';
import { layoutsOf } from './layouts.ts';
import { graphWriteOf, rowFormOf, tombstoneId, type GraphWrite, type StoreValue } from './mapping.ts';

function layoutOf(target: Target): Layout {
  const layout = layoutsOf([target], noTableOptions).get(target.name);
  if (layout === undefined) throw new Error('the target has no layout');
  return layout;
}

function graphWrite(write: Write, layout = layoutOf(write.target)): GraphWrite {
  const form = rowFormOf(layout, write.target);
  if (form === null) throw new Error('the layout lacks a column');
  return graphWriteOf(write, layout, form);
}

function stored(kind: ValueKind, value: Value): StoreValue | undefined {
  const target = makeTarget('kinds', ['id'], { id: { kind: 'int4' }, value: { kind } });
  return graphWrite(upsert(target, { id: 1, value }, 1)).values[1];
}

function inKey(kind: ValueKind, value: Value): StoreValue | undefined {
  const target = makeTarget('keys', ['value'], { value: { kind } });
  return graphWrite(upsert(target, { value }, 1)).key[0];
}

describe('a value has one form in the graph', () => {
  test.each<[ValueKind, Value, StoreValue]>([
    ['boolean', true, true],
    ['int2', -1, -1n],
    ['int4', 2147483647, 2147483647n],
    ['int8', 9223372036854775807n, 9223372036854775807n],
    ['float4', 1.5, 1.5],
    ['float8', Number.NaN, Number.NaN],
    ['numeric', '12.50', '12.50'],
    ['text', '', ''],
    ['json', '{"a": 1.0}', '{"a": 1.0}'],
    ['time', '24:00:00', '24:00:00'],
    ['bytea', Uint8Array.from([0, 255]), Int8Array.from([0, -1])],
    ['date', 'infinity', 'infinity'],
    ['timestamptz', '-infinity', '-infinity'],
    ['text', null, null],
  ])('%s %s', (kind, value, expected) => {
    expect(stored(kind, value)).toEqual(expected);
  });

  test.each<[ValueKind, string, string]>([
    ['date', '2024-02-29', '2024-02-29'],
    ['date', '0044-03-15 BC', '-000043-03-15'],
    ['timestamp', '2024-02-29T12:00:00.123456', '2024-02-29T12:00:00.123456000'],
    ['timestamp', '0001-01-01T00:00:00 BC', '0000-01-01T00:00:00'],
    ['timestamptz', '2024-02-29T12:00:00.5Z', '2024-02-29T12:00:00.500000000Z'],
    ['timestamptz', '294276-12-31T23:59:59.999999Z', '+294276-12-31T23:59:59.999999000Z'],
  ])('%s %s in a key is a date of Neo4j', (kind, value, shown) => {
    expect(String(inKey(kind, value))).toBe(shown);
  });

  test('a timestamp knows no zone and a timestamptz is in UTC', () => {
    expect(inKey('timestamp', '2024-02-29T12:00:00')).toBeInstanceOf(types.LocalDateTime);
    expect(inKey('timestamptz', '2024-02-29T12:00:00Z')).toBeInstanceOf(types.DateTime);
  });

  test.each<[ValueKind, string]>([
    ['date', '2024-02-29'],
    ['timestamp', '9999-12-31T23:59:59.999999'],
    ['timestamptz', '0001-01-01T00:00:00Z'],
  ])('%s %s outside of a key is a text that the server reads', (kind, value) => {
    expect(stored(kind, value)).toBe(`\0${value}`);
  });

  test.each<[ValueKind, string]>([
    ['date', '10000-01-01'],
    ['timestamp', '0044-03-15T00:00:00 BC'],
  ])('%s %s, which the server would not read, is a date of the driver', (kind, value) => {
    expect(stored(kind, value)).toBeTypeOf('object');
  });

  test('a column that had another type once goes as it was then', () => {
    const typed = (kind: ValueKind): Target =>
      makeTarget('typed', ['id'], { id: { kind: 'int4' }, value: { kind } });
    const row = { id: 1, value: '2024-02-29' };
    expect(graphWrite(upsert(typed('text'), row, 1), layoutOf(typed('date'))).values).toEqual([
      1n,
      row.value,
    ]);
    expect(graphWrite(upsert(typed('date'), row, 1), layoutOf(typed('text'))).values[1]).toBeInstanceOf(
      types.Date,
    );
  });

  test.each<[ValueKind, Value]>([
    ['int8', 9223372036854775808n],
    ['int4', 1.5],
    ['date', 'soon'],
    ['boolean', 'true'],
  ])('%s %s is refused without showing the value', (kind, value) => {
    expect(() => stored(kind, value)).toThrow(
      expect.objectContaining({
        code: 'SINK_EVENT_REJECTED',
        message: expect.not.stringContaining(String(value)),
      }),
    );
  });
});

test('a key that equals nothing is refused', () => {
  const target = makeTarget('nan', ['id'], { id: { kind: 'float8' } });
  expect(() => graphWrite(remove(target, { id: Number.NaN }, 1))).toThrow(/column id/);
});

test('an upsert holds all columns in their order, a delete only the key', () => {
  const target = makeTarget('ops', ['b', 'a'], {
    a: { kind: 'text' },
    b: { kind: 'int4' },
    c: { kind: 'text' },
  });
  const put = graphWrite(upsert(target, { a: 'x:', b: 1, c: 'y' }, 1));
  expect(put).toMatchObject({ values: ['x:', 1n, 'y'], key: [1n, 'x:'] });
  expect(tombstoneId(put)).toBe(`${target.name}:1:x\\:`);
  expect(graphWrite(remove(target, { a: 'x:', b: 1 }, 1))).toMatchObject({ values: [], key: [1n, 'x:'] });
});

test('no two keys of all targets share the id of a tombstone', () => {
  const columns = { id: { kind: 'text' as const } };
  const named = (name: string): Target => ({ ...makeTarget('ids', ['id'], columns), name });
  const idOf = (name: string, id: string): string => tombstoneId(graphWrite(remove(named(name), { id }, 1)));
  const ids = [idOf('a', 'b:1'), idOf('a:b', '1'), idOf('a\\', 'b:1'), idOf('a\\:b', '1')];
  expect(new Set(ids).size).toBe(ids.length);
  expect(idOf('orders', 'x:1')).toBe('orders:x:1');
});

test('a row of an older schema has null for the columns that came later', () => {
  const older = makeTarget('older', ['id'], { id: { kind: 'int4' }, gone: { kind: 'text' } });
  const newer = makeTarget('older', ['id'], {
    new: { kind: 'text' },
    id: { kind: 'int8' },
    gone: { kind: 'text' },
  });
  const row = upsert(older, { id: 1, gone: 'x' }, 1);
  expect(graphWrite(row, layoutOf(newer)).values).toEqual([null, 1n, 'x']);
  expect(rowFormOf(layoutOf(older), newer)).toBeNull();
});

test('a column named __proto__ is a column like any other', () => {
  const target = makeTarget('proto', ['id'], { id: { kind: 'int4' }, ['__proto__']: { kind: 'text' } });
  const row = Object.fromEntries([
    ['id', 1],
    ['__proto__', 'x'],
  ]);
  expect(graphWrite({ ...upsert(target, { id: 1 }, 1), op: 'upsert', row }).values).toEqual([1n, 'x']);
});
