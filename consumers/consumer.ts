import { TailraceError } from '../core/errors.ts';
import { createKafka } from '../core/kafka.ts';
import { createRegistry } from '../core/registry.ts';
import { backOffMs, pause } from '../core/retry.ts';
import { ensureTopics } from '../core/topics.ts';
import type { ConsumerContext, Parts } from './context.ts';
import { asKafka } from './kafka-failures.ts';
import { configureSink, tableOptionsOf } from './load-sink.ts';
import { holdMembership } from './membership.ts';
import { openDebeziumTopics } from './debezium/topics.ts';
import { Routes, tablesOfState } from './routes.ts';
import { Interrupted, Store } from './store.ts';
import { loadMapping } from './table-mapping.ts';

const SETUP_POLL_MS = 2_000;
const START_ATTEMPTS = 3;
const LAG_INTERVAL_MS = 1_000;
/** A membership that lasted so long was a good one: its end is not one more failure in a row. */
const GOOD_MEMBERSHIP_MS = 60_000;

/** What passes by itself: the consumer is started anew for ever once its config has proved right. */
const RETRIED_CODES = new Set([
  'KAFKA_UNREACHABLE',
  'KAFKA_REJECTED',
  'REGISTRY_UNREACHABLE',
  'SCHEMA_NOT_FOUND',
  'SOURCE_UNREACHABLE',
]);

/** Runs one sink until the signal aborts. Throws TailraceError where only a person can go on. */
export async function runConsumer(context: ConsumerContext): Promise<void> {
  const { loaded, name, sink, status, log, metrics, signal } = context;
  const { config } = loaded;
  const { module, options } = await configureSink(loaded.file, name, sink);
  const mapping = await loadMapping(name, sink, loaded.folder);
  const kafka = createKafka(config.kafka, `tailrace-${config.pipeline}-${name}`, log);
  const registry = config.registry === undefined ? null : createRegistry(config.registry);
  const store = new Store(
    module.create(options, { name, log, tableOptions: tableOptionsOf(module, name, sink.mapping) }),
    {
      name,
      module,
      status,
      metrics,
      log,
      signal,
    },
  );
  const debezium =
    config.topics.format === 'debezium' ? openDebeziumTopics(kafka, loaded, log, context.source) : null;
  const readTables =
    debezium === null ? tablesOfState(kafka, config.pipeline, sink.tables) : () => debezium.tables();
  const routes = new Routes(readTables, { patterns: sink.tables, mapping });
  // In a membership or not: it is what tells that nothing is applied.
  const tellLag = setInterval(
    () => metrics.sinkLagSeconds.set({ sink: name }, context.progress.lagSeconds),
    LAG_INTERVAL_MS,
  );
  try {
    await asKafka(context, () => ensureTopics(kafka, config.kafka, config.pipeline, []));
    await asKafka(context, () => status.start(kafka));
    await store.connect();
    await consumeForEver(context, { kafka, registry, store, routes, debezium });
  } catch (error) {
    if (error instanceof Interrupted) return;
    status.fail('halted', error);
    throw error;
  } finally {
    clearInterval(tellLag);
    await store.close().catch(() => undefined);
  }
}

/** One membership in the group after the other until the signal aborts. */
async function consumeForEver(context: ConsumerContext, parts: Parts): Promise<void> {
  const { status, log, signal } = context;
  for (let attempt = 1; !signal.aborted; attempt++) {
    const beganMs = performance.now();
    try {
      await untilSetUp(context, parts);
      await parts.store.prepare(parts.routes.targets);
      if (!signal.aborted) await holdMembership(context, parts);
      attempt = 0;
    } catch (error) {
      if (!(error instanceof TailraceError) || !RETRIED_CODES.has(error.code)) throw error;
      if (performance.now() - beganMs > GOOD_MEMBERSHIP_MS) attempt = 1;
      // Right after a topic or a group was made, Kafka may need some tries until it has a leader.
      if (attempt <= START_ATTEMPTS) status.become('waiting', error.message);
      else status.fail('retrying', error);
      log.warn({ code: error.code, attempt, reason: error.message }, 'the consumer ended, starting it again');
      await pause(backOffMs(attempt), signal);
    }
  }
}

/** Waits until the producer has set up the pipeline and captures a table that this sink wants. */
async function untilSetUp(context: ConsumerContext, { routes, debezium }: Parts): Promise<void> {
  const { loaded, status, signal } = context;
  const { pipeline, topics } = loaded.config;
  while (!signal.aborted) {
    const isSetUp = await asKafka(context, () => routes.load());
    if (isSetUp && routes.topics.length > 0) {
      if (status.current.state === 'waiting') status.become('starting', 'preparing the store');
      return;
    }
    status.become(
      'waiting',
      debezium !== null
        ? `there is no topic ${topics.prefix ?? pipeline}.<schema>.<table> of a table of this sink yet`
        : isSetUp
          ? `the producer of pipeline ${pipeline} captures no table of this sink yet`
          : `the producer of pipeline ${pipeline} has not set it up yet`,
    );
    await pause(SETUP_POLL_MS, signal);
  }
}
