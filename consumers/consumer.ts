import type { EachBatchPayload, Kafka } from 'kafkajs';
import type { Type } from 'avsc';
import type { LoadedConfig } from '../core/config/load.ts';
import type { SinkConfig } from '../core/config/schema.ts';
import { TailraceError, toError, withCode } from '../core/errors.ts';
import { createKafka, kafkaError } from '../core/kafka.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import { createRegistry, type AvroRegistry } from '../core/registry.ts';
import { backOffMs, pause } from '../core/retry.ts';
import type { StatusReporter } from '../core/status.ts';
import { ensureTopics } from '../core/topics.ts';
import type { ChangeEvent } from '../schemas/change-event.ts';
import { qualifiedName } from '../schemas/table-schema.ts';
import { sinkGroup } from '../schemas/topics.ts';

import { loadTransforms } from '../transforms/load.ts';
import { collapse, type TargetEvent } from './collapse.ts';
import { decodeRecord, fingerprintOfRecord, schemaIdsOfRecord } from './decode.ts';
import { Gatherer, type Part } from './gatherer.ts';
import { configureSink } from './load-sink.ts';
import { checkCommittedOffsets, watchLag } from './offsets.ts';
import type { Progress } from './progress.ts';
import { Routes } from './routes.ts';
import { Interrupted, Store } from './store.ts';

/** Short, because a killed worker's partitions stay with it for as long; heartbeats go on during a write. */
const SESSION_TIMEOUT_MS = 10_000;
const HEARTBEAT_INTERVAL_MS = 2_000;
const MAX_GATHERED_EVENTS = 10_000;
const SETUP_POLL_MS = 2_000;
const START_ATTEMPTS = 3;

/** What passes by itself: the consumer is started anew for ever once its config has proved right. */
const RETRIED_CODES = new Set(['KAFKA_UNREACHABLE', 'KAFKA_REJECTED', 'REGISTRY_UNREACHABLE']);

export interface ConsumerContext {
  readonly loaded: LoadedConfig;
  /** The sink's name in the config. */
  readonly name: string;
  readonly sink: SinkConfig;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly status: StatusReporter;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Runs one sink until the signal aborts. Throws TailraceError where only a person can go on. */
export async function runConsumer(context: ConsumerContext): Promise<void> {
  const { loaded, name, sink, status, log, metrics, signal } = context;
  const { config } = loaded;
  const configured = await configureSink(loaded.file, name, sink);
  const transforms = await loadTransforms(sink.transforms, loaded.folder).catch((error: unknown) => {
    throw withCode('CONFIG_INVALID', error, 'mend the transforms of this sink in the config');
  });
  const kafka = createKafka(config.kafka, `tailrace-${config.pipeline}-${name}`, log);
  const registry = config.registry === undefined ? null : createRegistry(config.registry);
  const store = new Store(configured.module.create(configured.options, { name, log }), {
    name,
    module: configured.module,
    status,
    metrics,
    log,
    signal,
  });
  const routes = new Routes(kafka, { pipeline: config.pipeline, patterns: sink.tables, transforms });
  try {
    await asKafka(context, () => ensureTopics(kafka, config.kafka, config.pipeline, []));
    await asKafka(context, () => status.start(kafka));
    await store.connect();
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await consume(context, { kafka, registry, store, routes });
        return;
      } catch (error) {
        if (!(error instanceof TailraceError) || !RETRIED_CODES.has(error.code)) throw error;
        // Right after a topic or a group was made, Kafka may need some tries until it has a leader.
        if (attempt <= START_ATTEMPTS) status.become('waiting', error.message);
        else status.fail('retrying', error);
        log.warn(
          { code: error.code, attempt, reason: error.message },
          'the consumer ended, starting it again',
        );
        await pause(backOffMs(attempt), signal);
      }
    }
  } catch (error) {
    if (error instanceof Interrupted) return;
    status.fail('halted', error);
    throw error;
  } finally {
    await store.close().catch(() => undefined);
  }
}

interface Parts {
  readonly kafka: Kafka;
  readonly registry: AvroRegistry | null;
  readonly store: Store;
  readonly routes: Routes;
}

