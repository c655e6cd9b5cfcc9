import type { Sink, Target, Verdict } from '../consumers/sink.ts';
import type { StoredRows } from './sink-contract-model.ts';

/** What the suite needs of a store: every sink's integration test gives it one. */
export interface SinkHarness {
  /** A new sink, connected. `close` gives it back; the suite closes each one that it opened. */
  open(): Promise<{ sink: Sink; close(): Promise<void> }>;
  /** Every live row as a reader of the store sees it, converted back to texts (see `StoredRow`), read after `write` resolved. */
  read(target: Target): Promise<StoredRows>;
  /** Takes the structures of these targets away; called once, at the end. */
  remove(targets: readonly Target[]): Promise<void>;
  /** The module's error table: the suite retries what it calls `retry` or `throttle`, as the runtime does. */
  readonly classify: (error: unknown) => Verdict;
  /** False for a store that answers `applied` where it can't tell that a write was stale. */
  readonly tellsStale: boolean;
}
