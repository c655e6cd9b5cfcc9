import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Question } from '../../core/query.ts';
import { addressOf, question, uniqueName } from '../../test/question.ts';
import { optionsSchema } from './config.ts';
import { classify } from './errors.ts';
import { query } from './query.ts';

const url = addressOf('REDIS_URL');
const key = uniqueName('query test:').replace('query', '"query');
const quoted = `"${key.replaceAll('"', '\\"')}`;
const ask = (text: string, more?: Partial<Question>) =>
  query(optionsSchema.parse({ url }), question(text, more));
const rowsOf = async (text: string) => (await ask(text)).rows;

beforeAll(async () => {
  for (const command of [
    `HSET ${quoted}h" id 9223372036854775807 name "" raw "\\xff\\x00"`,
    `ZADD ${quoted}z" 1158.857142857143 Ann inf Bob`,
    `RPUSH ${quoted}l" a b c`,
    `SET ${quoted}i" 9223372036854775806`,
  ])
    await ask(command, { write: true });
});
afterAll(() => ask(`DEL ${quoted}h" ${quoted}z" ${quoted}l" ${quoted}i"`, { write: true }));

test('a hash is a row for each field, a sorted set has its exact scores, what is not there is null', async () => {
  expect(await ask(`HGETALL ${quoted}h"`)).toEqual({
    columns: ['field', 'value'],
    rows: [
      ['id', '9223372036854775807'],
      ['name', ''],
      ['raw', '\\xff00'],
    ],
    truncated: false,
  });
  // The score has the 17 digits of Redis 7; its double is the one that was given.
  const [ann, bob] = await rowsOf(`ZRANGE ${quoted}z" 0 -1 WITHSCORES`);
  expect(ann).toEqual([
    'Ann',
    { json: expect.stringMatching(/^1158\.857142857143|1158\.8571428571429$/) as string },
  ]);
  expect(bob).toEqual(['Bob', 'inf']);
  expect(await rowsOf(`HMGET ${quoted}h" name nope`)).toEqual([[''], [null]]);
  expect(await rowsOf(`INCRBY ${quoted}i" 1`).catch((error: unknown) => error)).toMatchObject({
    code: 'QUERY_REFUSED',
  });
  expect((await ask(`INCRBY ${quoted}i" 1`, { write: true })).rows).toEqual([[9223372036854775807n]]);
});

test('entries beyond the limit are left away', async () => {
  expect(await ask(`LRANGE ${quoted}l" 0 -1`, { maxRows: 2 })).toEqual({
    columns: ['value'],
    rows: [['a'], ['b']],
    truncated: true,
  });
});

test.each([
  'DEL x',
  'GETDEL x',
  'EVAL "return 1" 0',
  'FLUSHALL',
  'CONFIG SET maxmemory 0',
  'SORT x',
  'PUBLISH a b',
])('%s is refused without `write`', async (command) => {
  await expect(ask(command)).rejects.toMatchObject({ code: 'QUERY_REFUSED' });
});

test('what Redis flags as reading passes, in commands of two words too', async () => {
  expect(await rowsOf(`MEMORY USAGE ${quoted}nope"`)).toEqual([[null]]);
  expect(await rowsOf(`OBJECT ENCODING ${quoted}i"`)).toEqual([['int']]);
  expect((await rowsOf('INFO server')).flat()).toContainEqual(expect.stringMatching(/^redis_version:/));
  expect(await rowsOf('PING')).toEqual([['PONG']]);
  await expect(ask(`EVAL_RO "return redis.call('DEL', KEYS[1])" 1 ${quoted}i"`)).rejects.toMatchObject({
    code: 'QUERY_FAILED',
  });
});

test('a bad command is told in the words of Redis', async () => {
  await expect(ask('NOPE 1')).rejects.toMatchObject({
    code: 'QUERY_FAILED',
    message: expect.stringMatching(/unknown command/) as string,
  });
  await expect(ask('GET')).rejects.toMatchObject({ code: 'QUERY_FAILED' });
  await expect(ask('GET "x')).rejects.toMatchObject({ code: 'QUERY_FAILED' });
  await expect(ask('MONITOR', { write: true })).rejects.toMatchObject({ code: 'QUERY_FAILED' });
});

test('the signal ends a command that waits', async () => {
  const stop = new AbortController();
  const asked = ask(`XREAD BLOCK 0 STREAMS ${quoted}nope" $`, { signal: stop.signal });
  stop.abort();
  await expect(asked).rejects.toThrow();
});

test('a login that is refused is no matter of the question', async () => {
  const error: unknown = await query(
    optionsSchema.parse({ url, username: 'nobody', password: 'x' }),
    question('PING'),
  ).catch((thrown: unknown) => thrown);
  expect(classify(error).code).toBe('SINK_AUTH_FAILED');
});
