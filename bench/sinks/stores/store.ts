import type { StoreName } from '../../arguments.ts';
import type { EntryRow } from '../rows.ts';

/** A store, its goals, and the best that its bare driver does. */
export interface StoreBench {
  readonly name: StoreName;
  /** Events of a full run. */
  readonly events: number;
  /** Events a second on 2 cores. */
  readonly rateGoal: number;
  /** Commit to visible, or to acknowledged where a store shows its writes at intervals. */
  readonly latencyGoalMs: number;
  /** The bulk request that was the fastest: rows in one, and how many at the same time. */
  readonly bulk: { readonly rows: number; readonly inFlight: number };
  /** The sink's options in the config, beside type, url, tables and mapping; nothing is tuned. */
  readonly options: Readonly<Record<string, unknown>>;
  open(url: string): Promise<OpenStore>;
}

/** A store seen by its own client. A target is named as in the sink's mapping. */
export interface OpenStore extends AsyncDisposable {
  /** Removes the target with all that the sink or the bound made for it. */
  clear(target: string): Promise<void>;
  /** Makes an empty target without versions, as somebody would who only wants to write fast. */
  create(target: string): Promise<void>;
  /** One bulk request of new rows. */
  insert(target: string, rows: readonly EntryRow[]): Promise<void>;
  /** One bulk request of rows that are there. */
  replace(target: string, rows: readonly EntryRow[]): Promise<void>;
  /** Rows that a reader sees. */
  count(target: string): Promise<number>;
  /** Those of the rows that a reader finds by their key in a target that a sink fills. */
  visible(target: string, ids: readonly number[]): Promise<number[]>;
}
