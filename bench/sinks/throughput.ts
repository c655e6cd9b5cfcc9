import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessIdentity } from '../../infra/process-tree.ts';
import { cpuSeconds, peakMemoryBytes } from '../process-cost.ts';
import { until } from '../until.ts';
import type { Load } from './fill.ts';
import type { SinksBench, SinksPipeline } from './pipeline.ts';
import type { OpenStore, StoreBench } from './stores/store.ts';

const TARGET = 'bench_entry';
const START_POLL_MS = 20;
const POLL_MS = 50;
const STALL_LIMIT_MS = 60_000;

/** What a sink needed for a load. Times start when its workers have their partitions, unless they say otherwise. */
export interface ThroughputResult {
  /** Events that were committed since then: several workers do not start at once, and the first may have begun. */
  readonly events: number;
  /** Until the group's committed offsets were at the ends of the topic. */
  readonly seconds: number;
  readonly secondsFromProcessStart: number;
  /** Of the workers, the store's server and the broker in `seconds`; 0 for servers that are the user's own. */
  readonly cpuSeconds: number;
  readonly storeCpuSeconds: number;
  readonly brokerCpuSeconds: number;
  /** Of the worker that had most, since its process began. */
  readonly peakBytes: number;
}

/** Lets fresh workers bring a filled topic into an empty store, and counts the rows there afterwards. */
export async function measureThroughput(
  bench: SinksBench,
  pipeline: SinksPipeline,
  store: StoreBench,
  server: { open: OpenStore; url: string; process: ProcessIdentity | undefined },
  load: Load,
  workers: number,
): Promise<ThroughputResult> {
  const { table, events } = load;
  bench.say(`${store.name}: ${load.measure}, the sink`);
  await server.open.clear(TARGET);
  const group = pipeline.group(store, table);
  await using stack = new AsyncDisposableStack();
  const programs = Array.from({ length: workers }, (_, index) =>
    stack.use(pipeline.startSink(store, server.url, { table, target: TARGET }, index + 1)),
  );
  const check = () => {
    for (const program of programs) program.check();
  };
  const committed = () => group.committed(pipeline.topic(table).name);
  const costs = () => ({
    atMs: Date.now(),
    workers: programs.reduce((sum, program) => sum + cpuSeconds(program.process), 0),
    store: server.process === undefined ? 0 : cpuSeconds(server.process),
    broker: bench.brokerProcess === undefined ? 0 : cpuSeconds(bench.brokerProcess),
  });
  const before = await until(
    bench.signal,
    'the sink has its partitions',
    async () => {
      check();
      return (await group.isAssigned(workers)) ? costs() : undefined;
    },
    { pollMs: START_POLL_MS },
  );
  const first = workers === 1 ? 0 : await committed();
  await allCommitted(bench, check, committed, events);
  const after = costs();
  const peakBytes = Math.max(...programs.map(({ process }) => peakMemoryBytes(process)));
  const startedAtMs = Math.min(...programs.map((program) => program.startedAtMs));
  for (const program of programs) await program.stop();
  const found = await server.open.count(TARGET);
  if (found !== load.rows)
    throw new Error(`${store.name} has ${found} rows of the sink where ${load.rows} are right`);
  await server.open.clear(TARGET);
  return {
    events: events - first,
    seconds: (after.atMs - before.atMs) / 1000,
    secondsFromProcessStart: (after.atMs - startedAtMs) / 1000,
    cpuSeconds: after.workers - before.workers,
    storeCpuSeconds: after.store - before.store,
    brokerCpuSeconds: after.broker - before.broker,
    peakBytes,
  };
}

async function allCommitted(
  bench: SinksBench,
  check: () => void,
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
    check();
    if (Date.now() - grewAtMs > STALL_LIMIT_MS)
      throw new Error(`${found} of ${events} events are committed, and for a minute none has been`);
    await sleep(POLL_MS, undefined, { signal: bench.signal });
  }
}
