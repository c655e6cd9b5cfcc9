import { MongoBulkWriteError, type AnyBulkWriteOperation, type Collection, type Document } from 'mongodb';

/** One operation that the server refused: its place in the request and the server's error code. */
export interface Refusal {
  readonly index: number;
  readonly code: number;
  /** True for E11000 on an index other than that of `_id`. */
  readonly otherIndex: boolean;
}

export interface BulkResult {
  readonly refusals: readonly Refusal[];
  readonly deletedCount: number;
  readonly matchedCount: number;
}

/** The server gives up before the client does (see sink.ts), so that no request is still at work when it is sent again. */
const MAX_TIME_MS = 45_000;

/** E11000: a document with this key is there already. */
export const DUPLICATE_KEY = 11000;
/** The server's own time limit ended the request; see MAX_TIME_MS. */
export const TIME_LIMIT_EXCEEDED = 50;
/** Another writer was in the way; the server's own code for it. */
const WRITE_CONFLICT = 112;

/**
 * One unordered bulk request; answers what was refused. Throws when the request as a whole failed. The server's messages
 * quote the row, so none of them leaves this function.
 */
export async function bulk<Stored extends Document>(
  collection: Collection<Stored>,
  operations: AnyBulkWriteOperation<Stored>[],
): Promise<BulkResult> {
  if (operations.length === 0) return { refusals: [], deletedCount: 0, matchedCount: 0 };
  try {
    const { deletedCount, matchedCount } = await collection.bulkWrite(operations, {
      ordered: false,
      maxTimeMS: MAX_TIME_MS,
    });
    return { refusals: [], deletedCount, matchedCount };
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    const refusals = [error.writeErrors].flat().map(({ index, code, errmsg }) => ({
      index,
      code,
      otherIndex: code === DUPLICATE_KEY && !isOfId(errmsg ?? ''),
    }));
    // Then nothing is known to be durable, whatever became of the single operations.
    const unconfirmed = error.result.getWriteConcernError();
    if (refusals.length === 0 || unconfirmed !== undefined) throw causeOf(error, unconfirmed?.code);
    const { deletedCount, matchedCount } = error.result;
    return { refusals, deletedCount, matchedCount };
  }
}

/** The index is what the message names first; behind it the message quotes the key, which may hold any words. */
function isOfId(message: string): boolean {
  const [, name] = /index: (\S+)/.exec(message) ?? [];
  return name === undefined || name === '_id_' || name === '_id';
}

/** The driver wraps what ended the request: an error of the network as it was, one of the server by its code. */
function causeOf(error: MongoBulkWriteError, writeConcernCode: number | undefined): Error {
  const code = writeConcernCode ?? error.code;
  if (code !== undefined) return new StoreError(Number(code));
  const cause: unknown = error.errorResponse;
  return cause instanceof Error ? cause : new StoreError(0);
}

/** Throws the first refusal, where none has a meaning of its own. */
export function assertNoRefusal([refusal]: readonly Refusal[]): void {
  if (refusal !== undefined) throw new StoreError(refusal.code);
}

/** What the refused operation was made of. */
export function itemAt<Item>(items: readonly Item[], { index }: Refusal): Item {
  const item = items[index];
  if (item === undefined) throw new RangeError(`the server named operation ${index} of ${items.length}`);
  return item;
}

/** Each round lost to another writer means that this writer wrote; more than a few in a row is not to be expected. */
const MAX_ROUNDS = 20;

/** Runs `round` on the items that the last round answered, until it answers none. */
export async function untilNoneIsLeft<Item>(
  items: readonly Item[],
  round: (open: readonly Item[]) => Promise<readonly Item[]>,
): Promise<void> {
  let open = items;
  for (let rounds = 0; open.length > 0; rounds++) {
    if (rounds === MAX_ROUNDS) throw new StoreError(WRITE_CONFLICT);
    open = await round(open);
  }
}

const LOOKUP_KEYS = 200;

/** A long `$in` costs some servers the square of its length, so keys are looked up in parts, one after the other. */
export async function inLookups<Item, Found>(
  items: readonly Item[],
  lookUp: (part: readonly Item[]) => Promise<Found[]>,
): Promise<Found[]> {
  const found: Found[] = [];
  for (let start = 0; start < items.length; start += LOOKUP_KEYS)
    found.push(...(await lookUp(items.slice(start, start + LOOKUP_KEYS))));
  return found;
}

/** A server's error without its message. */
export class StoreError extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`MongoDB answered error ${code}`);
    this.name = 'StoreError';
    this.code = code;
  }
}
