import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessIdentity } from '../../infra/process-tree.ts';
import { cpuSeconds, peakMemoryBytes } from '../process-cost.ts';
import type { RunningProgram } from '../program.ts';
import { until } from '../until.ts';
import type { Load } from './fill.ts';
import type { SinksBench, SinksPipeline } from './pipeline.ts';
import type { OpenStore, StoreBench } from './stores/store.ts';

const TARGET = 'bench_entry';
const START_POLL_MS = 20;
const POLL_MS = 50;
const STALL_LIMIT_MS = 60_000;

/** What a worker needed for a load. Times start when it has its partitions, unless they say otherwise. */
export interface ThroughputResult {
  /** Until the group's committed offsets were at the ends of the topic. */
  readonly seconds: number;
  readonly secondsFromProcessStart: number;
  /** Of the worker, the store's server and the broker in `seconds`; 0 for servers that are the user's own. */
  readonly cpuSeconds: number;
  readonly storeCpuSeconds: number;
  readonly brokerCpuSeconds: number;
  /** Of the worker, since its process began. */
  readonly peakBytes: number;
}

/** Lets one fresh worker bring a filled topic into an empty store, and counts the rows there afterwards. */
export async function measureThroughput(
  bench: SinksBench,
  pipeline: SinksPipeline,
  store: StoreBench,
  server: { open: OpenStore; url: string; process: ProcessIdentity | undefined },
  load: Load,
): Promise<ThroughputResult> {
  const { table, events } = load;
  bench.say(`${store.name}: ${load.measure}, the sink`);
  await server.open.clear(TARGET);
  const group = pipeline.group(store, table);
  const costs = (worker: RunningProgram) => ({
    atMs: Date.now(),
    worker: cpuSeconds(worker.process),
    store: server.process === undefined ? 0 : cpuSeconds(server.process),
    broker: bench.brokerProcess === undefined ? 0 : cpuSeconds(bench.brokerProcess),
  });
  await using worker = pipeline.startSink(store, server.url, { table, target: TARGET });
  const before = await until(
    bench.signal,
    'the sink has its partitions',
    async () => {
      worker.check();
      return (await group.isAssigned()) ? costs(worker) : undefined;
    },
    { pollMs: START_POLL_MS },
  );
  await allCommitted(bench, worker, () => group.committed(pipeline.topic(table).name), events);
  const after = costs(worker);
  const peakBytes = peakMemoryBytes(worker.process);
  await worker.stop();
  const found = await server.open.count(TARGET);
  if (found !== load.rows)
    throw new Error(`${store.name} has ${found} rows of the sink where ${load.rows} are right`);
  await server.open.clear(TARGET);
  return {
    seconds: (after.atMs - before.atMs) / 1000,
    secondsFromProcessStart: (after.atMs - worker.startedAtMs) / 1000,
    cpuSeconds: after.worker - before.worker,
    storeCpuSeconds: after.store - before.store,
    brokerCpuSeconds: after.broker - before.broker,
    peakBytes,
  };
}

async function allCommitted(
  bench: SinksBench,
  worker: RunningProgram,
  look: () => Promise<number>,
  events: number,
): Promise<void> {
  let seen = 0;
  let grewAtMs = Date.now();
  for (;;) {
    const found = await look();
    if (found >= events) return;
    if (found > seen) grewAtMs = Date.now();
    seen = found;
    worker.check();
    if (Date.now() - grewAtMs > STALL_LIMIT_MS)
      throw new Error(`${found} of ${events} events are committed, and for a minute none has been`);
    await sleep(POLL_MS, undefined, { signal: bench.signal });
  }
}
