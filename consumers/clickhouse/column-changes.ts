import {
  baseOf,
  isKnownType,
  isLowCardinality,
  isNullable,
  nullable,
  widestOf,
  type TableColumn,
} from './column-type.ts';
import type { TableLayout } from './table-layout.ts';

/** What a table lacks. */
export interface ColumnChanges {
  readonly added: readonly TableColumn[];
  /** Columns with the types that they need. */
  readonly modified: readonly TableColumn[];
  /** What cannot be changed, a line each. */
  readonly conflicts: readonly string[];
}

/** No column is ever dropped or narrowed, so an older schema that comes again changes nothing. */
export function neededChanges(layout: TableLayout, stored: readonly TableColumn[]): ColumnChanges {
  const changes = { added: [] as TableColumn[], modified: [] as TableColumn[], conflicts: [] as string[] };
  for (const wanted of layout.columns) {
    const found = typeOf(stored, wanted.name);
    if (found === undefined) changes.added.push(wanted);
    else {
      const needed = neededType(layout, wanted, found);
      if (needed === null)
        changes.conflicts.push(`column ${wanted.name} is ${found}, and needs to be ${wanted.type}`);
      else if (needed !== found) changes.modified.push({ name: wanted.name, type: needed });
    }
  }
  return changes;
}

export function typeOf(columns: readonly TableColumn[], name: string): string | undefined {
  return columns.find((column) => column.name === name)?.type;
}

/** The type that holds what is stored and what is wanted: the stored one where it does. Null where ClickHouse cannot change it. */
function neededType(
  { fixed, internals }: TableLayout,
  { name, type: wanted }: TableColumn,
  stored: string,
): string | null {
  if (stored === wanted) return stored;
  const base = baseOf(stored);
  const widest = widestOf(base, baseOf(wanted));
  const isFixed = fixed.includes(name) || internals.some((internal) => internal.name === name);
  if (isFixed) return widest === base && isKnownType(base) ? stored : null;
  if (!isKnownType(base)) return null;
  if (widest === base && isNullable(stored))
    return isLowCardinality(wanted) && base === 'String' ? wanted : stored;
  return nullable(widest);
}
