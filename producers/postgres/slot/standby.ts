import type pg from 'pg';
import { TailraceError } from '../../../core/errors.ts';
import { pause } from '../../../core/retry.ts';
import { connectSource } from '../connection.ts';

/** A standby notices a free slot this fast; one look is one tiny query on an open connection. */
const POLL_INTERVAL_MS = 1_000;

/**
 * Throws SLOT_IN_USE while another producer reads the slot. To be asked before anything is set up: a standby must neither
 * change the publication nor write into the state topic of a pipeline that somebody else runs.
 */
export async function refuseBusySlot(client: pg.Client, slot: string): Promise<void> {
  const pid = await readerOf(client, slot);
  if (pid !== null) throw slotInUse(slot, pid);
}

/** `pid` is the server process that sends the slot's changes. */
export function slotInUse(slot: string, pid: number): TailraceError {
  return new TailraceError(
    'SLOT_IN_USE',
    `another producer reads replication slot ${slot} (server process ${pid})`,
    'nothing to do when two producers are meant: this one takes over when the other ends; else stop one of them',
  );
}

/**
 * Waits until nobody reads the slot, or it is gone, or the server does not answer any more: the next session tells. The
 * back-off of other errors would be too long here, since capture stands still from the moment the other producer is dead.
 */
export async function awaitFreeSlot(url: string, slot: string, signal: AbortSignal): Promise<void> {
  let client: pg.Client | null = null;
  try {
    client = await connectSource(url, `tailrace ${slot} standby`);
    do await pause(POLL_INTERVAL_MS, signal);
    while (!signal.aborted && (await readerOf(client, slot)) !== null);
  } catch {
    // Connecting and failing at once must not become a busy loop.
    await pause(POLL_INTERVAL_MS, signal);
  } finally {
    await client?.end().catch(() => undefined);
  }
}

/** Id of the server process that sends the slot's changes to its reader; null when there is none. */
async function readerOf(client: pg.Client, slot: string): Promise<number | null> {
  const { rows } = await client.query<{ pid: string | null }>(
    'SELECT active_pid AS pid FROM pg_replication_slots WHERE slot_name = $1',
    [slot],
  );
  const pid = rows[0]?.pid ?? null;
  return pid === null ? null : Number(pid);
}
