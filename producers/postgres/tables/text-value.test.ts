import { expect, test } from 'vitest';
import type { ValueKind } from '../../../schemas/value.ts';
import { valueFromText } from './text-value.ts';

test.each<[ValueKind, string, unknown]>([
  ['boolean', 't', true],
  ['boolean', 'f', false],
  ['int4', '-2147483648', -2147483648],
  ['int8', '9223372036854775807', 9223372036854775807n],
  ['float8', 'NaN', Number.NaN],
  ['float8', '-Infinity', Number.NEGATIVE_INFINITY],
  ['float8', '-0', -0],
  ['numeric', '12345678901234567890.10', '12345678901234567890.10'],
  ['date', '0044-03-15 BC', '0044-03-15 BC'],
  ['timestamp', '2024-02-29 12:00:00.123456', '2024-02-29T12:00:00.123456'],
  ['timestamp', '0044-03-15 12:00:00 BC', '0044-03-15T12:00:00 BC'],
  ['timestamp', 'infinity', 'infinity'],
  ['timestamptz', '2024-02-29 12:00:00.123456+00', '2024-02-29T12:00:00.123456Z'],
  ['timestamptz', '0044-03-15 12:00:00+00 BC', '0044-03-15T12:00:00Z BC'],
  ['timestamptz', '-infinity', '-infinity'],
  ['bytea', '\\x00ff', Buffer.from([0, 255])],
  ['jsonb', '{"a": 1.10}', '{"a": 1.10}'],
  ['other', '{1,2,NULL}', '{1,2,NULL}'],
])('%s %s', (kind, text, value) => {
  expect(valueFromText(kind, text)).toStrictEqual(value);
});

test('text of a session with other settings is refused', () => {
  expect(() => valueFromText('timestamptz', '2024-02-29 14:00:00+02')).toThrow('not in UTC');
  expect(() => valueFromText('bytea', 'abc')).toThrow('not in hex');
});
