import { BSON, ObjectId, type Collection, type Document } from 'mongodb';
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
    const read = await readChildren(collectionOf, family, open);
    for (const id of await setArrays(parents, family, mark, open, read)) tooLarge.add(idText(id));
    const again = await readChildren(collectionOf, family, open, 'versions');
    const isSame = (id: RowId): boolean => versionsOf(read, id) === versionsOf(again, id);
    const rest = open.filter((id) => !tooLarge.has(idText(id)));
    await releaseParents(parents, rest.filter(isSame), mark);
    return rest.filter((id) => !isSame(id));
  });
  return [...tooLarge];
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

/** The children of these parents, one map an embedding; in the order of their keys. */
async function readChildren(
  collectionOf: CollectionOf,
  { embeddings }: Family,
  parents: readonly RowId[],
  what: 'rows' | 'versions' = 'rows',
): Promise<Children[]> {
  const all: Children[] = [];
  for (const embedding of embeddings) {
    const fields = [...embedding.paths, POSITION_FIELD];
    const found = await collectionOf(embedding.children)
      .find(childrenOf(embedding, parents), {
        ...(what === 'versions' && { projection: Object.fromEntries(fields.map((field) => [field, 1])) }),
        // The index of these fields has this order, so that nothing is sorted.
        sort: Object.fromEntries([...embedding.paths, '_id'].map((path) => [path, 1])),
        // An Int32 must come back as an Int32, so that it is written as one.
        promoteValues: false,
      })
      .toArray();
    all.push(Map.groupBy(found, (child) => idText(parentIdOf(embedding, child) ?? '')));
  }
  return all;
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
  const sets = ids.map((id) => ({ id, arrays: arraysOf(embeddings, children, idText(id)) }));
  const fits = sets.filter(({ arrays }) => BSON.calculateObjectSize(arrays) < MAX_DOCUMENT_BYTES);
  const { refusals } = await bulk(
    parents,
    fits.map(({ id, arrays }) => ({
      updateOne: { filter: { _id: id, [MARK_FIELD]: mark } as Document, update: { $set: arrays } },
    })),
  );
  const refused = refusals.map((refusal) => {
    if (!isTooLarge(refusal.code)) throw new StoreError(refusal.code);
    return itemAt(fits, refusal);
  });
  return [...sets.filter((set) => !fits.includes(set)), ...refused].map(({ id }) => id);
}

function arraysOf(embeddings: readonly Embedding[], children: readonly Children[], parent: string): Document {
  return Object.fromEntries(
    embeddings.map((embedding, place) => [
      embedding.field,
      (children[place]?.get(parent) ?? []).map((child) => elementOf(embedding, child)),
    ]),
  );
}
