import type { Consumer } from 'kafkajs';
import type { ChangeEvent } from '../schemas/change-event.ts';
import { sinkGroup } from '../schemas/topics.ts';
import { apply } from './apply.ts';
import type { ConsumerContext, Parts } from './context.ts';
import { handleFetch, HEARTBEAT_INTERVAL_MS } from './fetch.ts';
import { Gatherer } from './gatherer.ts';
import { asKafka, isRebalance } from './kafka-failures.ts';
import { checkCommittedOffsets, watchLag } from './offsets.ts';
import { watchTables } from './watch-tables.ts';

/** Short, because a killed worker's partitions stay with it for as long; heartbeats go on during a write. */
const SESSION_TIMEOUT_MS = 10_000;
const MAX_GATHERED_EVENTS = 10_000;

/**
 * One membership in the sink's group: from the join until the signal aborts, or until tables have been added whose topics
 * need a new subscription. Throws what ends the membership otherwise. Offsets are committed only for what is in the store, so
 * the next membership goes on where this one ended.
 */
export async function holdMembership(context: ConsumerContext, parts: Parts): Promise<void> {
  const { loaded, name, status, signal } = context;
  const { kafka, routes, debezium } = parts;
  const { topics } = routes;
  const { pipeline } = loaded.config;
  const groupId = sinkGroup(pipeline, name);
  await asKafka(context, () => checkCommittedOffsets(kafka, groupId, topics));

  const ended = Promise.withResolvers<void>();
  // It may be rejected before the join is done and anybody waits for it.
  ended.promise.catch(() => undefined);
  const stop = new AbortController();
  const end = (error?: unknown) => (error === undefined ? ended.resolve() : ended.reject(error));
  signal.addEventListener('abort', () => end(), { once: true, signal: stop.signal });
  const consumer = createConsumer(context, parts, groupId);
  consumer.on('consumer.crash', ({ payload }) => end(payload.error));
  const stopWatchingLag = watchLag(kafka, context, groupId, topics);
  const watchingTables = watchTables(kafka, pipeline, {
    look: debezium === null ? undefined : async () => JSON.stringify((await debezium.tables()).tables),
    onChange: () => takeNewTables(context, parts, topics, end),
    onError: end,
    log: context.log,
    signal: stop.signal,
  });
  try {
    await asKafka(context, () => join(context, parts, consumer, topics, end));
    status.become('running', 'applying changes');
    await asKafka(context, () => ended.promise);
  } finally {
    stop.abort();
    stopWatchingLag();
    // Leaves the group after the request that is running.
    await consumer.disconnect().catch(() => undefined);
    await watchingTables;
  }
}

function createConsumer({ metrics, name }: ConsumerContext, { kafka }: Parts, groupId: string): Consumer {
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: SESSION_TIMEOUT_MS,
    heartbeatInterval: HEARTBEAT_INTERVAL_MS,
    maxWaitTimeInMs: 200,
    allowAutoTopicCreation: false,
    // Our own loop starts anew, with a look at what went wrong.
    retry: { restartOnFailure: () => Promise.resolve(false) },
  });
  consumer.on('consumer.group_join', () => metrics.rebalances.inc({ sink: name }));
  return consumer;
}

async function join(
  context: ConsumerContext,
  parts: Parts,
  consumer: Consumer,
  topics: readonly string[],
  end: (error: unknown) => void,
): Promise<void> {
  const gatherer = new Gatherer<ChangeEvent>(MAX_GATHERED_EVENTS, (gathered) =>
    apply(context, parts, gathered),
  );
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: 256,
    eachBatch: async (payload) => {
      try {
        await handleFetch(context, parts, gatherer, payload);
      } catch (error) {
        // What was written is safe; its new owner reads it again and finds it there.
        if (isRebalance(error)) throw error;
        // The offset stays where it was: nothing is lost. The caller decides what comes next.
        end(error);
      }
    },
  });
}

/** Prepares the store for tables as they are now, and ends the membership when a topic is not among those that it reads. */
async function takeNewTables(
  { log }: ConsumerContext,
  { routes, store }: Parts,
  subscribed: readonly string[],
  end: () => void,
): Promise<boolean> {
  const before = JSON.stringify([routes.topics, [...routes.schemas.keys()]]);
  await routes.load();
  await store.prepare(routes.targets);
  const added = routes.topics.filter((topic) => !subscribed.includes(topic));
  if (added.length > 0) {
    log.info({ topics: added }, 'tables were added, joining the group again to read their topics');
    end();
  }
  return before !== JSON.stringify([routes.topics, [...routes.schemas.keys()]]);
}
