/** The public series of the workers. Alerts and dashboards may rely on these and on no others. */
export const PUBLIC_SERIES = [
  'tailrace_slot_retained_bytes',
  'tailrace_slot_safe_bytes',
  'tailrace_slot_active',
  'tailrace_slot_seconds_to_loss',
  'tailrace_capture_lag_bytes',
  'tailrace_capture_lag_seconds',
  'tailrace_capture_events_total',
  'tailrace_snapshot_rows_total',
  'tailrace_capture_halted_tables',
  'tailrace_capture_skipped_rows_total',
  'tailrace_consumer_lag_records',
  'tailrace_sink_lag_seconds',
  'tailrace_sink_applied_lsn',
  'tailrace_sink_events_total',
  'tailrace_sink_write_duration_seconds',
  'tailrace_sink_batch_events',
  'tailrace_sink_retries_total',
  'tailrace_end_to_end_latency_seconds',
  'tailrace_dead_letters_total',
  'tailrace_parked_keys',
  'tailrace_verify_mismatches',
  'tailrace_rebuild_progress_ratio',
  'tailrace_rebalances_total',
  'kafka_consumergroup_lag',
];

/** Prometheus writes this one itself for each target. */
const OF_PROMETHEUS = 'up';

const HISTOGRAMS = [
  'tailrace_sink_write_duration_seconds',
  'tailrace_sink_batch_events',
  'tailrace_end_to_end_latency_seconds',
];

const KEYWORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan']);

/** The names of series in a PromQL expression or a Grafana variable query, each once. */
export function seriesIn(query: string): string[] {
  const bare = query
    .replaceAll(/"[^"]*"|'[^']*'/g, '')
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
    .replaceAll(/\blabel_values\(([^,]*),[^)]*\)/g, '$1');
  const names = [...bare.matchAll(/(?<![\w.:])[a-z_][\w:]*(?![\w:]*\s*\()/gi)].map(([name]) => name);
  return [...new Set(names)].filter((name) => !KEYWORDS.has(name.toLowerCase()));
}

export function isKnown(series: string): boolean {
  const known = [...PUBLIC_SERIES, OF_PROMETHEUS, ...HISTOGRAMS.flatMap(partsOf)];
  return known.includes(series) && !HISTOGRAMS.includes(series);
}

function partsOf(histogram: string): string[] {
  return ['_bucket', '_sum', '_count'].map((part) => histogram + part);
}
