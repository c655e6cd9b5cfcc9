import type { Plain } from './canonical.ts';
import { isRawNumber, parseJson } from './exact-json.ts';
import type { Json } from './exact-json.ts';
import type { Reader } from './reader.ts';
import { emptyRow, joinKeyTexts, makeRow } from './row.ts';
import type { Row, RowKey } from './row.ts';
import { layoutName } from './table.ts';
import type { Column, Table } from './table.ts';

const PAGE_ROWS = 1_000;
const REQUEST_TIMEOUT_MS = 60_000;

/** Sends one request; the answer's numbers stay exact, which the official client's parser would not keep. */
type Ask = (method: string, path: string, body?: Json) => Promise<JsonObject>;
type JsonObject = Readonly<Record<string, Json>>;

export async function open(url: string): Promise<Reader> {
  const ask = requester(url);
  await ask('GET', '/_cluster/health');
  return {
    rows: (table) => rows(ask, table),
    pick: (table, keys) => pick(ask, table, keys),
    count: (table) => count(ask, table),
    close: async () => undefined,
    mayRepeat: false,
  };
}

async function* rows(ask: Ask, table: Table): AsyncGenerator<readonly Row[]> {
  await ask('POST', `/${alias(table)}/_refresh`);
  // A point in time over the alias keeps the alias' filter, so soft-deleted documents stay hidden.
  const { id } = await ask('POST', `/${alias(table)}/_pit?keep_alive=2m`);
  try {
    let after: JsonObject = {};
    for (;;) {
      const pit = { id: id ?? null, keep_alive: '2m' };
      const body = { size: PAGE_ROWS, pit, sort: ['_shard_doc'], track_total_hits: false, ...after };
      const hits = hitsOf(await ask('POST', '/_search', body));
      const last = hits.at(-1);
      if (last === undefined) return;
      yield hits.map((hit) => toRow(table, hit));
      after = { search_after: last.sort };
    }
  } finally {
    await ask('DELETE', '/_pit', { id: id ?? null });
  }
}

async function pick(ask: Ask, table: Table, keys: readonly RowKey[]): Promise<readonly Row[]> {
  if (keys.length === 0) return [];
  await ask('POST', `/${alias(table)}/_refresh`);
  const body = { size: keys.length, query: { ids: { values: keys.map((key) => joinKeyTexts(key.texts)) } } };
  return hitsOf(await ask('POST', `/${alias(table)}/_search`, body)).map((hit) => toRow(table, hit));
}

async function count(ask: Ask, table: Table): Promise<number> {
  await ask('POST', `/${alias(table)}/_refresh`);
  const answer = await ask('GET', `/${alias(table)}/_count`);
  return Number(answer.count);
}

/** The name as Elasticsearch allows it: in lower case, without its special characters. */
function alias(table: Table): string {
  const name = layoutName(table)
    .toLowerCase()
    .replace(/[\\/*?"<>|\s,#:;]/g, '_')
    .replace(/^[-_+.]+/, '');
  return encodeURIComponent(name);
}

interface Hit {
  readonly _id: string;
  readonly _source: JsonObject;
  readonly sort: Json;
}

function hitsOf(answer: JsonObject): readonly Hit[] {
  const { timed_out: timedOut, _shards: shards, hits } = answer as unknown as SearchAnswer;
  // Elasticsearch answers 200 with a part of the hits when a shard fails: that must not pass for missing rows.
  if (timedOut || shards.failed > 0) throw new Error('Elasticsearch answered with a part of the hits only');
  return hits.hits;
}

interface SearchAnswer {
  readonly timed_out: boolean;
  readonly _shards: { readonly failed: number };
  readonly hits: { readonly hits: readonly Hit[] };
}

function toRow(table: Table, hit: Hit): Row {
  const values = emptyRow();
  for (const [name, value] of Object.entries(hit._source)) {
    values[name] = plain(
      table.columns.find((column) => column.name === name),
      value,
    );
  }
  return makeRow(table, values, hit._id);
}

function plain(column: Column | undefined, value: Json): Plain {
  // An SQL null has no member in the document, so a null in a jsonb member is JSON's own.
  if (column?.family === 'jsonb') return JSON.stringify(value);
  if (value === null) return null;
  if (isRawNumber(value)) return value.rawJSON;
  return typeof value === 'object' ? `\0${JSON.stringify(value)}` : value;
}

function requester(url: string): Ask {
  const base = new URL(url);
  const credentials = `${decodeURIComponent(base.username)}:${decodeURIComponent(base.password)}`;
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (credentials !== ':') headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`;
  const prefix = base.origin + base.pathname.replace(/\/$/, '');
  return async (method, path, body) => {
    const response = await fetch(prefix + path, {
      method,
      headers,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Elasticsearch answered ${response.status}${reasonOf(text)}`);
    return parseJson(text) as JsonObject;
  };
}

/** The error's type, `index_not_found_exception` for example; its reason could quote values. */
function reasonOf(text: string): string {
  const match = /"type"\s*:\s*"(\w+)"/.exec(text);
  return match === null ? '' : ` (${match[1]})`;
}
