import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresClient } from '../postgres-client.ts';
import { cpuSeconds, peakMemoryBytes } from '../process-cost.ts';
import { openPipeline, setUpPipeline, slotOf, type CaptureBench, type Pipeline } from './pipeline.ts';
import type { RunningProgram } from '../program.ts';
import type { Source, Walsender } from '../source.ts';
import { copyTableSeconds, readSlotSeconds } from './upper-bound.ts';
import { until } from '../until.ts';
import { SCHEMA, type RateScenario, type Workload } from './workload.ts';

/** What one scenario that counts events a second has measured. Times start at START_REPLICATION unless they say otherwise. */
export interface RateResult {
  readonly events: number;
  /** Until the last record was at the broker. */
  readonly seconds: number;
  readonly secondsFromProcessStart: number;
  readonly secondsToFirstRecord: number;
  /** What the upper bound needed for the same events. */
  readonly boundSeconds: number;
  /** CPU of the producer in `seconds`, and since its process began. */
  readonly cpuSeconds: number;
  readonly cpuSecondsFromProcessStart: number;
  readonly walsenderCpuSeconds: number;
  readonly brokerCpuSeconds: number;
  readonly peakBytes: number;
}

const POLL_MS = 100;
/** The walsender is looked for more often, so that the CPU time is taken when it begins. */
const START_POLL_MS = 25;
const STALL_LIMIT_MS = 60_000;
/** After the last record nothing more may come. */
const SETTLE_MS = 2_000;
const BOUND_SLOT = 'bench_upper_bound';
const PROBE = "INSERT INTO entry VALUES (0, 0, 0, now(), 'probe')";

/** The slot holds the load before anybody reads it; first the upper bound reads it, then the producer. */
export async function measureDrain(
  bench: CaptureBench,
  client: PostgresClient,
  scenario: RateScenario,
): Promise<RateResult> {
  await using stack = new AsyncDisposableStack();
  const workload = scenario.workload(bench.scale);
  const pipeline = await openPipeline(bench, stack, { key: scenario.key, snapshot: 'never', schema: SCHEMA });
  const { source } = pipeline;
  if (workload.prepare !== '') await source.query(workload.prepare);
  const { slot, publication } = await setUpPipeline(bench, pipeline, PROBE);
  await source.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [BOUND_SLOT]);
  bench.say(`${scenario.key}: writing ${workload.events.toLocaleString('en-US')} changes`);
  const endLsn = await load(source, workload);
  bench.say(`${scenario.key}: pg_recvlogical`);
  const boundSeconds = await readSlotSeconds(client, source, { slot: BOUND_SLOT, publication, endLsn });
  await source.query('SELECT pg_drop_replication_slot($1)', [BOUND_SLOT]);
  bench.say(`${scenario.key}: the producer`);
  return { boundSeconds, ...(await measureProducer(bench, pipeline, workload, () => Promise.resolve(slot))) };
}

/** The table is full before the pipeline is made; the bound is a COPY of it. */
export async function measureSnapshot(
  bench: CaptureBench,
  client: PostgresClient,
  scenario: RateScenario,
): Promise<RateResult> {
  await using stack = new AsyncDisposableStack();
  const workload = scenario.workload(bench.scale);
  const pipeline = await openPipeline(bench, stack, {
    key: scenario.key,
    snapshot: 'initial',
    schema: SCHEMA,
  });
  const { source } = pipeline;
  bench.say(`${scenario.key}: writing ${workload.events.toLocaleString('en-US')} rows`);
  await load(source, workload);
  // Else the first reader would write the hint bits of every row, for both.
  await source.query('VACUUM (ANALYZE) entry');
  bench.say(`${scenario.key}: COPY`);
  const boundSeconds = await copyTableSeconds(client, source, 'entry');
  bench.say(`${scenario.key}: the producer`);
  return { boundSeconds, ...(await measureProducer(bench, pipeline, workload, () => slotOf(source))) };
}

