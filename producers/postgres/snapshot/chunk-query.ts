import pg from 'pg';
import { columnOf, type TableSchema } from '../../../schemas/table-schema.ts';
import { emptyRow, type Row } from '../../../schemas/value.ts';
import { isKeyless, POSITION_COLUMN } from '../tables/catalog.ts';
import type { CopiedRows } from './copied-rows.ts';
import type { Fields } from './copy-text.ts';
import { quoteIdentifier, quoteTable } from '../quote.ts';
import { parseTransactionSnapshot, type TransactionSnapshot } from './snapshot-window.ts';
import { valueFromText } from '../tables/text-value.ts';

/** A table whose rows are to be read: its schema as captured, before transforms. */
export interface SnapshotTable {
  readonly oid: number;
  readonly table: TableSchema;
  /**
   * For a table without a key, as the text of a snapshot: rows that it does not see come by the stream, so they are not
   * read. Absent: all rows are read.
   */
  readonly visibleIn?: string;
  /** For a table without a key: the file in which the places of its rows mean something. */
  readonly filenode?: string | null;
}

/** What a chunk's transaction found when it began. */
export interface ChunkStart {
  readonly seen: TransactionSnapshot;
  /** Size of the table's file, in blocks. */
  readonly blocks: number;
}

/** How one chunk is read. */
export interface ChunkQuery {
  readonly sql: string;
  /** The row in its final form, or null for one that comes by the stream. */
  row(fields: Fields): Row | null;
  /** Where a chunk would begin that comes right behind this row. */
  placeOf(fields: Fields): readonly string[];
  /** Where the next chunk begins, and whether there is none. */
  next(rows: CopiedRows): { lastKey: readonly string[] | null; done: boolean };
}

/** What to read of a table. */
export interface ChunkRange {
  /** What an earlier chunk's `next` gave; null for the first one. */
  readonly after: readonly string[] | null;
  /** Rows of a table with a key, blocks of one without. */
  readonly size: number;
  /** An SQL condition of the user's. */
  readonly where: string | undefined;
  /** Whether tables that inherit from it are others: false for a partitioned table, whose rows are in its partitions. */
  readonly only: boolean;
  /** From `keyOperatorSchemas`. */
  readonly operatorSchemas: readonly string[];
}

export function chunkQuery(of: SnapshotTable, range: ChunkRange, start: ChunkStart): ChunkQuery {
  return isKeyless(of.table) ? chunkByPlace(of, range, start) : chunkByKey(of.table, range);
}

/** Rows in the order of the primary key. */
function chunkByKey(
  table: TableSchema,
  { after, size, where, only, operatorSchemas }: ChunkRange,
): ChunkQuery {
  const key = table.key.map(quoteIdentifier).join(', ');
  const literals = (after ?? []).map(
    (text, index) => `${pg.escapeLiteral(text)}::${columnOf(table, table.key[index] ?? '').type}`,
  );
  const conditions =
    after === null ? [] : [behind(table.key.map(quoteIdentifier), literals, operatorSchemas)];
  const columns = table.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const places = table.key.map((name) => table.columns.indexOf(columnOf(table, name)));
  const placeOf = (fields: Fields) => places.map((place) => flat(fields[place] ?? ''));
  return {
    sql: `SELECT ${columns}${fromWhere(table, only, conditions, where)} ORDER BY ${key} LIMIT ${size}`,
    row: rowDecoder(table),
    placeOf,
    next: (rows) => {
      const { last } = rows;
      return {
        lastKey: last === null ? after : placeOf(last),
        done: !rows.isCut && rows.count < size,
      };
    },
  };
}

/**
 * The condition that a key stands behind another. Types of extensions have their operators in schemas of their own, and a
 * comparison of rows can name only one schema.
 */
