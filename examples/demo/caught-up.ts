import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { openOverview } from '../../cli/overview.ts';
import type { LoadedConfig } from '../../core/config/load.ts';
import { slotName } from '../../producers/postgres/slot/slot.ts';

/** Each look joins two consumer groups, so it is not for free. */
const POLL_MS = 2_000;

/**
 * Resolves when everything that Postgres held at the call is in every sink: the slot is confirmed beyond the WAL's end of
 * now, and no sink is behind in Kafka after that. `onWait` is told what is missing. Throws when time is out.
 */
export async function untilCaughtUp(
  loaded: LoadedConfig,
  options: { timeoutMs: number; signal: AbortSignal; onWait: (message: string) => void },
): Promise<void> {
  const deadline = Date.now() + options.timeoutMs;
  const postgres = new Client({ connectionString: loaded.config.source.url });
  await postgres.connect();
  const overview = await openOverview(loaded);
  try {
    const { rows } = await postgres.query<{ lsn: string }>('SELECT pg_current_wal_lsn() AS lsn');
    const target = rows[0]?.lsn ?? '0/0';
    for (;;) {
      const waiting = await missing(postgres, overview, slotName(loaded.config.pipeline), target);
      if (waiting === null) return;
      options.signal.throwIfAborted();
      if (Date.now() > deadline)
        throw new Error(`not caught up in ${options.timeoutMs / 1000} s: ${waiting}`);
      options.onWait(waiting);
      await delay(POLL_MS);
    }
  } finally {
    await postgres.end();
    await overview.close();
  }
}

/** What is still missing, or null. */
async function missing(
  postgres: Client,
  overview: Awaited<ReturnType<typeof openOverview>>,
  slot: string,
  target: string,
): Promise<string | null> {
  const { rows } = await postgres.query<{ reached: boolean }>(
    'SELECT confirmed_flush_lsn >= $2::pg_lsn AS reached FROM pg_replication_slots WHERE slot_name = $1',
    [slot, target],
  );
  if (rows[0]?.reached !== true) return 'the producer has not yet brought everything to Kafka';
  const { workers } = await overview.read();
  const producer = workers.find(({ name }) => name === 'producer');
  if (producer?.state !== 'running') return `the producer is in state ${producer?.state}`;
  const behind = workers.filter(
    ({ lagRecords, topics }) =>
      (lagRecords ?? 0) > 0 || topics.some(({ hasCommitted, lagRecords: lag }) => !hasCommitted && lag > 0),
  );
  if (behind.length === 0) return null;
  return behind
    .map(({ name, lagRecords, state }) => `${name} ${lagRecords} records behind (${state})`)
    .join(', ');
}
