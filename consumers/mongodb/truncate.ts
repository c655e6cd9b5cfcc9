import type { Collection, Filter } from 'mongodb';
import type { Position } from '../../schemas/position.ts';
import { assertNoRefusal, bulk, StoreError, TIME_LIMIT_EXCEEDED } from './bulk.ts';
import { removal, type Collections } from './guarded-writes.ts';
import type { RowDocument } from './mapping.ts';
import { raiseTombstones } from './tombstones.ts';

/** Rows of one request where they go by their keys; more gives no more speed. */
const BATCH_ROWS = 1_000;

/**
 * Removes all rows that are older than the position, and keeps it as the tombstone of the whole table: it counts for
 * every key, so no row has to leave one of its own. `id` names that tombstone; `afterRemoval` is what has to follow before the
 * truncate counts as done. README.md has the proof.
 */
export async function truncateRows(
  { rows, tombstones }: Collections,
  id: string,
  position: Position,
  afterRemoval: () => Promise<void> = async () => {},
): Promise<void> {
  const [known] = await tombstones.find({ _id: id }).toArray();
  // Each partition of the topic brings the same truncate, and a replay all of them again.
  if (known?.done !== undefined && known.done >= position) return;
  await raiseTombstones(tombstones, [{ id, position }]);
  await removeOlderThan(rows, position);
  await afterRemoval();
  const { refusals } = await bulk(tombstones, [
    { updateOne: { filter: { _id: id }, update: { $max: { done: position } } } },
  ]);
  assertNoRefusal(refusals);
}

async function removeOlderThan(rows: Collection<RowDocument>, position: Position): Promise<void> {
  const older: Filter<RowDocument> = { __pos: { $lt: position } };
  try {
    // The fastest by far: nothing but this one request crosses the network.
    const { refusals } = await bulk(rows, [{ deleteMany: { filter: older } }]);
    assertNoRefusal(refusals);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== TIME_LIMIT_EXCEEDED) throw error;
    await removeInBatches(rows, older, position);
  }
}

/** For a table of so many rows that one request cannot take them all: slower, and no request is long. */
async function removeInBatches(
  rows: Collection<RowDocument>,
  older: Filter<RowDocument>,
  position: Position,
): Promise<void> {
  const found = rows.find(older, { projection: { _id: 1 }, promoteValues: false, batchSize: BATCH_ROWS });
  let batch: ReturnType<typeof removal>[] = [];
  const remove = async (): Promise<void> => {
    const { refusals } = await bulk(rows, batch);
    assertNoRefusal(refusals);
    batch = [];
  };
  for await (const { _id } of found) {
    batch.push(removal(_id, position));
    if (batch.length === BATCH_ROWS) await remove();
  }
  await remove();
}