/** Writes the load and gives the LSN of its end. All of it is on disk then, so no checkpoint comes into what is measured. */
async function load(source: Source, workload: Workload): Promise<string> {
  await Promise.all(
    workload.load.map(async (statement) => {
      const session = await source.connect();
      await session.query('SET synchronous_commit = off');
      await session.query(statement);
      await session.end();
    }),
  );
  const [end] = await source.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn');
  await source.query('CHECKPOINT');
  return end?.lsn ?? '';
}

async function measureProducer(
  bench: CaptureBench,
  pipeline: Pipeline,
  workload: Workload,
  findSlot: () => Promise<string | undefined>,
): Promise<Omit<RateResult, 'boundSeconds'>> {
  const { source, topic } = pipeline;
  const recordsBefore = await topic.count();
  const brokerCpuBefore = bench.brokerProcess === undefined ? 0 : cpuSeconds(bench.brokerProcess);
  const producer = pipeline.start();
  const walsender = await walsenderOf(bench, producer, source, findSlot);
  const cpuAtStart = cpuSeconds(producer.process);
  const { firstAtMs, lastAtMs } = await drained(bench, producer, {
    count: async () => (await topic.count()) - recordsBefore,
    records: workload.records,
  });
  const cpuAtEnd = cpuSeconds(producer.process);
  const walsenderCpuSeconds = cpuSeconds(walsender.process);
  const brokerCpuAtEnd = bench.brokerProcess === undefined ? 0 : cpuSeconds(bench.brokerProcess);
  await sleep(SETTLE_MS, undefined, { signal: bench.signal });
  const peakBytes = peakMemoryBytes(producer.process);
  await producer.stop();
  expectExactly(topic.name, (await topic.count()) - recordsBefore, workload.records);
  return {
    events: workload.events,
    seconds: (lastAtMs - walsender.startedAtMs) / 1000,
    secondsFromProcessStart: (lastAtMs - producer.startedAtMs) / 1000,
    secondsToFirstRecord: (firstAtMs - walsender.startedAtMs) / 1000,
    cpuSeconds: cpuAtEnd - cpuAtStart,
    cpuSecondsFromProcessStart: cpuAtEnd,
    walsenderCpuSeconds,
    brokerCpuSeconds: brokerCpuAtEnd - brokerCpuBefore,
    peakBytes,
  };
}

async function walsenderOf(
  bench: CaptureBench,
  producer: RunningProgram,
  source: Source,
  findSlot: () => Promise<string | undefined>,
): Promise<Walsender> {
  return until(
    bench.signal,
    'the producer reads its slot',
    async () => {
      producer.check();
      const slot = await findSlot();
      return slot === undefined ? undefined : source.walsenderOf(slot);
    },
    { pollMs: START_POLL_MS },
  );
}

/** Watches the broker until it has the records; when the first and the last were seen. */
async function drained(
  bench: CaptureBench,
  producer: RunningProgram,
  { count, records }: { count: () => Promise<number>; records: number },
): Promise<{ firstAtMs: number; lastAtMs: number }> {
  let firstAtMs: number | undefined;
  let seen = 0;
  let grewAtMs = Date.now();
  for (;;) {
    const found = await count();
    const nowMs = Date.now();
    if (found > 0) firstAtMs ??= nowMs;
    if (firstAtMs !== undefined && found >= records) return { firstAtMs, lastAtMs: nowMs };
    if (found > seen) grewAtMs = nowMs;
    seen = found;
    producer.check();
    if (nowMs - grewAtMs > STALL_LIMIT_MS)
      throw new Error(`${found} of ${records} records are at the broker, and for a minute none has come`);
    await sleep(POLL_MS, undefined, { signal: bench.signal });
  }
}

/** A rate is worth nothing when records are missing or come twice. */
export function expectExactly(topic: string, found: number, expected: number): void {
  if (found === expected) return;
  const difference = found - expected;
  const what = difference > 0 ? `${difference} too many` : `${-difference} are missing`;
  throw new Error(`${topic} has ${found} records where ${expected} are right: ${what}`);
}
