import { expect, test } from 'vitest';
import { makeTarget } from '../../test/sink-contract-model.ts';
import { jsonRow } from './json-row.ts';

const { table } = makeTarget('json', ['id'], {
  id: { kind: 'int8' },
  price: { kind: 'numeric' },
  ratio: { kind: 'float8' },
  flag: { kind: 'boolean' },
  bytes: { kind: 'bytea' },
  body: { kind: 'jsonb' },
  'odd "name"': { kind: 'text' },
});

test('a row is one object that begins with its position, and a null has no field', () => {
  const row = { id: 9007199254740993n, price: null, ratio: 0.5, flag: true, 'odd "name"': 'a "text"\n' };
  expect(jsonRow(table, row, 'P', '')).toBe(
    '{"__pos":"P","id":9007199254740993,"ratio":0.5,"flag":true,"odd \\"name\\"":"a \\"text\\"\\n"}',
  );
});

test('memberships follow the position', () => {
  expect(jsonRow(table, { id: 1n }, 'P', '["a:{b}"]')).toBe('{"__pos":"P","__in":["a:{b}"],"id":1}');
});

test('values that no JSON number holds are texts, and JSON is nested with all its digits', () => {
  const row = {
    id: 1n,
    price: '12.50',
    ratio: Number.NaN,
    bytes: Uint8Array.from([0, 255]),
    body: '{"a": 1.10}',
  };
  expect(jsonRow(table, row, 'P', '')).toBe(
    '{"__pos":"P","id":1,"price":"12.50","ratio":"NaN","bytes":"AP8=","body":{"a": 1.10}}',
  );
  expect(jsonRow(table, { id: 1n, ratio: -0, body: 'null' }, 'P', '')).toBe(
    '{"__pos":"P","id":1,"ratio":-0,"body":null}',
  );
});
