import type { Edge, IncomingEdge, NodeLayout } from './layout.ts';
import { quoted } from './names.ts';
import {
  IS_OWN,
  byEnd,
  byProperties,
  differs,
  isLabelled,
  labelled,
  link,
  ownNode,
  usingIndex,
} from './patterns.ts';
import { PLACEHOLDER } from './statements.ts';

/**
 * The Cypher of foreign keys as relationships. Rows are `[...key, ...columns of the foreign key, position]`. `b` is the node
 * that the row's node `n` refers to.
 */

/**
 * Makes the server find the row's node first and go along its relationships. Else it may begin at the type or at the other
 * end's label, when there were few of these at the time of planning, and look at all of them for each row.
 */
const FROM_HERE = 'WITH *';

/** Takes away the relationships of one foreign key that point elsewhere than the row does; answers the old ends. */
export function unlinkMovedEdges(layout: NodeLayout, edge: Edge): string {
  return `
  UNWIND $rows AS row
  MATCH (n${ownNode(layout)})
  ${FROM_HERE}
  MATCH ${link(edge, 'n', 'b')}
  WHERE ${IS_OWN} AND ${isLabelled('b', edge.end.label)} AND (${differs('b', edge.end, keyLength(layout))})
  DELETE r
  RETURN elementId(b) AS loose`;
}

/** Rows whose foreign key is whole. By key the other node may be a placeholder; by value it is there or comes later. */
export function linkEdges(layout: NodeLayout, edge: Edge): string {
  const first = keyLength(layout);
  return `
  UNWIND $rows AS row
  MATCH (n${ownNode(layout)})
  ${
    edge.by === 'key'
      ? mergeEnd(edge, first)
      : `MATCH (b${byEnd(edge.end, first)})
  ${usingIndex('b', edge.end.label, edge.end.properties)} WHERE b.__pos IS NOT NULL`
  }
  MERGE ${link(edge, 'n', 'b')} SET r.__pos = row[${first + edge.end.columns.length}]`;
}

/** Rows `key`: takes away the relationships of all foreign keys of these rows; answers the old ends. */
export function unlinkAllEdges(layout: NodeLayout, edge: Edge): string {
  return `
  UNWIND $rows AS row
  MATCH (n${ownNode(layout)})
  ${FROM_HERE}
  MATCH ${link(edge, 'n', 'b')} WHERE ${IS_OWN} AND ${isLabelled('b', edge.end.label)}
  DELETE r
  RETURN elementId(b) AS loose`;
}

/** The same of the nodes `$ids`. */
export function unlinkEdgesById(edge: Edge): string {
  return `
  MATCH (n) WHERE elementId(n) IN $ids
  ${FROM_HERE}
  MATCH ${link(edge, 'n', 'b')} WHERE ${IS_OWN} AND ${isLabelled('b', edge.end.label)}
  DELETE r
  RETURN elementId(b) AS loose`;
}

/** Rows `[...key, ...values]` of the end of an edge by value: takes away the relationships of rows that refer to another value. */
export function unlinkMovedSources(layout: NodeLayout, { source, edge }: IncomingEdge): string {
  const columns = { ...edge.end, properties: edge.end.columns };
  return `
  UNWIND $rows AS row
  MATCH (b${ownNode(layout)})
  ${FROM_HERE}
  MATCH ${link(edge, 'n', 'b')}
  WHERE ${IS_OWN} AND ${isLabelled('n', source)} AND (${differs('n', columns, keyLength(layout))})
  DELETE r`;
}

/** Rows whose values are whole: makes the relationships of the rows that refer to them. */
export function linkSources(layout: NodeLayout, { source, edge }: IncomingEdge): string {
  return `
  UNWIND $rows AS row
  MATCH (b${ownNode(layout)})
  MATCH (n${byProperties(source, edge.end.columns, keyLength(layout))})
  ${usingIndex('n', source, edge.end.columns)} WHERE n.__pos IS NOT NULL
  MERGE ${link(edge, 'n', 'b')} SET r.__pos = n.__pos`;
}

/** Rows `key` of the end of an edge by value, whose rows are deleted. */
export function unlinkSources(layout: NodeLayout, { source, edge }: IncomingEdge): string {
  return `
  UNWIND $rows AS row
  MATCH (b${ownNode(layout)})
  ${FROM_HERE}
  MATCH ${link(edge, 'n', 'b')} WHERE ${IS_OWN} AND ${isLabelled('n', source)}
  DELETE r`;
}

export function unlinkSourcesById({ source, edge }: IncomingEdge): string {
  return `
  MATCH (b) WHERE elementId(b) IN $ids
  ${FROM_HERE}
  MATCH ${link(edge, 'n', 'b')} WHERE ${IS_OWN} AND ${isLabelled('n', source)}
  DELETE r`;
}

/** Makes the relationships of a foreign key for rows stored before its end was a target, at most `$limit`; answers their ends. */
export function linkStoredEdges({ label }: NodeLayout, edge: Edge): string {
  const { columns, properties } = edge.end;
  const given = columns.map((column) => `n.${quoted(column)} IS NOT NULL`);
  const equal = properties.map((name, index) => `${quoted(name)}: n.${quoted(columns[index] ?? '')}`);
  const end = `b:${quoted(edge.end.label)} {${equal.join(', ')}}`;
  const missing = `MATCH (${labelled('n', label)}) WHERE n.__pos IS NOT NULL AND ${given.join(' AND ')}`;
  if (edge.by === 'key')
    return `
  ${missing} AND NOT EXISTS { ${link(edge, 'n', 'b')} WHERE ${IS_OWN} AND ${isLabelled('b', edge.end.label)} }
  WITH n LIMIT $limit
  MERGE (${end}) ON CREATE SET b:${PLACEHOLDER}
  MERGE ${link(edge, 'n', 'b')} SET r.__pos = n.__pos
  RETURN elementId(b) AS loose`;
  return `
  ${missing}
  MATCH (${end})
  ${usingIndex('b', edge.end.label, properties)} WHERE b.__pos IS NOT NULL AND NOT EXISTS { ${link(edge, 'n', 'b')} WHERE ${IS_OWN} }
  WITH n, b LIMIT $limit
  MERGE ${link(edge, 'n', 'b')} SET r.__pos = n.__pos
  RETURN elementId(b) AS loose`;
}

/**
 * Takes away the relationships of a foreign key that the table has no more, at most `$limit`; answers their ends. One that
 * holds more than a version is no foreign key's.
 */
export function dropStoredEdges(
  { label }: NodeLayout,
  edge: Pick<Edge, 'type' | 'direction'>,
  end: string,
): string {
  return `
  MATCH ${link(edge, labelled('', label), labelled('b', end))} WHERE keys(r) = ['__pos']
  WITH r, b LIMIT $limit
  DELETE r
  RETURN elementId(b) AS loose`;
}

function mergeEnd({ end }: Edge, first: number): string {
  return `MERGE (b${byEnd(end, first)}) ON CREATE SET b:${PLACEHOLDER}`;
}

function keyLength({ target }: NodeLayout): number {
  return target.table.key.length;
}
