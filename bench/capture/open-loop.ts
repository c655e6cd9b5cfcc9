import { readTopic } from '../../core/topic-reader.ts';
import { cpuSeconds, peakMemoryBytes } from '../process-cost.ts';
import { expectExactly } from './drain.ts';
import { latenciesOf, type Commit, type Latencies } from './latency.ts';
import { openPipeline, setUpPipeline, type CaptureBench, type Pipeline } from './pipeline.ts';
import { until } from '../until.ts';
import { idOfKey } from './record-key.ts';
import type { RunningProgram } from '../program.ts';
import type { Source } from '../source.ts';

/** What the open loop has measured. */
export interface OpenLoopResult {
  readonly commits: number;
  readonly latencies: Latencies;
  /** CPU seconds of the producer in each second of the load, warm-up included. */
  readonly cores: number;
  readonly peakBytes: number;
}

const COMMITS_PER_SECOND = 2_000;
const SECONDS = 60;
const SHORTEST_SECONDS = 5;
/** At the same rate, and not counted: a producer runs for months. */
const WARM_UP_SECONDS = 5;
/** Each commits every 10 ms, which leaves a slow commit time before the next one is due. */
const SESSIONS = 20;

/**
 * The sessions run inside the server, so the generator takes hardly any CPU from what is measured. Row i is due at start +
 * i / rate whatever happened to the rows before: a slow system makes rows late and never fewer.
 */
const OPEN_LOOP_SCHEMA = `
CREATE TABLE entry (
  id bigint PRIMARY KEY,
  due_at timestamptz NOT NULL,
  sent_at timestamptz NOT NULL,
  note text NOT NULL
) WITH (autovacuum_enabled = off);

CREATE PROCEDURE commit_entries(session int, sessions int, rate float8, last_id bigint, start timestamptz) LANGUAGE plpgsql AS $$
DECLARE
  id bigint := session;
  due timestamptz;
BEGIN
  WHILE id <= last_id LOOP
    due := start + make_interval(secs => id / rate);
    PERFORM pg_sleep(greatest(0, extract(epoch FROM due - clock_timestamp())));
    INSERT INTO entry VALUES (id, due, clock_timestamp(),
      translate(encode(sha512(int8send(id)) || sha512(int8send(~id)), 'base64'), E'\\n', ''));
    COMMIT;
    id := id + sessions;
  END LOOP;
END $$;
`;
const PROBE = "INSERT INTO entry VALUES (0, now(), now(), 'probe')";

/**
 * Commits at a fixed rate, whatever the pipeline does, and takes for each the time until the broker had it. The commit's
 * clock is the server's right before COMMIT, so the flush of the WAL counts in; Kafka's is the broker's own append time,
 * read back afterwards: a consumer would add its own delay, and take CPU from what it measures.
 */
export async function measureOpenLoop(bench: CaptureBench): Promise<OpenLoopResult> {
  await using stack = new AsyncDisposableStack();
  const seconds = Math.max(SHORTEST_SECONDS, SECONDS * bench.scale);
  const pipeline = await openPipeline(bench, stack, {
    key: 'f',
    snapshot: 'never',
    schema: OPEN_LOOP_SCHEMA,
  });
  const { source, topic } = pipeline;
  const { slot } = await setUpPipeline(bench, pipeline, PROBE);
  await topic.stampAppendTime();
  const producer = pipeline.start();
  await until(bench.signal, 'the producer reads its slot', () => {
    producer.check();
    return source.walsenderOf(slot);
  });
  bench.say(`f: ${COMMITS_PER_SECOND} commits a second for ${WARM_UP_SECONDS} + ${seconds} s`);
  const warmUps = COMMITS_PER_SECOND * WARM_UP_SECONDS;
  const rows = warmUps + COMMITS_PER_SECOND * seconds;
  const cpuBefore = cpuSeconds(producer.process);
  await runLoad(source, rows);
  await allArrived(bench, pipeline, producer, rows + 1);
  const cpuAfter = cpuSeconds(producer.process);
  const peakBytes = peakMemoryBytes(producer.process);
  await producer.stop();
  expectExactly(topic.name, await topic.count(), rows + 1);
  const commits = (await readCommits(source)).filter(({ id }) => Number(id) > warmUps);
  return {
    commits: commits.length,
    latencies: latenciesOf(commits, await appendTimes(pipeline)),
    cores: (cpuAfter - cpuBefore) / (WARM_UP_SECONDS + seconds),
    peakBytes,
  };
}

/** All sessions side by side; each has its own connection. */
async function runLoad(source: Source, rows: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: SESSIONS }, () => source.connect()));
  const [start] = await source.query<{ at: string }>(
    "SELECT (clock_timestamp() + interval '500 ms')::text AS at",
  );
  await Promise.all(
    clients.map((client, index) =>
      client.query(
        `CALL commit_entries(${index + 1}, ${SESSIONS}, ${COMMITS_PER_SECOND}, ${rows}, '${start?.at}')`,
      ),
    ),
  );
}

async function allArrived(
  bench: CaptureBench,
  { topic }: Pipeline,
  producer: RunningProgram,
  records: number,
): Promise<void> {
  await until(bench.signal, 'every commit is in the topic', async () => {
    producer.check();
    return (await topic.count()) >= records ? true : undefined;
  });
}

async function readCommits(source: Source): Promise<Commit[]> {
  const rows = await source.query<{ id: string; due_ms: number; sent_ms: number }>(
    `SELECT id::text, extract(epoch FROM due_at)::float8 * 1000 AS due_ms,
            extract(epoch FROM sent_at)::float8 * 1000 AS sent_ms
       FROM entry WHERE id > 0`,
  );
  return rows.map(({ id, due_ms: dueMs, sent_ms: sentMs }) => ({ id, dueMs, sentMs }));
}

async function appendTimes({ topic }: Pipeline): Promise<Map<string, number>> {
  const records = await readTopic(topic.kafka, topic.name);
  return new Map(records.map(({ key, timestamp }) => [idOfKey(key), Number(timestamp)]));
}
