import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { columnOf, qualifiedName, type TableSchema } from '../../../schemas/table-schema.ts';
import { emptyRow, type Row, type Value } from '../../../schemas/value.ts';
import { chunkQuery, type ChunkQuery, type ChunkStart, type SnapshotTable } from './chunk-query.ts';
import type { CopiedRows } from './copied-rows.ts';
import { copyOut } from './copy-out.ts';
import type { Fields } from './copy-text.ts';
import { keyOperatorSchemas } from '../tables/catalog.ts';
import { quoteIdentifier, quoteTable } from '../quote.ts';
import type { SnapshotPlace, SnapshotProgress } from './snapshot-progress.ts';
import { parseTransactionSnapshot, type Chunk, type TransactionSnapshot } from './snapshot-window.ts';
import { valueFromText } from '../tables/text-value.ts';
import { watermark } from '../stream/wal-message.ts';

/** What a query would see now. */
export async function currentSnapshot(client: pg.Client): Promise<TransactionSnapshot> {
  const { rows } = await client.query<{ seen: string }>('SELECT pg_current_snapshot()::text AS seen');
  return parseTransactionSnapshot(rows[0]?.seen ?? '0:0:');
}

/** A chunk and the progress that holds once it is safe in Kafka. */
export interface ReadChunk {
  readonly chunk: Chunk;
  readonly next: SnapshotProgress;
  /** The place right behind the row that `chunk.rows` gave last, to be asked for later; null before the first. */
  place(): (() => SnapshotPlace) | null;
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
 * wanted any more and has no closing watermark. Nothing is read where the table has other columns than `of` by now, or where
 * a table without a key has been rewritten: VACUUM FULL, CLUSTER or an ALTER has moved all rows.
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
): Promise<'read' | 'changed' | 'rewritten'> {
  const { pipeline, of, size, byteLimit, only } = request;
  const { oid, table } = of;
  const id = randomUUID();
  const start = await beginChunk(client, of, only, watermark({ kind: 'open', pipeline, chunk: id, oid }));
  const isRewritten = of.filenode !== undefined && of.filenode !== start.filenode;
  if (isRewritten || isOtherShape(table, start.types)) {
    await client.query('COMMIT');
    return isRewritten ? 'rewritten' : 'changed';
  }
  const { progress } = request;
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
  let given: { fields: Fields; count: number } | null = null;
  const rows = rowsOf(query, copied, (fields, count) => (given = { fields, count }));
  const isWanted = register({
    chunk: { id, oid, table, rows, seen: start.seen },
    next: { ...progress, ...query.next(copied), rows: progress.rows + copied.count },
    place: () => {
      if (given === null) return null;
      const { fields, count } = given;
      return () => ({ lastKey: query.placeOf(fields), rows: progress.rows + count });
    },
    rowCount: copied.count,
    byteLength: copied.byteLength,
  });
  const close = watermark({ kind: 'close', pipeline, chunk: id, oid });
  await client.query(isWanted ? `COMMIT; ${close}` : 'COMMIT');
  return 'read';
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
): Promise<ChunkStart & { filenode: string | null; types: Readonly<Record<string, string>> }> {
  const results = (await client.query<Record<string, string | null>>(`
    BEGIN; ${open}; COMMIT;
    BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
    LOCK TABLE ${only ? 'ONLY ' : ''}${quoteTable(table)} IN ACCESS SHARE MODE;
    SELECT pg_current_snapshot() AS seen, pg_relation_filenode(${oid}) AS filenode,
           (SELECT json_object_agg(attname, format_type(atttypid, atttypmod)) FROM pg_attribute
             WHERE attrelid = ${oid} AND attnum > 0 AND NOT attisdropped) AS types,
           pg_relation_size(${oid}) / current_setting('block_size')::bigint AS blocks`)) as unknown as pg.QueryResult<
    Record<string, string | null>
  >[];
  const row = results.at(-1)?.rows[0] ?? {};
  return {
    seen: parseTransactionSnapshot(row['seen'] ?? '0:0:'),
    blocks: Number(row['blocks'] ?? 0),
    filenode: row['filenode'] ?? null,
    types: JSON.parse(row['types'] ?? '{}') as Record<string, string>,
  };
}

/** Texts of another type would be read as what they are not. A table that was dropped shows when it is read. */
function isOtherShape({ columns }: TableSchema, types: Readonly<Record<string, string>>): boolean {
  return columns.some(({ name, type }) => Object.hasOwn(types, name) && types[name] !== type);
}

function rowsOf(
  query: ChunkQuery,
  copied: CopiedRows,
  onRow: (fields: Fields, count: number) => void,
): Iterable<Row> {
  return {
    *[Symbol.iterator]() {
      let count = 0;
      for (const fields of copied) {
        onRow(fields, (count += 1));
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
