import { expect, test } from 'vitest';
import { captureReport } from './capture.ts';
import type { RateResult } from './drain.ts';
import type { OpenLoopResult } from './open-loop.ts';
import { openLoopFigures, rateFigures } from './report.ts';
import { RATE_SCENARIOS } from './workload.ts';

const result: RateResult = {
  events: 200_000,
  seconds: 4,
  secondsFromProcessStart: 5,
  secondsToFirstRecord: 0.25,
  boundSeconds: 2,
  cpuSeconds: 3,
  cpuSecondsFromProcessStart: 4,
  walsenderCpuSeconds: 1,
  brokerCpuSeconds: 2,
  peakBytes: 300 * 2 ** 20,
};

const spread = { p50: 2, p95: 8, p99: 20, max: 44.04 };
const openLoop: OpenLoopResult = {
  commits: 120_000,
  latencies: { commit: spread, schedule: spread, lateness: spread },
  cores: 0.5,
  peakBytes: 100 * 2 ** 20,
};

function scenario(key: string) {
  const found = RATE_SCENARIOS.find((each) => each.key === key);
  if (found === undefined) throw new Error(`no scenario ${key}`);
  return found;
}

test('every figure of a rate scenario is named, and the rates stand beside the bound', () => {
  const figures = rateFigures(scenario('b'), result);
  expect(Object.fromEntries(figures.map(({ name, value }) => [name, value]))).toEqual({
    'b.events': 200_000,
    'b.rate': 50_000,
    'b.rate_from_process_start': 40_000,
    'b.to_first_record': 0.25,
    'b.cpu': 15,
    'b.cpu_from_process_start': 20,
    'b.walsender_cpu': 5,
    'b.broker_cpu': 10,
    'b.peak_memory': 300,
  });
  expect(figures[1]).toMatchObject({ bound: 100_000, ratio: 0.5, isMet: false });
});

test('the goals of the open loop are the median and the 99th percentile', () => {
  const goals = openLoopFigures(openLoop).filter(({ goal }) => goal !== null);
  expect(goals.map(({ name, isMet }) => [name, isMet])).toEqual([
    ['f.latency.p50', true],
    ['f.latency.p99', false],
    ['f.peak_memory', true],
  ]);
});

test('the report has a line for each scenario that ran, with its verdicts', () => {
  const report = captureReport([
    ...rateFigures(scenario('a'), result),
    ...rateFigures(scenario('b'), result),
    ...openLoopFigures(openLoop),
  ]);
  const cells = report.split('\n').map((line) => line.split(/ {2,}/));
  expect(cells).toContainEqual(
    'a 1,000-row transactions|200,000|50,000|>= 70,000|no|100,000|0.50|40,000|15.0|yes|300|no|5.0|10.0'.split(
      '|',
    ),
  );
  expect(cells).toContainEqual(expect.arrayContaining(['b one-row transactions', '>= 85 %', 'no']));
  expect(cells).toContainEqual(
    'commit to Kafka (p50 <= 5, p99 <= 15)|2.0|yes|8.0|20.0|no|44.0|120,000|0.50|100|yes'.split('|'),
  );
  expect(report).not.toContain('snapshot');
});

test('a run of one kind has one table', () => {
  expect(captureReport(rateFigures(scenario('d'), result))).not.toContain('p50');
  expect(captureReport(openLoopFigures(openLoop))).not.toContain('events/s');
});
