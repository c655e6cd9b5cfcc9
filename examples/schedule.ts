/** When the next change of a steady stream is due, counted from the start so that delays do not add up. */
export interface Schedule {
  /** Milliseconds until the next change is due; 0 or less when it is late. */
  waitMs(): number;
  /** Changes due by now, at least 1. */
  due(): number;
  /** Notes changes that were made. */
  done(changes: number): void;
}

/** A schedule of `rate` changes per second that starts now. `nowMs` is a clock that never goes back. */
export function startSchedule(rate: number, nowMs: () => number = () => performance.now()): Schedule {
  const startedAtMs = nowMs();
  let changed = 0;
  return {
    waitMs: () => startedAtMs + ((changed + 1) / rate) * 1_000 - nowMs(),
    due: () => Math.max(1, Math.floor(((nowMs() - startedAtMs) / 1_000) * rate) - changed),
    done: (changes) => {
      changed += changes;
    },
  };
}
