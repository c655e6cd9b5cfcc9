import type { Collection } from 'mongodb';
import type { Position } from '../../schemas/position.ts';
import { bulk, DUPLICATE_KEY, inLookups, itemAt, StoreError, untilNoneIsLeft } from './bulk.ts';
import { POSITION_FIELD, type MappedWrite, type Tombstone } from './mapping.ts';

/** Tombstones that are read at once, whatever their keys are. */
const MAX_RECENT = 1_000;

/** Makes the index that finds the tombstones above a position. */
export async function prepareTombstones(tombstones: Collection<Tombstone>): Promise<void> {
  await tombstones.createIndex({ [POSITION_FIELD]: 1 });
}

/** The tombstones that are newer than their writes: that of the key or that of the whole table, the newer of both. */
export async function newerTombstones(
  tombstones: Collection<Tombstone>,
  writes: readonly MappedWrite[],
): Promise<Map<MappedWrite, Position>> {
  const found = await mayBeNewer(tombstones, writes);
  const newer = new Map<MappedWrite, Position>();
  if (found.length === 0) return newer;
  const positions = new Map(found.map(({ _id, __pos }) => [_id, __pos]));
  for (const write of writes)
    for (const id of [write.tombstoneId, write.truncateId]) {
      const position = positions.get(id);
      if (position !== undefined && position > (newer.get(write) ?? write.position))
        newer.set(write, position);
    }
  return newer;
}

/**
 * At the end of the stream hardly anything was deleted after the oldest of the writes, so one request answers for all of
 * them. In a replay there may be many such tombstones, and those of the keys are looked up.
 */
async function mayBeNewer(
  tombstones: Collection<Tombstone>,
  writes: readonly MappedWrite[],
): Promise<Tombstone[]> {
  const [first] = writes;
  if (first === undefined) return [];
  const oldest = writes.reduce(
    (least, { position }) => (position < least ? position : least),
    first.position,
  );
  const recent = await tombstones
    .find({ [POSITION_FIELD]: { $gt: oldest } }, { limit: MAX_RECENT })
    .toArray();
  if (recent.length < MAX_RECENT) return recent;
  return inLookups(writes, (part) => {
    const ids = new Set(part.flatMap(({ tombstoneId, truncateId }) => [truncateId, tombstoneId]));
    return tombstones.find({ _id: { $in: [...ids] } }).toArray();
  });
}

/** Raises each tombstone to its position where it is lower or missing. */
export async function raiseTombstones(
  tombstones: Collection<Tombstone>,
  raised: readonly { readonly id: string; readonly position: Position }[],
): Promise<void> {
  await untilNoneIsLeft(raised, async (open) => {
    const { refusals } = await bulk(
      tombstones,
      open.map(({ id, position }) => ({
        updateOne: { filter: { _id: id }, update: { $max: { __pos: position } }, upsert: true },
      })),
    );
    // Two writers may insert the same tombstone at once; the second of them then finds it and raises it.
    return refusals.map((refusal) => {
      if (refusal.code !== DUPLICATE_KEY) throw new StoreError(refusal.code);
      return itemAt(open, refusal);
    });
  });
}
