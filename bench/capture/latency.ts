import { percentiles } from '../percentiles.ts';

/** One commit of the open loop, on the clocks of the server; all in milliseconds since the epoch. */
export interface Commit {
  readonly id: string;
  /** When the schedule wanted it. */
  readonly dueMs: number;
  /** When its INSERT ran, right before its COMMIT. */
  readonly sentMs: number;
}

/** Milliseconds at the 50th, 95th and 99th percentile, and the longest. */
export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface Latencies {
  /** From the commit to Kafka. */
  readonly commit: Spread;
  /** From the moment that the schedule wanted to Kafka: with what the database itself made the commits wait. */
  readonly schedule: Spread;
  /** How late the generator was. */
  readonly lateness: Spread;
}

/**
 * Joins commits with the times at which the broker appended them. The broker's clock has whole milliseconds, and the end of
 * its millisecond is taken, so every latency is up to 1 ms too long and never too short. Throws when a commit is missing.
 */
export function latenciesOf(commits: readonly Commit[], appendedMs: ReadonlyMap<string, number>): Latencies {
  const arrivals = commits.map(({ id, dueMs, sentMs }) => {
    const appended = appendedMs.get(id);
    if (appended === undefined) throw new Error(`row ${id} is not in the topic`);
    return { dueMs, sentMs, atMs: appended + 1 };
  });
  return {
    commit: spreadOf(arrivals.map(({ sentMs, atMs }) => atMs - sentMs)),
    schedule: spreadOf(arrivals.map(({ dueMs, atMs }) => atMs - dueMs)),
    lateness: spreadOf(arrivals.map(({ dueMs, sentMs }) => sentMs - dueMs)),
  };
}

function spreadOf(values: readonly number[]): Spread {
  const [p50 = 0, p95 = 0, p99 = 0, max = 0] = percentiles(values, [0.5, 0.95, 0.99, 1]);
  return { p50, p95, p99, max };
}
