import type { SinkMeasure, SinksOptions } from '../arguments.ts';
import type { Figure } from '../figures.ts';
import { measureBound, type Periods } from './bound.ts';
import { fillTopics, loadOf, type Load } from './fill.ts';
import { measureLatency } from './latency.ts';
import { openSinksPipeline, type SinksBench, type SinksPipeline } from './pipeline.ts';
import { latencyFigures, throughputFigures } from './report.ts';
import { periodQuery, type EntryRow } from './rows.ts';
import { STORES } from './stores/stores.ts';
import type { StoreBench } from './stores/store.ts';
import { measureThroughput } from './throughput.ts';

/**
 * Fills the topics once and measures one store after another, each with its server alone beside Postgres and Kafka. Yields the
 * figures of one store at a time.
 */
export async function* measureSinks(
  bench: SinksBench,
  options: Pick<SinksOptions, 'only' | 'measures' | 'workers'>,
): AsyncGenerator<Figure[], void> {
  const { only, measures } = options;
  await using stack = new AsyncDisposableStack();
  const stores = STORES.filter(({ name }) => only.includes(name));
  const loadsOf = ({ events }: StoreBench) => loads(events, measures, bench.scale);
  const pipeline = await openSinksPipeline(bench, stack);
  const distinct = new Map(stores.flatMap(loadsOf).map((load) => [load.table, load]));
  await fillTopics(bench, pipeline, [...distinct.values()]);
  const periods: Periods = [
    await pipeline.source.query<EntryRow & { id: number }>(periodQuery(0)),
    await pipeline.source.query<EntryRow & { id: number }>(periodQuery(1)),
  ];
  for (const store of stores)
    yield await measureStore(bench, pipeline, store, loadsOf(store), periods, options);
}

async function measureStore(
  bench: SinksBench,
  pipeline: SinksPipeline,
  store: StoreBench,
  ownLoads: readonly Load[],
  periods: Periods,
  { measures, workers }: Pick<SinksOptions, 'measures' | 'workers'>,
): Promise<Figure[]> {
  await using server = await bench.startStore(store.name);
  await using open = await store.open(server.url);
  const seen = { open, url: server.url, process: server.process };
  const figures: Figure[] = [];
  for (const load of ownLoads) {
    const bound = await measureBound(bench, store, seen, load, periods);
    const sink = await measureThroughput(bench, pipeline, store, seen, load, workers);
    figures.push(...throughputFigures(store, load, { bound, sink }));
  }
  if (measures.includes('latency'))
    figures.push(...latencyFigures(store, await measureLatency(bench, pipeline, store, seen)));
  return figures;
}

function loads(events: number, measures: readonly SinkMeasure[], scale: number): Load[] {
  return measures.flatMap((measure) => (measure === 'latency' ? [] : [loadOf(measure, events, scale)]));
}
