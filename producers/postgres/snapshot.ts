import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { columnOf, qualifiedName, type TableSchema } from '../../schemas/table-schema.ts';
import type { Row, Value } from '../../schemas/value.ts';
import { quoteIdentifier, quoteTable } from './preflight.ts';
import { parseTransactionSnapshot, type Chunk, type TransactionSnapshot } from './snapshot-window.ts';
import { valueFromText } from './text-value.ts';

/** How far the snapshot of a table has come; kept in the state topic after each chunk. */
export interface SnapshotProgress {
  /** Texts of the last key's columns, null before the first chunk. */
  readonly lastKey: readonly string[] | null;
  readonly rows: number;
  readonly done: boolean;
}

export const SNAPSHOT_START: SnapshotProgress = { lastKey: null, rows: 0, done: false };

/** The prefix of our own logical messages in the WAL. */
export const MESSAGE_PREFIX = 'tailrace';

/** What our logical messages say. Each pipeline ignores the messages of the others. */
export type WalMessage =
  /** `seen` is what its session saw, as the text of a snapshot. */
  | { readonly kind: 'heartbeat'; readonly pipeline: string; readonly seen: string }
  | {
      readonly kind: 'open' | 'close';
      readonly pipeline: string;
      readonly chunk: string;
      readonly oid: number;
    };

/** Writes a watermark into the WAL, as a transaction of its own. */
async function emitWatermark(
  client: pg.Client,
  message: Exclude<WalMessage, { kind: 'heartbeat' }>,
): Promise<void> {
  await client.query('SELECT pg_logical_emit_message(true, $1, $2)', [
    MESSAGE_PREFIX,
    JSON.stringify(message),
  ]);
}

/** Writes a heartbeat into the WAL, as a transaction of its own. */
export async function emitHeartbeat(client: pg.Client, pipeline: string): Promise<void> {
  await client.query(
    `SELECT pg_logical_emit_message(true, $1,
       json_build_object('kind', 'heartbeat', 'pipeline', $2::text, 'seen', pg_current_snapshot()::text)::text)`,
    [MESSAGE_PREFIX, pipeline],
  );
}

/** What a query would see now. */
export async function currentSnapshot(client: pg.Client): Promise<TransactionSnapshot> {
  const { rows } = await client.query<{ seen: string }>('SELECT pg_current_snapshot()::text AS seen');
  return parseTransactionSnapshot(rows[0]?.seen ?? '0:0:');
}

/** A chunk and the progress that holds once it is safe in Kafka. */
export interface ReadChunk {
  readonly chunk: Chunk;
  readonly next: SnapshotProgress;
}

/**
 * Reads the next rows of a table in key order between two watermarks. `register` is called before the closing watermark
 * is written, so that the reader of the stream knows the chunk when it meets the watermark.
 */
export async function readChunk(
  client: pg.Client,
  request: {
    pipeline: string;
    oid: number;
    table: TableSchema;
    progress: SnapshotProgress;
    rowLimit: number;
  },
  register: (read: ReadChunk) => void,
): Promise<void> {
  const { pipeline, oid, table, progress, rowLimit } = request;
  const id = randomUUID();
  await emitWatermark(client, { kind: 'open', pipeline, chunk: id, oid });
  // One statement and pg_current_snapshot() could use two snapshots; a repeatable-read transaction has only one.
  await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const seen = await currentSnapshot(client);
  const texts = await selectRows(client, table, progress.lastKey, rowLimit);
  await client.query('COMMIT');
  const last = texts.at(-1);
  register({
    chunk: {
      id,
      oid,
      table,
      rows: texts.map((text) => rowFromTexts(table, text)),
      seen,
    },
    next: {
      lastKey: last === undefined ? progress.lastKey : table.key.map((name) => last[name] ?? ''),
      rows: progress.rows + texts.length,
      done: texts.length < rowLimit,
    },
  });
  await emitWatermark(client, { kind: 'close', pipeline, chunk: id, oid });
}

async function selectRows(
  client: pg.Client,
  table: TableSchema,
  lastKey: readonly string[] | null,
  rowLimit: number,
): Promise<Record<string, string | null>[]> {
  const columns = table.columns.map((column) => quoteIdentifier(column.name)).join(', ');
  const key = table.key.map(quoteIdentifier).join(', ');
  const parameters = table.key
    .map((name, index) => `$${index + 1}::${columnOf(table, name).type}`)
    .join(', ');
  const where = lastKey === null ? '' : ` WHERE (${key}) > (${parameters})`;
  const { rows } = await client.query<Record<string, string | null>>(
    `SELECT ${columns} FROM ${quoteTable(table)}${where} ORDER BY ${key} LIMIT ${rowLimit}`,
    [...(lastKey ?? [])],
  );
  return rows;
}

/** The current row of a key, or null when there is none: fills in values that the stream did not send. */
export async function readRow(client: pg.Client, table: TableSchema, key: Row): Promise<Row | null> {
  const columns = table.columns.map((column) => quoteIdentifier(column.name)).join(', ');
  const conditions = table.key.map(
    (name, index) => `${quoteIdentifier(name)} = $${index + 1}::${columnOf(table, name).type}`,
  );
  const { rows } = await client.query<Record<string, string | null>>(
    `SELECT ${columns} FROM ${quoteTable(table)} WHERE ${conditions.join(' AND ')}`,
    table.key.map((name) => postgresText(key[name] ?? null)),
  );
  const [row] = rows;
  return row === undefined ? null : rowFromTexts(table, row);
}

/** Rough number of rows, from the statistics; null where there are none yet. */
export async function estimateRows(client: pg.Client, oid: number): Promise<number | null> {
  const { rows } = await client.query<{ rows: string }>(
    'SELECT reltuples::bigint AS rows FROM pg_class WHERE oid = $1',
    [oid],
  );
  const estimate = Number(rows[0]?.rows ?? -1);
  return estimate < 0 ? null : estimate;
}

function rowFromTexts(table: TableSchema, texts: Record<string, string | null>): Row {
  const row: Record<string, Value> = {};
  for (const column of table.columns) {
    const text = texts[column.name];
    if (text === undefined)
      throw new RangeError(`${qualifiedName(table)}: column ${column.name} was not returned`);
    row[column.name] = text === null ? null : valueFromText(column.kind, text);
  }
  return row;
}

/** A key's value as Postgres reads it back. */
function postgresText(value: Value): string | null {
  if (value === null) return null;
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
  return String(value);
}
