import { openSession, reasonOf } from './session.ts';
import type { OpenStore, Sides } from './session.ts';
import { qualifiedName } from './table.ts';
import type { Table } from './table.ts';

/** How many rows a table has on both sides; equal counts prove nothing about the rows. */
export interface CountComparison {
  readonly store: string;
  readonly type: string;
  /** `schema.table`. */
  readonly table: string;
  readonly postgresRows: number;
  /** Null when the store could not be read; `error` then says why. */
  readonly storeRows: number | null;
  readonly error: string | null;
}

/** Counts rows on both sides: cheap enough for a live display. Throws when Postgres cannot be read or lacks a table. */
export async function compareCounts(sides: Sides): Promise<CountComparison[]> {
  const session = await openSession(sides);
  try {
    const comparisons: CountComparison[] = [];
    for (const table of session.tables) {
      const postgresRows = await session.postgres.count(table);
      const counted = session.stores.map((store) => countStore(store, table, postgresRows));
      comparisons.push(...(await Promise.all(counted)));
    }
    return comparisons;
  } finally {
    await session.close();
  }
}

async function countStore(store: OpenStore, table: Table, postgresRows: number): Promise<CountComparison> {
  const line = { store: store.name, type: store.type, table: qualifiedName(table), postgresRows };
  try {
    return { ...line, storeRows: await store.reader().count(table), error: null };
  } catch (error) {
    return { ...line, storeRows: null, error: reasonOf(error) };
  }
}
