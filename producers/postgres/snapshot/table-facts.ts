import type pg from 'pg';
import { TailraceError } from '../../../core/errors.ts';
import { qualifiedName } from '../../../schemas/table-schema.ts';
import { isKeyless } from '../tables/catalog.ts';
import type { SnapshotTable } from './chunk-query.ts';
import { estimateRows } from './row-estimate.ts';

/** What is asked of the server once for each table that is read. */
export interface TableFacts {
  /** Whether `ONLY` must stand before the table: rows of tables that inherit from it are no rows of its own. */
  readonly only: boolean;
  /** The rows to read, as the planner expects; null when it does not tell. */
  readonly estimate: number | null;
}

/** Throws TABLE_WITHOUT_KEY, and what `pg` throws. */
export async function readFacts(
  client: pg.Client,
  { oid, table }: SnapshotTable,
  where: string | undefined,
): Promise<TableFacts> {
  const { rows } = await client.query("SELECT FROM pg_class WHERE oid = $1 AND relkind = 'p'", [oid]);
  const only = rows.length === 0;
  if (!only && isKeyless(table)) {
    throw new TailraceError(
      'TABLE_WITHOUT_KEY',
      `${qualifiedName(table)} is partitioned and has no primary key, so its rows have no order in which they could be read`,
      'give it a primary key, capture its partitions by their own names, or set source.snapshot: never',
    );
  }
  return { only, estimate: await estimateRows(client, table, where) };
}
