import type { Cell } from '../../core/cell.ts';
import { cellOfJson } from '../../core/exact-json.ts';
import { queryFailed, tableOf, type Answer } from '../../core/query.ts';

type Fields = Readonly<Record<string, unknown>>;

interface Hit {
  readonly _index: string;
  readonly _id: string;
  readonly _score?: unknown;
  readonly _source?: Fields;
  readonly fields?: Fields;
}

interface SearchAnswer {
  readonly hits: { readonly hits: readonly Hit[]; readonly total?: { readonly value: unknown } };
  readonly aggregations?: Readonly<Record<string, Fields>>;
  readonly timed_out?: boolean;
  readonly _shards?: { readonly failures?: readonly { readonly reason?: { readonly reason?: string } }[] };
}

/** Any JSON of Elasticsearch as rows: documents of a search, buckets, rows of ES|QL, entries of a list, or one row. */
export function answerOf(body: unknown, maxRows: number): Answer {
  if (isSearch(body)) return searchAnswer(body, maxRows);
  if (isTable(body))
    return {
      columns: body.columns.map(({ name }) => name),
      rows: body.values.slice(0, maxRows).map((row) => row.map(cellOfJson)),
      truncated: body.values.length > maxRows,
    };
  const entries: unknown[] = Array.isArray(body) ? body : [body];
  return tableOf(
    entries.map((entry) => (isFields(entry) ? cellsOf(entry) : new Map([['value', cellOfJson(entry)]]))),
    maxRows,
  );
}

function searchAnswer(answer: SearchAnswer, maxRows: number): Answer {
  const [failure] = answer._shards?.failures ?? [];
  // Elasticsearch calls a search a success that lacks what some shards hold.
  if (failure !== undefined)
    throw queryFailed('Elasticsearch', new Error(`a shard failed: ${failure.reason?.reason}`));
  if (answer.timed_out === true)
    throw queryFailed('Elasticsearch', new Error('the search ran out of its time'));
  if (answer.aggregations !== undefined) return tableOf(bucketsOf(answer.aggregations), maxRows);
  const { hits } = answer.hits;
  const isMixed = new Set(hits.map(({ _index }) => _index)).size > 1;
  const isRanked = new Set(hits.map(({ _score }) => JSON.stringify(_score))).size > 1;
  const rows = hits.map((hit) => {
    const { _index, _id, _score } = hit;
    const about = { ...(isMixed && { _index }), _id, ...(isRanked && { _score }) };
    return cellsOf({ ...about, ...hit._source, ...hit.fields });
  });
  return tableOf(rows, maxRows);
}

/** A row a bucket, or one for an aggregation without buckets; aggregations inside of a bucket are columns. */
function bucketsOf(aggregations: Readonly<Record<string, Fields>>): Map<string, Cell>[] {
  return Object.entries(aggregations).flatMap(([name, aggregation]) => {
    const { buckets } = aggregation;
    const rows: [unknown, unknown][] = isFields(buckets)
      ? Object.entries(buckets)
      : (Array.isArray(buckets) ? buckets : [aggregation]).map((bucket: unknown) => [undefined, bucket]);
    return rows.map(([key, bucket]) => {
      const fields = Object.entries(bucket as Fields).map(([field, value]) => [field, plainMetric(value)]);
      return cellsOf({ aggregation: name, ...(key !== undefined && { key }), ...Object.fromEntries(fields) });
    });
  });
}

/** `{"value": 3}` is how a metric inside of a bucket answers. */
function plainMetric(value: unknown): unknown {
  return isFields(value) && Object.keys(value).join() === 'value' ? value['value'] : value;
}

function cellsOf(fields: Fields): Map<string, Cell> {
  return new Map(Object.entries(fields).map(([name, value]) => [name, cellOfJson(value)]));
}

function isSearch(body: unknown): body is SearchAnswer {
  return isFields(body) && isFields(body['hits']) && Array.isArray(body['hits']['hits']);
}

/** As ES|QL answers. */
function isTable(body: unknown): body is { columns: { name: string }[]; values: unknown[][] } {
  return isFields(body) && Array.isArray(body['columns']) && Array.isArray(body['values']);
}

/** A number of `parseExactly` is an object too, but a cell of its own. */
function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('rawJSON' in value);
}
