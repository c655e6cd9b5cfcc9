import { expect, test } from 'vitest';
import { parseExactly } from '../../core/exact-json.ts';
import { answerOf } from './answer.ts';

const answer = (json: string, maxRows = 10) => answerOf(parseExactly(json), maxRows);
const hit = (id: string, more: string) => `{"_index":"a","_id":"${id}","_score":1.0,${more}}`;

test('fields that only some documents have are null in the others', () => {
  const hits = [hit('1', '"_source":{"b":1}'), hit('2', '"_source":{"c":0.10},"fields":{"d":[2]}')];
  expect(answer(`{"hits":{"hits":[${hits.join()}]}}`)).toEqual({
    columns: ['_id', 'b', 'c', 'd'],
    rows: [
      ['1', 1, null, null],
      ['2', null, { json: '0.10' }, { json: '[2]' }],
    ],
    truncated: false,
  });
});

test('the index is told where there are several', () => {
  const hits = `[${hit('1', '"_source":{}')},{"_index":"b","_id":"1","_score":1.0,"_source":{}}]`;
  expect(answer(`{"hits":{"hits":${hits}}}`)).toMatchObject({
    columns: ['_index', '_id'],
    rows: [
      ['a', '1'],
      ['b', '1'],
    ],
  });
});

test('buckets with names, and metrics of buckets, are rows and columns', () => {
  const aggregations =
    '{"f":{"buckets":{"old":{"doc_count":2,"most":{"value":9223372036854775807}}}},"n":{"value":3}}';
  expect(answer(`{"hits":{"hits":[]},"aggregations":${aggregations}}`)).toEqual({
    columns: ['aggregation', 'key', 'doc_count', 'most', 'value'],
    rows: [
      ['f', 'old', 2, 9223372036854775807n, null],
      ['n', null, null, null, 3],
    ],
    truncated: false,
  });
});

test('rows of ES|QL are rows', () => {
  expect(answer('{"columns":[{"name":"a","type":"long"}],"values":[[1],[2]]}', 1)).toEqual({
    columns: ['a'],
    rows: [[1]],
    truncated: true,
  });
});

test('a search that lacks what a shard holds, or that ran out of its time, has no answer', () => {
  const failed = '"_shards":{"failures":[{"reason":{"type":"x","reason":"a field is missing"}}]}';
  expect(() => answer(`{"hits":{"hits":[]},${failed}}`)).toThrow('a field is missing');
  expect(() => answer('{"hits":{"hits":[]},"timed_out":true}')).toThrow('ran out of its time');
});
