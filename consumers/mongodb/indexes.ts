import {
  MongoServerError,
  type Collection,
  type CreateIndexesOptions,
  type Document,
  type IndexDirection,
} from 'mongodb';
import { TailraceError } from '../../core/errors.ts';
import type { Target } from '../sink.ts';
import { DUPLICATE_KEY } from './bulk.ts';
import type { IndexOptions, MongodbTableOptions } from './config.ts';
import { classify } from './errors.ts';
import { fieldsOf, pathOf } from './layout.ts';
import type { RowDocument } from './mapping.ts';
import { invalidOption, unknownColumn } from './storable.ts';

/** An index as MongoDB is asked for it; `keys` in their order, by the paths of the fields. */
export interface WantedIndex extends Omit<IndexOptions, 'name'> {
  readonly name?: string | undefined;
}

/** The indexes that the config declares for a table, with the paths of the columns. Throws CONFIG_INVALID. */
export function declaredIndexes({ table }: Target, options: MongodbTableOptions): WantedIndex[] {
  return options.indexes.map((index, place) => {
    const byPath = <Value>(fields: Readonly<Record<string, Value>>): Record<string, Value> =>
      Object.fromEntries(
        Object.entries(fields).map(([name, value]) => [
          name.startsWith('$') ? name : pathOfKey(table, options, name, place),
          value,
        ]),
      );
    if (index.ttlSeconds !== undefined) assertExpires(table, options, index, place);
    return {
      ...index,
      keys: byPath(index.keys),
      ...(index.partial !== undefined && { partial: byPath(index.partial) }),
    };
  });
}

function pathOfKey(
  table: Target['table'],
  options: MongodbTableOptions,
  name: string,
  place: number,
): string {
  const hasColumn = (column: string): boolean => table.columns.some((each) => each.name === column);
  if (name === '_id' || hasColumn(name)) return pathOf(name, options);
  const [first = '', ...rest] = name.split('.');
  const inside = Object.hasOwn(options.nest, first) ? options.nest[first]?.includes(rest[0] ?? '') : true;
  if (hasColumn(first)) return [pathOf(first, options), ...rest].join('.');
  const isKnown = Object.hasOwn(options.nest, first) || Object.hasOwn(options.embed, first);
  if (!isKnown || !inside) throw unknownColumn(table, `indexes.${place}`, name);
  return name;
}

function assertExpires(
  table: Target['table'],
  options: MongodbTableOptions,
  { keys }: IndexOptions,
  place: number,
): void {
  const [name = '', ...more] = Object.keys(keys);
  const field = fieldsOf(table, options).find(({ column }) => column.name === name);
  const isDate =
    field?.column.kind === 'date' ||
    (field?.column.kind.startsWith('timestamp') === true && (field.column.precision ?? 6) <= 3);
  if (more.length > 0 || !isDate)
    throw invalidOption(
      table,
      `indexes.${place}`,
      `ttlSeconds needs one column that is kept as Date: a date, a timestamp with at most three decimals, or one of dates`,
    );
}

/** Makes the indexes that are missing. Throws SINK_SCHEMA_CONFLICT where one is there that differs from what is wanted. */
export async function makeIndexes(
  rows: Collection<RowDocument>,
  wanted: readonly WantedIndex[],
): Promise<void> {
  if (wanted.length === 0) return;
  const existing = (await rows.listIndexes().toArray()).map(describeIndex);
  for (const index of wanted) {
    const asked = describeIndex({ ...optionsOf(index), key: index.keys });
    const found =
      existing.find(({ name }) => name === asked.name) ?? existing.find(({ key }) => key === asked.key);
    if (found === undefined) await makeIndex(rows, index, asked);
    else assertSame(rows.collectionName, found, asked);
  }
}

export interface DescribedIndex {
  readonly name: string;
  /** Keys in their order, as text; so are the properties. */
  readonly key: string;
  readonly properties: Readonly<Record<string, string>>;
}

/** What can differ between two indexes, as they are asked for or as the server tells them with more of its own. */
export function describeIndex(index: Document): DescribedIndex {
  const { key, weights, unique, sparse, partialFilterExpression, expireAfterSeconds } = index;
  // Of a text index the server tells the columns as weights.
  const keys = Object.entries<unknown>(key).flatMap(([name, kind]): [string, unknown][] => {
    if (name === '_fts') return Object.keys(weights ?? {}).map((column) => [column, 'text']);
    return name === '_ftsx' ? [] : [[name, kind]];
  });
  const sorted = textsSorted(keys);
  return {
    name: index['name'] ?? keys.map(([name, kind]) => `${name}_${String(kind)}`).join('_'),
    key: JSON.stringify(sorted),
    properties: {
      keys: JSON.stringify(Object.fromEntries(sorted)),
      unique: String(unique ?? false),
      sparse: String(sparse ?? false),
      partial: JSON.stringify(partialFilterExpression ?? null),
      ttlSeconds: String(expireAfterSeconds ?? null),
    },
  };
}

/** The columns of a text index stand side by side and in no order: the server tells them by the alphabet. */
function textsSorted(keys: readonly [string, unknown][]): [string, unknown][] {
  const texts = keys
    .flatMap(([name, kind]) => (kind === 'text' ? [name] : []))
    .toSorted()
    .values();
  return keys.map(([name, kind]) => [kind === 'text' ? (texts.next().value ?? name) : name, kind]);
}

function assertSame(collection: string, found: DescribedIndex, asked: DescribedIndex): void {
  const differences = Object.entries(asked.properties).filter(
    ([property, value]) => found.properties[property] !== value,
  );
  if (differences.length === 0) return;
  const told = differences.map(
    ([property, value]) => `${property} is ${found.properties[property]}, and the config wants ${value}`,
  );
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `Index ${found.name} of collection ${collection} is another one: ${told.join('; ')}.`,
    `Drop it, db.getCollection(${JSON.stringify(collection)}).dropIndex(${JSON.stringify(found.name)}), then start the sink again, or mend indexes: in the sink's mapping.`,
  );
}

async function makeIndex(
  rows: Collection<RowDocument>,
  index: WantedIndex,
  { name }: DescribedIndex,
): Promise<void> {
  try {
    await rows.createIndex(index.keys as Record<string, IndexDirection>, optionsOf(index));
  } catch (error) {
    if (!(error instanceof MongoServerError)) throw error;
    if (error.code !== DUPLICATE_KEY && classify(error).code !== 'SINK_FAILED') throw error;
    const why =
      error.code === DUPLICATE_KEY
        ? 'rows are there that have the same values'
        : `MongoDB answers error ${error.code}`;
    throw new TailraceError(
      'SINK_SCHEMA_CONFLICT',
      `Index ${name} of collection ${rows.collectionName} can't be made: ${why}.`,
      "Mend indexes: in the sink's mapping, then start the sink again.",
    );
  }
}

function optionsOf({ name, unique, sparse, partial, ttlSeconds }: WantedIndex): CreateIndexesOptions {
  return {
    ...(name !== undefined && { name }),
    ...(unique && { unique }),
    ...(sparse && { sparse }),
    ...(partial !== undefined && { partialFilterExpression: partial }),
    ...(ttlSeconds !== undefined && { expireAfterSeconds: ttlSeconds }),
  };
}
