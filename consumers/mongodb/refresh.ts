import { BSON, ObjectId, type Collection, type Document, type FindCursor } from 'mongodb';
import { assertNoRefusal, bulk, inLookups, itemAt, StoreError, untilNoneIsLeft } from './bulk.ts';
import { childrenOf, elementOf, MARK_FIELD, parentIdOf, type Embedding, type Family } from './embedding.ts';
import { isTooLarge } from './errors.ts';
import { idText } from './id-text.ts';
import { MAX_DOCUMENT_BYTES, POSITION_FIELD, type RowDocument } from './mapping.ts';
import type { RowId } from './values.ts';

/** The collection of a name. */
export type CollectionOf = (name: string) => Collection<RowDocument>;

/** By the text of the parent's `_id`. */
type Children = ReadonlyMap<string, readonly RowDocument[]>;

/**
 * Makes the arrays of these parents anew from the rows of the children. What holds the two together (README.md has the
 * proof): a parent is marked, its children are read, its arrays are set if the mark is still there, the children are looked
 * at again, and only when they are the same the mark is taken away. A later mark replaces an earlier one, and its writer,
 * who reads later, takes over; a mark that is left is work that nobody finished.
 *
 * Answers the texts of the `_id`s of those that would become larger than 16 MB; these keep their mark.
 */
export async function refreshArrays(
  collectionOf: CollectionOf,
  family: Family,
  ids: readonly RowId[],
): Promise<ReadonlySet<string>> {
  const distinct = [...new Map(ids.map((id) => [idText(id), id])).values()];
  const tooLarge = await inLookups(distinct, (part) => refreshPart(collectionOf, family, part));
  return new Set(tooLarge);
}

async function refreshPart(
  collectionOf: CollectionOf,
  family: Family,
  ids: readonly RowId[],
): Promise<string[]> {
  const parents = collectionOf(family.parents);
  const tooLarge = new Set<string>();
  await untilNoneIsLeft(ids, async (open) => {
    const mark = new ObjectId();
    // A child that comes before its parent: whoever writes the parent makes its arrays.
    if (!(await markParents(parents, open, mark))) return [];
    const read = await readRows(collectionOf, family, open);
    if (typeof read === 'number') {
      for (const text of await refreshFewer(collectionOf, family, open, read)) tooLarge.add(text);
      return [];
    }
    for (const id of await setArrays(parents, family, mark, open, read)) tooLarge.add(idText(id));
    const again = await readVersions(collectionOf, family, open);
    const isSame = (id: RowId): boolean => versionsOf(read, id) === versionsOf(again, id);
    const rest = open.filter((id) => !tooLarge.has(idText(id)));
    await releaseParents(parents, rest.filter(isSame), mark);
    return rest.filter((id) => !isSame(id));
  });
  return [...tooLarge];
}

/** `count` parents at a time; a single one that has too many rows is too large. */
async function refreshFewer(
  collectionOf: CollectionOf,
  family: Family,
  ids: readonly RowId[],
  count: number,
): Promise<string[]> {
  if (ids.length === 1) return ids.map(idText);
  const tooLarge: string[] = [];
  for (let start = 0; start < ids.length; start += count)
    tooLarge.push(...(await refreshPart(collectionOf, family, ids.slice(start, start + count))));
  return tooLarge;
}

/** False where none of the parents is there. */
async function markParents(
  parents: Collection<RowDocument>,
  ids: readonly RowId[],
  mark: ObjectId,
): Promise<boolean> {
  // A document without __pos is another program's.
  const filter: Document = { _id: { $in: ids }, [POSITION_FIELD]: { $gt: '' } };
  const { refusals, matchedCount } = await bulk(parents, [
    { updateMany: { filter, update: { $set: { [MARK_FIELD]: mark } } } },
  ]);
  assertNoRefusal(refusals);
  return matchedCount > 0;
}

