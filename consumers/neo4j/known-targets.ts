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

/** Whether the target has the columns that a foreign key refers to, in a form in which equal values are equal here too. */
export function hasEqualForms(
  target: Target,
  { columns, referencedColumns }: ForeignKey,
  end: Target,
): boolean {
  return columns.every((name, index) => {
    const referenced = end.table.columns.find((column) => column.name === referencedColumns[index]);
    return referenced !== undefined && haveSameForm(columnOf(target.table, name), referenced);
  });
}

export function sameNames(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name) => right.includes(name));
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
