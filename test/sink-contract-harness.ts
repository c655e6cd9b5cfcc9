import type { Sink, Target, Verdict } from '../consumers/sink.ts';
import type { Row } from '../schemas/value.ts';
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
  /**
   * A row that the store refuses for ever, of a target with the key (id text, day date) and the columns body jsonb and name
   * text; `name` is the suite's, and the texts hold the word `secret`. It may first put something into the row's way.
   */
  impossibleRow(target: Target): Promise<Row>;
  /** Has the store do at once what it does to the deletes of a target as time passes; for stores that do something. */
  passTombstoneTime?(target: Target): Promise<void>;
}
