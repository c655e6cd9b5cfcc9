import { TailraceError } from '../../core/errors.ts';
import { columnOf, qualifiedName, type Column, type ForeignKey } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';
import { labelOf, upperSnake } from './names.ts';

/** The node that a foreign key points to; `properties[i]` of the node equals `columns[i]` of the row. */
export interface Endpoint {
  readonly label: string;
  readonly properties: readonly string[];
  readonly columns: readonly string[];
}

/** A foreign key as a relationship from the row's node. */
export interface Edge {
  /** The constraint's name, unique in its table. */
  readonly name: string;
  readonly type: string;
  readonly end: Endpoint;
}

/** A row as a node. */
export interface NodeLayout {
  readonly shape: 'node';
  readonly target: Target;
  readonly label: string;
  readonly edges: readonly Edge[];
}

/** A row of a table whose key is two foreign keys: a relationship that holds the row's columns. */
export interface RelationshipLayout {
  readonly shape: 'relationship';
  readonly target: Target;
  readonly type: string;
  readonly start: Endpoint;
  readonly end: Endpoint;
}

export type Layout = NodeLayout | RelationshipLayout;

/**
 * The graph's structure for all targets of a sink, by the target's name. A foreign key counts only when it refers to the
 * whole key of a node target, since every node is found by its key. Whether a table becomes a relationship follows from
 * its schema alone, whatever else the sink holds (unless a target shows that the other end can't be a node).
 * Throws TABLE_NAMES_COLLIDE when two structures would share a name, SINK_SCHEMA_CONFLICT for a column `__pos`.
 */
export function layoutsOf(targets: readonly Target[]): Map<string, Layout> {
  const known = new Map(targets.map((target) => [qualifiedName(target.table), target]));
  const layouts = targets.map(
    (target): Layout => relationshipLayout(target, known) ?? nodeLayout(target, known),
  );
  for (const { table, name } of targets) refuseInternalColumn(name, table.columns);
  refuseCollisions(layouts);
  return new Map(layouts.map((layout) => [layout.target.name, layout]));
}

/** One text that says how a target's rows are stored; when it changes, the stored rows fit no more. */
export function shapeOf(layout: Layout): string {
  const key = layout.target.table.key.join(', ');
  if (layout.shape === 'node') return `node ${layout.label} by ${key}`;
  return `relationship ${layout.type} from ${layout.start.label} to ${layout.end.label} by ${key}`;
}

/** The id of the node that records a target. */
export function recordId(targetName: string): string {
  return `target ${targetName}`;
}

function relationshipLayout(target: Target, known: ReadonlyMap<string, Target>): RelationshipLayout | null {
  const pair = keyPairOf(target);
  if (pair === null) return null;
  for (const foreignKey of pair) {
    const referenced = known.get(referencedName(foreignKey));
    if (referenced !== undefined && !findsNode(target, foreignKey, referenced)) return null;
  }
  const [start, end] = pair.map((foreignKey) => endpointOf(foreignKey, known));
  if (start === undefined || end === undefined) return null;
  return { shape: 'relationship', target, type: upperSnake(target.name), start, end };
}

/** The two foreign keys that make up the primary key, the one with the key's first column first. */
function keyPairOf({ table }: Target): readonly [ForeignKey, ForeignKey] | null {
  const inKey = table.foreignKeys
    .filter(({ columns }) => columns.every((column) => table.key.includes(column)))
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
  for (const first of inKey) {
    if (!first.columns.includes(table.key[0] ?? '')) continue;
    const rest = table.key.filter((column) => !first.columns.includes(column));
    const second = inKey.find(({ columns }) => rest.length > 0 && sameNames(columns, rest));
    if (second !== undefined) return [first, second];
  }
  return null;
}

function nodeLayout(target: Target, known: ReadonlyMap<string, Target>): NodeLayout {
  const usable = target.table.foreignKeys.filter((foreignKey) => {
    const referenced = known.get(referencedName(foreignKey));
    return referenced !== undefined && findsNode(target, foreignKey, referenced);
  });
  const types = usable.map(typeOf);
  const edges = usable.map((foreignKey): Edge => {
    const type = typeOf(foreignKey);
    const isShared = types.filter((other) => other === type).length > 1;
    // A constraint's name is unique in its table, and upperSnake never makes two underscores in a row.
    return {
      name: foreignKey.name,
      type: isShared ? `${type}__${foreignKey.name}` : type,
      end: endpointOf(foreignKey, known),
    };
  });
  return { shape: 'node', target, label: labelOf(target.name), edges };
}

function typeOf({ columns, referencedTable }: ForeignKey): string {
  const [column, ...more] = columns;
  if (column === undefined || more.length > 0) return upperSnake(referencedTable);
  return upperSnake(column).replace(/(?<=.)_ID$/, '');
}

function findsNode(target: Target, foreignKey: ForeignKey, referenced: Target): boolean {
  return (
    keyPairOf(referenced) === null &&
    sameNames(foreignKey.referencedColumns, referenced.table.key) &&
    foreignKey.columns.every((name, index) => {
      const key = columnOf(referenced.table, foreignKey.referencedColumns[index] ?? '');
      return haveSameForm(columnOf(target.table, name), key);
    })
  );
}

/** Whether equal values in Postgres are equal values in the graph: `1.5` and `1.50` are two texts here. */
function haveSameForm(left: Column, right: Column): boolean {
  const isInteger = ({ kind }: Column): boolean => kind === 'int2' || kind === 'int4' || kind === 'int8';
  if (isInteger(left) && isInteger(right)) return true;
  return left.kind === right.kind && (left.kind !== 'numeric' || left.scale === right.scale);
}

function endpointOf(foreignKey: ForeignKey, known: ReadonlyMap<string, Target>): Endpoint {
  const { referencedSchema: schema, referencedTable: table } = foreignKey;
  const byRule = schema === 'public' ? table : `${schema}_${table}`;
  return {
    label: labelOf(known.get(referencedName(foreignKey))?.name ?? byRule),
    properties: foreignKey.referencedColumns,
    columns: foreignKey.columns,
  };
}

function referencedName({ referencedSchema, referencedTable }: ForeignKey): string {
  return qualifiedName({ schema: referencedSchema, name: referencedTable });
}

function sameNames(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name) => right.includes(name));
}

function refuseInternalColumn(name: string, columns: readonly Column[]): void {
  if (columns.every((column) => column.name !== '__pos')) return;
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `The target ${name} has a column __pos, the name under which Neo4j keeps each row's version.`,
    'Rename the column with the transform renameColumns.',
  );
}

function refuseCollisions(layouts: readonly Layout[]): void {
  const owners = new Map<string, string>();
  for (const layout of layouts) {
    const { name } = layout.target;
    const claims =
      layout.shape === 'node'
        ? [`label ${layout.label}`, ...layout.edges.map(({ type }) => `type ${type} from ${layout.label}`)]
        : [`type ${layout.type} from ${layout.start.label}`];
    for (const claim of claims) {
      const owner = owners.get(claim);
      if (owner !== undefined)
        throw new TailraceError(
          'TABLE_NAMES_COLLIDE',
          `The targets ${owner} and ${name} would share the ${claim} in Neo4j.`,
          'Give the sink only one of the two tables, or a second Neo4j sink with another database.',
        );
      owners.set(claim, name);
    }
  }
}
