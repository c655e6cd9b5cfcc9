import type { Kafka } from 'kafkajs';
import type { LoadedConfig } from '../core/config/load.ts';
import type { SinkConfig } from '../core/config/schema.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import type { AvroRegistry } from '../core/registry.ts';
import type { StatusReporter } from '../core/status.ts';
import type { DebeziumTopics, SourceAccess } from './debezium/topics.ts';
import type { Progress } from './progress.ts';
import type { Routes } from './routes.ts';
import type { Store } from './store.ts';

export interface ConsumerContext {
  readonly loaded: LoadedConfig;
  /** The sink's name in the config. */
  readonly name: string;
  readonly sink: SinkConfig;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly status: StatusReporter;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** The source database, for topics that Debezium writes. */
  readonly source?: SourceAccess | undefined;
}

/** What lives as long as the worker, over all its memberships in the group. */
export interface Parts {
  readonly kafka: Kafka;
  readonly registry: AvroRegistry | null;
  readonly store: Store;
  readonly routes: Routes;
  /** Null where our own producer writes the topics. */
  readonly debezium: DebeziumTopics | null;
}
