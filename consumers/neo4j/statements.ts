import type { Edge, Endpoint, NodeLayout, RelationshipLayout } from './layout.ts';
import { quoted } from './names.ts';

/**
 * The Cypher of the sink; every value is a parameter. `$rows` are rows of `GraphWrite`, or `{key, id}` where versions
 * are read. A row of a relationship's table finds its ends by its own key columns.
 */

/**
 * Labels of the sink's own nodes: one record a target (its shape, its foreign keys, up to where it was truncated) and the
 * lock, and the versions of deleted keys.
 */
export const RECORD = '__Tailrace';
export const TOMBSTONE = '__Tombstone';
/** On a node that rows point to while its own row is not there. */
export const PLACEHOLDER = '__Placeholder';

/**
 * Every transaction of a writer takes this one lock first, so two writers never interleave: what the transaction reads
 * stays true until it commits, and there are no deadlocks. Neo4j locks a node when a property is set.
 */
export const LOCK = `MERGE (l:${RECORD} {id: 'write lock'}) SET l.locked = true`;

/** Up to where targets were truncated; `id` is that of the target's record. */
export const READ_TRUNCATES = `
  MATCH (t:${RECORD}) WHERE t.truncated IS NOT NULL
  RETURN t.id AS id, t.truncated AS position`;

/** An older truncate that comes again must not let older writes pass. */
export const MARK_TRUNCATED = `
  MERGE (t:${RECORD} {id: $id})
  SET t.truncated = CASE WHEN t.truncated > $position THEN t.truncated ELSE $position END`;

export const PUT_TOMBSTONES = `
  UNWIND $rows AS row
  MERGE (t:${TOMBSTONE} {id: row.id}) SET t.pos = row.position`;

export const DROP_TOMBSTONES = `
  UNWIND $rows AS row
  MATCH (t:${TOMBSTONE} {id: row.id}) DELETE t`;

/** A placeholder that nothing points to any more stands for nothing. */
export const DROP_LOOSE_PLACEHOLDERS = `
  MATCH (n) WHERE elementId(n) IN $ids AND n:${PLACEHOLDER} AND NOT EXISTS { (n)--() }
  DELETE n`;

export function readNodeVersions(layout: NodeLayout): string {
  return `
  UNWIND $rows AS row
  OPTIONAL MATCH (n${nodeOf(layout, 'row.key')})
  OPTIONAL MATCH (t:${TOMBSTONE} {id: row.id})
  RETURN row.id AS id, n.__pos AS stored, t.pos AS deleted`;
}

/** OPTIONAL makes the server bind both ends first and then look from the one with fewer relationships. */
export function readRelationshipVersions(layout: RelationshipLayout): string {
  return `
  UNWIND $rows AS row
  OPTIONAL MATCH (a${endOf(layout.start, 'row.key')})
  OPTIONAL MATCH (b${endOf(layout.end, 'row.key')})
  OPTIONAL MATCH (t:${TOMBSTONE} {id: row.id})
  WITH row, a, b, t
  OPTIONAL MATCH (a)-[r:${quoted(layout.type)}]->(b)
  RETURN row.id AS id, r.__pos AS stored, t.pos AS deleted`;
}

export function putNodes(layout: NodeLayout): string {
  return `
  UNWIND $rows AS row
  MERGE (n${nodeOf(layout)}) SET n = row REMOVE n:${PLACEHOLDER}`;
}

/** Takes away the relationships of one foreign key that point elsewhere than the row does; answers the old ends. */
export function unlinkMovedEdges(layout: NodeLayout, { type, end }: Edge): string {
  const moved = end.properties.map((property, index) => {
    const column = `row.${quoted(end.columns[index] ?? '')}`;
    return `${column} IS NULL OR old.${quoted(property)} <> ${column}`;
  });
  return `
  UNWIND $rows AS row
  MATCH (n${nodeOf(layout)})-[r:${quoted(type)}]->(old)
  WHERE ${moved.join(' OR ')}
  DELETE r
  RETURN elementId(old) AS loose`;
}

export function linkEdges(layout: NodeLayout, { type, end }: Edge): string {
  return `
  UNWIND $rows AS row
  MATCH (n${nodeOf(layout)})
  ${mergeEnd('b', end)}
  MERGE (n)-[r:${quoted(type)}]->(b) SET r.__pos = row.__pos`;
}

