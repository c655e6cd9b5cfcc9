import pg from 'pg';
import type { Logger } from '../core/logger.ts';
import { pause } from '../core/retry.ts';
import { qualifiedName } from '../schemas/table-schema.ts';
import type { Row } from '../schemas/value.ts';
import { missingColumns, type CapturedTable } from './postgres/tables/captured-table.ts';
import { currentSnapshot, readRow } from './postgres/snapshot/snapshot.ts';
import { sees } from './postgres/snapshot/snapshot-window.ts';

const VISIBLE_POLL_MS = 20;
/** No such table, column or schema. */
const GONE_CODES = new Set(['42P01', '42703', '3F000']);

/**
 * Makes a function that fills in unchanged TOAST values, which Postgres does not send: from the old row with REPLICA
 * IDENTITY FULL, otherwise from the table. Read back from the table they can be newer than the change; the change that made
 * them follows. They must not be older, as they would be when the same transaction wrote them and is not yet visible: a
 * transaction is streamed before other sessions see it, long before where its commit waits for a standby.
 *
 * The function returns null when the row is gone, or a column that is read back: the table has changed since, so it is read
 * again as a whole (see table-watch.ts). Once `signal` aborts it throws the signal's reason.
 */
export function wholeRowReader(client: pg.Client, signal: AbortSignal, log: Logger) {
  let visibleXid: number | null = null;
  const untilVisible = async (xid: number) => {
    while (visibleXid !== xid) {
      if (sees(await currentSnapshot(client), xid)) visibleXid = xid;
      else await pause(VISIBLE_POLL_MS, signal);
      signal.throwIfAborted();
    }
  };
  const readCurrent = async ({ table }: CapturedTable, key: Row): Promise<Row | null> => {
    try {
      return await readRow(client, table, key);
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || !GONE_CODES.has(error.code ?? '')) throw error;
      log.warn(
        { table: qualifiedName(table), sqlState: error.code },
        'a large value cannot be read back, since its column or table has gone or has another name: the table is read again',
      );
      return null;
    }
  };
  return async (
    captured: CapturedTable,
    before: Row | null,
    after: Row,
    xid: number,
  ): Promise<Row | null> => {
    const missing = missingColumns(captured, after);
    if (missing.length === 0) return after;
    // An unchanged TOAST value is never null: a null says that the old row was sent without it.
    const isInOld = missing.every((name) => (before?.[name] ?? null) !== null);
    if (!isInOld) await untilVisible(xid);
    const donor = isInOld ? before : await readCurrent(captured, after);
    if (donor === null) return null;
    return { ...after, ...Object.fromEntries(missing.map((name) => [name, donor[name] ?? null])) };
  };
}
