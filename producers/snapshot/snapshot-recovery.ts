import { fingerprintOf } from '../../schemas/table-schema.ts';
import type { SnapshotTable } from '../postgres/snapshot/chunk-query.ts';
import type { SnapshotProgress } from '../postgres/snapshot/snapshot-progress.ts';

/** SQLSTATEs that say that the table is no longer what it was: gone, or without one of its columns or types. */
const CHANGED_TABLE = new Set(['42P01', '42703', '42704', '42883', '3F000']);
/** Classes of errors in the values or the text of a query. */
const CONDITION_FAILED = /^(21|22|2F|38|39|42|54|P0)/;
/** Another session's lock and ours were in each other's way; the next try is another one. */
const DEADLOCK = '40P01';

/** How the snapshot goes on after a chunk could not be read. */
export type Recovery =
  | { readonly kind: 'again' }
  | { readonly kind: 'gone' }
  /** The table is to be read in this shape. */
  | { readonly kind: 'changed'; readonly shape: SnapshotTable }
  /** The request's condition fails on a row, or is none for this table any more. */
  | { readonly kind: 'failed'; readonly sqlState: string };

/** Throws the error where there is no way to go on. */
export async function recoveryOf(
  error: unknown,
  of: SnapshotTable,
  { request }: SnapshotProgress,
  shapeOf: (oid: number) => Promise<SnapshotTable | null>,
): Promise<Recovery> {
  const sqlState = sqlStateOf(error);
  if (sqlState === DEADLOCK) return { kind: 'again' };
  if (CHANGED_TABLE.has(sqlState)) {
    const shape = await shapeOf(of.oid);
    if (shape === null) return { kind: 'gone' };
    if (fingerprintOf(shape.table) !== fingerprintOf(of.table)) return { kind: 'changed', shape };
  }
  if (request?.where !== undefined && CONDITION_FAILED.test(sqlState)) return { kind: 'failed', sqlState };
  throw error;
}

function sqlStateOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}
