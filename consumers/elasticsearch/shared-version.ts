import { TailraceError } from '../../core/errors.ts';
import type { WriteOutcome } from '../sink.ts';
import { guardedItem, type BulkItem } from './bulk-item.ts';
import { refusalOf } from './errors.ts';
import type { Send } from './requests.ts';
import { hasRoom } from './version.ts';

/** A document as the shards hold it now, refreshed or not; null where there is none. */
type Stored = {
  readonly position: string;
  /** Rounded to a JavaScript number. */
  readonly version: number;
  readonly seqNo: number;
  readonly primaryTerm: number;
} | null;

/**
 * Decides the writes that were refused although only others of their own version may stand in the way. Their documents are
 * read and their positions compared; a newer one is then written on the condition that the document is still the one that was
 * read. Elasticsearch counts the version up by one for that, within the room that a transaction has (`version.ts`), so it stays
 * above all older versions and below all newer ones. `write` sends items and notes their outcomes.
 */
export async function settleShared(
  send: Send,
  items: readonly BulkItem[],
  outcomes: WriteOutcome[],
  write: (items: readonly BulkItem[]) => Promise<void>,
): Promise<void> {
  let open = items;
  // Ends, because whoever comes between has written, and has only so many writes.
  while (open.length > 0) {
    const stored = await readAll(send, open);
    const tries = open.map((item, index) => nextTry(item, stored[index] ?? null));
    const again = tries.filter((item) => item !== null);
    if (again.length > 0) await write(again);
    open = open.filter(({ slot }, index) => tries[index] !== null && outcomes[slot]?.result === 'stale');
  }
}

/** The write as it may be done now, null for one that is stale. */
function nextTry(item: BulkItem, stored: Stored): BulkItem | null {
  const { shared } = item;
  // Without a document, the index was made anew meanwhile.
  if (shared === null || stored === null) return item;
  if (stored.position > shared.position) return null;
  if (hasRoom(shared.position, stored.version)) return guardedItem(item, shared, stored);
  if (stored.position === shared.position) return null;
  throw noRoom();
}

async function readAll(send: Send, items: readonly BulkItem[]): Promise<readonly Stored[]> {
  const docs = items.flatMap(({ shared }) => {
    if (shared === null) return [];
    const { alias, id, routing } = shared.place;
    return [{ _index: alias, _id: id, ...(routing === null ? {} : { routing }) }];
  });
  const { body } = await send({
    method: 'POST',
    path: '/_mget',
    query: { _source_includes: '__pos' },
    body: { docs },
  });
  return (body as { docs: readonly Got[] }).docs.map((got) => {
    if (got.error !== undefined) throw refusalOf(503, got.error.type);
    if (got.found !== true) return null;
    const { __pos: position = '' } = got._source ?? {};
    return { position, version: got._version, seqNo: got._seq_no, primaryTerm: got._primary_term };
  });
}

interface Got {
  readonly found?: boolean;
  readonly _version: number;
  readonly _seq_no: number;
  readonly _primary_term: number;
  readonly _source?: { readonly __pos?: string };
  readonly error?: { readonly type?: string };
}

function noRoom(): TailraceError {
  return new TailraceError(
    'SINK_FAILED',
    'one transaction changed a row too often: the versions that Elasticsearch has for it are used up',
    'replay the sink from a point behind that transaction, and split such transactions.',
  );
}
