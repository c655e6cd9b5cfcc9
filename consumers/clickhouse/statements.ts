import type { TableColumn } from './column-type.ts';

/** The view of a table's live rows. */
export function viewOf(table: string): string {
  return `${table}_current`;
}

/** Any name as an identifier. */
export function quoteName(name: string): string {
  return `\`${name.replace(/[\\`]/g, '\\$&')}\``;
}

/**
 * The rows of one key are folded to the one with the highest `__pos`, also when that is a tombstone. Parts are flushed to
 * the disk before an insert is answered, because offsets are committed then.
 */
export function createTable(table: string, columns: readonly TableColumn[], key: readonly string[]): string {
  return (
    `CREATE TABLE IF NOT EXISTS ${quoteName(table)} (${columns.map(definition).join(', ')}) ` +
    `ENGINE = ReplacingMergeTree(__pos, __deleted) ORDER BY (${key.map(quoteName).join(', ')}) ` +
    'SETTINGS fsync_after_insert = 1, fsync_part_directory = 1'
  );
}

/** One statement, so that both kinds of change are there or none. */
export function alterColumns(
  table: string,
  { added, modified }: { added: readonly TableColumn[]; modified: readonly TableColumn[] },
): string {
  const changes = [
    ...added.map((column) => `ADD COLUMN IF NOT EXISTS ${definition(column)}`),
    ...modified.map((column) => `MODIFY COLUMN ${definition(column)}`),
  ];
  return `ALTER TABLE ${quoteName(table)} ${changes.join(', ')}`;
}

/**
 * A tombstone for each key whose newest version lies below `{position:UInt128}`, tombstones included: an older one would let
 * pass what came between. The key is the order of the table, so that the server aggregates while it reads and holds few rows.
 */
export function truncateRows(table: string, key: readonly string[]): string {
  const columns = key.map(quoteName).join(', ');
  return (
    `INSERT INTO ${quoteName(table)} (${columns}, __pos, __deleted) ` +
    `SELECT ${columns}, {position:UInt128}, 1 FROM ${quoteName(table)} GROUP BY ${columns} ` +
    'HAVING max(__pos) < {position:UInt128} SETTINGS optimize_aggregation_in_order = 1'
  );
}

/**
 * FINAL alone leaves tombstones out. A condition on `__deleted` here could be pushed below FINAL, drop the tombstones
 * first, and show deleted rows again.
 */
export function createView(table: string, columns: readonly string[]): string {
  const list = columns.map(quoteName).join(', ');
  return `CREATE OR REPLACE VIEW ${quoteName(viewOf(table))} AS SELECT ${list} FROM ${quoteName(table)} FINAL`;
}

function definition({ name, type }: TableColumn): string {
  return `${quoteName(name)} ${type}`;
}
