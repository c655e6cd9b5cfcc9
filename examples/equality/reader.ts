import type { Row, RowKey } from './row.ts';
import type { Table } from './table.ts';

/** The stores that a comparison can read, by the type that a sink's config names. */
export const STORE_TYPES = ['elasticsearch', 'clickhouse', 'mongodb', 'redis', 'neo4j'] as const;
export type StoreType = (typeof STORE_TYPES)[number];

/** One side of a comparison. Every call may throw what its driver throws. */
export interface Reader {
  /** Every live row once, in pages, in any order, with bounded memory. */
  rows(table: Table): AsyncIterable<readonly Row[]>;
  /** The live rows among these keys as they are now, at most MAX_PICK keys a call. */
  pick(table: Table, keys: readonly RowKey[]): Promise<readonly Row[]>;
  /** How many live rows there are, as cheaply as the store can tell. */
  count(table: Table): Promise<number>;
  close(): Promise<void>;
  /** True where a scan may meet the same row twice although the store holds it once. */
  readonly mayRepeat: boolean;
}

export const MAX_PICK = 200;
