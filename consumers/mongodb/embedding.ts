import type { Document, Filter } from 'mongodb';
import { qualifiedName, type Column, type TableSchema } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';
import type { MongodbTableOptions } from './config.ts';
import { pathOf, valueAt } from './layout.ts';
import { POSITION_FIELD, type RowDocument } from './mapping.ts';
import { invalidOption, unknownColumn } from './storable.ts';
import type { RowId } from './values.ts';

/** The field of a parent whose arrays are being made anew; see refresh.ts. */
export const MARK_FIELD = '__embedding';

/** The rows of one table as an array in the documents of another. */
export interface Embedding {
  /** The array's name in the parent. */
  readonly field: string;
  /** The collection of the rows themselves. */
  readonly children: string;
  /** In a child's document, the paths of what holds the parent's key, in the order of that key. */
  readonly paths: readonly string[];
  /** The columns of the parent's key. */
  readonly parentKey: readonly string[];
  /** Fields of a child's document that are not of its row: they are left out of the array. */
  readonly notOfRow: ReadonlySet<string>;
}

/** All arrays of one collection. */
export interface Family {
  readonly parents: string;
  readonly embeddings: readonly Embedding[];
}

type OptionsOf = (table: { readonly schema: string; readonly name: string }) => MongodbTableOptions;

/**
 * What the targets embed of one another; `missing` are the tables among `embed` that are no targets, or not yet. Throws
 * CONFIG_INVALID where the config does not fit them.
 */
export function familiesOf(
  targets: readonly Target[],
  optionsOf: OptionsOf,
): { readonly families: readonly Family[]; readonly missing: readonly string[] } {
  const byTable = new Map(targets.map((target) => [qualifiedName(target.table), target]));
  const missing: string[] = [];
  const families = targets.flatMap((parent) => {
    const embeddings = Object.entries(optionsOf(parent.table).embed).flatMap(([field, { table, by }]) => {
      const child = byTable.get(table);
      if (child === undefined) missing.push(table);
      return child === undefined ? [] : [embeddingOf(parent, child, field, by, optionsOf)];
    });
    return embeddings.length === 0 ? [] : [{ parents: parent.name, embeddings }];
  });
  return { families, missing };
}

function embeddingOf(
  parent: Target,
  child: Target,
  field: string,
  by: readonly string[] | undefined,
  optionsOf: OptionsOf,
): Embedding {
  const options = optionsOf(child.table);
  if (options.indexes.some(({ ttlSeconds }) => ttlSeconds !== undefined))
    throw invalidOption(
      parent.table,
      `embed.${field}`,
      `an index of ${qualifiedName(child.table)} has ttlSeconds, and rows that MongoDB removes would stay in the array`,
    );
  const columns = by ?? foreignKeyColumns(parent.table, child.table, field);
  assertSameKinds(parent.table, child.table, field, columns, options);
  return {
    field,
    children: child.name,
    paths: columns.map((column) => pathOf(column, options)),
    parentKey: parent.table.key,
    notOfRow: new Set([POSITION_FIELD, MARK_FIELD, ...Object.keys(options.embed)]),
  };
}

/** The child's columns of its foreign key to the parent's primary key, in the order of that key. */
function foreignKeyColumns(parent: TableSchema, child: TableSchema, field: string): readonly string[] {
  const candidates = child.foreignKeys.filter(
    ({ referencedSchema, referencedTable, referencedColumns }) =>
      referencedSchema === parent.schema &&
      referencedTable === parent.name &&
      referencedColumns.toSorted().join('\0') === parent.key.toSorted().join('\0'),
  );
  const [only] = candidates;
  if (only === undefined || candidates.length > 1)
    throw invalidOption(
      parent,
      `embed.${field}`,
      `${qualifiedName(child)} has ${candidates.length} foreign keys to the key of this table; say by: [columns]`,
    );
  return parent.key.map((column) => only.columns[only.referencedColumns.indexOf(column)] ?? column);
}

/** A child finds its parent by equal values, so both sides must be stored in the same form. */
function assertSameKinds(
  parent: TableSchema,
  child: TableSchema,
  field: string,
  columns: readonly string[],
  { dates }: MongodbTableOptions,
): void {
  if (columns.length !== parent.key.length)
    throw invalidOption(
      parent,
      `embed.${field}.by`,
      `the key of this table has ${parent.key.length} columns`,
    );
  for (const [place, name] of columns.entries()) {
    const column = child.columns.find((each) => each.name === name);
    if (column === undefined) throw unknownColumn(parent, `embed.${field}.by`, name);
    const key = parent.columns.find((each) => each.name === parent.key[place]);
    // A jsonb key is its text, and a jsonb column is nested.
    const isUnlike = column.kind === 'jsonb' || dates.includes(name);
    if (key === undefined || formOf(key) === null || formOf(key) !== formOf(column) || isUnlike)
      throw invalidOption(
        parent,
        `embed.${field}.by`,
        `column ${name} of ${qualifiedName(child)} and key column ${parent.key[place]} are not kept in the same form`,
      );
  }
}

/** Texts of these types are not the same, and yet one key to Postgres: letters of either case, trailing blanks. */
const LOOSE_TYPES = ['citext', 'bpchar'];

/** Equal for two columns whose equal values are equal in MongoDB; null where those of one column are not. */
function formOf({ kind, type, precision = 6 }: Column): string | null {
  // One day is 24 hours.
  if (kind === 'interval' || LOOSE_TYPES.includes(type)) return null;
  // Filled up with blanks to its length.
  if (type.startsWith('character(')) return type;
  if (kind.startsWith('int')) return 'integer';
  if (kind === 'timestamp' || kind === 'timestamptz') return `${kind} ${precision <= 3}`;
  return kind;
}

/** The `_id` of the parent of a child's document; null for one without. */
export function parentIdOf({ paths, parentKey }: Embedding, child: Document): RowId | null {
  const values = paths.map((path) => valueAt(child, path) as RowId | null | undefined);
  const [first] = values;
  if (first === undefined || values.some((value) => value === null || value === undefined)) return null;
  return paths.length === 1
    ? first
    : Object.fromEntries(parentKey.map((column, place) => [column, values[place]]));
}

/** Finds the children of these parents. */
export function childrenOf({ paths, parentKey }: Embedding, parents: readonly RowId[]): Filter<RowDocument> {
  const [path = '', ...more] = paths;
  if (more.length === 0) return { [path]: { $in: parents } };
  return {
    $or: parents.map((id) =>
      Object.fromEntries(paths.map((each, place) => [each, valueAt(id as Document, parentKey[place] ?? '')])),
    ),
  };
}

/** A child's row as it lies in the array: as in its own collection, without what is not of the row. */
export function elementOf({ notOfRow }: Embedding, child: RowDocument): Document {
  return Object.fromEntries(Object.entries(child).filter(([name]) => !notOfRow.has(name)));
}
