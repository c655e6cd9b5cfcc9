import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/**
 * The catalogue of series: names, units and labels are public (docs/metrics.md). Base units, no label ever holds a key or
 * a value of a row.
 */
export function createMetrics(pipeline: string) {
  const registry = new Registry();
  registry.setDefaultLabels({ pipeline });
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const metrics = {
    registry,
    captureEvents: new Counter({
      name: 'tailrace_capture_events_total',
      help: 'Change events that Kafka has acknowledged.',
      labelNames: ['table', 'op'] as const,
      registers,
    }),
    captureLagSeconds: new Gauge({
      name: 'tailrace_capture_lag_seconds',
      help: 'Age of the last commit that Kafka has acknowledged, heartbeats included; grows while nothing is captured.',
      registers,
    }),
    captureLagBytes: new Gauge({
      name: 'tailrace_capture_lag_bytes',
      help: 'Bytes of WAL written by Postgres and not yet acknowledged by Tailrace.',
      registers,
    }),
    slotRetainedBytes: new Gauge({
      name: 'tailrace_slot_retained_bytes',
      help: 'Bytes of WAL that Postgres keeps for the slot.',
      registers,
    }),
    slotSafeBytes: new Gauge({
      name: 'tailrace_slot_safe_bytes',
      help: 'Bytes of WAL that can still be written before the slot is lost; absent without max_slot_wal_keep_size.',
      registers,
    }),
    slotSecondsToLoss: new Gauge({
      name: 'tailrace_slot_seconds_to_loss',
      help: 'Time until the slot is lost if nothing more was confirmed, at the WAL rate of the last 5 minutes; absent without max_slot_wal_keep_size.',
      registers,
    }),
    slotActive: new Gauge({
      name: 'tailrace_slot_active',
      help: '1 while a producer reads the slot, 0 while nobody does.',
      registers,
    }),
    snapshotRows: new Counter({
      name: 'tailrace_snapshot_rows_total',
      help: 'Rows read from tables by the snapshot and acknowledged by Kafka.',
      labelNames: ['table'] as const,
      registers,
    }),
    captureSkippedRows: new Counter({
      name: 'tailrace_capture_skipped_rows_total',
      help: 'Rows that were too large for their topic and left out, with kafka.largeRows: skip.',
      labelNames: ['table'] as const,
      registers,
    }),
    captureHaltedTables: new Gauge({
      name: 'tailrace_capture_halted_tables',
      help: 'Tables whose changes are not written because the registry refuses their schema.',
      registers,
    }),
    sinkEvents: new Counter({
      name: 'tailrace_sink_events_total',
      help: 'Change events by what became of them in the sink.',
      labelNames: ['sink', 'table', 'op', 'result'] as const,
      registers,
    }),
    sinkWriteSeconds: new Histogram({
      name: 'tailrace_sink_write_duration_seconds',
      help: 'Time of one bulk request to the store.',
      labelNames: ['sink'] as const,
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    sinkBatchEvents: new Histogram({
      name: 'tailrace_sink_batch_events',
      help: 'Change events in one bulk request, before they are collapsed by key.',
      labelNames: ['sink'] as const,
      buckets: [1, 10, 100, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000],
      registers,
    }),
    sinkRetries: new Counter({
      name: 'tailrace_sink_retries_total',
      help: 'Bulk requests that failed and were sent again.',
      labelNames: ['sink', 'code'] as const,
      registers,
    }),
    sinkLagSeconds: new Gauge({
      name: 'tailrace_sink_lag_seconds',
      help: 'Age of the oldest change not yet in the store; 0 when all are, growing while nothing is applied.',
      labelNames: ['sink'] as const,
      registers,
    }),
    sinkAppliedLsn: new Gauge({
      name: 'tailrace_sink_applied_lsn',
      help: 'Highest commit LSN applied, as a number (exact below 2^53).',
      labelNames: ['sink'] as const,
      registers,
    }),
    consumerLagRecords: new Gauge({
      name: 'tailrace_consumer_lag_records',
      help: 'Records in the partition behind the committed offset.',
      labelNames: ['sink', 'topic', 'partition'] as const,
      registers,
    }),
    kafkaConsumerGroupLag: new Gauge({
      name: 'kafka_consumergroup_lag',
      help: 'The same under the name that kafka_exporter uses, so that existing dashboards work.',
      labelNames: ['consumergroup', 'topic', 'partition'] as const,
      registers,
    }),
    endToEndSeconds: new Histogram({
      name: 'tailrace_end_to_end_latency_seconds',
      help: 'From commit in Postgres to acknowledged by the store.',
      labelNames: ['sink'] as const,
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
      registers,
    }),
    rebalances: new Counter({
      name: 'tailrace_rebalances_total',
      help: 'Times the consumer group was joined anew.',
      labelNames: ['sink'] as const,
      registers,
    }),
  };
  // prom-client shows a gauge without labels as 0 before it is set, which would read as "the slot is about to be lost", and
  // in a process without a producer as "no table is halted".
  for (const gauge of [
    metrics.captureLagSeconds,
    metrics.captureLagBytes,
    metrics.slotRetainedBytes,
    metrics.slotSafeBytes,
    metrics.slotSecondsToLoss,
    metrics.slotActive,
    metrics.captureHaltedTables,
  ]) {
    gauge.remove();
  }
  return metrics;
}

export type Metrics = ReturnType<typeof createMetrics>;
