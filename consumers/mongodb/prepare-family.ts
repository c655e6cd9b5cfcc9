import { MongoServerError, type Collection } from 'mongodb';
import { assertNoRefusal, bulk } from './bulk.ts';
import { fillArrays, finishMarked } from './embedded-writes.ts';
import { MARK_FIELD, type Embedding, type Family } from './embedding.ts';
import { makeIndexes, type WantedIndex } from './indexes.ts';
import type { RowDocument } from './mapping.ts';
import type { CollectionOf } from './refresh.ts';

const INDEX_PREFIX = 'tailrace_embed_';

const INDEX_NOT_FOUND = 27;

/**
 * Makes the indexes of a family's arrays, and the arrays themselves where they are new in the config. Answers how many parents
 * have too many rows for one document.
 */
export async function prepareFamily(collectionOf: CollectionOf, family: Family): Promise<number> {
  const parents = collectionOf(family.parents);
  await makeIndexes(parents, [wanted({ [MARK_FIELD]: 1 }, { sparse: true })]);
  for (const { children, paths } of family.embeddings) {
    const keys = Object.fromEntries([...paths, '_id'].map((path) => [path, 1 as const]));
    await makeIndexes(collectionOf(children), [wanted(keys)]);
  }
  const known = new Set((await arrayIndexes(parents)).map(({ name }) => name));
  const missing = family.embeddings.filter((embedding) => !known.has(arrayIndexName(embedding)));
  if (missing.length > 0) await fillArrays(collectionOf, family);
  for (const embedding of missing)
    await makeIndexes(parents, [
      wanted({ [`${embedding.field}._id`]: 1 }, { name: arrayIndexName(embedding) }),
    ]);
  return finishMarked(collectionOf, family, 0);
}

/**
 * Takes away the arrays that the config no longer has, or has with other rows. `columns` are the fields that documents of the
 * collection have beside arrays.
 */
export async function removeFormerArrays(
  rows: Collection<RowDocument>,
  embeddings: readonly Embedding[],
  columns: ReadonlySet<string>,
): Promise<void> {
  const present = new Set(embeddings.map(arrayIndexName));
  for (const { name, field } of await arrayIndexes(rows)) {
    if (present.has(name)) continue;
    if (!columns.has(field)) {
      const { refusals } = await bulk(rows, [
        { updateMany: { filter: { [field]: { $exists: true } }, update: { $unset: { [field]: '' } } } },
      ]);
      assertNoRefusal(refusals);
    }
    await dropIndex(rows, name);
  }
}

async function dropIndex(rows: Collection<RowDocument>, name: string): Promise<void> {
  try {
    await rows.dropIndex(name);
  } catch (error) {
    // Another process that starts with the same config was faster.
    if (!(error instanceof MongoServerError) || error.code !== INDEX_NOT_FOUND) throw error;
  }
}

/** Of the index by which a row is found in its array. That it is there says that every parent has this array. */
function arrayIndexName({ field, children, paths }: Embedding): string {
  return `${INDEX_PREFIX}${field}_of_${children}_by_${paths.join('_')}`;
}

async function arrayIndexes(
  rows: Collection<RowDocument>,
): Promise<{ readonly name: string; readonly field: string }[]> {
  const indexes = await rows.listIndexes().toArray();
  return indexes
    .map(({ name, key }) => ({
      name: String(name),
      field: Object.keys(key)
        .join()
        .replace(/\._id$/, ''),
    }))
    .filter(({ name }) => name.startsWith(INDEX_PREFIX));
}

function wanted(
  keys: WantedIndex['keys'],
  more: { readonly name?: string; readonly sparse?: boolean } = {},
): WantedIndex {
  return { keys, unique: false, sparse: false, ...more };
}