async function releaseParents(
  parents: Collection<RowDocument>,
  ids: readonly RowId[],
  mark: ObjectId,
): Promise<void> {
  if (ids.length === 0) return;
  const filter: Document = { _id: { $in: ids }, [MARK_FIELD]: mark };
  const { refusals } = await bulk(parents, [
    { updateMany: { filter, update: { $unset: { [MARK_FIELD]: '' } } } },
  ]);
  assertNoRefusal(refusals);
}

/**
 * The rows of these parents, one map an embedding, in the order of their keys. Where they are more than one document holds,
 * so that no more than that is ever in memory: of how many parents to read at a time, fewer than these if there are several.
 */
async function readRows(
  collectionOf: CollectionOf,
  { embeddings }: Family,
  parents: readonly RowId[],
): Promise<Children[] | number> {
  // The keys too, since each stands in the request that sets its parent's arrays.
  let bytes = BSON.calculateObjectSize({ parents });
  const all: Children[] = [];
  for (const embedding of embeddings) {
    const found: RowDocument[] = [];
    // Arrays of arrays are not made.
    const without = [...embedding.notOfRow].filter((field) => field !== POSITION_FIELD);
    for await (const child of findChildren(collectionOf, embedding, parents, without, 0)) {
      bytes += BSON.calculateObjectSize(child);
      // The last parent is not read to its end.
      if (bytes > MAX_DOCUMENT_BYTES) return Math.max(1, byParent(embedding, found).size - 1);
      found.push(child);
    }
    all.push(byParent(embedding, found));
  }
  return all;
}

/** As `readRows`, but of each row only what tells its version. */
async function readVersions(
  collectionOf: CollectionOf,
  { embeddings }: Family,
  parents: readonly RowId[],
): Promise<Children[]> {
  const all: Children[] = [];
  for (const embedding of embeddings) {
    const fields = [...embedding.paths, POSITION_FIELD];
    const found = await findChildren(collectionOf, embedding, parents, fields, 1).toArray();
    all.push(byParent(embedding, found));
  }
  return all;
}

/** `include` is 1 for these fields and no others, and 0 for all but these. */
function findChildren(
  collectionOf: CollectionOf,
  embedding: Embedding,
  parents: readonly RowId[],
  fields: readonly string[],
  include: 0 | 1,
): FindCursor<RowDocument> {
  return collectionOf(embedding.children).find(childrenOf(embedding, parents), {
    projection: Object.fromEntries(fields.map((field) => [field, include])),
    // The index of these fields has this order, so that nothing is sorted.
    sort: Object.fromEntries([...embedding.paths, '_id'].map((path) => [path, 1])),
    // An Int32 must come back as an Int32, so that it is written as one.
    promoteValues: false,
  });
}

function byParent(embedding: Embedding, children: readonly RowDocument[]): Children {
  return Map.groupBy(children, (child) => idText(parentIdOf(embedding, child) ?? ''));
}

/** A text that is the same as long as no child came, left or changed. */
function versionsOf(children: readonly Children[], parent: RowId): string {
  const text = idText(parent);
  return JSON.stringify(
    children.map((map) => (map.get(text) ?? []).map(({ _id, __pos }) => [idText(_id), __pos])),
  );
}

/** Sets the arrays of the parents that still have the mark. Answers those that would become too large. */
async function setArrays(
  parents: Collection<RowDocument>,
  { embeddings }: Family,
  mark: ObjectId,
  ids: readonly RowId[],
  children: readonly Children[],
): Promise<RowId[]> {
  const { refusals } = await bulk(
    parents,
    ids.map((id) => ({
      updateOne: {
        filter: { _id: id, [MARK_FIELD]: mark } as Document,
        update: { $set: arraysOf(embeddings, children, idText(id)) },
      },
    })),
  );
  return refusals.map((refusal) => {
    if (!isTooLarge(refusal.code)) throw new StoreError(refusal.code);
    return itemAt(ids, refusal);
  });
}

function arraysOf(embeddings: readonly Embedding[], children: readonly Children[], parent: string): Document {
  return Object.fromEntries(
    embeddings.map((embedding, place) => [
      embedding.field,
      (children[place]?.get(parent) ?? []).map((child) => elementOf(embedding, child)),
    ]),
  );
}
