import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Question } from '../../core/query.ts';
import { addressOf, question, uniqueName } from '../../test/question.ts';
import { optionsSchema } from './config.ts';
import { classify } from './errors.ts';
import { query } from './query.ts';

const url = addressOf('NEO4J_URL');
const label = uniqueName('QueryTest');
const ask = (text: string, more?: Partial<Question>) =>
  query(optionsSchema.parse({ url }), question(text, more));

beforeAll(() =>
  ask(
    `CREATE (:${label} {id: 9223372036854775807, name: ''})-[:KNOWS {since: 1}]->(:${label} {id: 2, at: date('2026-01-02')})`,
    {
      write: true,
    },
  ),
);
afterAll(() => ask(`MATCH (n:${label}) DETACH DELETE n`, { write: true }));

test('values come with all their digits', async () => {
  const { columns, rows } = await ask(
    `RETURN 9223372036854775807 AS big, 7 AS i, 1.5 AS f, null AS z, '' AS e, true AS b, [1, 'a', null] AS l,
       {k: 9007199254740993} AS m, duration('P1DT2S') AS d, datetime('2026-01-01T00:00:00.123456Z') AS at`,
  );
  expect(columns).toEqual(['big', 'i', 'f', 'z', 'e', 'b', 'l', 'm', 'd', 'at']);
  expect(rows).toEqual([
    [
      9223372036854775807n,
      7,
      1.5,
      null,
      '',
      true,
      { json: '[1,"a",null]' },
      { json: '{"k":"9007199254740993"}' },
      'P1DT2S',
      '2026-01-01T00:00:00.123456000Z',
    ],
  ]);
});

test('nodes, relationships and paths are documents', async () => {
  const { rows } = await ask(`MATCH p = (a:${label})-[r]->(b) RETURN a, r, b.at, p`);
  const a = `{"labels":["${label}"],"properties":{"id":"9223372036854775807","name":""}}`;
  const r = '{"type":"KNOWS","properties":{"since":1}}';
  const b = `{"labels":["${label}"],"properties":{"id":2,"at":"2026-01-02"}}`;
  // The server gives the properties of a node in any order.
  const sorted = (json: string) =>
    JSON.stringify(JSON.parse(json), (_key, value: unknown) => withSortedKeys(value));
  expect(
    rows.map((row) =>
      row.map((cell) => (cell !== null && typeof cell === 'object' ? sorted(cell.json) : cell)),
    ),
  ).toEqual([[sorted(a), sorted(r), '2026-01-02', sorted(`[${a},${r},${b}]`)]]);
});

function withSortedKeys(value: unknown): unknown {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject
    ? Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)))
    : value;
}

test('rows beyond the limit are left away', async () => {
  expect(await ask('UNWIND range(1, 1000000) AS x RETURN x', { maxRows: 2 })).toEqual({
    columns: ['x'],
    rows: [[1], [2]],
    truncated: true,
  });
});

test.each([
  `CREATE (n:${label}) RETURN n`,
  `CREATE INDEX query_test IF NOT EXISTS FOR (n:${label}) ON (n.a)`,
  `CALL { CREATE (n:${label}) } IN TRANSACTIONS`,
  `CALL db.createLabel('${label}b')`,
])('%s is refused by the server without `write`', async (statement) => {
  await expect(ask(statement)).rejects.toMatchObject({ code: 'QUERY_REFUSED' });
});

test('a write with rows beyond the limit is done whole', async () => {
  const write = `UNWIND range(1, 50) AS x CREATE (n:${label} {made: x}) RETURN x`;
  expect(await ask(write, { write: true, maxRows: 3 })).toMatchObject({
    rows: { length: 3 },
    truncated: true,
  });
  expect((await ask(`MATCH (n:${label}) WHERE n.made > 0 RETURN count(*)`)).rows).toEqual([[50]]);
});

test('a bad statement is told in the words of Neo4j', async () => {
  await expect(ask('RETRUN 1')).rejects.toMatchObject({
    code: 'QUERY_FAILED',
    message: expect.stringMatching(/^Neo4j: Invalid input 'RETRUN'/) as string,
  });
  await expect(ask('RETURN 1/0')).rejects.toMatchObject({ code: 'QUERY_FAILED' });
});

test('a slow statement ends with the limit of the server, or with the signal', async () => {
  const slow = 'UNWIND range(1, 10000000000) AS x RETURN count(x)';
  await expect(ask(slow, { timeoutMs: 500 })).rejects.toMatchObject({ code: 'QUERY_FAILED' });
  const stop = new AbortController();
  const asked = ask(slow, { signal: stop.signal });
  stop.abort();
  await expect(asked).rejects.toThrow();
});

test('a login that is refused is no matter of the question', async () => {
  const error: unknown = await query(
    optionsSchema.parse({ url, password: 'wrong' }),
    question('RETURN 1'),
  ).catch((thrown: unknown) => thrown);
  expect(classify(error).code).toBe('SINK_AUTH_FAILED');
});
