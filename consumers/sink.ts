import type { z } from 'zod';
import type { Logger } from '../core/logger.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { PlannedEffect } from '../core/planned-effect.ts';
import type { Answer, Question } from '../core/query.ts';
import type { ChangeEvent } from '../schemas/change-event.ts';
import type { Position } from '../schemas/position.ts';
import type { TableSchema } from '../schemas/table-schema.ts';
import type { Row } from '../schemas/value.ts';

/** One table as a sink stores it: `table` is the schema after the sink's transforms and mapping. */
export interface Target {
  /** Name in the store: by default `<table>` for schema public, else `<schema>_<table>`. */
  readonly name: string;
  readonly table: TableSchema;
}

/** An event on its way into a target, after the sink's mapping. */
export interface TargetEvent {
  readonly target: Target;
  readonly event: ChangeEvent;
}

/** The last write of one key in a batch. `row` is the whole row, key columns included. */
export type Write =
  | {
      readonly op: 'upsert';
      readonly target: Target;
      readonly key: Row;
      readonly row: Row;
      readonly position: Position;
      /** A hint for speed alone: the batch creates the row, so most likely (not in a replay) the store has none yet. */
      readonly isNew?: boolean;
    }
  | { readonly op: 'delete'; readonly target: Target; readonly key: Row; readonly position: Position };

/**
 * What became of one write. `stale`: the store holds the same or a newer version of the key, so nothing changed (a store
 * that cannot tell answers `applied`). `rejected`: this write alone can never succeed, all others of the batch are done.
 */
export type WriteOutcome =
  { readonly result: 'applied' | 'stale' } | { readonly result: 'rejected'; readonly error: Error };

/**
 * What the runtime does about an error: `retry` with back-off for ever, `throttle` the same with smaller batches,
 * `park` the event's key, `stop` the sink. An error that a sink does not know is `stop`.
 */
export interface Verdict {
  readonly outcome: 'retry' | 'throttle' | 'park' | 'stop';
  readonly code: ErrorCode;
  /** One sentence for the operator: what it means and what to do. No row values, no secrets. */
  readonly sentence: string;
}

/**
 * A connected store.
 *
 * - `prepare`, `write` and `truncate` may be called again with the same arguments at any time (restart, replay, retry) and
 *   by two processes at once; the store must end in the same state.
 * - A table's schema changes while the sink runs. `prepare` is called with the present one; rows may come with an older or a
 *   newer one at any time, since a replay begins with the oldest, and a change is in the stream before it is told. Columns
 *   that the present schema lacks stay, and a column goes on holding its older type. A row has the columns of its own schema
 *   and no others.
 * - `write` gets at most one write a key, in no particular order of tables. When it resolves, every `applied` write is
 *   durable, and the runtime commits the offsets. It answers one outcome a write, in the same order. It throws when the
 *   batch as a whole failed (connection, time-out, throttle); part of it may have been applied, the runtime sends it again.
 * - A delete of a key that the store can't hold is `stale`: its row was never taken, so there is nothing to do.
 * - The version guard: a write whose position is older than the one stored for its key, deletes included, changes nothing.
 * - Calls never overlap: the runtime awaits each before the next.
 */
export interface Sink {
  /** Proves address and credentials with one cheap request; throws what the store's client throws. */
  connect(): Promise<void>;
  /** Makes the structures of these targets, as they are now, where they are missing, and adds missing columns. */
  prepare(targets: readonly Target[]): Promise<void>;
  write(writes: readonly Write[]): Promise<readonly WriteOutcome[]>;
  /** For stores that keep every change of some tables. */
  readonly history?: SinkHistory;
  /**
   * Every row of the target whose version is older than `position` becomes a deleted one with that position as its version,
   * so that a stale write that comes later is still refused (of a key that the store never had it may be); newer rows stay.
   * Durable when it resolves; may be called again with the same or an older position, which then changes nothing.
   * The runtime calls it once for each partition of the topic, each time behind the older rows of that partition.
   */
  truncate(target: Target, position: Position): Promise<void>;
  close(): Promise<void>;
  /** The most writes that one `write` should get; default 5,000. */
  readonly maxWrites?: number;
  /** How many bytes of records should be gathered for a `write`; default 4 MiB. */
  readonly maxBytes?: number;
  /** How long a bulk request waits for more, in milliseconds; default 5. */
  readonly lingerMs?: number;
}

/** What a store keeps beside the rows as they are now. */
export interface SinkHistory {
  /** Whether it wants the events of this target; always the same answer for one target. */
  keeps(target: Target): boolean;
  /**
   * Takes every event of a batch, truncates too, before `write` gets what is left of them. The same rules as for `write`:
   * events come again and in any order of partitions, one outcome each.
   */
  record(events: readonly TargetEvent[]): Promise<readonly WriteOutcome[]>;
}

/** A table before and after a change of the source that did not happen yet, among all targets of the sink. */
export interface TargetChange {
  /** Null for a table that the change makes. */
  readonly before: Target | null;
  readonly after: Target;
  readonly allBefore: readonly Target[];
  readonly allAfter: readonly Target[];
}

export interface SinkContext<TableOptions = unknown> {
  /** The sink's name in the config. */
  readonly name: string;
  readonly log: Logger;
  /** The store's own keys of `mapping` for this table, checked; the same object at each call. Throws CONFIG_INVALID. */
  readonly tableOptions: (table: { readonly schema: string; readonly name: string }) => TableOptions;
}

/**
 * What the `index.ts` of a folder under `consumers/` exports as `sink`; the folder's name is the `type` in the config.
 * `options` validates the sink's own keys (all but those of the runtime, core/config/schema.ts), strictly.
 */
export interface SinkModule<Options = unknown, TableOptions = unknown> {
  readonly options: z.ZodType<Options>;
  /** Validates the sink's own keys of `mapping.<table>`, strictly; `{}` gives the defaults. */
  readonly tableOptions: z.ZodType<TableOptions>;
  create(options: Options, context: SinkContext<TableOptions>): Sink;
  /**
   * What `prepare` would do about the change where the store holds what `before` asks for; pure. The runtime tells of keys
   * that change and of rows that are read again. What it throws is told as `break`.
   */
  plan(
    change: TargetChange,
    options: Options,
    tableOptions: SinkContext<TableOptions>['tableOptions'],
  ): PlannedEffect;
  /** The store's error table; pure. */
  classify(error: unknown): Verdict;
  /**
   * Asks the store in its own language, over a connection of its own that is closed when it resolves. Throws QUERY_FAILED with
   * the store's words, QUERY_REFUSED for a write without `question.write`, and of connection and login what `classify` knows.
   */
  query(options: Options, question: Question): Promise<Answer>;
}
