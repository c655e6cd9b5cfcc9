/** How long the rate of WAL is looked back on: long enough to smooth checkpoints, short enough to see a bulk load begin. */
const WINDOW_MS = 5 * 60_000;
/** Two looks at once would make any rate of a few bytes. */
const MIN_SPAN_MS = 4_000;

/** One look at the server. */
interface Sample {
  readonly atMs: number;
  readonly writtenLsn: bigint;
}

/** Tells from looks at the slot when it would be lost. */
export interface SlotForecast {
  /** Takes one look; looks must come in the order of time. */
  observe(atMs: number, writtenLsn: bigint): void;
  /**
   * Seconds until `safeBytes` of WAL are written at the rate of the last minutes, as if nothing were confirmed from now
   * on: the time that the producer may be down. Null without a limit, while no WAL is written, and before the first 4 s.
   */
  secondsToLoss(safeBytes: number | null): number | null;
}

export function createSlotForecast(): SlotForecast {
  let samples: Sample[] = [];
  return {
    observe: (atMs, writtenLsn) => {
      const last = samples.at(-1);
      // Another server, or one that was restored: its past says nothing of its rate.
      if (last !== undefined && writtenLsn < last.writtenLsn) samples = [];
      samples = [...samples.filter((sample) => atMs - sample.atMs <= WINDOW_MS), { atMs, writtenLsn }];
    },
    secondsToLoss: (safeBytes) => {
      const [first] = samples;
      const last = samples.at(-1);
      if (safeBytes === null || first === undefined || last === undefined) return null;
      const spanMs = last.atMs - first.atMs;
      const bytes = Number(last.writtenLsn - first.writtenLsn);
      if (spanMs < MIN_SPAN_MS || bytes === 0) return null;
      // Below 0 the slot lives only until the next checkpoint.
      return Math.max(0, safeBytes) / (bytes / (spanMs / 1000));
    },
  };
}
