import type { AnyBulkWriteOperation, Collection, Document, Filter } from 'mongodb';
import { TailraceError } from '../../core/errors.ts';
import type { Position } from '../../schemas/position.ts';
import type { WriteOutcome } from '../sink.ts';
import {
  assertNoRefusal,
  bulk,
  DUPLICATE_KEY,
  inLookups,
  itemAt,
  StoreError,
  untilNoneIsLeft,
  type Refusal,
} from './bulk.ts';
import { classify } from './errors.ts';
import { idText } from './id-text.ts';
import type { MappedWrite, RowDocument, Tombstone } from './mapping.ts';
import { newerTombstones, raiseTombstones } from './tombstones.ts';
import type { RowId } from './values.ts';

/**
 * Rows lie in one collection and the positions of deleted rows in another, so that readers see live rows only. MongoDB
 * changes one document at a time, so the order of the steps holds the two together (README.md has the proof):
 *
 * - a delete first raises the tombstone, then removes the row if that is older;
 * - an upsert is refused under a newer tombstone; else it replaces the row if that is older, and then looks for a newer
 *   tombstone again;
 * - whoever finds a newer tombstone removes the row that is older than it.
 */
export interface Collections {
  readonly rows: Collection<RowDocument>;
  readonly tombstones: Collection<Tombstone>;
  /** Fields of a row's document that are not of the row, and that the row's next version keeps. */
  readonly keptFields?: readonly string[];
}

const STALE: WriteOutcome = { result: 'stale' };

/** Applies writes of one collection, each with a key of its own. Answers what was not `applied`; throws as `Sink.write` does. */
export async function applyWrites(
  { rows, tombstones, keptFields = [] }: Collections,
  writes: readonly MappedWrite[],
): Promise<Map<MappedWrite, WriteOutcome>> {
  const deletes = writes.filter(({ document }) => document === null);
  const before = await newerTombstones(tombstones, writes);
  const upserts = writes.filter((write) => write.document !== null && !before.has(write));

  await raiseTombstones(
    tombstones,
    deletes.map(({ tombstoneId, position }) => ({ id: tombstoneId, position })),
  );
  const outcomes = new Map([
    ...(await removeOlder(rows, deletes)),
    ...(await replaceOlder(rows, upserts, keptFields)),
  ]);

  const buried = new Map([...before, ...(await newerTombstones(tombstones, upserts))]);
  await removeBuried(rows, buried);
  for (const write of buried.keys()) outcomes.set(write, STALE);
  return outcomes;
}

/** Removes the rows that are older than their deletes. Answers `stale` for the deletes that met a newer row. */
async function removeOlder(
  rows: Collection<RowDocument>,
  deletes: readonly MappedWrite[],
): Promise<Map<MappedWrite, WriteOutcome>> {
  const deleted = await bulk(
    rows,
    deletes.map(({ id, position }) => removal(id, position)),
  );
  assertNoRefusal(deleted.refusals);
  if (deleted.deletedCount === deletes.length) return new Map();
  const stored = await storedPositions(rows, deletes);
  const met = deletes.filter(({ id, position }) => (stored.get(idText(id)) ?? '') > position);
  return new Map(met.map((write) => [write, STALE]));
}

/** Replaces the rows that are older than their upserts, or inserts them. Answers what was not `applied`. */
async function replaceOlder(
  rows: Collection<RowDocument>,
  upserts: readonly MappedWrite[],
  keptFields: readonly string[],
): Promise<Map<MappedWrite, WriteOutcome>> {
  const outcomes = new Map<MappedWrite, WriteOutcome>();
  const found = await insertNew(rows, upserts, outcomes);
  await untilNoneIsLeft(found, async (open) => {
    const { refusals } = await bulk(
      rows,
      open.map((write) => replacement(write, keptFields)),
    );
    const duplicates: MappedWrite[] = [];
    for (const refusal of refusals) {
      const write = itemAt(open, refusal);
      if (refusal.code === DUPLICATE_KEY && !refusal.otherIndex) duplicates.push(write);
      else outcomes.set(write, rejection(refusal));
    }
    // The filter met no row, and yet there is one: it is newer, or it was written between the two, or it is no row of ours.
    const stored = await storedPositions(rows, duplicates);
    return duplicates.filter((write) => {
      const position = stored.get(idText(write.id));
      if (position === null) outcomes.set(write, FOREIGN);
      else if (position !== undefined && position > write.position) outcomes.set(write, STALE);
      return !outcomes.has(write);
    });
  });
  return outcomes;
}

