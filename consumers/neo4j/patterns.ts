import type { Edge, Endpoint, Layout, NodeLayout } from './layout.ts';
import { quoted } from './names.ts';
import { valueAt } from './parsed-instants.ts';

/** Parts of Cypher texts. A row is a list, and every pattern says at which place of it its values begin. */

/** A node by some of its properties, after the variable: ``:`Places` {`id`: row[0]}``. */
export function byProperties(label: string, properties: readonly string[], first = 0): string {
  return `:${quoted(label)} ${propertiesFrom(properties, first)}`;
}

/** ``{`a`: row[0], `b`: row[1]}`` */
export function propertiesFrom(properties: readonly string[], first = 0): string {
  return `{${properties.map((name, index) => `${quoted(name)}: row[${first + index}]`).join(', ')}}`;
}

/** The row's node; its key stands at the row's beginning. */
export function ownNode({ label, target }: Pick<NodeLayout, 'label' | 'target'>): string {
  return byProperties(label, target.table.key);
}

export function byEnd({ label, properties }: Endpoint, first: number): string {
  return byProperties(label, properties, first);
}

/** The relationship of a foreign key between the row's node and the other: `(n)-[r:PLACE]->(b)`. */
export function link(edge: Pick<Edge, 'type' | 'direction'>, own: string, other: string): string {
  const relationship = `[r:${quoted(edge.type)}]`;
  return edge.direction === 'out'
    ? `(${own})-${relationship}->(${other})`
    : `(${own})<-${relationship}-(${other})`;
}

/** Whether `r` is the sink's own: another program may make relationships of the same type. */
export const IS_OWN = 'r.__pos IS NOT NULL';

/** Whether a node has the label, told so that the server can't begin there: it looks only at nodes that it has found. */
export function isLabelled(variable: string, label: string): string {
  return `'${label.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}' IN labels(${variable})`;
}

/** Makes the server look up nodes by properties that are not the key; without it the choice depends on its statistics. */
export function usingIndex(variable: string, label: string, properties: readonly string[]): string {
  return `USING INDEX ${labelled(variable, label)}(${properties.map(quoted).join(', ')})`;
}

export function labelled(variable: string, label: string): string {
  return `${variable}:${quoted(label)}`;
}

/** Whether one of the node's properties is another than the row's value, or the row's is null. */
export function differs(variable: string, { properties }: Endpoint, first: number): string {
  return properties
    .map((name, index) => {
      const value = `row[${first + index}]`;
      return `${value} IS NULL OR ${variable}.${quoted(name)} IS NULL OR ${variable}.${quoted(name)} <> ${value}`;
    })
    .join(' OR ');
}

/**
 * `SET` of the row's columns and of the version behind them; `gone` are columns that rows once had. The key is left out: the
 * element was found by it, and setting it makes the server look up the rows that follow among all changes of its index.
 */
export function setColumns(variable: string, layout: Layout, gone: readonly string[]): string {
  const { columns, target } = layout;
  const sets = columns.map((name, index) =>
    target.table.key.includes(name) ? [] : [`${variable}.${quoted(name)} = ${valueAt(layout, name, index)}`],
  );
  const removed = gone.map((name) => `${variable}.${quoted(name)} = null`);
  return `SET ${[...sets.flat(), `${variable}.__pos = row[${columns.length}]`, ...removed].join(', ')}`;
}
