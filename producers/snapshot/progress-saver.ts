import { toError } from '../../core/errors.ts';
import type { SnapshotProgress } from '../postgres/snapshot/snapshot-progress.ts';

/** Keeps the progress of tables, one write at a time; what is overtaken while it waits is not written. */
export class ProgressSaver {
  readonly #save: (table: string, progress: SnapshotProgress) => Promise<void>;
  readonly #onFailure: (error: Error) => void;
  readonly #waiting = new Map<string, SnapshotProgress>();
  #running: Promise<void> | null = null;

  constructor(
    save: (table: string, progress: SnapshotProgress) => Promise<void>,
    onFailure: (error: Error) => void,
  ) {
    this.#save = save;
    this.#onFailure = onFailure;
  }

  put(table: string, progress: SnapshotProgress): void {
    this.#waiting.set(table, progress);
    this.#running ??= this.#run();
  }

  /** Resolves when everything that was put is safe, or when it could not be saved and `onFailure` was told so. */
  async saved(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      for (const [table, progress] of this.#waiting) {
        this.#waiting.delete(table);
        await this.#save(table, progress);
      }
    } catch (error) {
      this.#onFailure(toError(error));
    } finally {
      this.#running = null;
    }
  }
}
