import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Question } from '../../core/query.ts';
import { addressOf, question, uniqueName } from '../../test/question.ts';
import { optionsSchema } from './config.ts';
import { query } from './query.ts';

const url = addressOf('MONGODB_URL');
const name = uniqueName('query_test');
const ask = (text: string, more?: Partial<Question>) =>
  query(optionsSchema.parse({ url }), question(text, more));

const DOCUMENTS = `[
  {"_id": 1, "big": 9223372036854775807, "price": {"$numberDecimal": "1.10"}, "at": {"$date": "2026-01-01T00:00:00.123Z"},
   "raw": {"$binary": {"base64": "/wA=", "subType": "00"}}, "none": null, "inner": {"list": [1, 2.5, 9007199254740993]}},
  {"_id": {"a": 1, "b": "x"}, "text": ""}, {"_id": 3}]`;

beforeAll(() => ask(`{"insert": "${name}", "documents": ${DOCUMENTS}}`, { write: true }));
afterAll(() => ask(`{"drop": "${name}"}`, { write: true }));

test('documents come with all their digits, and with a column for each field of any of them', async () => {
  const { columns, rows } = await ask(name);
  expect(columns).toEqual(
    expect.arrayContaining(['_id', 'big', 'price', 'at', 'raw', 'none', 'inner', 'text']),
  );
  const [first] = rows;
  expect(Object.fromEntries(columns.map((column, index) => [column, first?.[index]]))).toEqual({
    _id: 1,
    big: 9223372036854775807n,
    price: '1.10',
    at: '2026-01-01T00:00:00.123Z',
    raw: '\\xff00',
    none: null,
    inner: { json: '{"list":[1,2.5,"9007199254740993"]}' },
    text: null,
  });
  expect(rows.map((row) => row[columns.indexOf('_id')])).toContainEqual({ json: '{"a":1,"b":"x"}' });
});

test('a filter finds a number of 64 bits, a pipeline groups, a command answers in one row', async () => {
  expect((await ask(`${name} {"big": 9223372036854775807}`)).rows).toHaveLength(1);
  expect(await ask(`${name} [{"$group": {"_id": null, "n": {"$sum": 1}}}]`)).toMatchObject({
    rows: [[null, 3]],
  });
  expect(await ask(`{"count": "${name}"}`)).toEqual({ columns: ['n'], rows: [[3]], truncated: false });
  expect((await ask(`{"distinct": "${name}", "key": "text"}`)).rows).toEqual([['']]);
});

test('documents beyond the limit are left away', async () => {
  expect(await ask(name, { maxRows: 2 })).toMatchObject({ rows: { length: 2 }, truncated: true });
  expect(await ask(name, { maxRows: 3 })).toMatchObject({ rows: { length: 3 }, truncated: false });
});

test('a command that may write is refused, and nothing has changed', async () => {
  const copy = `${name}_copy`;
  for (const text of [
    `{"drop": "${name}"}`,
    `${name} [{"$out": "${copy}"}]`,
    `{"delete": "${name}", "deletes": []}`,
  ])
    await expect(ask(text)).rejects.toMatchObject({ code: 'QUERY_REFUSED' });
  expect((await ask(`{"count": "${name}"}`)).rows).toEqual([[3]]);
  expect((await ask(`{"listCollections": 1, "filter": {"name": "${copy}"}}`)).rows).toEqual([]);
});

test('a bad question is told in the words of MongoDB, and so is a write that fails', async () => {
  await expect(ask(`${name} {"$nope": 1}`)).rejects.toMatchObject({ code: 'QUERY_FAILED' });
  await expect(
    ask(`{"insert": "${name}", "documents": [{"_id": 1}]}`, { write: true }),
  ).rejects.toMatchObject({
    code: 'QUERY_FAILED',
  });
});