/** Makes the relationships of a foreign key for rows stored before its end was a target, at most `$limit`; answers their ends. */
export function linkStoredEdges(layout: NodeLayout, { type, end }: Edge): string {
  const given = end.columns.map((column) => `row.${quoted(column)} IS NOT NULL`);
  return `
  MATCH (row:${quoted(layout.label)})
  WHERE row.__pos IS NOT NULL AND ${given.join(' AND ')} AND NOT EXISTS { (row)-[:${quoted(type)}]->() }
  WITH row LIMIT $limit
  ${mergeEnd('b', end)}
  CREATE (row)-[:${quoted(type)} {__pos: row.__pos}]->(b)
  RETURN elementId(b) AS loose`;
}

export function unlinkAllEdges(layout: NodeLayout): string {
  return `
  UNWIND $rows AS row
  MATCH (n${nodeOf(layout)})-[r:${typesOf(layout)}]->(old)
  DELETE r
  RETURN elementId(old) AS loose`;
}

/** A deleted row leaves a placeholder for the rows that still point to it; the last statement drops the loose ones. */
export function emptyNodes(layout: NodeLayout): string {
  return `
  UNWIND $rows AS row
  MATCH (n${nodeOf(layout)}) SET n = row, n:${PLACEHOLDER}
  RETURN elementId(n) AS loose`;
}

export function putRelationships(layout: RelationshipLayout): string {
  return `
  UNWIND $rows AS row
  ${mergeEnd('a', layout.start)}
  ${mergeEnd('b', layout.end)}
  MERGE (a)-[r:${quoted(layout.type)}]->(b) SET r = row`;
}

/** OPTIONAL for the same reason as above: the rows are known to be there. */
export function deleteRelationships(layout: RelationshipLayout): string {
  return `
  UNWIND $rows AS row
  MATCH (a${endOf(layout.start)})
  MATCH (b${endOf(layout.end)})
  OPTIONAL MATCH (a)-[r:${quoted(layout.type)}]->(b)
  DELETE r
  WITH a, b
  UNWIND [a, b] AS old
  RETURN DISTINCT elementId(old) AS loose`;
}

/** Rows that are older than `$position`, at most `$limit`. */
export function olderNodes(layout: NodeLayout): string {
  return `
  MATCH (n:${quoted(layout.label)}) WHERE n.__pos < $position
  RETURN elementId(n) AS loose LIMIT $limit`;
}

/** The nodes `$ids` without their rows: the key alone stays, for the rows that still point to them. */
export function emptyNodesById(layout: NodeLayout): string {
  const key = layout.target.table.key.map((column) => `.${quoted(column)}`).join(', ');
  return `
  MATCH (n) WHERE elementId(n) IN $ids
  SET n = n {${key}}, n:${PLACEHOLDER}`;
}

export function unlinkEdgesById(layout: NodeLayout): string {
  return `
  MATCH (n)-[r:${typesOf(layout)}]->(old) WHERE elementId(n) IN $ids
  DELETE r
  RETURN elementId(old) AS loose`;
}

/** Takes away relationships that are older than `$position`, at most `$limit`; answers both ends of each. */
export function deleteOlderRelationships({ type, start, end }: RelationshipLayout): string {
  return `
  MATCH (a:${quoted(start.label)})-[r:${quoted(type)}]->(b:${quoted(end.label)}) WHERE r.__pos < $position
  WITH a, r, b LIMIT $limit
  DELETE r
  RETURN elementId(a) AS loose, elementId(b) AS other`;
}

/**
 * Takes away the relationships of a foreign key that the table has no more, at most `$limit`; answers their ends. One that
 * holds more than a version is no foreign key's.
 */
export function dropStoredEdges(layout: NodeLayout, type: string): string {
  return `
  MATCH (:${quoted(layout.label)})-[r:${quoted(type)}]->(old) WHERE keys(r) = ['__pos']
  WITH r, old LIMIT $limit
  DELETE r
  RETURN elementId(old) AS loose`;
}

function typesOf({ edges }: NodeLayout): string {
  return edges.map(({ type }) => quoted(type)).join('|');
}

function mergeEnd(variable: string, end: Endpoint): string {
  return `MERGE (${variable}${endOf(end)}) ON CREATE SET ${variable}:${PLACEHOLDER}`;
}

/** The pattern of a row's node after the variable, by the key: ``:`Places` {`id`: row.`id`}``. */
function nodeOf(layout: NodeLayout, row = 'row'): string {
  const { key } = layout.target.table;
  return endOf({ label: layout.label, properties: key, columns: key }, row);
}

function endOf(end: Endpoint, row = 'row'): string {
  const pairs = end.properties.map(
    (property, index) => `${quoted(property)}: ${row}.${quoted(end.columns[index] ?? '')}`,
  );
  return `:${quoted(end.label)} {${pairs.join(', ')}}`;
}
