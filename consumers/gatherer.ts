import type { Offsets } from 'kafkajs';

/** What one partition's fetch brings to the next bulk request. */
export interface Part<Item> {
  readonly topic: string;
  readonly partition: number;
  readonly items: readonly Item[];
  /** Offset from which this partition is read next, once the items are in the store. */
  readonly nextOffset: bigint;
  /** Commits offsets of any partitions under the membership that this part was fetched with. */
  commit(offsets: Offsets): Promise<void>;
}

/** How long a bulk request waits for the other partitions of the same fetch. */
const GATHER_MS = 5;

/**
 * Joins what the partitions of one fetch bring into one bulk request, and lets one request run at a time. `submit`
 * resolves when the part's items are in the store and its offset is committed; it rejects with the error of its request.
 */
export class Gatherer<Item> {
  readonly #apply: (parts: readonly Part<Item>[]) => Promise<void>;
  readonly #maxItems: number;
  #waiting: { part: Part<Item>; done: PromiseWithResolvers<void> }[] = [];
  #timer: NodeJS.Timeout | null = null;
  #running = false;

  constructor(maxItems: number, apply: (parts: readonly Part<Item>[]) => Promise<void>) {
    this.#maxItems = maxItems;
    this.#apply = apply;
  }

  submit(part: Part<Item>): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#waiting.push({ part, done });
    this.#schedule();
    return done.promise;
  }

  #schedule(): void {
    if (this.#running || this.#waiting.length === 0) return;
    const count = this.#waiting.reduce((sum, { part }) => sum + part.items.length, 0);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#run(), count >= this.#maxItems ? 0 : GATHER_MS);
  }

  async #run(): Promise<void> {
    const gathered = this.#waiting;
    this.#waiting = [];
    this.#timer = null;
    this.#running = true;
    try {
      await this.#apply(gathered.map(({ part }) => part));
      for (const { done } of gathered) done.resolve();
    } catch (error) {
      for (const { done } of gathered) done.reject(error);
    } finally {
      this.#running = false;
      this.#schedule();
    }
  }
}
