/** How often the record is written at most; heartbeats and tests are slower, a load is not. */
const INTERVAL_MS = 1_000;

/** Moves the slot on, and never without a record of it. */
export interface Acknowledger {
  /** Kafka holds everything before this LSN. */
  reach(lsn: bigint): void;
  /** Records and acknowledges all that was reached, now. Throws what recording throws. */
  settle(): Promise<void>;
  /** Ends the timer; what was reached and not acknowledged comes again at the next start. */
  close(): void;
}

export interface AcknowledgerOptions {
  /** Keeps the LSN in the state topic; resolves when all replicas in sync have it. */
  readonly record: (lsn: bigint) => Promise<void>;
  /** Tells Postgres. */
  readonly acknowledge: (lsn: bigint) => void;
  /** Told when recording fails outside of `settle`; nothing is acknowledged after that. */
  readonly fail: (error: unknown) => void;
  readonly intervalMs?: number;
}

/**
 * Writes down how far the slot will stand before it tells Postgres, at most once a second. The order is what makes a
 * slot's history provable: as nothing is acknowledged beyond the record, a slot beyond the record was moved by somebody
 * else, even when we were killed between any two steps (position-check.ts). The other way round our own last
 * acknowledgement could be newer than the record, and nobody could tell the two cases apart. The positions in the
 * topics cannot serve as the record: a slot moves on with heartbeats and with changes of tables that are not captured.
 */
export function createAcknowledger(options: AcknowledgerOptions): Acknowledger {
  const { record, acknowledge, fail, intervalMs = INTERVAL_MS } = options;
  let reached: bigint | null = null;
  let recorded: bigint | null = null;
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | null = null;
  let lastStartMs = -Infinity;

  const step = async () => {
    if (reached === null || reached === recorded) return;
    const lsn = reached;
    lastStartMs = performance.now();
    await record(lsn);
    recorded = lsn;
    acknowledge(lsn);
  };
  /** One after the other, so that records never stand in the wrong order. */
  const next = () => {
    running = running.then(step);
    return running;
  };
  return {
    reach: (lsn) => {
      reached = lsn;
      // The first step after a pause is taken at once, so that an idle slot follows each heartbeat.
      timer ??= setTimeout(
        () => {
          timer = null;
          next().catch(fail);
        },
        Math.max(0, lastStartMs + intervalMs - performance.now()),
      );
    },
    settle: next,
    close: () => {
      if (timer !== null) clearTimeout(timer);
    },
  };
}