/** One membership in the group: from the join until the signal aborts (returns) or something fails (throws). */
async function consume(context: ConsumerContext, parts: Parts): Promise<void> {
  const { loaded, name, status, metrics, signal } = context;
  const { pipeline } = loaded.config;
  const { kafka, routes, store } = parts;
  while (!(await asKafka(context, () => routes.load()))) {
    status.become('waiting', `the producer of pipeline ${pipeline} has not set it up yet`);
    await pause(SETUP_POLL_MS, signal);
    if (signal.aborted) return;
  }
  await store.prepare(routes.targets);
  const groupId = sinkGroup(pipeline, name);
  await asKafka(context, () => checkCommittedOffsets(kafka, groupId, routes.topics));

  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: SESSION_TIMEOUT_MS,
    heartbeatInterval: HEARTBEAT_INTERVAL_MS,
    maxWaitTimeInMs: 200,
    allowAutoTopicCreation: false,
    // Our own loop starts anew, with a look at what went wrong.
    retry: { restartOnFailure: () => Promise.resolve(false) },
  });
  const ended = Promise.withResolvers<void>();
  consumer.on('consumer.crash', ({ payload }) => ended.reject(payload.error));
  consumer.on('consumer.group_join', () => metrics.rebalances.inc({ sink: name }));
  const onAbort = () => ended.resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  const stopWatching = watchLag(kafka, context, groupId, routes.topics);
  const gatherer = new Gatherer<ChangeEvent>(MAX_GATHERED_EVENTS, (gathered) =>
    apply(context, parts, gathered),
  );
  try {
    await asKafka(context, async () => {
      await consumer.connect();
      await consumer.subscribe({ topics: [...routes.topics], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 256,
        eachBatch: async (payload) => {
          try {
            await handleBatch(payload, parts, gatherer);
          } catch (error) {
            // What was written is safe; its new owner reads it again and finds it there.
            if (isRebalance(error)) throw error;
            // The offset stays where it was: nothing is lost. The loop above decides what comes next.
            ended.reject(error);
          }
        },
      });
    });
    status.become('running', 'applying changes');
    await asKafka(context, () => ended.promise);
  } finally {
    stopWatching();
    signal.removeEventListener('abort', onAbort);
    // Leaves the group after the request that is running.
    await consumer.disconnect().catch(() => undefined);
  }
}

/** One partition's fetch: decode, hand over to the next bulk request, and stay in the group until it is done. */
async function handleBatch(
  payload: EachBatchPayload,
  parts: Parts,
  gatherer: Gatherer<ChangeEvent>,
): Promise<void> {
  const { batch } = payload;
  if (!payload.isRunning() || payload.isStale()) return;
  const events = await decodeBatch(payload, parts);
  const lastOffset = batch.lastOffset();
  // A long write or a store that is down must not cost the membership; a lost one shows at the next fetch.
  const beating = setInterval(() => void payload.heartbeat().catch(() => undefined), HEARTBEAT_INTERVAL_MS);
  try {
    await gatherer.submit({
      topic: batch.topic,
      partition: batch.partition,
      items: events,
      nextOffset: BigInt(lastOffset) + 1n,
      commit: (offsets) => payload.commitOffsetsIfNecessary(offsets),
    });
    payload.resolveOffset(lastOffset);
  } finally {
    clearInterval(beating);
  }
}

async function decodeBatch(
  { batch }: EachBatchPayload,
  { registry, routes, store }: Parts,
): Promise<ChangeEvent[]> {
  const fingerprints = new Set(
    batch.messages.map(fingerprintOfRecord).filter((fingerprint) => fingerprint !== null),
  );
  const unknown = [...fingerprints].filter((fingerprint) => !routes.schemas.has(fingerprint));
  if (unknown.length > 0) {
    // The producer publishes a schema before the first event that names it.
    await routes.load();
    const found = unknown
      .map((fingerprint) => routes.schemas.get(fingerprint))
      .filter((table) => table !== undefined);
    await store.prepare(found.map((table) => routes.routeOf(table).target));
  }
  const avroTypes = new Map<number, Type>();
  if (registry !== null) {
    const ids = new Set(batch.messages.flatMap(schemaIdsOfRecord));
    for (const id of ids) avroTypes.set(id, await registry.typeOf(id));
  }
  const schemas = { tables: routes.schemas, avroTypes };
  const events: ChangeEvent[] = [];
  for (const message of batch.messages) {
    const event = decodeRecord(batch.topic, batch.partition, message, schemas);
    // A tombstone right behind its delete says nothing new.
    const isRepeated = message.value === null && events.at(-1)?.position === event.position;
    if (!isRepeated) events.push(event);
  }
  return events;
}

