import type { NodeLayout } from './layout.ts';
import { quoted } from './names.ts';
import { labelled, ownNode, setColumns } from './patterns.ts';
import { PLACEHOLDER } from './statements.ts';

/** The Cypher of rows as nodes. */

/**
 * Rows `[...columns, position, place]`. A newer node stays as it is. Answers how many were written, and the places of those
 * that were live before.
 */
export function putNodes(layout: NodeLayout, gone: readonly string[]): string {
  const { columns, label, labels, target } = layout;
  const key = target.table.key.map((name) => `${quoted(name)}: row[${columns.indexOf(name)}]`).join(', ');
  const further = labels.map((name) => ` SET ${labelled('n', name)}`).join('');
  return `
  UNWIND $rows AS row
  MERGE (n:${quoted(label)} {${key}})
  WITH n, row, n.__pos AS stored
  WHERE stored IS NULL OR stored <= row[${columns.length}]
  ${setColumns('n', layout, gone)}${further}
  REMOVE n:${PLACEHOLDER}
  RETURN count(*) AS written, collect(CASE WHEN stored IS NULL THEN null ELSE row[${columns.length + 1}] END) AS live`;
}

/** Rows `[...key, place]`; answers places and versions of those that are live. */
export function readNodeVersions(layout: NodeLayout): string {
  return `
  UNWIND $rows AS row
  MATCH (n${ownNode(layout)}) WHERE n.__pos IS NOT NULL
  RETURN collect([row[${layout.target.table.key.length}], n.__pos]) AS found`;
}

/**
 * Rows `key`. A deleted row leaves a placeholder for the rows that still point to it; the last statement drops the loose
 * ones.
 */
export function emptyNodes(layout: NodeLayout): string {
  return `
  UNWIND $rows AS row
  MATCH (n${ownNode(layout)})
  ${emptied(layout)}
  RETURN elementId(n) AS loose`;
}

/** The nodes `$ids` without their rows. */
export function emptyNodesById(layout: NodeLayout): string {
  return `
  MATCH (n) WHERE elementId(n) IN $ids
  ${emptied(layout)}`;
}

/** Rows that are older than `$position`, at most `$limit`. */
export function olderNodes(layout: NodeLayout): string {
  return `
  MATCH (n:${quoted(layout.label)}) WHERE n.__pos < $position
  RETURN elementId(n) AS loose LIMIT $limit`;
}

/** Gives the rows that are stored one more label or takes one away, at most `$limit` of them. */
export function addStoredLabel({ label }: NodeLayout, added: string): string {
  return `
  MATCH (n:${quoted(label)}) WHERE n.__pos IS NOT NULL AND NOT ${labelled('n', added)}
  WITH n LIMIT $limit SET ${labelled('n', added)} RETURN elementId(n) AS changed`;
}

export function dropStoredLabel({ label }: NodeLayout, dropped: string): string {
  return `
  MATCH (${labelled('n', label)}:${quoted(dropped)})
  WITH n LIMIT $limit REMOVE ${labelled('n', dropped)} RETURN elementId(n) AS changed`;
}

/** The key alone stays. */
function emptied({ target, labels }: NodeLayout): string {
  const key = target.table.key.map((column) => `.${quoted(column)}`).join(', ');
  const further = labels.map((name) => ` REMOVE ${labelled('n', name)}`).join('');
  return `SET n = n {${key}}, n:${PLACEHOLDER}${further}`;
}
