import type { Offsets } from 'kafkajs';

/** What one partition's fetch brings to a bulk request. */
export interface Part<Item> {
  readonly topic: string;
  readonly partition: number;
  readonly items: readonly Item[];
  /** The fetched records' own size. */
  readonly bytes: number;
  /** Offset from which this partition is read next, once the items are in the store. */
  readonly nextOffset: bigint;
  /** Whether the group was not divided anew since the fetch: else the partition may be another member's by now. */
  isCurrent(): boolean;
  /** Commits offsets of any partitions that are this member's. */
  commit(offsets: Offsets): Promise<void>;
}

/** How much waits for the next bulk request, and how long a request waits for more. */
export interface GatherLimits {
  readonly maxItems: number;
  readonly maxBytes: number;
  readonly lingerMs: number;
}

interface Waiting<Item> {
  readonly part: Part<Item>;
  readonly sinceMs: number;
  readonly taken: PromiseWithResolvers<void>;
}

/**
 * Joins what is fetched into bulk requests, and lets one run at a time: while it runs, the next one is fetched, decoded and
 * gathered. Nothing is applied after a request that failed, since its offsets would be committed with those of the next one.
 */
export class Gatherer<Item> {
  readonly #limits: GatherLimits;
  readonly #apply: (parts: readonly Part<Item>[]) => Promise<void>;
  readonly #onError: (error: unknown) => void;
  #waiting: Waiting<Item>[] = [];
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  /** Why nothing is taken any more. */
  #ended: { readonly reason: unknown } | null = null;

  /** `onError` gets the first error of `apply`. */
  constructor(
    limits: GatherLimits,
    apply: (parts: readonly Part<Item>[]) => Promise<void>,
    onError: (error: unknown) => void,
  ) {
    this.#limits = limits;
    this.#apply = apply;
    this.#onError = onError;
  }

  /**
   * Resolves when there is room for another part: at once, or when the request that takes this one begins. Rejects when
   * nothing is taken any more.
   */
  submit(part: Part<Item>): Promise<void> {
    if (this.#ended !== null) return Promise.reject(this.#ended.reason as Error);
    const taken = Promise.withResolvers<void>();
    this.#waiting.push({ part, sinceMs: performance.now(), taken });
    this.#schedule();
    return this.#isFull() ? taken.promise : Promise.resolve();
  }

  /** Takes nothing more, drops what waits, and resolves when the request that runs has ended. */
  async close(reason: Error): Promise<void> {
    this.#end(reason);
    await this.#running;
  }

  #isFull(): boolean {
    const sum = (of: (part: Part<Item>) => number) =>
      this.#waiting.reduce((total, { part }) => total + of(part), 0);
    return sum(({ items }) => items.length) >= this.#limits.maxItems || sum(({ bytes }) => bytes) >= this.#limits.maxBytes; // prettier-ignore
  }

  #schedule(): void {
    const [first] = this.#waiting;
    if (this.#running !== null || first === undefined) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const leftMs = this.#isFull() ? 0 : first.sinceMs + this.#limits.lingerMs - performance.now();
    this.#timer = setTimeout(
      () => {
        this.#running = this.#run();
      },
      Math.max(0, leftMs),
    );
  }

  async #run(): Promise<void> {
    const gathered = this.#waiting;
    this.#waiting = [];
    this.#timer = null;
    for (const { taken } of gathered) taken.resolve();
    try {
      await this.#apply(gathered.map(({ part }) => part));
    } catch (error) {
      this.#end(error);
      this.#onError(error);
    } finally {
      this.#running = null;
      this.#schedule();
    }
  }

  #end(reason: unknown): void {
    this.#ended ??= { reason };
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (const { taken } of this.#waiting) {
      // Who was let go on at once does not wait for it.
      taken.promise.catch(() => undefined);
      taken.reject(reason);
    }
    this.#waiting = [];
  }
}
