import { expect, test } from 'vitest';
import { optionsSchema, tableOptionsSchema } from './config.ts';

test.each([
  'http://localhost:8123',
  'https://reader:a%25b@host:8443/data%20base',
  'http://us%C3%A9r:p%40ss@[::1]:8123/d',
])('%s is an address', (url) => {
  expect(optionsSchema.safeParse({ url }).success).toBe(true);
});

test.each([
  ['tcp://host:9000', 'expected http://'],
  ['http://', 'expected http://'],
  ['http://host:port', 'expected http://'],
  ['http://u:100%@host:8123/d', '%25'],
  ['http://u%:p@host:8123/d', '%25'],
  ['http://host:8123/50%', '%25'],
])('%s is no address, and the message tells the way on', (url, words) => {
  const parsed = optionsSchema.safeParse({ url });
  expect(parsed.error?.issues.map(({ message }) => message)).toEqual([expect.stringContaining(words)]);
});

test.each(['Decimal(1, 0)', 'Decimal(76,76)', 'UInt64', "DateTime64(6, 'UTC')"])('%s is a type', (type) => {
  expect(tableOptionsSchema.safeParse({ columnTypes: { v: type } }).success).toBe(true);
});

test.each(['Decimal(5, 10)', 'Decimal(0, 0)', 'Decimal(77, 0)', 'Decimal(10)', 'Int128', 'Nullable(Int64)'])(
  '%s is no type of a column',
  (type) => {
    expect(tableOptionsSchema.safeParse({ columnTypes: { v: type } }).success).toBe(false);
  },
);