/** One bulk request: transforms, collapse, write, commit, metrics. */
async function apply(
  context: ConsumerContext,
  { routes, store }: Parts,
  gathered: readonly Part<ChangeEvent>[],
): Promise<void> {
  const { progress, metrics, name } = context;
  const events = gathered.flatMap(({ items }) => items);
  const token = progress.begin(events);
  try {
    const kept: TargetEvent[] = [];
    for (const event of events) {
      const route = routes.routeOf(event.table);
      const transformed = route.transform(event);
      if (transformed === null) count(context, event, 'filtered');
      else kept.push({ target: route.target, event: transformed });
    }
    const collapsed = collapse(kept);
    const outcomes = await store.write(collapsed.map(({ write }) => write));
    collapsed.forEach(({ events: covered }, index) => {
      const outcome = outcomes[index];
      if (outcome === undefined) throw new Error('the sink answered fewer outcomes than writes');
      if (outcome.result === 'rejected') throw rejected(gathered, covered, outcome.error);
      for (const { event } of covered) count(context, event, outcome.result);
    });
    await commit(gathered);
    progress.end(token, events);
    metrics.sinkBatchEvents.observe({ sink: name }, events.length);
    metrics.sinkAppliedLsn.set({ sink: name }, Number(progress.appliedLsn));
    const now = Date.now() / 1000;
    for (const event of events)
      metrics.endToEndSeconds.observe({ sink: name }, Math.max(0, now - event.source.tsUs / 1_000_000));
  } finally {
    progress.abandon(token);
  }
}

function count(
  { metrics, name }: ConsumerContext,
  event: ChangeEvent,
  result: 'applied' | 'stale' | 'filtered',
): void {
  metrics.sinkEvents.inc({ sink: name, table: qualifiedName(event.table), op: event.op, result });
}

/**
 * Commits once, without kafkajs' retries: while the group rebalances these would go on for seconds, and the group would
 * wait for this member all the while.
 */
async function commit(gathered: readonly Part<ChangeEvent>[]): Promise<void> {
  const topics = Map.groupBy(gathered, ({ topic }) => topic);
  await gathered[0]?.commit({
    topics: [...topics].map(([topic, parts]) => ({
      topic,
      partitions: parts.map(({ partition, nextOffset }) => ({ partition, offset: String(nextOffset) })),
    })),
  });
}

/** Errors that mean that the group is being divided anew; kafkajs joins again when its handler throws one. */
const REBALANCE_TYPES = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID']);

function isRebalance(error: unknown): boolean {
  return REBALANCE_TYPES.has((error as { type?: string } | null)?.type ?? '');
}

function rejected(
  gathered: readonly Part<ChangeEvent>[],
  covered: readonly TargetEvent[],
  cause: Error,
): TailraceError {
  const newest = covered.at(-1);
  const part = gathered.find(({ items }) => items.some((event) => event.position === newest?.event.position));
  return new TailraceError(
    'SINK_EVENT_REJECTED',
    `the store can never take the row at position ${newest?.event.position} of ${newest?.target.name} ` +
      `(topic ${part?.topic}, partition ${part?.partition}): ${cause.message}`,
    "change the row in Postgres or the sink's transforms so that the store can hold it; the sink goes on from here after a restart",
    { cause },
  );
}

async function asKafka<Result>(context: ConsumerContext, call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof TailraceError || error instanceof Interrupted) throw error;
    if (toError(error).name.startsWith('KafkaJS'))
      throw kafkaError(error, context.loaded.config.kafka.brokers);
    throw error;
  }
}
