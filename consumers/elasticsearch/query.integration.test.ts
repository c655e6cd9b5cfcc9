import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Question } from '../../core/query.ts';
import { addressOf, question, uniqueName } from '../../test/question.ts';
import { optionsSchema } from './config.ts';
import { query } from './query.ts';

const url = addressOf('ELASTICSEARCH_URL');
const name = uniqueName('query_test');
const ask = (text: string, more?: Partial<Question>) =>
  query(optionsSchema.parse({ url }), question(text, more));

beforeAll(async () => {
  // As the sink makes it: readers of the alias see live rows only.
  const mappings = {
    _meta: { tailrace: { target: name } },
    properties: {
      big: { type: 'long' },
      owner: { type: 'keyword' },
      note: { type: 'text' },
      price: { type: 'double' },
    },
  };
  const aliases = { [name]: { filter: { bool: { must_not: { term: { __deleted: true } } } } } };
  await ask(`PUT /${name}-1 ${JSON.stringify({ mappings, aliases })}`, { write: true });
  const documents = [
    '{"big":9223372036854775807,"owner":"Bob","price":"1.10","inner":{"n":9007199254740993},"note":"old brown boat"}',
    '{"big":1,"owner":"Ann","note":"boat boat"}',
    '{"__deleted":true,"owner":"Ann"}',
  ];
  for (const [id, document] of documents.entries())
    await ask(`PUT /${name}-1/_doc/${id} ${document}`, { write: true });
  await ask(`POST /${name}-1/_refresh`, { write: true });
});
afterAll(() => ask(`DELETE /${name}-1`, { write: true }));

test('documents come with all their digits', async () => {
  expect(await ask(`${name} owner:Bob`)).toEqual({
    columns: ['_id', 'big', 'owner', 'price', 'inner', 'note'],
    rows: [['0', 9223372036854775807n, 'Bob', '1.10', { json: '{"n":9007199254740993}' }, 'old brown boat']],
    truncated: false,
  });
});

test('an index alone is all its live documents, and a search body is searched as it is', async () => {
  expect((await ask(name)).rows).toHaveLength(2);
  const byId = `${name} {"query":{"term":{"big":9223372036854775807}},"_source":["owner"]}`;
  expect(await ask(byId)).toMatchObject({ columns: ['_id', 'owner'], rows: [['0', 'Bob']] });
  const ranked = await ask(`${name} note:boat`);
  expect(ranked.columns.slice(0, 2)).toEqual(['_id', '_score']);
  expect(ranked.rows.map(([id]) => id)).toEqual(['1', '0']);
});

test('a search body without an index goes to the indices of Tailrace', async () => {
  const { columns, rows } = await ask('{"query":{"term":{"owner":"Bob"}}}');
  expect(columns).toContain('_id');
  expect(rows.flat()).toContain(9223372036854775807n);
});

test('documents beyond the limit are left away', async () => {
  expect(await ask(name, { maxRows: 1 })).toMatchObject({ rows: { length: 1 }, truncated: true });
  expect(await ask(name, { maxRows: 2 })).toMatchObject({ rows: { length: 2 }, truncated: false });
  expect(await ask(`${name} {"size":1}`)).toMatchObject({ rows: { length: 1 }, truncated: false });
});

test('documents beyond those that Elasticsearch answers at once are told', async () => {
  const many = `${name}_many`;
  onTestFinished(async () => {
    await ask(`DELETE /${many}`, { write: true });
  });
  const lines = Array.from({ length: 10_001 }, (_, n) => `{"index":{}}\n{"n":${n}}\n`).join('');
  await ask(`POST /${many}/_bulk?refresh=true ${lines}`, { write: true });
  const { rows, truncated } = await ask(many, { maxRows: 20_000 });
  expect({ count: rows.length, truncated }).toEqual({ count: 10_000, truncated: true });
});

test('an aggregation is a row a bucket', async () => {
  const body = {
    aggs: { owners: { terms: { field: 'owner' }, aggs: { most: { max: { field: 'price' } } } } },
  };
  expect(await ask(`${name} ${JSON.stringify(body)}`)).toMatchObject({
    columns: ['aggregation', 'key', 'doc_count', 'most'],
    rows: [
      ['owners', 'Ann', 1, null],
      ['owners', 'Bob', 1, { json: '1.1' }],
    ],
  });
  const [row] = (await ask(`${name} {"aggs":{"n":{"value_count":{"field":"owner"}}}}`)).rows;
  expect(row).toEqual(['n', 2]);
});

test('any request that reads is answered as rows', async () => {
  expect(await ask(`GET /${name}/_count`)).toMatchObject({
    columns: ['count', '_shards'],
    rows: [[2, expect.anything()]],
  });
  const { columns, rows } = await ask(`GET /_cat/indices/${name}-1?h=index,docs.count`);
  expect(rows[0]?.[columns.indexOf('index')]).toBe(`${name}-1`);
  expect((await ask(`POST /${name}/_search {"query":{"match_all":{}}}`)).rows).toHaveLength(2);
});

test.each(['PUT /x', 'DELETE /x', 'POST /x/_doc {}', 'POST /x/_doc/_search {}', 'POST /_bulk'])(
  '%s is refused without `write`',
  async (text) => {
    await expect(ask(text)).rejects.toMatchObject({ code: 'QUERY_REFUSED' });
  },
);

test.each([
  `${name}-1/_doc/9# {"owner":"Eve"}`,
  `${name}/_delete_by_query?routing= {"query":{"match_all":{}}}`,
])('%s is no index, and nothing is sent', async (text) => {
  await expect(ask(text)).rejects.toMatchObject({
    code: 'QUERY_FAILED',
    message: expect.stringContaining('no name of an index') as string,
  });
  expect((await ask(`GET /${name}-1/_count`)).rows[0]?.[0]).toBe(3);
});

test('several searches and bulk lines go in one request, whose last line the command line has trimmed', async () => {
  const searches = await ask(`POST /${name}/_msearch {}\n{"query":{"term":{"owner":"Bob"}}}`);
  expect(JSON.stringify(searches.rows)).toContain('old brown boat');
  const lines = `{"index":{"_index":"${name}-1","_id":"2"}}\n{"__deleted":true,"owner":"Ann"}`;
  const { columns, rows } = await ask(`POST /_bulk ${lines}`, { write: true });
  expect(rows[0]?.[columns.indexOf('errors')]).toBe(false);
});

test('a bad question is told in the words of Elasticsearch', async () => {
  const told = (message: RegExp) => ({
    code: 'QUERY_FAILED',
    message: expect.stringMatching(message) as string,
  });
  await expect(ask('nope_nope owner:Bob')).rejects.toMatchObject(told(/no such index \[nope_nope\]/));
  await expect(ask(`${name} {"query":{"nope":{}}}`)).rejects.toMatchObject(told(/nope/));
  await expect(ask(`${name} owner:[`)).rejects.toMatchObject(told(/Failed to parse query/));
});

test('the signal ends the wait', async () => {
  await expect(ask(name, { signal: AbortSignal.abort() })).rejects.toThrow();
});
