import { labelOf, linksOf, relationshipOf } from './neo4j-layout.ts';
import type { Relationship } from './neo4j-layout.ts';
import type { Family, ForeignKey, Table } from './table.ts';

/**
 * All rows of a table. Each record has `row` (all properties), `links` (for each of `linksOf` the list of the keys that
 * it leads to, null for a node of another table) and `isPlaceholder`.
 */
export function allRows(table: Table): string {
  const relationship = relationshipOf(table);
  if (relationship === null) return `MATCH (n:${quoted(labelOf(table))}) ${returnNode(table)}`;
  // Relationships of another table can have the same type; they start elsewhere and hold no columns of this one.
  const isRow = `r.${quoted(relationship.from.column)} IS NOT NULL OR a:${referencedLabel(relationship.from)}`;
  return `MATCH (a)-[r:${quoted(relationship.type)}]->(b) WHERE ${isRow} ${returnRelationship(relationship)}`;
}

/** The rows of the keys in `$keys`, a list of lists of the values' texts; bytes as they are. */
export function rowsOfKeys(table: Table): string {
  const relationship = relationshipOf(table);
  if (relationship === null)
    return `UNWIND $keys AS key MATCH (n:${quoted(labelOf(table))}) WHERE ${isKey(table, 'n')} ${returnNode(table)}`;
  const { type, from } = relationship;
  const isStart = `a.${quoted(from.referencedColumn)} = ${keyValue(table.key[0]?.family ?? 'text', 'key[0]')}`;
  // From the start node there are few relationships to look through; their own properties have no index.
  return `UNWIND $keys AS key MATCH (a:${referencedLabel(from)}) WHERE ${isStart}
    MATCH (a)-[r:${quoted(type)}]->(b) WHERE ${isKey(table, 'r')} ${returnRelationship(relationship)}`;
}

/** One record with `count`. */
export function rowCount(table: Table): string {
  const relationship = relationshipOf(table);
  if (relationship === null)
    return `MATCH (n:${quoted(labelOf(table))}) WHERE NOT n:__Placeholder RETURN count(n) AS count`;
  const start = `(:${referencedLabel(relationship.from)})`;
  return `MATCH ${start}-[r:${quoted(relationship.type)}]->() RETURN count(r) AS count`;
}

function returnNode(table: Table): string {
  const links = linksOf(table).map(
    ({ name, foreignKey }) => `[(n)-[:${quoted(name)}]->(t) | ${referencedKey('t', foreignKey)}]`,
  );
  return `RETURN [name IN keys(n) | [name, n[name]]] AS row, n:__Placeholder AS isPlaceholder, [${links.join(', ')}] AS links`;
}

function returnRelationship({ from, to }: Relationship): string {
  const links = `[[${referencedKey('a', from)}], [${referencedKey('b', to)}]]`;
  return `RETURN [name IN keys(r) | [name, r[name]]] AS row, false AS isPlaceholder, ${links} AS links`;
}

function referencedKey(variable: string, foreignKey: ForeignKey): string {
  const key = `${variable}.${quoted(foreignKey.referencedColumn)}`;
  return `CASE WHEN ${variable}:${referencedLabel(foreignKey)} THEN ${key} END`;
}

function referencedLabel({ schema, table }: ForeignKey): string {
  return quoted(labelOf({ schema, name: table }));
}

function isKey(table: Table, variable: string): string {
  return table.key
    .map((column, at) => `${variable}.${quoted(column.name)} = ${keyValue(column.family, `key[${at}]`)}`)
    .join(' AND ');
}

/** A text as the type that the layout keeps; Cypher's own functions read ISO times. */
function keyValue(family: Family, text: string): string {
  return KEY_VALUES[family]?.(text) ?? text;
}

const KEY_VALUES: Readonly<Partial<Record<Family, (text: string) => string>>> = {
  boolean: (text) => `toBoolean(${text})`,
  integer: (text) => `toInteger(${text})`,
  float4: (text) => `toFloat(${text})`,
  float8: (text) => `toFloat(${text})`,
  date: (text) => `date(${text})`,
  timestamp: (text) => `localdatetime(${text})`,
  timestamptz: (text) => `datetime(${text})`,
};

/** A name as it stands in a statement: Cypher reads `\u0060` as a backtick even inside of quotes. */
function quoted(name: string): string {
  return `\`${name.replaceAll('\\', '\\u005C').replaceAll('`', '``')}\``;
}
