const WINDOW_MS = 15_000;

/** Rows a second over the last 15 s. */
export class SnapshotRate {
  readonly #samples: { at: number; rows: number }[] = [];
  readonly #now: () => number;
  #rows = 0;

  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#samples.push({ at: now(), rows: 0 });
  }

  add(rows: number): void {
    this.#rows += rows;
    const at = this.#now();
    this.#samples.push({ at, rows: this.#rows });
    while (this.#samples.length > 2 && at - (this.#samples[1]?.at ?? at) > WINDOW_MS) this.#samples.shift();
  }

  /** Null before anything is known. */
  get rowsPerSecond(): number | null {
    const [first] = this.#samples;
    const seconds = (this.#now() - (first?.at ?? 0)) / 1000;
    return this.#rows === 0 || seconds <= 0 ? null : (this.#rows - (first?.rows ?? 0)) / seconds;
  }
}