function behind(key: readonly string[], literals: readonly string[], schemas: readonly string[]): string {
  if (schemas.every((schema) => schema === 'pg_catalog'))
    return `(${key.join(', ')}) > (${literals.join(', ')})`;
  const compare = (at: number, operator: string) =>
    `${key[at]} OPERATOR(${quoteIdentifier(schemas[at] ?? 'pg_catalog')}.${operator}) ${literals[at]}`;
  const cases = key.map((_, at) =>
    [...key.slice(0, at).map((_name, before) => compare(before, '=')), compare(at, '>')].join(' AND '),
  );
  // The first condition follows from the second; the index needs it.
  return `${compare(0, '>=')} AND (${cases.join(' OR ')})`;
}

/**
 * Rows in the order of their places in the table's file. A row's key is made of its place: 16 zeros, so that it differs
 * from the key that the stream gives, then block and item.
 */
function chunkByPlace(
  { table, visibleIn }: SnapshotTable,
  { after, size, where, only }: ChunkRange,
  { seen, blocks }: ChunkStart,
): ChunkQuery {
  const from = after?.[0] ?? '(0,0)';
  const end = blockOf(from) + size;
  const columns = table.columns.map(({ name }) =>
    name === POSITION_COLUMN ? 'ctid AS _position' : quoteIdentifier(name),
  );
  const conditions = [`ctid > '${from}'`, `ctid < '(${end},0)'`];
  const selected = [...columns, 'ctid', 'xmin'].join(', ');
  const [ctidAt, xminAt] = [columns.length, columns.length + 1];
  const decode = rowDecoder(table);
  const then = visibleIn === undefined ? null : parseTransactionSnapshot(visibleIn);
  return {
    sql: `SELECT ${selected}${fromWhere(table, only, conditions, where)}`,
    row: (fields) => {
      if (then !== null && comesByStream(Number(fields[xminAt]), then, seen)) return null;
      return { ...decode(fields), [POSITION_COLUMN]: placeKey(fields[ctidAt] ?? '') };
    },
    placeOf: (fields) => [flat(fields[ctidAt] ?? '')],
    next: (rows) => {
      const cutAt = rows.isCut ? rows.last?.[ctidAt] : undefined;
      return { lastKey: [flat(cutAt ?? `(${end},0)`)], done: cutAt == null && end >= blocks };
    },
  };
}

function fromWhere(
  table: TableSchema,
  only: boolean,
  conditions: readonly string[],
  where: string | undefined,
): string {
  // A line comment at the end of the user's condition must not reach the parenthesis.
  const all = where === undefined ? conditions : [...conditions, `(\n${where}\n)`];
  return ` FROM ${only ? 'ONLY ' : ''}${quoteTable(table)}${all.length === 0 ? '' : ` WHERE ${all.join(' AND ')}`}`;
}

function rowDecoder(table: TableSchema): (fields: Fields) => Row {
  const { columns } = table;
  return (fields) => {
    const row = emptyRow();
    for (let place = 0; place < columns.length; place++) {
      const column = columns[place];
      const text = fields[place];
      if (column === undefined || text === undefined) throw new RangeError('a row lacks a column');
      row[column.name] = text === null ? null : valueFromText(column.kind, text);
    }
    return row;
  };
}

/**
 * Whether a row was written by a transaction that the stream carries: one that `then` does not see. Ids of 32 bits are
 * told apart by how far they lie behind `then`: those that were given out between `then` and `now` are the new ones, all
 * others are old, and so are frozen rows of any age.
 */
export function comesByStream(xmin: number, then: TransactionSnapshot, now: TransactionSnapshot): boolean {
  if (then.inProgress.has(xmin)) return true;
  return (xmin - then.xmax) >>> 0 < (now.xmax - then.xmax) >>> 0;
}

/** The key of the row at a place such as `(12,3)`. */
export function placeKey(ctid: string): string {
  const item = Number(ctid.slice(ctid.indexOf(',') + 1, -1));
  return `${'0'.repeat(16)}${hex8(blockOf(ctid))}${hex8(item)}`;
}

function blockOf(ctid: string): number {
  return Number(ctid.slice(1, ctid.indexOf(',')));
}

function hex8(value: number): string {
  return value.toString(16).padStart(8, '0');
}

/** A cut of a text keeps the whole text in memory; a key outlives its chunk. */
function flat(text: string): string {
  return Buffer.from(text).toString();
}
