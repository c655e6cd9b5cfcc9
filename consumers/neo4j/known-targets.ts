import { columnOf, qualifiedName, type Column, type ForeignKey } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';
import type { Neo4jTableOptions, TableOptionsOf } from './config.ts';
import type { Endpoint } from './layout.ts';
import { labelOf } from './names.ts';

/** All targets of the sink, by `schema.table`, and the options of every table, target or not. */
export interface Known {
  readonly byTable: ReadonlyMap<string, Target>;
  readonly optionsOf: TableOptionsOf;
}

/** The target that a foreign key refers to, where the sink holds it. */
export function referencedTarget({ referencedSchema, referencedTable }: ForeignKey, known: Known) {
  return known.byTable.get(qualifiedName({ schema: referencedSchema, name: referencedTable }));
}

export function labelOfTarget({ name }: Pick<Target, 'name'>, { label }: Neo4jTableOptions): string {
  return label ?? labelOf(name);
}

/** The node that a foreign key points to; of a table that is no target the one that it would have. */
export function endpointOf(foreignKey: ForeignKey, known: Known): Endpoint {
  const { referencedSchema: schema, referencedTable: table } = foreignKey;
  const name =
    referencedTarget(foreignKey, known)?.name ?? (schema === 'public' ? table : `${schema}_${table}`);
  return {
    label: labelOfTarget({ name }, known.optionsOf({ schema, name: table })),
    properties: foreignKey.referencedColumns,
    columns: foreignKey.columns,
  };
}

/** Whether the columns that a foreign key refers to are the whole key of the target. */
export function refersToKey({ referencedColumns }: ForeignKey, { table }: Target): boolean {
  return sameNames(referencedColumns, table.key);
}

/**
 * What equal values of a foreign key and of what it refers to are in the graph: `equal` for certain; `texts` that are equal as a
 * rule, but `1.5` and `1.50`, or two texts with other blanks at the end, are not; or `incomparable`.
 */
export function formsOf(
  target: Target,
  { columns, referencedColumns }: ForeignKey,
  end: Target,
): 'equal' | 'texts' | 'incomparable' {
  const pairs = columns.map((name, index) => ({
    own: columnOf(target.table, name),
    referenced: end.table.columns.find((column) => column.name === referencedColumns[index]),
  }));
  const all = (test: (left: Column, right: Column) => boolean): boolean =>
    pairs.every(({ own, referenced }) => referenced !== undefined && test(own, referenced));
  if (all(haveSameForm)) return 'equal';
  return all((left, right) => haveSameForm(left, right) || isDeclaredAlike(left, right))
    ? 'texts'
    : 'incomparable';
}

export function sameNames(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name) => right.includes(name));
}

function isDeclaredAlike(left: Column, right: Column): boolean {
  return left.kind === right.kind && left.type === right.type && left.scale === right.scale;
}

/** Whether equal values in Postgres are equal values in the graph: `1.5` and `1.50` are two texts here. */
function haveSameForm(left: Column, right: Column): boolean {
  const isInteger = ({ kind }: Column): boolean => kind === 'int2' || kind === 'int4' || kind === 'int8';
  if (isInteger(left) && isInteger(right)) return true;
  if (left.kind !== right.kind || left.kind === 'interval' || left.kind === 'jsonb') return false;
  if (left.kind === 'numeric') return left.scale !== undefined && left.scale === right.scale;
  // The same texts with the same length; else blanks at the end, or the case of letters, may differ.
  const isFixed = ({ type }: Column): boolean => /^character\(\d+\)$/.test(type);
  if (isFixed(left) || isFixed(right)) return left.type === right.type;
  return [left, right].every(({ type }) => !/(^|\.)(citext|bpchar)$/.test(type));
}
