import type { Consumer } from 'kafkajs';
import type { ChangeEvent } from '../schemas/change-event.ts';
import { sinkGroup } from '../schemas/topics.ts';
import { apply } from './apply.ts';
import type { ConsumerContext, Parts } from './context.ts';
import { handleFetch, HEARTBEAT_INTERVAL_MS } from './fetch.ts';
import { Gatherer, type Part } from './gatherer.ts';
import { Generation } from './generation.ts';
import { asKafka, isRebalance } from './kafka-failures.ts';
import { checkCommittedOffsets, watchLag } from './offsets.ts';
import { Interrupted } from './store.ts';
import { watchTables } from './watch-tables.ts';

/** Short, because a killed worker's partitions stay with it for as long; heartbeats go on during a write. */
const SESSION_TIMEOUT_MS = 10_000;
const MIN_GATHERED_EVENTS = 10_000;
const MAX_GATHERED_BYTES = 4 * 1024 * 1024;
/** How long a bulk request waits for the other partitions of the same fetch. */
const LINGER_MS = 5;

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
  const gatherer = createGatherer(context, parts, end);
  const generation = new Generation();
  const consumer = createConsumer(parts, groupId);
  consumer.on('consumer.group_join', () => {
    context.metrics.rebalances.inc({ sink: name });
    generation.begin();
    if (generation.number === 1) return;
    // What this member did not own may have been removed before its owner has read it.
    asKafka(context, () => checkCommittedOffsets(kafka, groupId, topics)).catch(end);
  });
  consumer.on('consumer.crash', ({ payload }) => end(payload.error));
  const stopWatchingLag = watchLag(kafka, context, groupId, topics);
  const watchingTables = watchTables(kafka, pipeline, {
    look: debezium === null ? undefined : async () => JSON.stringify((await debezium.tables()).tables),
    onChange: () => takeNewTables(context, parts, topics, end),
    onError: end,
    log: context.log,
    signal: stop.signal,
  });
  let hasJoined = false;
  try {
    await asKafka(context, () => join(context, parts, { consumer, gatherer, generation, topics, end }));
    hasJoined = true;
    status.become('running', 'applying changes');
    await asKafka(context, () => ended.promise);
  } finally {
    stop.abort();
    stopWatchingLag();
    // Else the same records would be fetched again and again while a request waits for its store.
    if (hasJoined) consumer.pause(topics.map((topic) => ({ topic })));
    // The request that is running still commits what it has written.
    await gatherer.close(new Interrupted());
    await consumer.disconnect().catch(() => undefined);
    await watchingTables;
  }
}

function createConsumer({ kafka }: Parts, groupId: string): Consumer {
  return kafka.consumer({
    groupId,
    sessionTimeout: SESSION_TIMEOUT_MS,
    heartbeatInterval: HEARTBEAT_INTERVAL_MS,
    maxWaitTimeInMs: 200,
    allowAutoTopicCreation: false,
    // Our own loop starts anew, with a look at what went wrong.
    retry: { restartOnFailure: () => Promise.resolve(false) },
  });
}

function createGatherer(
  context: ConsumerContext,
  parts: Parts,
  end: (error: unknown) => void,
): Gatherer<ChangeEvent> {
  const {
    maxWrites = MIN_GATHERED_EVENTS,
    maxBytes = MAX_GATHERED_BYTES,
    lingerMs = LINGER_MS,
  } = parts.store.wishes;
  const limits = {
    maxItems: Math.max(MIN_GATHERED_EVENTS, maxWrites),
    maxBytes,
    lingerMs,
  };
  const applied = async (gathered: readonly Part<ChangeEvent>[]) => {
    try {
      await apply(context, parts, gathered);
    } catch (error) {
      // All is written and only the commit was refused: the partitions' new owners read it again and find it there.
      if (!isRebalance(error)) throw error;
    }
  };
  return new Gatherer(limits, applied, end);
}

async function join(
  context: ConsumerContext,
  parts: Parts,
  {
    consumer,
    gatherer,
    generation,
    topics,
    end,
  }: {
    consumer: Consumer;
    gatherer: Gatherer<ChangeEvent>;
    generation: Generation;
    topics: readonly string[];
    end: (error: unknown) => void;
  },
): Promise<void> {
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: 256,
    eachBatch: async (payload) => {
      try {
        await handleFetch(context, parts, { gatherer, generation }, payload);
      } catch (error) {
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
