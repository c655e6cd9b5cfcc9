import { TailraceError } from '../../core/errors.ts';
import type { Position } from '../../schemas/position.ts';
import type { Column } from '../../schemas/table-schema.ts';
import type { Row } from '../../schemas/value.ts';
import type { Target } from '../sink.ts';
import { putValueOf, type StoredColumn, type StoredColumns } from './mapping.ts';
import { emptyBytes, putByte, putText, putZeros, type Bytes } from './native-bytes.ts';

/** A column that Tailrace adds to those of the target: what it holds of an entry. */
export interface AddedColumn<Entry> {
  readonly name: string;
  readonly type: string;
  readonly put: (out: Bytes, entry: Entry) => void;
}

/** What the rows of a table are made of. */
export interface RowSource<Entry> {
  /** The whole row; of a deleted one the key alone. */
  readonly rowOf: (entry: Entry) => Row;
  readonly added: readonly AddedColumn<Entry>[];
  readonly positionOf: (entry: Entry) => Position;
  readonly isDelete: (entry: Entry) => boolean;
}

/** Rows in ClickHouse's format Native, column by column: https://clickhouse.com/docs/interfaces/specs/NativeFormat */
export interface Block {
  readonly chunks: readonly Buffer[];
  /** By the entry's index, those that no table can hold. If there are any, the chunks serve nothing. */
  readonly rejected: ReadonlyMap<number, TailraceError>;
  /** Columns that cannot hold one of the values. If there are any, the chunks serve nothing. */
  readonly misfits: ReadonlySet<string>;
}

/** The target's columns in the order of its schema, then the added ones. A column that the row lacks is null. */
export function encodeBlock<Entry>(
  target: Target,
  stored: StoredColumns,
  { rowOf, added }: RowSource<Entry>,
  entries: readonly Entry[],
): Block {
  const rejected = new Map<number, TailraceError>();
  const misfits = new Set<string>();
  const rows = entries.map(rowOf);
  const head = emptyBytes(16);
  putCount(head, target.table.columns.length + added.length);
  putCount(head, entries.length);
  const chunks = [bytesOf(head)];
  for (const column of target.table.columns)
    chunks.push(...encodeColumn(target, column, storedColumn(stored, column), rows, rejected, misfits));
  for (const { name, type, put } of added) {
    const out = emptyBytes(entries.length * 16 + 64);
    putText(out, name);
    putText(out, type);
    for (const entry of entries) put(out, entry);
    chunks.push(bytesOf(out));
  }
  return { chunks, rejected, misfits };
}

/** Name and type, which marks are null, the values. */
function encodeColumn(
  target: Target,
  column: Column,
  stored: StoredColumn,
  rows: readonly Row[],
  rejected: Map<number, TailraceError>,
  misfits: Set<string>,
): readonly Buffer[] {
  const { name } = column;
  const head = emptyBytes(name.length + 64 + rows.length);
  putText(head, name);
  // The server itself makes a LowCardinality of it where the column is one.
  putText(head, stored.isNullable ? `Nullable(${stored.base})` : stored.base);
  const values = emptyBytes(rows.length * 16);
  const putValue = putValueOf(target, column, stored);
  const defaultBytes = stored.native?.defaultBytes ?? 0;
  // An iterator over entries would make an array for each row.
  rows.forEach((row, index) => {
    const value = row[name] ?? null;
    if (stored.isNullable) putByte(head, value === null ? 1 : 0);
    if (value === null) putZeros(values, defaultBytes);
    else
      try {
        if (!putValue(values, value)) misfits.add(name);
      } catch (error) {
        if (!(error instanceof TailraceError)) throw error;
        rejected.set(index, error);
      }
  });
  return [bytesOf(head), bytesOf(values)];
}

function storedColumn(stored: StoredColumns, { name }: Column): StoredColumn {
  const column = stored.get(name);
  if (column === undefined) throw new RangeError(`column ${name} was not prepared`);
  return column;
}

function bytesOf({ data, length }: Bytes): Buffer {
  return data.subarray(0, length);
}

function putCount(out: Bytes, count: number): void {
  let rest = count;
  for (; rest > 0x7f; rest >>>= 7) putByte(out, (rest & 0x7f) | 0x80);
  putByte(out, rest);
}
