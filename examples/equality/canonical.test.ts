import { describe, expect, test } from 'vitest';
import { canonicalText, isMisfit } from './canonical.ts';
import type { Plain } from './canonical.ts';
import type { Family } from './table.ts';

const EQUAL: readonly (readonly [Family, Plain, Plain])[] = [
  ['boolean', true, 'true'],
  ['integer', 9007199254740993n, '9007199254740993'],
  ['integer', 5, '5'],
  ['float4', 0.10000000149011612, '0.1'],
  ['float4', Number.NaN, 'nan'],
  ['float8', 1e300, '1e+300'],
  ['float8', 5e-324, '5e-324'],
  ['float8', -0, '-0'],
  ['float8', -Infinity, '-inf'],
  ['numeric', '1.50', '1.5'],
  ['numeric', '1.5E+3', '1500'],
  ['numeric', 'NaN', 'nan'],
  ['date', '2024-02-29', '2024-02-29T00:00:00.000Z'],
  ['date', '0044-03-15 BC', '-000043-03-15T00:00:00.000Z'],
  ['date', '10000-01-01', '+10000-01-01'],
  ['date', 'infinity', 'infinity'],
  ['timestamp', '2024-02-29T12:00:00.5', '2024-02-29 12:00:00.500000'],
  ['timestamp', '2024-02-29T12:00:00', '2024-02-29T12:00:00.000000000'],
  ['timestamptz', '2024-02-29T12:00:00.123456Z', '2024-02-29 12:00:00.123456+00'],
  ['timestamptz', '2024-02-29T12:00:00.123Z', '2024-02-29T12:00:00.123000000Z[UTC]'],
  ['timestamptz', '0044-03-15T12:00:00Z BC', '-0043-03-15T12:00:00Z'],
  ['bytea', Uint8Array.from([255, 0, 1]), '/wAB'],
  ['bytea', new Uint8Array(0), ''],
  ['json', '{"a": 1, "b": 2}', '{"b":2.0,"a":1}'],
  ['jsonb', '[1e2]', '[100]'],
  ['text', '', ''],
];

const DIFFERENT: readonly (readonly [Family, Plain, Plain])[] = [
  ['boolean', true, 'false'],
  ['integer', 9007199254740993n, '9007199254740992'],
  ['float4', '0.1', '0.10000001'],
  ['float8', '0.1', '0.10000000000000002'],
  ['numeric', '0.1', '0.10000000000000000001'],
  ['numeric', 'NaN', 'Infinity'],
  ['date', '2024-02-29', '2024-02-29T00:00:00.001Z'],
  ['date', '0044-03-15 BC', '0044-03-15'],
  ['timestamp', '2024-02-29T12:00:00.123456', '2024-02-29T12:00:00.123457'],
  ['timestamp', '2024-02-29T12:00:00.123456', '2024-02-29T12:00:00.123456001'],
  ['timestamptz', 'infinity', '-infinity'],
  ['bytea', Uint8Array.from([1]), Uint8Array.from([1, 0])],
  ['jsonb', '{"a": 9007199254740993}', '{"a": 9007199254740992}'],
  ['text', '', null],
  ['text', 'a', 'a '],
  ['text', 'null', null],
];

describe('canonicalText', () => {
  test.each(EQUAL)('%s %s equals %s', (family, left, right) => {
    expect(canonicalText(family, left)).toBe(canonicalText(family, right));
    expect(isMisfit(canonicalText(family, left))).toBe(false);
  });

  test.each(DIFFERENT)('%s %s differs from %s', (family, left, right) => {
    expect(canonicalText(family, left)).not.toBe(canonicalText(family, right));
  });

  test.each<readonly [Family, Plain]>([
    ['boolean', 'yes'],
    ['integer', ''],
    ['integer', '1.5'],
    ['integer', true],
    ['float8', ''],
    ['numeric', Uint8Array.from([49])],
    ['date', 1_709_164_800_000],
    ['timestamptz', '2024-02-29T12:00:00+02:00'],
    ['timestamp', 'yesterday'],
    ['bytea', 'not base64!'],
    ['jsonb', '{'],
    ['text', 5],
  ])('a %s column does not take %s, and no value of Postgres equals it', (family, value) => {
    expect(isMisfit(canonicalText(family, value))).toBe(true);
  });
});
