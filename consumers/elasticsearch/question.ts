import { toError } from '../../core/errors.ts';
import { parseExactly } from '../../core/exact-json.ts';
import { queryFailed } from '../../core/query.ts';

/** A question as a request. `index` is null where the text names none: then it goes to the indices of Tailrace. */
export type EsRequest =
  | { readonly kind: 'request'; readonly method: string; readonly path: string; readonly body: string | null }
  | {
      readonly kind: 'search';
      readonly index: string | null;
      readonly body: Readonly<Record<string, unknown>>;
    };

const CONSOLE = /^(GET|HEAD|POST|PUT|DELETE)\s+\/?(\S*)\s*(.*)$/s;
const SEARCH = /^([^\s{]+)\s*(.*)$/s;
/**
 * The part of a path that names indices, patterns and lists of them too. Without what would end or split the path (`#`, `?`,
 * `/`, and `%` that may hide one of them), and without a `_` or `..` in front, which lead to another endpoint.
 */
const INDEX = String.raw`(?:_all|(?!_|\.+(?:/|$))[^/?#\\%]+)`;
const INDEX_ALONE = new RegExp(`^${INDEX}$`);

/**
 * The request that a text means: `METHOD /path {body}` as in Kibana's console, a search body `{...}`, `INDEX {search body}`,
 * `INDEX lucene query` or `INDEX` alone. Numbers of a body keep their digits. Throws QUERY_FAILED where a body is no JSON or an
 * index cannot be one: a search without METHOD must never become another request.
 */
export function requestOf(text: string): EsRequest {
  const [, method, path = '', body = ''] = CONSOLE.exec(text) ?? [];
  if (method !== undefined)
    // The lines of `_bulk` and `_msearch` all have to end; JSON does not mind.
    return { kind: 'request', method, path: `/${path}`, body: body === '' ? null : `${body}\n` };
  if (text.startsWith('{')) return { kind: 'search', index: null, body: parseBody(text) };
  const [, index = '', rest = ''] = SEARCH.exec(text) ?? [];
  if (!INDEX_ALONE.test(index))
    throw queryFailed(
      'Elasticsearch',
      new Error(`${index} is no name of an index; any other request begins with its method, as GET /...`),
    );
  if (rest.startsWith('{')) return { kind: 'search', index, body: parseBody(rest) };
  return { kind: 'search', index, body: rest === '' ? {} : { query: { query_string: { query: rest } } } };
}

function parseBody(text: string): Readonly<Record<string, unknown>> {
  try {
    return parseExactly(text) as Record<string, unknown>;
  } catch (error) {
    throw queryFailed('Elasticsearch', new Error(`the search body is no JSON: ${toError(error).message}`));
  }
}

/**
 * A POST that only asks: an endpoint of the cluster or of an index, and nothing behind it, since `/index/_doc/_search` would
 * write a document.
 */
const READING_POST = new RegExp(
  `^(/${INDEX})?/_(search|msearch|count|field_caps|mget|validate/query|analyze|rank_eval|mtermvectors|` +
    'search/template|render/template|terms_enum|query)$',
);

export function isReading(method: string, path: string): boolean {
  const [pathname = ''] = path.split('?');
  return method === 'GET' || method === 'HEAD' || (method === 'POST' && READING_POST.test(pathname));
}
