import type { Collection } from 'mongodb';
import type { Position } from '../../schemas/position.ts';
import { bulk, DUPLICATE_KEY, inLookups, itemAt, StoreError, untilNoneIsLeft } from './bulk.ts';
import type { MappedWrite, Tombstone } from './mapping.ts';

/** The tombstones that are newer than their writes: that of the key or that of the whole table, the newer of both. */
export async function newerTombstones(
  tombstones: Collection<Tombstone>,
  writes: readonly MappedWrite[],
): Promise<Map<MappedWrite, Position>> {
  const found = await inLookups(writes, (part) => {
    const ids = new Set(part.flatMap(({ tombstoneId, truncateId }) => [truncateId, tombstoneId]));
    return tombstones.find({ _id: { $in: [...ids] } }).toArray();
  });
  const positions = new Map(found.map(({ _id, __pos }) => [_id, __pos]));
  const newer = new Map<MappedWrite, Position>();
  for (const write of writes)
    for (const id of [write.tombstoneId, write.truncateId]) {
      const position = positions.get(id);
      if (position !== undefined && position > (newer.get(write) ?? write.position))
        newer.set(write, position);
    }
  return newer;
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
