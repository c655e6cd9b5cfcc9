import type { TableColumn } from './column-type.ts';
import type { TableSettings } from './config.ts';
import { sortingKeyOf, type TableLayout } from './table-layout.ts';
import { quoteName, quoteText } from './quote.ts';

/** Parts are flushed to the disk before an insert is answered, because offsets are committed then. */
const DURABLE: TableSettings = { fsync_after_insert: 1, fsync_part_directory: 1 };

export function createTable(layout: TableLayout): string {
  const { name, columns, engine, partitionBy, ttl, settings } = layout;
  return [
    `CREATE TABLE IF NOT EXISTS ${quoteName(name)} (${columns.map(definition).join(', ')})`,
    `ENGINE = ${engine}`,
    partitionBy === null ? null : `PARTITION BY ${partitionBy}`,
    `ORDER BY (${sortingKeyOf(layout).join(', ')})`,
    ttl === null ? null : `TTL ${ttl}`,
    `SETTINGS ${settingsText({ ...DURABLE, ...settings })}`,
  ]
    .filter((part) => part !== null)
    .join(' ');
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

export function modifyTtl(table: string, ttl: string): string {
  return `ALTER TABLE ${quoteName(table)} MODIFY TTL ${ttl}`;
}

export function modifySettings(table: string, settings: TableSettings): string {
  return `ALTER TABLE ${quoteName(table)} MODIFY SETTING ${settingsText(settings)}`;
}

/**
 * A tombstone for each key whose newest version lies below `{position:UInt128}`, tombstones included: an older one would let
 * pass what came between. Where the key is the order of the table, the server aggregates while it reads and holds few rows.
 */
export function truncateRows(table: string, key: readonly string[]): string {
  const columns = key.map(quoteName).join(', ');
  return (
    `INSERT INTO ${quoteName(table)} (${columns}, __pos, __deleted) ` +
    `SELECT ${columns}, {position:UInt128}, 1 FROM ${quoteName(table)} GROUP BY ${columns} ` +
    'HAVING max(__pos) < {position:UInt128} SETTINGS optimize_aggregation_in_order = 1'
  );
}

/** Waits until this replica has all rows that another one had acknowledged. */
export function syncReplica(table: string): string {
  return `SYSTEM SYNC REPLICA ${quoteName(table)} LIGHTWEIGHT`;
}

/**
 * FINAL alone leaves tombstones out. A condition on `__deleted` here could be pushed below FINAL, drop the tombstones
 * first, and show deleted rows again; that of a TTL may be pushed there, since it is the same for all versions of a row. It
 * hides what no merge has taken away yet: else an old version could be seen where the newest has gone already.
 */
export function createView(layout: TableLayout, columns: readonly string[]): string {
  const { name, view, ttl } = layout;
  const list = columns.map(quoteName).join(', ');
  const living = ttl === null ? '' : ` WHERE (${ttl}) > now()`;
  return `CREATE OR REPLACE VIEW ${quoteName(view)} AS SELECT ${list} FROM ${quoteName(name)} FINAL${living}`;
}

function definition({ name, type }: TableColumn): string {
  return `${quoteName(name)} ${type}`;
}

function settingsText(settings: TableSettings): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${typeof value === 'number' ? value : quoteText(value)}`)
    .join(', ');
}
