import type { LoadedConfig } from '../core/config/load.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import type { StatusReporter } from '../core/status.ts';
import type { SlotStatus } from './postgres/slot.ts';
import type { SnapshotTask } from './snapshot-task.ts';

/** What a producer is given for its life. */
export interface ProducerContext {
  readonly loaded: LoadedConfig;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly status: StatusReporter;
  readonly signal: AbortSignal;
  /** Figures that `/status` shows; the session fills them in. */
  readonly figures: ProducerFigures;
}

/** How far the producer has come: what its status and metrics are made of. */
export interface ProducerFigures {
  slot: SlotStatus | null;
  acknowledgedLsn: bigint | null;
  lastCommitTsUs: number;
  snapshot: SnapshotTask | null;
}
