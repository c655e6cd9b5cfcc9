import type { Reader } from './reader.ts';
import { digestOf } from './row.ts';
import type { RowKey } from './row.ts';
import type { Table } from './table.ts';

/** All rows of a table in Postgres at one moment, as digests: about 150 bytes a row. */
export interface PostgresRows {
  /** Key id to the row's place in `digests`. */
  readonly places: ReadonlyMap<string, number>;
  readonly digests: readonly string[];
}

/** What a store's rows are beside Postgres' rows. */
export interface Scan {
  readonly storeRows: number;
  /** Ids of rows that only Postgres has. */
  readonly missing: readonly string[];
  /** Keys of rows that only the store has, or has more than once. */
  readonly extra: readonly RowKey[];
  readonly differing: readonly RowKey[];
}

export async function readPostgres(postgres: Reader, table: Table): Promise<PostgresRows> {
  const places = new Map<string, number>();
  const digests: string[] = [];
  for await (const page of postgres.rows(table)) {
    for (const row of page) {
      places.set(row.key.id, digests.length);
      digests.push(digestOf(row.columns));
    }
  }
  return { places, digests };
}

export async function scanStore(store: Reader, table: Table, postgres: PostgresRows): Promise<Scan> {
  const seen = new Uint8Array(postgres.digests.length);
  const extra = new Map<string, RowKey>();
  const repeated: RowKey[] = [];
  const differing: RowKey[] = [];
  let matched = 0;
  for await (const page of store.rows(table)) {
    for (const row of page) {
      const place = postgres.places.get(row.key.id);
      if (place === undefined ? extra.has(row.key.id) : seen[place] === 1) {
        if (!store.mayRepeat) repeated.push(row.key);
        continue;
      }
      if (place === undefined) {
        extra.set(row.key.id, row.key);
        continue;
      }
      seen[place] = 1;
      matched += 1;
      if (row.faults.length > 0 || digestOf(row.columns) !== postgres.digests[place]) differing.push(row.key);
    }
  }
  const missing: string[] = [];
  for (const [id, place] of postgres.places) if (seen[place] === 0) missing.push(id);
  return {
    storeRows: matched + extra.size + repeated.length,
    missing,
    extra: [...extra.values(), ...repeated],
    differing,
  };
}
