import type { StoreName } from '../arguments.ts';
import { figure, goalText, type Figure, type Goal } from '../figures.ts';
import { formatNumber, renderTable, type Column } from '../table.ts';
import type { BoundResult } from './bound.ts';
import type { Load } from './fill.ts';
import type { LatencyResult } from './latency.ts';
import type { StoreBench } from './stores/store.ts';
import type { ThroughputResult } from './throughput.ts';

const SHARE_GOAL: Goal = { atLeastShare: 0.7 };
/** 300 MB. */
const MEMORY_GOAL: Goal = { atMost: 300 };

/** The figures of a load in one store, `redis.inserts.rate` and so on. */
export function throughputFigures(
  store: StoreBench,
  { measure, events }: Load,
  { bound, sink }: { bound: BoundResult; sink: ThroughputResult },
): Figure[] {
  const name = (what: string) => `${store.name}.${measure}.${what}`;
  const perMillion = (what: string, cpuSeconds: number, of = sink.events) =>
    figure(name(what), (cpuSeconds / of) * 1e6, 'CPU s/million events');
  const rate = sink.events / sink.seconds;
  const boundRate = events / bound.seconds;
  // The figures are those of new rows; an update has a goal only in its share.
  const goal: Goal | null = measure === 'inserts' ? { atLeast: store.rateGoal } : null;
  return [
    figure(name('events'), events, 'events'),
    figure(name('rate'), rate, 'events/s', { bound: boundRate, goal }),
    figure(name('rate_beside_bound'), rate, 'events/s', { bound: boundRate, goal: SHARE_GOAL }),
    figure(name('rate_from_process_start'), events / sink.secondsFromProcessStart, 'events/s'),
    perMillion('cpu', sink.cpuSeconds),
    perMillion('store_cpu', sink.storeCpuSeconds),
    perMillion('broker_cpu', sink.brokerCpuSeconds),
    perMillion('bound_cpu', bound.cpuSeconds, events),
    perMillion('bound_store_cpu', bound.storeCpuSeconds, events),
    figure(name('peak_memory'), sink.peakBytes / 1e6, 'MB', { goal: MEMORY_GOAL }),
  ];
}

/** The figures of the latency of one store, `redis.latency.p99` and so on. */
export function latencyFigures(store: StoreBench, result: LatencyResult): Figure[] {
  const name = (what: string) => `${store.name}.latency.${what}`;
  const { latency, question } = result;
  return [
    figure(name('commits'), result.commits, 'commits'),
    figure(name('probes'), result.probes, 'rows'),
    figure(name('p50'), latency.p50, 'ms'),
    figure(name('p95'), latency.p95, 'ms'),
    figure(name('p99'), latency.p99, 'ms', { goal: { atMost: store.latencyGoalMs } }),
    figure(name('max'), latency.max, 'ms'),
    figure(name('question_p50'), question.p50, 'ms'),
    figure(name('question_p99'), question.p99, 'ms'),
    figure(name('cpu'), result.cores, 'cores'),
  ];
}

/** The tables that a run prints: one for rates, one for latency, each only where it has rows. */
export function renderReport(figures: readonly Figure[], stores: readonly StoreName[]): string {
  const named = new Map(figures.map((each) => [each.name, each]));
  const loads = stores.flatMap((store) => ['inserts', 'updates'].map((measure) => `${store}.${measure}`));
  const rates = loads.filter((load) => named.has(`${load}.rate`)).map((load) => rateRow(named, load));
  const latencies = stores
    .filter((store) => named.has(`${store}.latency.p99`))
    .map((store) => latencyRow(named, store));
  return [
    ...(rates.length === 0 ? [] : [renderTable(RATE_COLUMNS, rates)]),
    ...(latencies.length === 0 ? [] : [renderTable(LATENCY_COLUMNS, latencies)]),
  ].join('\n');
}

const RATE_COLUMNS: readonly Column[] = [
  { heading: 'load', isText: true },
  { heading: 'events' },
  { heading: 'events/s' },
  { heading: 'goal' },
  { heading: 'met', isText: true },
  { heading: 'bound' },
  { heading: 'share' },
  { heading: goalText(SHARE_GOAL), isText: true },
  { heading: 'with start' },
  { heading: 'peak MB' },
  { heading: goalText(MEMORY_GOAL), isText: true },
  { heading: 'CPU s/M' },
  { heading: 'store' },
  { heading: 'broker' },
  { heading: 'bound: driver' },
  { heading: 'store' },
];

const LATENCY_COLUMNS: readonly Column[] = [
  { heading: 'commit to reader, ms', isText: true },
  { heading: 'p50' },
  { heading: 'p95' },
  { heading: 'p99' },
  { heading: 'goal' },
  { heading: 'met', isText: true },
  { heading: 'max' },
  { heading: 'question p50' },
  { heading: 'p99' },
  { heading: 'commits' },
  { heading: 'probes' },
  { heading: 'cores' },
];

function rateRow(named: ReadonlyMap<string, Figure>, load: string): string[] {
  const of = (what: string) => named.get(`${load}.${what}`);
  const rate = of('rate');
  return [
    load.replace('.', ' '),
    value(of('events')),
    value(rate),
    goal(rate),
    verdict(rate),
    rate?.bound == null ? '' : formatNumber(rate.bound),
    rate?.ratio == null ? '' : formatNumber(rate.ratio, 2),
    verdict(of('rate_beside_bound')),
    value(of('rate_from_process_start')),
    value(of('peak_memory')),
    verdict(of('peak_memory')),
    ...['cpu', 'store_cpu', 'broker_cpu', 'bound_cpu', 'bound_store_cpu'].map((what) => value(of(what), 1)),
  ];
}

function latencyRow(named: ReadonlyMap<string, Figure>, store: StoreName): string[] {
  const of = (what: string) => named.get(`${store}.latency.${what}`);
  const p99 = of('p99');
  return [
    store,
    value(of('p50')),
    value(of('p95')),
    value(p99),
    goal(p99),
    verdict(p99),
    value(of('max')),
    value(of('question_p50')),
    value(of('question_p99')),
    value(of('commits')),
    value(of('probes')),
    value(of('cpu'), 2),
  ];
}

function value(measured: Figure | undefined, places = 0): string {
  return measured === undefined ? '' : formatNumber(measured.value, places);
}

function goal(measured: Figure | undefined): string {
  return measured?.goal == null ? '' : goalText(measured.goal);
}

function verdict(measured: Figure | undefined): string {
  return measured?.isMet == null ? '' : measured.isMet ? 'yes' : 'no';
}
