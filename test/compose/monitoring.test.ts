import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createMetrics } from '../../core/metrics.ts';
import { readComposeFile, readText } from './compose-file.ts';
import { WORKERS } from './rules.ts';
import { isKnown, PUBLIC_SERIES, seriesIn } from './series.ts';

interface Alert {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; runbook_url: string };
}

interface Dashboard {
  templating: { list: { query: { query: string } }[] };
  panels: { title: string; gridPos: Record<'x' | 'y' | 'w' | 'h', number>; targets: { expr: string }[] }[];
}

const alerts = (
  parse(readText('infra/compose/prometheus/alerts.yml')) as { groups: { rules: Alert[] }[] }
).groups.flatMap(({ rules }) => rules);

const dashboard = JSON.parse(readText('infra/compose/grafana/dashboards/tailrace.json')) as Dashboard;

describe('series', () => {
  it('of an expression are found among functions, labels, ranges and keywords', () => {
    const query =
      'sum by (sink) (rate(a_total{job="b", c=~"$d"}[5m])) / on (pipeline) e_sum > 4 * 2^30 unless f:g offset 5m';
    expect(seriesIn(query)).toEqual(['a_total', 'e_sum', 'f:g']);
    expect(seriesIn('label_values(a_total, sink)')).toEqual(['a_total']);
    expect(seriesIn('histogram_quantile(0.95, sum by (le) (rate(a_bucket[$__rate_interval])))')).toEqual([
      'a_bucket',
    ]);
  });

  it('that nobody exports, a histogram without its part included, are not known', () => {
    expect(isKnown('tailrace_sink_lag_milliseconds')).toBe(false);
    expect(isKnown('tailrace_sink_lag_seconds_bucket')).toBe(false);
    expect(isKnown('tailrace_sink_write_duration_seconds')).toBe(false);
    expect(isKnown('tailrace_sink_write_duration_seconds_bucket')).toBe(true);
  });

  it('of the workers that are tailrace’s own are all public', () => {
    const exported = createMetrics('pursuit')
      .registry.getMetricsAsArray()
      .map(({ name }) => name)
      .filter((name) => name.startsWith('tailrace_'));
    expect(exported.filter((name) => !PUBLIC_SERIES.includes(name))).toEqual([]);
  });
});

describe('alerts', () => {
  it.each(alerts)('$alert names public series only', ({ expr }) => {
    expect(seriesIn(expr)).not.toEqual([]);
    expect(seriesIn(expr).filter((name) => !isKnown(name))).toEqual([]);
  });

  it.each(alerts)('$alert has a severity, a sentence and a paragraph that says what to do', (alert) => {
    expect(['warning', 'critical']).toContain(alert.labels.severity);
    expect(alert.annotations.summary).toMatch(/\.$/);
    const [file = '', anchor] = alert.annotations.runbook_url.split('#');
    const paragraphs = [...readText(file).matchAll(/^## (.*)$/gm)].map(([, title = '']) =>
      title.toLowerCase(),
    );
    expect(paragraphs).toContain(anchor);
  });
});

describe('the dashboard', () => {
  it.each(dashboard.panels)('shows public series only: $title', ({ targets }) => {
    expect(targets.flatMap(({ expr }) => seriesIn(expr)).filter((name) => !isKnown(name))).toEqual([]);
  });

  it('fills its variables from public series', () => {
    const names = dashboard.templating.list.flatMap(({ query }) => seriesIn(query.query));
    expect(names.filter((name) => !isKnown(name))).toEqual([]);
  });

  it('has no panels that overlap or stick out', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => [x + (cell % w), y + Math.floor(cell / w)]),
    );
    expect(cells.filter(([x = 0]) => x >= 24)).toEqual([]);
    expect(new Set(cells.map(String)).size).toBe(cells.length);
  });
});

describe('the files that containers read', () => {
  it('are where docker-compose.yml mounts them from', () => {
    const mounts = Object.values(readComposeFile().services)
      .flatMap(({ volumes }) => volumes)
      .filter((volume) => volume.startsWith('./'));
    expect(mounts).not.toEqual([]);
    const paths = [
      'infra/compose/prometheus/prometheus.yml',
      'infra/compose/prometheus/alerts.yml',
      'infra/compose/grafana/provisioning/datasources/prometheus.yml',
      'infra/compose/grafana/provisioning/dashboards/tailrace.yml',
      'infra/compose/grafana/dashboards/tailrace.json',
      'infra/compose/postgres/create-pipeline-role.sh',
      'infra/compose/clickhouse/small-memory.xml',
    ];
    const sources = mounts.map((mount) => mount.slice(2).split(':')[0] ?? '');
    expect(
      paths.filter((path) => !sources.some((source) => path === source || path.startsWith(`${source}/`))),
    ).toEqual([]);
    expect(
      sources.filter((source) => !paths.some((path) => path === source || path.startsWith(`${source}/`))),
    ).toEqual([]);
    expect(paths.map(readText).every((text) => text.length > 0)).toBe(true);
  });

  it('make Prometheus read every worker', () => {
    const { scrape_configs } = parse(readText('infra/compose/prometheus/prometheus.yml')) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    const targets = scrape_configs.flatMap(({ static_configs }) =>
      static_configs.flatMap((config) => config.targets),
    );
    expect(targets.toSorted()).toEqual(
      Object.keys(WORKERS)
        .map((name) => `${name}:9464`)
        .toSorted(),
    );
  });

  it('give the dashboard the data source that it names', () => {
    const { datasources } = parse(
      readText('infra/compose/grafana/provisioning/datasources/prometheus.yml'),
    ) as {
      datasources: { uid: string; url: string }[];
    };
    const named = JSON.stringify(dashboard).match(/"uid":"prometheus"/g) ?? [];
    expect(datasources).toMatchObject([{ uid: 'prometheus', url: 'http://prometheus:9090' }]);
    expect(named.length).toBeGreaterThan(dashboard.panels.length);
  });
});
