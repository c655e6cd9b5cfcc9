import type { Endpoint, RelationshipLayout } from './layout.ts';
import { quoted } from './names.ts';
import { differs, propertiesFrom, setColumns } from './patterns.ts';
import { valueAt } from './parsed-instants.ts';
import { PLACEHOLDER } from './statements.ts';

/** The Cypher of rows as relationships. They are found by their key, under the type's unique constraint. */

/** Rows `[...key, place]`; answers places and versions of those that are there. */
export function readRelationshipVersions(layout: RelationshipLayout): string {
  return `
  UNWIND $rows AS row
  MATCH ${byKey(layout)}
  RETURN collect([row[${keyLength(layout)}], r.__pos]) AS found`;
}

/** Rows `[...columns, position]` of relationships that are there and join the same nodes. */
export function setRelationships(layout: RelationshipLayout, gone: readonly string[]): string {
  const { columns, target, type } = layout;
  const key = target.table.key.map((name) => `${quoted(name)}: row[${columns.indexOf(name)}]`).join(', ');
  return `
  UNWIND $rows AS row
  MATCH ()-[r:${quoted(type)} {${key}}]->()
  ${setColumns('r', layout, gone)}`;
}

/** Rows `[...columns, position]` of relationships that are not there. */
export function createRelationships(layout: RelationshipLayout): string {
  const { columns } = layout;
  const properties = columns.map((name, index) => `${quoted(name)}: ${valueAt(layout, name, index)}`);
  return `
  UNWIND $rows AS row
  ${mergeEnd('a', layout, layout.start)}
  ${mergeEnd('b', layout, layout.end)}
  CREATE (a)-[:${quoted(layout.type)} {${[...properties, `__pos: row[${columns.length}]`].join(', ')}}]->(b)`;
}

/** Rows `[...key, ...start, ...end, place]`: takes away those that join other nodes now; answers their places and old ends. */
export function dropMovedRelationships(layout: RelationshipLayout): string {
  const [start, end] = [keyLength(layout), keyLength(layout) + layout.start.columns.length];
  return `
  UNWIND $rows AS row
  MATCH ${byKey(layout, 'a', 'b')}
  WHERE ${differs('a', layout.start, start)} OR ${differs('b', layout.end, end)}
  DELETE r
  RETURN row[${end + layout.end.columns.length}] AS place, elementId(a) AS loose, elementId(b) AS other`;
}

/** Rows `key`; answers both ends of each. */
export function deleteRelationships(layout: RelationshipLayout): string {
  return `
  UNWIND $rows AS row
  MATCH ${byKey(layout, 'a', 'b')}
  DELETE r
  RETURN elementId(a) AS loose, elementId(b) AS other`;
}

/** Takes away relationships that are older than `$position`, at most `$limit`; answers both ends of each. */
export function deleteOlderRelationships({ type, start, end }: RelationshipLayout): string {
  return `
  MATCH (a:${quoted(start.label)})-[r:${quoted(type)}]->(b:${quoted(end.label)}) WHERE r.__pos < $position
  WITH a, r, b LIMIT $limit
  DELETE r
  RETURN elementId(a) AS loose, elementId(b) AS other`;
}

function byKey({ type, target }: RelationshipLayout, start = '', end = ''): string {
  return `(${start})-[r:${quoted(type)} ${propertiesFrom(target.table.key)}]->(${end})`;
}

function mergeEnd(variable: string, { columns }: RelationshipLayout, end: Endpoint): string {
  const pairs = end.properties.map(
    (name, index) => `${quoted(name)}: row[${columns.indexOf(end.columns[index] ?? '')}]`,
  );
  return `MERGE (${variable}:${quoted(end.label)} {${pairs.join(', ')}}) ON CREATE SET ${variable}:${PLACEHOLDER}`;
}

function keyLength({ target }: RelationshipLayout): number {
  return target.table.key.length;
}
