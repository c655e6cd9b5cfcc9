import type { Client } from '@elastic/elasticsearch';
import { parseExactly } from '../../core/exact-json.ts';
import { queryFailed, queryRefused, type Answer, type Question } from '../../core/query.ts';
import { answerOf } from './answer.ts';
import type { ElasticsearchOptions } from './config.ts';
import { refusalOf, withoutDocuments } from './errors.ts';
import { isReading, requestOf, type EsRequest } from './question.ts';
import { openClient } from './requests.ts';

/** The most that Elasticsearch answers at once, as it comes (`index.max_result_window`). */
const MAX_HITS = 10_000;
const JSON_TYPE = 'application/vnd.elasticsearch+json; compatible-with=9';
const AUTH_STATUSES = [401, 403];

/** Sends one request (question.ts has the forms); without `write` only those that read. */
export async function query(options: ElasticsearchOptions, question: Question): Promise<Answer> {
  const request = requestOf(question.text);
  if (request.kind === 'request' && !question.write && !isReading(request.method, request.path))
    throw queryRefused(`${request.method} ${request.path} may change something in Elasticsearch`);
  const client = openClient(options);
  const ask: Ask = (method, path, body) => send(client, { method, path, body }, question);
  try {
    if (request.kind === 'request')
      return answerOf(await ask(request.method, request.path, request.body), question.maxRows);
    return await search(ask, request, question.maxRows);
  } finally {
    await client.close();
  }
}

/** The body's own `size` counts; without one it is as many as may be shown, and one more, which tells of more. */
async function search(
  ask: Ask,
  { index, body }: EsRequest & { readonly kind: 'search' },
  maxRows: number,
): Promise<Answer> {
  const hasAggregations = body['aggs'] !== undefined || body['aggregations'] !== undefined;
  const size = hasAggregations ? 0 : Math.min(maxRows + 1, MAX_HITS);
  const indices = index?.split(',') ?? (await aliasesOfTailrace(ask));
  const path = `/${indices.map(encodeURIComponent).join()}/_search`;
  const found = await ask('POST', path, JSON.stringify({ size, track_total_hits: size + 1, ...body }));
  const answer = answerOf(found, maxRows);
  const { total } = (found as { hits: { total?: { value: unknown } } }).hits;
  const isCut = body['size'] === undefined && Number(JSON.stringify(total?.value ?? 0)) > answer.rows.length;
  return { ...answer, truncated: answer.truncated || (isCut && !hasAggregations) };
}

/** The aliases of every index that a sink of Tailrace has made; readers of an alias do not see deleted rows. */
async function aliasesOfTailrace(ask: Ask): Promise<readonly string[]> {
  const made = await ask('GET', '/_mapping?filter_path=*.mappings._meta.tailrace', null);
  const aliases = await ask('GET', '/_alias', null);
  const names = Object.entries(aliases as Record<string, { aliases: object }>)
    .filter(([index]) => Object.hasOwn(made as object, index))
    .flatMap(([, { aliases: own }]) => Object.keys(own));
  if (names.length === 0)
    throw queryFailed(
      'Elasticsearch',
      new Error('there is no index that Tailrace has made; name one: INDEX {...}'),
    );
  return [...new Set(names)];
}

/** The JSON of the answer, with all digits. */
type Ask = (method: string, path: string, body: string | null) => Promise<unknown>;

async function send(
  client: Client,
  { method, path, body }: { method: string; path: string; body: string | null },
  { signal, timeoutMs }: Question,
): Promise<unknown> {
  const isList = path.startsWith('/_cat');
  const asked = isList ? `${path}${path.includes('?') ? '&' : '?'}format=json` : path;
  const { statusCode, body: stream } = await client.transport
    .request(
      { method, path: asked, ...(body !== null && { body }) },
      {
        meta: true,
        // The client's own parser would round numbers, so the text of the answer is read here, as it is.
        asStream: true,
        signal,
        requestTimeout: timeoutMs,
        headers: {
          accept: isList ? 'application/json' : JSON_TYPE,
          'accept-encoding': 'identity',
          ...(body !== null && { 'content-type': JSON_TYPE }),
        },
      },
    )
    .catch((error: unknown) => {
      throw withoutDocuments(error);
    });
  const parts: Buffer[] = [];
  for await (const part of stream as AsyncIterable<Buffer>) parts.push(part);
  return jsonOf(Buffer.concat(parts).toString(), statusCode);
}

/** Throws for a status of failure, with the reason that Elasticsearch gives. */
function jsonOf(text: string, status: number): unknown {
  const body: unknown = parsed(text);
  if (status < 400) return body;
  const { type, reason } = causeOf(body);
  if (AUTH_STATUSES.includes(status)) throw refusalOf(status, type);
  throw queryFailed('Elasticsearch', new Error(`${status} ${type}: ${reason}`));
}

/** Some endpoints answer plain text, and HEAD nothing. */
function parsed(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return text.trim();
  }
}

/** The innermost cause is the one that helps. */
function causeOf(body: unknown): { type: string; reason: string } {
  const { error } = (body ?? {}) as { error?: EsError | string };
  if (typeof error !== 'object') return { type: 'error', reason: String(error ?? body) };
  const cause = error.root_cause?.[0] ?? error;
  return { type: String(cause.type), reason: String(cause.reason) };
}

interface EsError {
  readonly type?: string;
  readonly reason?: string;
  readonly root_cause?: readonly EsError[];
}
