import { TailraceError, toError } from '../../core/errors.ts';
import type { WriteOutcome } from '../sink.ts';
import { chunksOf, outcomeOf, type BulkAnswer, type BulkItem } from './bulk-item.ts';
import { ElasticsearchRefusal, isTooLarge, refusalOf } from './errors.ts';
import type { Send } from './requests.ts';
import { settleShared } from './shared-version.ts';

/** That of a server that does not tell its own. */
const DEFAULT_MAX_BYTES = 100 * 1024 * 1024;

/** When readers see what a request wrote, see config.ts. */
export type Refresh = boolean | 'wait_for';

/** Sends items in one request; answers in their order. */
type Request = (items: readonly BulkItem[]) => Promise<readonly BulkAnswer[]>;

/**
 * Sends items in requests of bounded size and notes the outcome of each in its slot. Throws when a request or an item failed in
 * a way that no row is to blame for; sending all of them again is safe.
 */
export type SendItems = (items: readonly BulkItem[], outcomes: WriteOutcome[]) => Promise<void>;

export function openBulk(send: Send, refresh: Refresh): SendItems {
  const request: Request = (chunk) => sendBulk(send, chunk, refresh);
  let maxBytes: number | null = null;

  return async (items, outcomes) => {
    try {
      maxBytes ??= await largestRequestBytes(send);
      for (const chunk of chunksOf(withoutTooLarge(items, maxBytes, outcomes), maxBytes)) {
        await writeChunk(request, chunk, outcomes);
        const open = chunk.filter((item) => item.shared !== null && outcomes[item.slot]?.result === 'stale');
        await settleShared(send, open, outcomes, (some) => writeChunk(request, some, outcomes));
      }
    } catch (error) {
      // The next server may be another one.
      maxBytes = null;
      throw error;
    }
  };
}

/** `http.max_content_length` of the strictest node: a larger request is often cut off without an answer. */
async function largestRequestBytes(send: Send): Promise<number> {
  const { body } = await send({
    method: 'GET',
    path: '/_nodes/http',
    query: { filter_path: 'nodes.*.http.max_content_length_in_bytes' },
  });
  const { nodes = {} } = body as {
    nodes?: Record<string, { http: { max_content_length_in_bytes: number } }>;
  };
  return Math.min(
    DEFAULT_MAX_BYTES,
    ...Object.values(nodes).map(({ http }) => http.max_content_length_in_bytes),
  );
}

/** The items that fit into a request alone; the others are rejected. */
function withoutTooLarge(
  items: readonly BulkItem[],
  maxBytes: number,
  outcomes: WriteOutcome[],
): readonly BulkItem[] {
  // A character takes three bytes at most, so nearly no item needs to be counted.
  const isTooLong = ({ lines }: BulkItem): boolean =>
    lines.length * 3 > maxBytes && Buffer.byteLength(lines) > maxBytes;
  if (!items.some(isTooLong)) return items;
  return items.filter((item) => {
    if (!isTooLong(item)) return true;
    outcomes[item.slot] = { result: 'rejected', error: refusalOf(413, 'content_too_long_exception') };
    return false;
  });
}

/** A request that is too large for the server, or for a proxy before it, is halved until the row to blame stands alone. */
async function writeChunk(
  request: Request,
  chunk: readonly BulkItem[],
  outcomes: WriteOutcome[],
): Promise<void> {
  try {
    const answers = await request(chunk);
    for (const [index, item] of chunk.entries())
      outcomes[item.slot] = outcomeOf(item, answers[index] ?? { status: 0, error: {} });
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    const [first] = chunk;
    if (chunk.length === 1 && first !== undefined) {
      outcomes[first.slot] = { result: 'rejected', error: toError(error) };
      return;
    }
    const middle = Math.ceil(chunk.length / 2);
    await writeChunk(request, chunk.slice(0, middle), outcomes);
    await writeChunk(request, chunk.slice(middle), outcomes);
  }
}

async function sendBulk(
  send: Send,
  chunk: readonly BulkItem[],
  refresh: Refresh,
): Promise<readonly BulkAnswer[]> {
  const body = await send({
    method: 'POST',
    path: '/_bulk',
    query: {
      // Without it, a write after somebody removed the alias would make an index of that name with guessed types.
      require_alias: true,
      refresh,
      filter_path: 'items.*.status,items.*.error.type,items.*.error.reason',
    },
    lines: chunk.map(({ lines }) => lines).join(''),
  }).then((answer) => answer.body, throwWholeRefusal);
  const answers = ((body as { items?: { index: BulkAnswer }[] }).items ?? []).map(({ index }) => index);
  for (const { status, error } of answers) {
    if (error === undefined) continue;
    const refusal = refusalOf(status, error.type, error.reason);
    // Elasticsearch sums the items of a shard here, so a single item's answer blames no single row.
    if (isTooLarge(refusal)) throw refusal;
  }
  return answers;
}

/** A 400 to the whole request blames no row: it must stop the sink, and never park the keys of the batch. */
function throwWholeRefusal(error: unknown): never {
  if (!(error instanceof ElasticsearchRefusal) || error.status !== 400) throw error;
  throw new TailraceError(
    'SINK_FAILED',
    `Elasticsearch refused a bulk request as a whole: ${error.message}`,
    'check that the server is a supported version (9.x); please report it with the log if it is.',
    { cause: error },
  );
}
