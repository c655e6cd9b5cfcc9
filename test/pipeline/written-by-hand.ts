import { KafkaJSError, type Producer } from 'kafkajs';
import { configSchema } from '../../core/config/schema.ts';
import type { LoadedConfig } from '../../core/config/load.ts';
import { toError } from '../../core/errors.ts';
import { createLogger } from '../../core/logger.ts';
import { createMetrics, type Metrics } from '../../core/metrics.ts';
import { putState } from '../../core/state.ts';
import { StatusReporter } from '../../core/status.ts';
import { ensureTopics } from '../../core/topics.ts';
import { runConsumer } from '../../consumers/consumer.ts';
import { Progress } from '../../consumers/progress.ts';
import { keyOf, type ChangeEvent, type Operation } from '../../schemas/change-event.ts';
import { jsonEncoder } from '../../schemas/json-writer.ts';
import { fingerprintOf, qualifiedName, type TableSchema } from '../../schemas/table-schema.ts';
import { POSITION_HEADER, SCHEMA_HEADER, sinkGroup, tableTopic } from '../../schemas/topics.ts';
import type { Row } from '../../schemas/value.ts';
import { positionAt } from '../sink-contract-model.ts';
import { kafkaOfTests } from './kafka.ts';
import { until } from './until.ts';

export const PARTITIONS = 3;

/** A pipeline whose topics and state a test writes itself, record by record, and a real consumer of one sink. */
export interface HandWritten extends AsyncDisposable {
  /** Makes the topics of these tables and tells consumers of them, as the producer does; the last schema of a table counts. */
  publish(...tables: readonly TableSchema[]): Promise<void>;
  /** Writes one record; the row's key tells its partition. `step` is its place in the history. */
  write(table: TableSchema, op: Operation, row: Row, step: number): Promise<void>;
  /** Writes one truncate into these partitions. */
  truncate(table: TableSchema, step: number, partitions: readonly number[]): Promise<void>;
  /** Writes any bytes into partition 0 of a table. */
  writeBytes(table: TableSchema, key: string, value: string): Promise<void>;
  start(): RunningSink;
  /** Deletes the sink's offsets, so that it begins at zero when it is started again. */
  forgetOffsets(): Promise<void>;
}

export interface RunningSink {
  readonly metrics: Metrics;
  readonly status: StatusReporter;
  /** Waits until everything written so far is applied. */
  caughtUp(): Promise<void>;
  /** Ends the consumer; throws what ended it before. */
  stop(): Promise<void>;
}

let count = 0;

/** `sink` is its block in the config. */
export async function openHandWritten(sink: Readonly<Record<string, unknown>>): Promise<HandWritten> {
  const pipeline = `hand${Date.now().toString(36)}-${(count += 1)}`;
  const brokers = process.env['KAFKA_BROKERS']?.split(',') ?? [];
  const config = configSchema.parse({
    pipeline,
    source: { url: 'postgres://nobody@localhost:1/none', tables: ['public.*'] },
    kafka: { brokers, partitions: PARTITIONS },
    sinks: { sink },
  });
  const loaded: LoadedConfig = { config, file: 'tailrace.yaml', folder: import.meta.dirname };
  const kafka = kafkaOfTests();
  const admin = kafka.admin();
  const producer = kafka.producer();
  await admin.connect();
  await producer.connect();
  const published = new Map<string, TableSchema>();
  const running: RunningSink[] = [];
  const topicOf = (table: TableSchema) => tableTopic(pipeline, table);

  return {
    async publish(...tables) {
      await ensureTopics(kafka, config.kafka, pipeline, tables.map(topicOf));
      for (const table of tables) {
        await putState(producer, pipeline, `schema/${fingerprintOf(table)}`, table);
        published.set(qualifiedName(table), table);
      }
      const entries = [...published.values()].map((table) => ({
        schema: table.schema,
        name: table.name,
        topic: topicOf(table),
        fingerprint: fingerprintOf(table),
      }));
      await putState(producer, pipeline, 'tables', entries);
    },
    async write(table, op, row, step) {
      const event = { ...eventOf(table, op, step), key: keyOf(table, row) };
      const rows = op === 'd' ? { before: row } : { after: row };
      await send(producer, topicOf(table), { ...event, ...rows });
    },
    async truncate(table, step, partitions) {
      for (const partition of partitions)
        await send(producer, topicOf(table), eventOf(table, 't', step), partition);
    },
    async writeBytes(table, key, value) {
      await producer.send({ topic: topicOf(table), messages: [{ key, value, partition: 0 }] });
    },
    start() {
      const started = startSink(loaded, async () => {
        const topics = [...published.values()].map(topicOf);
        const groups = await admin
          .fetchOffsets({ groupId: sinkGroup(pipeline, 'sink'), topics })
          .catch(ignoringPassing);
        if (groups === null) return false;
        for (const { topic, partitions } of groups)
          for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
            const committed = partitions.find((each) => each.partition === partition)?.offset ?? '-1';
            if (BigInt(high) > 0n && committed !== high) return false;
          }
        return true;
      });
      running.push(started);
      return started;
    },
    async forgetOffsets() {
      await admin.deleteGroups([sinkGroup(pipeline, 'sink')]);
    },
    async [Symbol.asyncDispose]() {
      for (const each of running) await each.stop();
      await producer.disconnect();
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${pipeline}.`));
      await admin.deleteTopics({ topics });
      await admin.disconnect();
    },
  };
}

/** A broker that has just begun to keep a group may answer that it does not. */
function ignoringPassing(error: unknown): null {
  if (error instanceof KafkaJSError && error.retriable) return null;
  throw error;
}

function startSink(loaded: LoadedConfig, isCaughtUp: () => Promise<boolean>): RunningSink {
  const stop = new AbortController();
  const status = new StatusReporter(loaded.config.pipeline, 'sink/sink', () => ({}));
  const metrics = createMetrics(loaded.config.pipeline);
  const sink = loaded.config.sinks['sink'];
  if (sink === undefined) throw new RangeError('no sink');
  let thrown: Error | undefined;
  const ended = runConsumer({
    loaded,
    name: 'sink',
    sink,
    log: createLogger({ sink: 'sink' }),
    metrics,
    status,
    progress: new Progress(),
    signal: stop.signal,
  }).catch((error: unknown) => {
    thrown = toError(error);
  });
  return {
    metrics,
    status,
    async caughtUp() {
      await until('the sink has applied everything', () => {
        if (thrown !== undefined) throw thrown;
        return isCaughtUp();
      });
    },
    async stop() {
      stop.abort();
      await ended;
      if (thrown !== undefined) throw thrown;
    },
  };
}

function eventOf(table: TableSchema, op: Operation, step: number): ChangeEvent {
  const now = Date.now();
  return {
    table,
    op,
    key: {},
    before: null,
    after: null,
    position: positionAt(step),
    source: { name: 'hand', db: 'none', txId: step, lsn: BigInt(step), tsUs: now * 1000, snapshot: false },
    tsMs: now,
  };
}

async function send(
  producer: Producer,
  topic: string,
  event: ChangeEvent,
  partition?: number,
): Promise<void> {
  const headers = { [POSITION_HEADER]: event.position, [SCHEMA_HEADER]: fingerprintOf(event.table) };
  const record = { ...jsonEncoder(event.table).encode(event), headers };
  await producer.send({
    topic,
    acks: -1,
    messages: [partition === undefined ? record : { ...record, partition }],
  });
}
