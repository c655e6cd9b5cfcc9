import type { TableColumn } from './mapping.ts';

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

export function addColumns(table: string, columns: readonly TableColumn[]): string {
  const additions = columns.map((column) => `ADD COLUMN IF NOT EXISTS ${definition(column)}`);
  return `ALTER TABLE ${quoteName(table)} ${additions.join(', ')}`;
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
