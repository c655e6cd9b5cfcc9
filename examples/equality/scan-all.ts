import type { Reader } from './reader.ts';
import { readPostgres, scanStore } from './scan.ts';
import type { PostgresRows, Scan } from './scan.ts';
import { reasonOf } from './session.ts';
import type { OpenStore, Session } from './session.ts';
import type { Table } from './table.ts';

/** One table of one store, scanned beside Postgres. */
export interface StoreScan {
  readonly store: OpenStore;
  readonly table: Table;
  readonly postgresRows: number;
  readonly seconds: number;
  /** Null when the store could not be read; `error` then says why. */
  readonly scan: Scan | null;
  readonly error: string | null;
}

/** Reads each table of Postgres once and each store beside it, all stores of a table at the same time. */
export async function* scanAll({ postgres, tables, stores }: Session): AsyncGenerator<StoreScan> {
  for (const table of tables) {
    const rows = await readPostgres(postgres, table);
    yield* await Promise.all(stores.map((store) => scanOne(store, table, rows)));
  }
}

async function scanOne(store: OpenStore, table: Table, rows: PostgresRows): Promise<StoreScan> {
  const start = performance.now();
  const { scan, error } = await scanOrError(store.reader, table, rows);
  const seconds = (performance.now() - start) / 1000;
  return { store, table, postgresRows: rows.digests.length, seconds, scan, error };
}

async function scanOrError(
  reader: () => Reader,
  table: Table,
  rows: PostgresRows,
): Promise<{ scan: Scan | null; error: string | null }> {
  try {
    return { scan: await scanStore(reader(), table, rows), error: null };
  } catch (error) {
    return { scan: null, error: reasonOf(error) };
  }
}
