import { BSON, type AnyBulkWriteOperation, type Collection, type Document, type Filter } from 'mongodb';
import { TailraceError } from '../../core/errors.ts';
import type { Position } from '../../schemas/position.ts';
import type { WriteOutcome } from '../sink.ts';
import { bulk, DUPLICATE_KEY, StoreError, WRITE_CONFLICT, type Refusal } from './bulk.ts';
import { classify } from './errors.ts';
import type { MappedWrite, RowDocument, RowId, Tombstone } from './mapping.ts';

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
}

const STALE: WriteOutcome = { result: 'stale' };

/** Each round lost to another writer means that this writer wrote; more than a few in a row is not to be expected. */
const MAX_ROUNDS = 20;

const LOOKUP_KEYS = 200;

/** Applies writes of one collection, each with a key of its own. Answers what was not `applied`; throws as `Sink.write` does. */
export async function applyWrites(
  { rows, tombstones }: Collections,
  writes: readonly MappedWrite[],
): Promise<Map<MappedWrite, WriteOutcome>> {
  const deletes = writes.filter(({ document }) => document === null);
  const before = await newerTombstones(tombstones, writes);
  const upserts = writes.filter((write) => write.document !== null && !before.has(write));

  await raiseTombstones(tombstones, deletes);
  const outcomes = new Map([...(await removeOlder(rows, deletes)), ...(await replaceOlder(rows, upserts))]);

  const buried = new Map([...before, ...(await newerTombstones(tombstones, upserts))]);
  await removeBuried(rows, buried);
  for (const write of buried.keys()) outcomes.set(write, STALE);
  return outcomes;
}

/** The tombstones of these keys that are newer than the writes. */
async function newerTombstones(
  tombstones: Collection<Tombstone>,
  writes: readonly MappedWrite[],
): Promise<Map<MappedWrite, Position>> {
  const newer = new Map<MappedWrite, Position>();
  const found = await inLookups(writes, (part) =>
    tombstones.find({ _id: { $in: part.map(({ tombstoneId }) => tombstoneId) } }).toArray(),
  );
  const positions = new Map(found.map(({ _id, __pos }) => [_id, __pos]));
  for (const write of writes) {
    const position = positions.get(write.tombstoneId);
    if (position !== undefined && position > write.position) newer.set(write, position);
  }
  return newer;
}

async function raiseTombstones(
  tombstones: Collection<Tombstone>,
  deletes: readonly MappedWrite[],
): Promise<void> {
  await untilNoDuplicates(deletes, async (open) => {
    const { refusals } = await bulk(
      tombstones,
      open.map(({ tombstoneId, position }) => ({
        updateOne: { filter: { _id: tombstoneId }, update: { $max: { __pos: position } }, upsert: true },
      })),
    );
    // Two writers may insert the same tombstone at once; the second of them then finds it and raises it.
    return refusals.map((refusal) => {
      if (refusal.code !== DUPLICATE_KEY) throw new StoreError(refusal.code);
      return writeAt(open, refusal);
    });
  });
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
): Promise<Map<MappedWrite, WriteOutcome>> {
  const outcomes = new Map<MappedWrite, WriteOutcome>();
  const found = await insertNew(rows, upserts, outcomes);
  await untilNoDuplicates(found, async (open) => {
    const { refusals } = await bulk(rows, open.map(replacement));
    const duplicates: MappedWrite[] = [];
    for (const refusal of refusals) {
      const write = writeAt(open, refusal);
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
    const write = writeAt(fresh, refusal);
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

/** Runs `round` on the writes that the last round answered, until it answers none. */
async function untilNoDuplicates(
  writes: readonly MappedWrite[],
  round: (open: readonly MappedWrite[]) => Promise<readonly MappedWrite[]>,
): Promise<void> {
  let open = writes;
  for (let rounds = 0; open.length > 0; rounds++) {
    if (rounds === MAX_ROUNDS) throw new StoreError(WRITE_CONFLICT);
    open = await round(open);
  }
}

/** An equal position is replaced too: it is the same change, perhaps mapped by newer transforms. */
function replacement({ id, position, document }: MappedWrite): AnyBulkWriteOperation<RowDocument> {
  if (document === null) throw new TypeError('a delete has no replacement');
  return {
    replaceOne: {
      filter: rowFilter({ _id: id, __pos: { $lte: position } }),
      replacement: document,
      upsert: true,
    },
  };
}

function removal(id: RowId, position: Position): AnyBulkWriteOperation<RowDocument> {
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

/** A long `$in` costs some servers the square of its length, so keys are looked up in parts, one after the other. */
async function inLookups<Found>(
  writes: readonly MappedWrite[],
  lookUp: (part: readonly MappedWrite[]) => Promise<Found[]>,
): Promise<Found[]> {
  const found: Found[] = [];
  for (let start = 0; start < writes.length; start += LOOKUP_KEYS)
    found.push(...(await lookUp(writes.slice(start, start + LOOKUP_KEYS))));
  return found;
}

/** The driver's types can't say that an `_id` may be a subdocument. */
function rowFilter(filter: Document): Filter<RowDocument> {
  return filter;
}

function idText(id: RowId): string {
  return BSON.EJSON.stringify({ id }, { relaxed: false });
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
    error: new TailraceError(verdict.code, `${error.message}.`, verdict.sentence),
  };
}

function assertNoRefusal([refusal]: readonly Refusal[]): void {
  if (refusal !== undefined) throw new StoreError(refusal.code);
}

function writeAt(writes: readonly MappedWrite[], { index }: Refusal): MappedWrite {
  const write = writes[index];
  if (write === undefined) throw new RangeError(`the server named operation ${index} of ${writes.length}`);
  return write;
}
