import { setTimeout as sleep } from 'node:timers/promises';
import { spreadOf, type Spread } from '../percentiles.ts';
import { cpuSeconds } from '../process-cost.ts';
import type { Source } from '../source.ts';
import { until } from '../until.ts';
import type { SinksBench, SinksPipeline } from './pipeline.ts';
import type { OpenStore, StoreBench } from './stores/store.ts';

const TABLE = 'tick';
const TARGET = 'bench_tick';
const COMMITS_PER_SECOND = 500;
const SECONDS = 40;
const SHORTEST_SECONDS = 5;
/** At the same rate, and not counted. */
const WARM_UP_SECONDS = 5;
/** Each commits every 10 ms, which leaves a slow commit time before the next one is due. */
const SESSIONS = 5;
/** Every tenth row is looked for in the store: a reader that asks for each would measure itself. */
const PROBE_STEP = 10;
const PROBES_AT_ONCE = 50;
/** Between two questions to the store. */
const PAUSE_MS = 5;
const ARRIVAL_LIMIT_MS = 30_000;

/** What the measure of latency has found. */
export interface LatencyResult {
  readonly commits: number;
  readonly probes: number;
  /** From the commit to the first answer of the store that has the row. */
  readonly latency: Spread;
  /** Of one question to the store with its pause: a latency is too long by as much at most. */
  readonly question: Spread;
  /** CPU seconds of the worker in each second of the load. */
  readonly cores: number;
}

/** Row i is due at start + i / rate whatever happened before; the sessions run inside of the server. */
export const TICK_SCHEMA = `
CREATE TABLE ${TABLE} (id bigint PRIMARY KEY, sent_at timestamptz NOT NULL, note text NOT NULL) WITH (autovacuum_enabled = off);

CREATE PROCEDURE commit_ticks(session int, sessions int, rate float8, before bigint, amount bigint, start timestamptz) LANGUAGE plpgsql AS $$
DECLARE
  place bigint := session;
BEGIN
  WHILE place <= amount LOOP
    PERFORM pg_sleep(greatest(0, extract(epoch FROM start + make_interval(secs => place / rate) - clock_timestamp())));
    INSERT INTO ${TABLE} VALUES (before + place, clock_timestamp(), note(before + place));
    COMMIT;
    place := place + sessions;
  END LOOP;
END $$;
`;

/**
 * Commits rows at a fixed rate through a running producer and a running sink, while a reader asks the store by key for
 * every tenth of them until it is there. The commit's clock is the server's right before COMMIT, the reader's is taken
 * when the answer has come; both are the machine's.
 */
export async function measureLatency(
  bench: SinksBench,
  pipeline: SinksPipeline,
  store: StoreBench,
  server: { open: OpenStore; url: string },
): Promise<LatencyResult> {
  const seconds = Math.max(SHORTEST_SECONDS, SECONDS * bench.scale);
  const warmUps = COMMITS_PER_SECOND * WARM_UP_SECONDS;
  const amount = warmUps + Math.round(COMMITS_PER_SECOND * seconds);
  const { source } = pipeline;
  await server.open.clear(TARGET);
  await using producer = pipeline.startProducer();
  const before = await lastId(source);
  await using worker = pipeline.startSink(store, server.url, { table: TABLE, target: TARGET });
  await source.query(`INSERT INTO ${TABLE} VALUES ($1, clock_timestamp(), '')`, [before + 1]);
  await until(bench.signal, 'the first row is in the store', async () => {
    producer.check();
    worker.check();
    const isVisible = await server.open.visible(TARGET, [before + 1]).catch(() => []);
    return isVisible.length > 0 ? true : undefined;
  });
  bench.say(`${store.name}: ${COMMITS_PER_SECOND} commits a second for ${WARM_UP_SECONDS} + ${seconds} s`);
  const cpuBefore = cpuSeconds(worker.process);
  const startMs = Date.now() + 500;
  const ticks = { before: before + 1, amount, startMs };
  const [{ seenAtMs, questionsMs }] = await Promise.all([
    watch(bench, server.open, ticks),
    commitTicks(source, ticks),
  ]);
  const cores = (cpuSeconds(worker.process) - cpuBefore) / (WARM_UP_SECONDS + seconds);
  await worker.stop();
  await producer.stop();
  await server.open.clear(TARGET);
  const sent = await source.query<{ id: string; sent_ms: number }>(
    `SELECT id::text, extract(epoch FROM sent_at)::float8 * 1000 AS sent_ms FROM ${TABLE} WHERE id > $1`,
    [before + 1 + warmUps],
  );
  const latencies = sent.flatMap(({ id, sent_ms: sentMs }) => {
    const atMs = seenAtMs.get(Number(id));
    return atMs === undefined ? [] : [atMs - sentMs];
  });
  const expected = Math.floor((amount - warmUps) / PROBE_STEP);
  if (latencies.length !== expected)
    throw new Error(`the reader of ${store.name} saw ${latencies.length} of ${expected} rows`);
  return {
    commits: amount - warmUps,
    probes: latencies.length,
    latency: spreadOf(latencies),
    question: spreadOf(questionsMs),
    cores,
  };
}

interface Ticks {
  /** The key of the last row before them. */
  readonly before: number;
  readonly amount: number;
  readonly startMs: number;
}

async function lastId(source: Source): Promise<number> {
  const [row] = await source.query<{ id: string }>(`SELECT coalesce(max(id), 0)::text AS id FROM ${TABLE}`);
  return Number(row?.id);
}

/** All sessions side by side; each has its own connection. */
async function commitTicks(source: Source, { before, amount, startMs }: Ticks): Promise<void> {
  await Promise.all(
    Array.from({ length: SESSIONS }, async (_, session) => {
      const client = await source.connect();
      await client.query(
        `CALL commit_ticks(${session + 1}, ${SESSIONS}, ${COMMITS_PER_SECOND}, ${before}, ${amount}, to_timestamp(${startMs / 1000}))`,
      );
      await client.end();
    }),
  );
}

/** Asks for the rows that are due and were not seen yet, the oldest first, until all were seen. */
async function watch(
  bench: SinksBench,
  store: OpenStore,
  { before, amount, startMs }: Ticks,
): Promise<{ seenAtMs: Map<number, number>; questionsMs: number[] }> {
  const seenAtMs = new Map<number, number>();
  const questionsMs: number[] = [];
  const pending = new Set<number>();
  const deadline = startMs + (amount / COMMITS_PER_SECOND) * 1000 + ARRIVAL_LIMIT_MS;
  let nextPlace = PROBE_STEP;
  while (nextPlace <= amount || pending.size > 0) {
    const askedAtMs = Date.now();
    if (askedAtMs > deadline)
      throw new Error(`${pending.size} rows are not in the store after half a minute`);
    for (
      ;
      nextPlace <= amount && startMs + (nextPlace / COMMITS_PER_SECOND) * 1000 <= askedAtMs;
      nextPlace += PROBE_STEP
    )
      pending.add(before + nextPlace);
    const ids = [...pending].slice(0, PROBES_AT_ONCE);
    if (ids.length > 0) {
      const visible = await store.visible(TARGET, ids);
      const answeredAtMs = Date.now();
      for (const id of visible) {
        pending.delete(id);
        seenAtMs.set(id, answeredAtMs);
      }
      questionsMs.push(answeredAtMs - askedAtMs + PAUSE_MS);
    }
    await sleep(PAUSE_MS, undefined, { signal: bench.signal });
  }
  return { seenAtMs, questionsMs };
}
