import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { columnOf, qualifiedName, type TableSchema } from '../../schemas/table-schema.ts';
import { emptyRow, type Row, type Value } from '../../schemas/value.ts';
import { chunkQuery, isKeyless, type ChunkQuery, type SnapshotTable } from './chunk-query.ts';
import type { CopiedRows } from './copied-rows.ts';
import { copyOut } from './copy-out.ts';
import { keyOperatorSchemas } from './catalog.ts';
import { quoteIdentifier, quoteTable } from './preflight.ts';
import { anew, type SnapshotProgress } from './snapshot-progress.ts';
import { parseTransactionSnapshot, type Chunk, type TransactionSnapshot } from './snapshot-window.ts';
import { valueFromText } from './text-value.ts';

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

/** The statement that writes a watermark into the WAL. */
function watermark(message: Exclude<WalMessage, { kind: 'heartbeat' }>): string {
  const [prefix, content] = [MESSAGE_PREFIX, JSON.stringify(message)].map((text) => pg.escapeLiteral(text));
  return `SELECT pg_logical_emit_message(true, ${prefix}, ${content})`;
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
  /** What was read, before the stream's changes are taken out. */
  readonly rowCount: number;
  readonly byteLength: number;
}

/** What a connection needs that reads chunks, once after it was made. */
export async function prepareForChunks(client: pg.Client): Promise<void> {
  // Rows that a policy hides would be missing in silence: this makes it an error.
  await client.query('SET row_security = off; SET max_parallel_workers_per_gather = 0');
}

/**
 * Reads the next rows of a table between two watermarks. `register` is called before the closing watermark is written, so
 * that the reader of the stream knows the chunk when it meets the watermark; when it returns false, the chunk is not
 * wanted any more and has no closing watermark.
 */
export async function readChunk(
  client: pg.Client,
  request: {
    pipeline: string;
    of: SnapshotTable;
    progress: SnapshotProgress;
    /** Rows of a table with a key, blocks of one without. */
    size: number;
    /** The chunk ends with the first whole row at which it reaches this. */
    byteLimit: number;
    /** From `readFacts`. */
    only: boolean;
  },
  register: (read: ReadChunk) => boolean,
): Promise<void> {
  const { pipeline, of, size, byteLimit, only } = request;
  const { oid, table } = of;
  const id = randomUUID();
  const start = await beginChunk(client, of, only, watermark({ kind: 'open', pipeline, chunk: id, oid }));
  const progress = atSameFile(request.progress, of, start.filenode);
  const query = chunkQuery(
    of,
    {
      after: progress.lastKey,
      size,
      where: progress.request?.where,
      only,
      operatorSchemas: await operatorSchemasOf(client, table),
    },
    start,
  );
  const copied = await copyOut(client, query.sql, byteLimit);
  const isWanted = register({
    chunk: { id, oid, table, rows: rowsOf(query, copied), seen: start.seen },
    next: {
      ...progress,
      ...query.next(copied),
      rows: progress.rows + copied.count,
      ...(isKeyless(table) && start.filenode !== null ? { filenode: start.filenode } : {}),
    },
    rowCount: copied.count,
    byteLength: copied.byteLength,
  });
  const close = watermark({ kind: 'close', pipeline, chunk: id, oid });
  await client.query(isWanted ? `COMMIT; ${close}` : 'COMMIT');
}

/**
 * Writes the opening watermark, as a transaction of its own, and begins the transaction that reads the chunk. One
 * statement and pg_current_snapshot() could use two snapshots; a repeatable-read transaction has only one. The table is
 * locked before that is taken: TRUNCATE and an ALTER that rewrites the table would make it look empty to an older one.
 */
async function beginChunk(
  client: pg.Client,
  { oid, table }: SnapshotTable,
  only: boolean,
  open: string,
): Promise<{ seen: TransactionSnapshot; blocks: number; filenode: string | null }> {
  const results = (await client.query<Record<string, string | null>>(`
    BEGIN; ${open}; COMMIT;
    BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
    LOCK TABLE ${only ? 'ONLY ' : ''}${quoteTable(table)} IN ACCESS SHARE MODE;
    SELECT pg_current_snapshot() AS seen, pg_relation_filenode(${oid}) AS filenode,
           pg_relation_size(${oid}) / current_setting('block_size')::bigint AS blocks`)) as unknown as pg.QueryResult<
    Record<string, string | null>
  >[];
  const row = results.at(-1)?.rows[0] ?? {};
  return {
    seen: parseTransactionSnapshot(row['seen'] ?? '0:0:'),
    blocks: Number(row['blocks'] ?? 0),
    filenode: row['filenode'] ?? null,
  };
}

/** Places mean nothing in another file: VACUUM FULL or CLUSTER has moved all rows. */
function atSameFile(
  progress: SnapshotProgress,
  { table }: SnapshotTable,
  filenode: string | null,
): SnapshotProgress {
  const isMoved = isKeyless(table) && progress.lastKey !== null && progress.filenode !== filenode;
  return isMoved ? anew(progress) : progress;
}

function rowsOf(query: ChunkQuery, copied: CopiedRows): Iterable<Row> {
  return {
    *[Symbol.iterator]() {
      for (const fields of copied) {
        const row = query.row(fields);
        if (row !== null) yield row;
      }
    },
  };
}

const operatorSchemas = new WeakMap<TableSchema, Promise<readonly string[]>>();

/** Asked once for each shape of a table. */
function operatorSchemasOf(client: pg.Client, table: TableSchema): Promise<readonly string[]> {
  const known = operatorSchemas.get(table) ?? keyOperatorSchemas(client, table);
  operatorSchemas.set(table, known);
  return known;
}

/** The current row of a key, or null when there is none: fills in values that the stream did not send. */
export async function readRow(client: pg.Client, table: TableSchema, key: Row): Promise<Row | null> {
  const columns = table.columns.map((column) => quoteIdentifier(column.name)).join(', ');
  const schemas = await operatorSchemasOf(client, table);
  const conditions = table.key.map(
    (name, index) =>
      `${quoteIdentifier(name)} OPERATOR(${quoteIdentifier(schemas[index] ?? 'pg_catalog')}.=) $${index + 1}::${columnOf(table, name).type}`,
  );
  const { rows } = await client.query<(string | null)[]>({
    text: `SELECT ${columns} FROM ${quoteTable(table)} WHERE ${conditions.join(' AND ')}`,
    values: table.key.map((name) => postgresText(key[name] ?? null)),
    rowMode: 'array',
  });
  const [row] = rows;
  return row === undefined ? null : rowFromTexts(table, row);
}

function rowFromTexts(table: TableSchema, texts: readonly (string | null)[]): Row {
  const row = emptyRow();
  for (const [place, column] of table.columns.entries()) {
    const text = texts[place];
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
