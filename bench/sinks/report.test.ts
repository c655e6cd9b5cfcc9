import { expect, test } from 'vitest';
import { latencyFigures, renderReport, throughputFigures } from './report.ts';
import { redis } from './stores/redis.ts';

const LOAD = { measure: 'inserts', table: 'inserts_1000000', rows: 1_000_000, events: 1_000_000 } as const;
const BOUND = { seconds: 10, cpuSeconds: 6, storeCpuSeconds: 9 };
const SINK = {
  events: 1_000_000,
  seconds: 20,
  secondsFromProcessStart: 25,
  cpuSeconds: 14,
  storeCpuSeconds: 12,
  brokerCpuSeconds: 1,
  peakBytes: 290e6,
};

test('a rate that is high enough can still be too far from the bound', () => {
  const figures = throughputFigures(redis, LOAD, { bound: BOUND, sink: SINK });
  const named = (name: string) => figures.find((each) => each.name === `redis.inserts.${name}`);
  expect(named('rate')).toMatchObject({ value: 50_000, bound: 100_000, ratio: 0.5, isMet: true });
  expect(named('rate_beside_bound')).toMatchObject({ goal: { atLeastShare: 0.7 }, isMet: false });
  expect(named('cpu')).toMatchObject({ value: 14 });
  expect(named('peak_memory')).toMatchObject({ value: 290, isMet: true });
});

test('updates have a goal in their share alone', () => {
  const figures = throughputFigures(redis, { ...LOAD, measure: 'updates' }, { bound: BOUND, sink: SINK });
  expect(figures.find(({ name }) => name === 'redis.updates.rate')?.goal).toBeNull();
});

test('loads and latencies are told in tables of their own, in the order of the stores', () => {
  const spread = { p50: 20, p95: 40, p99: 301, max: 310 };
  const figures = [
    ...throughputFigures(redis, LOAD, { bound: BOUND, sink: SINK }),
    ...latencyFigures(redis, {
      commits: 20_000,
      probes: 2_000,
      latency: spread,
      question: spread,
      cores: 0.1,
    }),
  ];
  const lines = renderReport(figures, ['redis', 'neo4j']).split('\n');
  expect(lines.filter((line) => line.startsWith('redis'))).toHaveLength(2);
  expect(lines.find((line) => line.startsWith('redis inserts'))).toMatch(
    /1,000,000 +50,000 +>= 40,000 +yes +100,000 +0\.50 +no/,
  );
  expect(lines.at(-2)).toMatch(/^redis +20 +40 +301 +<= 300 +no/);
});
