import { spreadOf, type Spread } from '../percentiles.ts';

/** One commit of the open loop, on the clocks of the server; all in milliseconds since the epoch. */
export interface Commit {
  readonly id: string;
  /** When the schedule wanted it. */
  readonly dueMs: number;
  /** When its INSERT ran, right before its COMMIT. */
  readonly sentMs: number;
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