/**
 * Tries the writes that make new rows as plain inserts, which cost a server a fraction of a guarded upsert and mean the
 * same where there is no row. Answers all writes that are still open; what the server refused is in `outcomes`.
 */
async function insertNew(
  rows: Collection<RowDocument>,
  upserts: readonly MappedWrite[],
  outcomes: Map<MappedWrite, WriteOutcome>,
): Promise<MappedWrite[]> {
  const fresh = upserts.filter(({ isNew }) => isNew);
  const { refusals } = await bulk(rows, fresh.map(insertion));
  const duplicates = new Set<MappedWrite>();
  for (const refusal of refusals) {
    const write = itemAt(fresh, refusal);
    if (refusal.code === DUPLICATE_KEY && !refusal.otherIndex) duplicates.add(write);
    else outcomes.set(write, rejection(refusal));
  }
  return upserts.filter((write) => !write.isNew || duplicates.has(write));
}

function insertion({ document }: MappedWrite): AnyBulkWriteOperation<RowDocument> {
  if (document === null) throw new TypeError('a delete has nothing to insert');
  // The driver's types can't say that an `_id` may be a subdocument.
  return { insertOne: { document: document as never } };
}

/** Takes back rows that lie under a newer tombstone: revived by this batch, or by a writer that died before it looked. */
async function removeBuried(
  rows: Collection<RowDocument>,
  buried: ReadonlyMap<MappedWrite, Position>,
): Promise<void> {
  const removed = await bulk(
    rows,
    [...buried].map(([{ id }, position]) => removal(id, position)),
  );
  assertNoRefusal(removed.refusals);
}

/** An equal position is replaced too: it is the same change, perhaps mapped by newer transforms. */
function replacement(
  { id, position, document }: MappedWrite,
  keptFields: readonly string[],
): AnyBulkWriteOperation<RowDocument> {
  if (document === null) throw new TypeError('a delete has no replacement');
  const filter = rowFilter({ _id: id, __pos: { $lte: position } });
  // The document keeps the `_id` that it has: a server may take the same number of another type for a change of it.
  const { _id, ...replacement } = document;
  if (keptFields.length === 0) return { replaceOne: { filter, replacement, upsert: true } };
  const kept = Object.fromEntries(['_id', ...keptFields].map((field) => [field, `$${field}`]));
  const merged = { $mergeObjects: [{ $literal: replacement }, kept] };
  return { updateOne: { filter, update: [{ $replaceWith: merged }], upsert: true } };
}

/** Removes one row if it is older than the position. */
export function removal(id: RowId, position: Position): AnyBulkWriteOperation<RowDocument> {
  return { deleteOne: { filter: rowFilter({ _id: id, __pos: { $lt: position } }) } };
}

/** The positions of the rows that are there, by the text of their `_id`; null for a document without one. */
async function storedPositions(
  rows: Collection<RowDocument>,
  writes: readonly MappedWrite[],
): Promise<Map<string, Position | null>> {
  // Without promotion a Long comes back as a Long, so that its text is that of the Long that was asked for.
  const found = await inLookups(writes, (part) =>
    rows
      .find(rowFilter({ _id: { $in: part.map(({ id }) => id) } }), {
        projection: { __pos: 1 },
        promoteValues: false,
      })
      .toArray(),
  );
  return new Map(found.map(({ _id, __pos }) => [idText(_id), __pos ?? null]));
}

/** The driver's types can't say that an `_id` may be a subdocument. */
function rowFilter(filter: Document): Filter<RowDocument> {
  return filter;
}

const FOREIGN: WriteOutcome = {
  result: 'rejected',
  error: new TailraceError(
    'SINK_EVENT_REJECTED',
    'The collection holds a document with the key of this row that Tailrace did not write (it has no __pos).',
    'Delete that document, or keep the table out of this sink, then start the sink again.',
  ),
};

function rejection({ code }: Refusal): WriteOutcome {
  const error = new StoreError(code);
  const verdict = classify(error);
  if (verdict.outcome !== 'park') throw error;
  return {
    result: 'rejected',
    error: new TailraceError(verdict.code, `${error.message}.`, verdict.sentence, { cause: error }),
  };
}

/** Whether a unique index other than that of `_id` refused the row, which another row of the batch may yet make room for. */
export function isRefusedByIndex(outcome: WriteOutcome): boolean {
  if (outcome.result !== 'rejected') return false;
  const { cause } = outcome.error;
  return cause instanceof StoreError && cause.code === DUPLICATE_KEY;
}
