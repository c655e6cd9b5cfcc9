import type { LoadedConfig } from '../core/config/load.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import type { AvroRegistry } from '../core/registry.ts';
import type { HaltedTable } from '../core/state.ts';
import type { StatusReporter } from '../core/status.ts';
import type { SlotStatus } from './postgres/slot/slot.ts';
import type { SnapshotTask } from './snapshot/snapshot-task.ts';

/** What a producer is given for its life. */
export interface ProducerContext {
  readonly loaded: LoadedConfig;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly status: StatusReporter;
  readonly signal: AbortSignal;
  /** Null without a registry in the config. It outlives a session, so that one can begin while the registry is down. */
  readonly registry: AvroRegistry | null;
  /** Figures that `/status` shows; the session fills them in. */
  readonly figures: ProducerFigures;
}

/** What is wrong with tables and their schemas. */
export interface TableFigures {
  readonly haltedTables: readonly HaltedTable[];
  /** In one sentence; null when the registry answered when it was asked last. */
  readonly registryTrouble: string | null;
}

/** How far the producer has come: what its status and metrics are made of. */
export interface ProducerFigures {
  slot: SlotStatus | null;
  acknowledgedLsn: bigint | null;
  lastCommitTsUs: number;
  snapshot: SnapshotTask | null;
  tables: TableFigures | null;
  /** Since the process began. */
  largeRowsSkipped: number;
}
