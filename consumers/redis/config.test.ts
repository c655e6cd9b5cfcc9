import { expect, test } from 'vitest';
import { optionsSchema, tableOptionsSchema } from './config.ts';

test('durations are milliseconds, and tombstones can be kept for ever', () => {
  const parse = (tombstoneTtl?: string): unknown =>
    optionsSchema.parse({ url: 'redis://localhost', ...(tombstoneTtl !== undefined && { tombstoneTtl }) })
      .tombstoneTtl;
  expect([parse(), parse('7d'), parse('90s'), parse('never')]).toEqual([
    86_400_000,
    604_800_000,
    90_000,
    null,
  ]);
  expect(() => parse('0s')).toThrow(/duration/);
});

test('a table needs no options of its own', () => {
  expect(tableOptionsSchema.parse({})).toEqual({ as: 'hash', sets: [], sorted: {} });
});

test.each(['all', 'by_owner:{owner}', 'by {country}: {city}', '{a}:{b}:{c}', 'x:{Odd Name}:y'])(
  'a set may be named %s',
  (name) => {
    expect(tableOptionsSchema.parse({ sets: [name] }).sets).toEqual([name]);
    expect(tableOptionsSchema.parse({ sorted: { [name]: 'score' } }).sorted).toEqual({ [name]: 'score' });
  },
);

test.each(['', '{a}{b}', '{a}-{b}', '{}', '{a', 'a}', '{a{b}}', 'a\\:{b}'])(
  'a set named %j, which two rows of different values could share, is refused',
  (name) => {
    expect(tableOptionsSchema.safeParse({ sets: [name] }).success).toBe(false);
    expect(tableOptionsSchema.safeParse({ sorted: { [name]: 'score' } }).success).toBe(false);
  },
);

test('rows that expire cannot have sets', () => {
  expect(tableOptionsSchema.safeParse({ ttl: '1h', sets: ['all'] }).success).toBe(false);
  expect(tableOptionsSchema.safeParse({ ttl: { column: 'at' }, sorted: { top: 'n' } }).success).toBe(false);
  expect(tableOptionsSchema.parse({ ttl: '1h', stream: { name: 'log' } })).toMatchObject({
    ttl: 3_600_000,
    stream: { name: 'log', maxLength: 100_000 },
  });
});

test('sets, sorted sets and the stream of a table need names of their own', () => {
  for (const own of [
    { sets: ['a', 'a'] },
    { sets: ['a'], sorted: { a: 'n' } },
    { sorted: { a: 'n' }, stream: { name: 'a' } },
  ])
    expect(tableOptionsSchema.safeParse(own).success).toBe(false);
});

test.each([
  { sets: ['by_city:{city}', 'by_city:{country}:{city}'] },
  { sets: ['all', '{status}'] },
  { sets: ['{status}', 'all'] },
  { sets: ['by:{a}'], sorted: { 'by:{b}': 'n' } },
  { sorted: { 'top:{a}': 'n', 'top:all': 'n' } },
  { sorted: { 'top:{a}': 'n' }, stream: { name: 'top:log' } },
])('%j, of which two names can make one key, is refused', (own) => {
  expect(() => tableOptionsSchema.parse(own)).toThrow(/can make one key.*begin them differently/);
});

test('a name may begin with another one that has no columns', () => {
  const own = { sets: ['all', 'all:{a}'], sorted: { 'by:{a}': 'n', by: 'n' }, stream: { name: 'al' } };
  expect(tableOptionsSchema.safeParse(own).success).toBe(true);
});

test.each([
  ['http://localhost', /expected redis:/],
  ['redis://local host', /expected redis:/],
  ['redis://localhost:port', /expected redis:/],
  ['redis://u:100%@localhost', /write % as %25/],
])('the url %s is refused with what to write', (url, message) => {
  expect(() => optionsSchema.parse({ url })).toThrow(message);
});

test('a url may have any characters in its password, as percent codes', () => {
  expect(optionsSchema.safeParse({ url: 'redis://u:100%25%2F@localhost:6379/1' }).success).toBe(true);
});
