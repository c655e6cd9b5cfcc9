import { commitLsnOf, type Position } from '../schemas/position.ts';
import type { ChangeEvent } from '../schemas/change-event.ts';

/** Longer than a large bulk request, whose events all count at its end. */
const RATE_WINDOW_SECONDS = 5;

/** How far one sink has come: what its status and lag metrics are made of. Fed by the consumer. */
export class Progress {
  /** Lag in records by topic and partition, as of the last look at Kafka. */
  #lags = new Map<string, { topic: string; partition: number; records: bigint }>();
  /** Commit times (microseconds) of the oldest event of each bulk request that is waiting or running. */
  readonly #inFlight = new Map<object, number>();
  /** Where the store is not known to be caught up: since when, or when the oldest change that it may lack was committed; milliseconds. */
  #behindSince: number | null = Date.now();
  #appliedPosition: Position | null = null;
  #applied = 0;
  #windowStart = { at: Date.now(), applied: 0 };
  #rate = 0;

  /** Begins a bulk request; the token ends it. */
  begin(events: readonly ChangeEvent[]): object {
    const token = {};
    const oldest = events.reduce(
      (least, event) => Math.min(least, event.source.tsUs),
      Number.POSITIVE_INFINITY,
    );
    if (oldest !== Number.POSITIVE_INFINITY) this.#inFlight.set(token, oldest);
    return token;
  }

  end(token: object, applied: readonly ChangeEvent[]): void {
    const oldestUs = this.#inFlight.get(token);
    // What is still behind was committed later than that.
    if (this.#behindSince !== null && oldestUs !== undefined) this.#behindSince = oldestUs / 1000;
    this.#inFlight.delete(token);
    for (const { position } of applied)
      if (this.#appliedPosition === null || position > this.#appliedPosition)
        this.#appliedPosition = position;
    this.#applied += applied.length;
  }

  /** Gives up a request that failed; its events come again. */
  abandon(token: object): void {
    this.#inFlight.delete(token);
  }

  /** Nothing is looked at for a while: the lag grows until the next look. */
  loseSight(): void {
    this.#behindSince ??= Date.now();
  }

  /** Takes a new look at how many records are behind the committed offsets. */
  observe(lags: readonly { topic: string; partition: number; records: bigint }[]): void {
    this.#lags = new Map(lags.map((lag) => [`${lag.topic}/${lag.partition}`, lag]));
    this.#behindSince = this.lagRecords > 0n ? (this.#behindSince ?? Date.now()) : null;
    const seconds = (Date.now() - this.#windowStart.at) / 1000;
    if (seconds >= RATE_WINDOW_SECONDS) {
      this.#rate = (this.#applied - this.#windowStart.applied) / seconds;
      this.#windowStart = { at: Date.now(), applied: this.#applied };
    }
  }

  get lags(): readonly { topic: string; partition: number; records: bigint }[] {
    return [...this.#lags.values()];
  }

  get lagRecords(): bigint {
    return this.lags.reduce((sum, { records }) => sum + records, 0n);
  }

  /**
   * Age of the oldest change that may not be in the store, in seconds: from its commit when it has been read, else from when
   * records were first seen behind, or the last change before them was committed. 0 when nothing is behind.
   */
  get lagSeconds(): number {
    const oldestUs = Math.min(...this.#inFlight.values());
    const sinceMs = Number.isFinite(oldestUs) ? oldestUs / 1000 : this.#behindSince;
    return sinceMs === null ? 0 : Math.max(0, (Date.now() - sinceMs) / 1000);
  }

  /** Highest commit LSN that is in the store; 0 before the first. */
  get appliedLsn(): bigint {
    return this.#appliedPosition === null ? 0n : commitLsnOf(this.#appliedPosition);
  }

  get applied(): number {
    return this.#applied;
  }

  /** Events a second over the last window. */
  get ratePerSecond(): number {
    return this.#rate;
  }
}
