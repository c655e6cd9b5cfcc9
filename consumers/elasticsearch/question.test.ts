import { expect, test } from 'vitest';
import { isReading, requestOf } from './question.ts';

test('a question is a request, a search body, or an index with what to search in it', () => {
  expect(requestOf('GET _cat/indices?v')).toEqual({
    kind: 'request',
    method: 'GET',
    path: '/_cat/indices?v',
    body: null,
  });
  expect(requestOf('POST /contacts/_search\n{"size": 1}')).toMatchObject({
    path: '/contacts/_search',
    body: '{"size": 1}\n',
  });
  expect(requestOf('contacts')).toEqual({ kind: 'search', index: 'contacts', body: {} });
  expect(requestOf('contacts owner:Bob AND {a TO b}')).toMatchObject({
    index: 'contacts',
    body: { query: { query_string: { query: 'owner:Bob AND {a TO b}' } } },
  });
  expect(JSON.stringify(requestOf('{"query":{"term":{"id":9223372036854775807}}}'))).toBe(
    '{"kind":"search","index":null,"body":{"query":{"term":{"id":9223372036854775807}}}}',
  );
  expect(requestOf('contacts {"size":2}')).toMatchObject({ index: 'contacts' });
});

test('a search body that is no JSON is told', () => {
  expect(() => requestOf('contacts {query: 1}')).toThrow(expect.objectContaining({ code: 'QUERY_FAILED' }));
});

test.each([
  // Elasticsearch ends the path at `#` and takes what is behind `?` as parameters, so `/_search` would not be asked.
  'contacts/_delete_by_query?routing= {"query":{"match_all":{}}}',
  'contacts/_doc/9# {"a":1}',
  'contacts? {}',
  'contacts#',
  'contacts/_doc',
  'contacts\\_doc',
  'contacts%2F_doc/9%23 {}',
  '_scripts {"script":{}}',
  '_index_template',
  '..',
])('%s names no index', (text) => {
  expect(() => requestOf(text)).toThrow(
    expect.objectContaining({ code: 'QUERY_FAILED', message: expect.stringContaining('index') as string }),
  );
});

test.each(['contacts', 'a,b*,-c', '_all', '*', '.kibana', 'other:contacts', '<logs>', 'größe'])(
  '%s names indices',
  (text) => {
    expect(requestOf(text)).toMatchObject({ kind: 'search', index: text });
  },
);

test('the body of a request ends its last line, as NDJSON has to', () => {
  expect(requestOf('POST /_msearch {}\n{"size":1}')).toMatchObject({ body: '{}\n{"size":1}\n' });
  expect(requestOf('GET /_search')).toMatchObject({ body: null });
});

test('a request reads by its method, or by an endpoint that only asks', () => {
  const reading = [
    'GET /_cat/indices',
    'HEAD /contacts',
    'POST /_search',
    'POST /a,b/_search?q=x',
    'POST /a/_validate/query',
    'POST /_all/_count',
  ];
  const writing = [
    'PUT /contacts',
    'DELETE /contacts',
    'POST /_bulk',
    'POST /contacts/_doc',
    // A document with the id _search.
    'POST /contacts/_doc/_search',
    'POST /contacts/_delete_by_query?x=/_search',
    'POST /contacts/_doc/../_search',
    'POST /_aliases',
    'POST /contacts#/_search',
    'POST /contacts/_doc#/_search',
    'POST /_scripts/_search',
    'POST /%5Fscripts/_search',
    'POST /contacts%2F_bulk/_search',
    'POST /contacts%2F_doc%2F9%23/_search',
    'POST /contacts\\_doc\\9/_search',
    'POST /../_search',
    'POST /_search/',
  ];
  const isOne = (text: string) => isReading(...(text.split(' ') as [string, string]));
  expect(reading.filter((text) => !isOne(text))).toEqual([]);
  expect(writing.filter(isOne)).toEqual([]);
});
