import { ObjectId, type Filter } from 'mongodb';
import { TailraceError } from '../../core/errors.ts';
import type { WriteOutcome } from '../sink.ts';
import { inLookups } from './bulk.ts';
import { MARK_FIELD, parentIdOf, type Family } from './embedding.ts';
import { idText } from './id-text.ts';
import type { MappedWrite, RowDocument } from './mapping.ts';
import { refreshArrays, type CollectionOf } from './refresh.ts';
import type { RowId } from './values.ts';

/** Parents at a time where all of a collection are gone through. */
const BATCH_PARENTS = 1_000;

/**
 * Brings the arrays of a family up to date behind writes of its tables, which have been applied before. Answers what is
 * rejected, since an array would grow too large.
 */
export async function embedWrites(
  collectionOf: CollectionOf,
  family: Family,
  writes: readonly MappedWrite[],
): Promise<Map<MappedWrite, WriteOutcome>> {
  const joined = joinedParents(family, writes);
  const tooLarge = await refreshArrays(collectionOf, family, [
    ...(await parentsWithoutArrays(collectionOf, family, writes)),
    ...joined.map(({ id }) => id),
    ...(await parentsThatHold(collectionOf, family, writes)),
  ]);
  const parents = writtenParents(family, writes).map((write) => ({ write, id: write.id }));
  const rejected = [...joined, ...parents].filter(({ id }) => tooLarge.has(idText(id)));
  return new Map(rejected.map(({ write }) => [write, TOO_LARGE]));
}

/** The parents that the rows name; a row may name several. */
function joinedParents(
  { embeddings }: Family,
  writes: readonly MappedWrite[],
): { readonly write: MappedWrite; readonly id: RowId }[] {
  return embeddings.flatMap((embedding) =>
    writes.flatMap((write) => {
      if (write.collection !== embedding.children || write.document === null) return [];
      const id = parentIdOf(embedding, write.document);
      return id === null ? [] : [{ write, id }];
    }),
  );
}

/** The parents whose arrays hold rows of these keys: where a row was before it moved or went. */
async function parentsThatHold(
  collectionOf: CollectionOf,
  family: Family,
  writes: readonly MappedWrite[],
): Promise<RowId[]> {
  const ids: RowId[] = [];
  for (const { field, children } of family.embeddings) {
    const ofChildren = writes.filter(({ collection }) => collection === children);
    ids.push(
      ...(await inLookups(ofChildren, (part) =>
        idsOf(collectionOf, family, { [`${field}._id`]: { $in: part.map(({ id }) => id) } }),
      )),
    );
  }
  return ids;
}

function writtenParents({ parents }: Family, writes: readonly MappedWrite[]): MappedWrite[] {
  return writes.filter(({ collection, document }) => collection === parents && document !== null);
}

/** The parents among the writes that have just been inserted. */
async function parentsWithoutArrays(
  collectionOf: CollectionOf,
  family: Family,
  writes: readonly MappedWrite[],
): Promise<RowId[]> {
  return inLookups(writtenParents(family, writes), (part) =>
    idsOf(collectionOf, family, { _id: { $in: part.map(({ id }) => id) }, ...withoutArrays(family) }),
  );
}

function withoutArrays({ embeddings }: Family): Filter<RowDocument> {
  return { $or: embeddings.map(({ field }) => ({ [field]: { $exists: false } })) };
}

async function idsOf(collectionOf: CollectionOf, { parents }: Family, filter: object): Promise<RowId[]> {
  const options = { projection: { _id: 1 }, promoteValues: false };
  const found = await collectionOf(parents)
    .find(filter as Filter<RowDocument>, options)
    .toArray();
  return found.map(({ _id }) => _id);
}

/** Makes the arrays of all parents that have none, as where `embed` is new in the config. Answers as `finishMarked` does. */
export function fillArrays(collectionOf: CollectionOf, family: Family): Promise<number> {
  return refreshFound(collectionOf, family, withoutArrays(family));
}

/** Makes all arrays anew that are not empty: their rows have been truncated. Answers as `finishMarked` does. */
export function refreshFilled(collectionOf: CollectionOf, family: Family, children: string): Promise<number> {
  const fields = family.embeddings.filter((embedding) => embedding.children === children);
  return refreshFound(collectionOf, family, {
    $or: fields.map(({ field }) => ({ [`${field}.0`]: { $exists: true } })),
  });
}

/**
 * Finishes what writers left that died, or that are still at work, which does no harm: marks at least so old. Answers how many
 * parents have too many rows for one document; they keep their marks, and their arrays are old or missing.
 */
export function finishMarked(
  collectionOf: CollectionOf,
  family: Family,
  ageSeconds: number,
): Promise<number> {
  const latest = ObjectId.createFromTime(Math.floor(Date.now() / 1000) - ageSeconds + 1);
  return refreshFound(collectionOf, family, { [MARK_FIELD]: { $lt: latest } });
}

async function refreshFound(
  collectionOf: CollectionOf,
  family: Family,
  filter: Filter<RowDocument>,
): Promise<number> {
  const found = collectionOf(family.parents).find(filter, {
    projection: { _id: 1 },
    promoteValues: false,
    batchSize: BATCH_PARENTS,
  });
  let tooLarge = 0;
  let batch: RowId[] = [];
  for await (const { _id } of found) {
    batch.push(_id);
    if (batch.length < BATCH_PARENTS) continue;
    tooLarge += (await refreshArrays(collectionOf, family, batch)).size;
    batch = [];
  }
  tooLarge += (await refreshArrays(collectionOf, family, batch)).size;
  return tooLarge;
}

const TOO_LARGE: WriteOutcome = {
  result: 'rejected',
  error: new TailraceError(
    'SINK_EVENT_REJECTED',
    'With the rows that are embedded in it, a document would be larger than the 16 MB that MongoDB allows.',
    "Take the table out of embed: in the sink's mapping, then start the sink again.",
  ),
};
