import type { Position } from './position.ts';
import type { TableSchema } from './table-schema.ts';
import { emptyRow, type Row } from './value.ts';

/** Debezium's letters: create, update, delete, read (a snapshot's row), truncate. */
export type Operation = 'c' | 'u' | 'd' | 'r' | 't';

/** Where an event comes from: the `source` block of the envelope, with Debezium's meanings. */
export interface EventSource {
  /** Name of the pipeline. */
  readonly name: string;
  readonly db: string;
  /** Top-level transaction id; null for rows of a snapshot. */
  readonly txId: number | null;
  /** LSN of the change itself; for rows of a snapshot that of the chunk's closing watermark. */
  readonly lsn: bigint;
  /** Commit time in microseconds since 1970; for rows of a snapshot the time of the chunk's closing watermark. */
  readonly tsUs: number;
  readonly snapshot: boolean;
}

/**
 * One row change: the only data type that crosses a process border. `after` holds the whole row (null for deletes);
 * `before` holds what Postgres sent of the old row, at least the key columns for deletes, null when it sent nothing.
 *
 * A truncate has an empty key and no rows: every row of the table that is older than its position is gone. It comes once
 * in each partition of the topic, behind everything that was written before it there.
 */
export interface ChangeEvent {
  readonly table: TableSchema;
  readonly op: Operation;
  /** The key columns' values: of `after`, or of the deleted row; empty for a truncate. */
  readonly key: Row;
  readonly before: Row | null;
  readonly after: Row | null;
  readonly position: Position;
  readonly source: EventSource;
  /** When the event was captured, milliseconds since 1970. */
  readonly tsMs: number;
}

/** Whether it stands for a tombstone whose delete was not read before it: nothing tells more of the row than its key. */
export function isLoneTombstone({ op, source }: ChangeEvent): boolean {
  return op === 'd' && source.name === '';
}

/** The key columns of a row. Throws RangeError when one is absent. */
export function keyOf(table: TableSchema, row: Row): Row {
  const key = emptyRow();
  for (const column of table.key) {
    const value = row[column];
    if (value === undefined) throw new RangeError(`key column ${column} is absent`);
    key[column] = value;
  }
  return key;
}
