import type { ScenarioKey } from '../arguments.ts';
import { figure, goalText, type Figure, type Goal } from '../figures.ts';
import type { Spread } from '../percentiles.ts';
import { formatNumber, renderTable, type Column } from '../table.ts';
import type { RateResult } from './drain.ts';
import type { OpenLoopResult } from './open-loop.ts';
import { CPU_GOAL, MEMORY_GOAL, type RateScenario } from './workload.ts';

const MEBIBYTE = 2 ** 20;
const P50_GOAL: Goal = { atMost: 5 };
const P99_GOAL: Goal = { atMost: 15 };

/** The figures of a scenario that counts events a second. */
export function rateFigures({ key, goal }: RateScenario, result: RateResult): Figure[] {
  const { events } = result;
  const millions = events / 1_000_000;
  const perSecond = (seconds: number) => events / seconds;
  return [
    figure(`${key}.events`, events, 'events'),
    figure(`${key}.rate`, perSecond(result.seconds), 'events/s', {
      bound: perSecond(result.boundSeconds),
      goal,
    }),
    figure(`${key}.rate_from_process_start`, perSecond(result.secondsFromProcessStart), 'events/s', {
      bound: perSecond(result.boundSeconds),
    }),
    figure(`${key}.to_first_record`, result.secondsToFirstRecord, 's'),
    figure(`${key}.cpu`, result.cpuSeconds / millions, 'CPU s/million events', { goal: CPU_GOAL }),
    figure(
      `${key}.cpu_from_process_start`,
      result.cpuSecondsFromProcessStart / millions,
      'CPU s/million events',
    ),
    figure(`${key}.walsender_cpu`, result.walsenderCpuSeconds / millions, 'CPU s/million events'),
    figure(`${key}.broker_cpu`, result.brokerCpuSeconds / millions, 'CPU s/million events'),
    memoryFigure(key, result.peakBytes),
  ];
}

/** The figures of the open loop. */
export function openLoopFigures(result: OpenLoopResult): Figure[] {
  const { latencies } = result;
  return [
    figure('f.commits', result.commits, 'commits'),
    ...spreadFigures('f.latency', latencies.commit, { p50: P50_GOAL, p99: P99_GOAL }),
    ...spreadFigures('f.latency_from_schedule', latencies.schedule),
    ...spreadFigures('f.generator_lateness', latencies.lateness),
    figure('f.cpu', result.cores, 'cores'),
    memoryFigure('f', result.peakBytes),
  ];
}

/** The tables that a run prints: one for rates, one for latency, each only where it has rows. */
export function renderReport(figures: readonly Figure[], titles: ReadonlyMap<ScenarioKey, string>): string {
  const named = new Map(figures.map((each) => [each.name, each]));
  const keys = [...titles.keys()].filter((key) => named.has(`${key}.rate`) || named.has(`${key}.commits`));
  const rates = keys.filter((key) => key !== 'f').map((key) => rateRow(named, key, titles.get(key) ?? ''));
  const tables = [
    ...(rates.length === 0 ? [] : [renderTable(RATE_COLUMNS, rates)]),
    ...(keys.includes('f') ? [renderTable(LATENCY_COLUMNS, latencyRows(named))] : []),
  ];
  return tables.join('\n');
}

const RATE_COLUMNS: readonly Column[] = [
  { heading: 'scenario', isText: true },
  { heading: 'events' },
  { heading: 'events/s' },
  { heading: 'goal' },
  { heading: 'met', isText: true },
  { heading: 'bound' },
  { heading: 'ratio' },
  { heading: 'with start' },
  { heading: 'CPU s/M' },
  { heading: goalText(CPU_GOAL), isText: true },
  { heading: 'peak MB' },
  { heading: goalText(MEMORY_GOAL), isText: true },
  { heading: 'walsender' },
  { heading: 'broker s/M' },
];

const LATENCY_COLUMNS: readonly Column[] = [
  { heading: 'f: milliseconds', isText: true },
  { heading: 'p50' },
  { heading: 'met', isText: true },
  { heading: 'p95' },
  { heading: 'p99' },
  { heading: 'met', isText: true },
  { heading: 'max' },
  { heading: 'commits' },
  { heading: 'cores' },
  { heading: 'peak MB' },
  { heading: goalText(MEMORY_GOAL), isText: true },
];

function rateRow(named: ReadonlyMap<string, Figure>, key: ScenarioKey, title: string): string[] {
  const of = (what: string) => named.get(`${key}.${what}`);
  const rate = of('rate');
  return [
    `${key} ${title}`,
    value(of('events')),
    value(rate),
    rate?.goal == null ? '' : goalText(rate.goal),
    verdict(rate),
    rate?.bound == null ? '' : formatNumber(rate.bound),
    rate?.ratio == null ? '' : formatNumber(rate.ratio, 2),
    value(of('rate_from_process_start')),
    value(of('cpu'), 1),
    verdict(of('cpu')),
    value(of('peak_memory')),
    verdict(of('peak_memory')),
    value(of('walsender_cpu'), 1),
    value(of('broker_cpu'), 1),
  ];
}

function latencyRows(named: ReadonlyMap<string, Figure>): string[][] {
  const row = (title: string, name: string, rest: readonly string[] = []) => {
    const of = (what: string) => named.get(`f.${name}.${what}`);
    const [p50, p95, p99, max] = [of('p50'), of('p95'), of('p99'), of('max')];
    const cells = [value(p50, 1), verdict(p50), value(p95, 1), value(p99, 1), verdict(p99), value(max, 1)];
    return [title, ...cells, ...rest];
  };
  const memory = named.get('f.peak_memory');
  const beside = [
    value(named.get('f.commits')),
    value(named.get('f.cpu'), 2),
    value(memory),
    verdict(memory),
  ];
  return [
    row(`commit to Kafka (p50 ${goalText(P50_GOAL)}, p99 ${goalText(P99_GOAL)})`, 'latency', beside),
    row('from the schedule to Kafka', 'latency_from_schedule'),
    row('lateness of the generator', 'generator_lateness'),
  ];
}

function spreadFigures(name: string, spread: Spread, goals: { p50?: Goal; p99?: Goal } = {}): Figure[] {
  return [
    figure(`${name}.p50`, spread.p50, 'ms', { goal: goals.p50 ?? null }),
    figure(`${name}.p95`, spread.p95, 'ms'),
    figure(`${name}.p99`, spread.p99, 'ms', { goal: goals.p99 ?? null }),
    figure(`${name}.max`, spread.max, 'ms'),
  ];
}

function memoryFigure(key: ScenarioKey, bytes: number): Figure {
  return figure(`${key}.peak_memory`, bytes / MEBIBYTE, 'MiB', { goal: MEMORY_GOAL });
}

function value(measured: Figure | undefined, places = 0): string {
  return measured === undefined ? '' : formatNumber(measured.value, places);
}

function verdict(measured: Figure | undefined): string {
  return measured?.isMet == null ? '' : measured.isMet ? 'yes' : 'no';
}
