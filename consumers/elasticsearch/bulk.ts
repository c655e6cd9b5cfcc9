import { TailraceError, toError } from '../../core/errors.ts';
import type { Write, WriteOutcome } from '../sink.ts';
import { bulkItem, chunksOf, outcomeOf, type BulkAnswer, type BulkItem } from './bulk-item.ts';
import { ElasticsearchRefusal, isTooLarge, refusalOf } from './errors.ts';
import type { Indices } from './indices.ts';
import type { Send } from './requests.ts';

/** When readers see what a request wrote, see config.ts. */
export type Refresh = boolean | 'wait_for';

/**
 * Applies writes by versioned index operations and answers one outcome each, in order. Throws when a request or an item
 * failed in a way that no row is to blame for; sending the whole batch again is safe.
 */
export async function writeBulk(
  send: Send,
  indices: Indices,
  writes: readonly Write[],
  refresh: Refresh,
): Promise<WriteOutcome[]> {
  const outcomes: WriteOutcome[] = [];
  const items: BulkItem[] = [];
  for (const [position, write] of writes.entries()) {
    const stored = await indices.fieldsOf(write.target);
    try {
      items.push(bulkItem(position, write, stored));
    } catch (error) {
      if (!isRejection(error)) throw error;
      outcomes[position] = { result: 'rejected', error };
    }
  }
  await sendItems(send, items, refresh, outcomes);
  return outcomes;
}

/** Sends items in requests of bounded size and notes the outcome of each at its position. Throws as `writeBulk`. */
export async function sendItems(
  send: Send,
  items: readonly BulkItem[],
  refresh: Refresh,
  outcomes: WriteOutcome[],
): Promise<void> {
  const request = (chunk: readonly BulkItem[]): Promise<readonly BulkAnswer[]> =>
    sendBulk(send, chunk, refresh);
  for (const chunk of chunksOf(items)) await writeChunk(request, chunk, outcomes);
}

function isRejection(error: unknown): error is TailraceError {
  return error instanceof TailraceError && error.code === 'SINK_EVENT_REJECTED';
}

/** A request that is too large for the server is halved until the row to blame stands alone. */
async function writeChunk(
  request: (chunk: readonly BulkItem[]) => Promise<readonly BulkAnswer[]>,
  chunk: readonly BulkItem[],
  outcomes: WriteOutcome[],
): Promise<void> {
  try {
    const answers = await request(chunk);
    for (const [index, item] of chunk.entries())
      outcomes[item.position] = outcomeOf(item, answers[index] ?? { status: 0, error: {} });
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    const [first] = chunk;
    if (chunk.length === 1 && first !== undefined) {
      outcomes[first.position] = { result: 'rejected', error: toError(error) };
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
    const refusal = refusalOf(status, error?.type, error?.reason);
    // Elasticsearch sums the items of a shard here, so a single item's answer blames no single row.
    if (error !== undefined && isTooLarge(refusal)) throw refusal;
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
