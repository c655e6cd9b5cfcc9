import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { readCommands, watchCommands, type Commands } from '../core/control.ts';
import { toError } from '../core/errors.ts';
import { createKafka } from '../core/kafka.ts';
import { createCluster } from '../core/kafka-cluster.ts';
import { pause } from '../core/retry.ts';
import { putState } from '../core/state.ts';
import { formatLsn, parseLsn } from '../schemas/lsn.ts';
import { matchesTable } from '../schemas/table-pattern.ts';
import { qualifiedName } from '../schemas/table-schema.ts';
import { stateTopic } from '../schemas/topics.ts';
import { Capture } from './capture.ts';
import type { Route } from './capture-context.ts';
import type { EventLabel } from './event-labels.ts';
import type { ProducerContext } from './context.ts';
import { asKafka, asSource, asTailrace } from './failures.ts';
import { ProduceClient } from './kafka/produce-client.ts';
import { KafkaWriter } from './kafka-writer.ts';
import { fitRow } from './large-rows.ts';
import { openLease } from './lease.ts';
import { captureTable } from './postgres/tables/captured-table.ts';
import { isKeyless } from './postgres/tables/catalog.ts';
import { connectSource } from './postgres/connection.ts';
import { preflight } from './postgres/preflight.ts';
import { schemaOfRelation, type Relation } from './postgres/tables/relation-schema.ts';
import { createAcknowledger } from './postgres/stream/acknowledger.ts';
import { readSlotStatus, slotName } from './postgres/slot/slot.ts';
import { refuseBusySlot } from './postgres/slot/standby.ts';
import { currentSnapshot } from './postgres/snapshot/snapshot.ts';
import { setAside } from './set-aside.ts';
import { SnapshotWindow } from './postgres/snapshot/snapshot-window.ts';
import { emitHeartbeat } from './postgres/stream/wal-message.ts';
import { openWalStream } from './postgres/stream/wal-stream.ts';
import { isCaptured, readCapturedTable, setUpPipeline, type Resources, type SetUp } from './set-up.ts';
import { SnapshotTask } from './snapshot/snapshot-task.ts';
import { TableWatch } from './table-watch.ts';
import { wholeRowReader } from './whole-row.ts';

/** A change of a table that writes no rows is noticed after so long at most. */
const TABLE_CHECK_INTERVAL_MS = 3_000;
const GOODBYE_LIMIT_MS = 3_000;

/**
 * One session: checks, sets up what is missing, then captures until the signal aborts (returns) or something fails
 * (throws). Nothing is kept between sessions but what Postgres and Kafka hold.
 */
export async function runSession(context: ProducerContext): Promise<void> {
  const { config } = context.loaded;
  await using stack = new AsyncDisposableStack();
  const control = await connectSource(config.source.url, `tailrace ${config.pipeline}`);
  stack.defer(() => control.end().catch(() => undefined));
  await asSource(config.source.url, () => refuseBusySlot(control, slotName(config.pipeline)));
  const selection = await asSource(config.source.url, () => preflight(control, config.source));
  const kafka = createKafka(config.kafka, `tailrace-${config.pipeline}-producer`, context.log);
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await asKafka(config.kafka.brokers, () => producer.connect());
  stack.defer(() => goodbye(producer.disconnect()));
  const cluster = createCluster(config.kafka, `tailrace-${config.pipeline}-writer`, context.log);
  await asKafka(config.kafka.brokers, () => cluster.connect());
  stack.defer(() => goodbye(cluster.disconnect()));
  const resources = { control, kafka, producer, cluster };
  const setUp = await setUpPipeline(context, resources, selection);
  await stream(context, resources, setUp);
}

/** A broker that does not answer must not hold up the end. */
function goodbye(disconnected: Promise<void>): Promise<void> {
  return Promise.race([
    disconnected.catch(() => undefined),
    delay(GOODBYE_LIMIT_MS, undefined, { ref: false }),
  ]);
}

/** The loop: the stream's items become records; heartbeats and the snapshot run beside it. */
async function stream(
  context: ProducerContext,
  { control, kafka, producer, cluster }: Resources,
  setUp: SetUp,
): Promise<void> {
  const { log, metrics, status, figures, signal } = context;
  const { config } = context.loaded;
  const { pipeline, source } = config;
  const ended = new AbortController();
  const halted = new AbortController();
  let besides: Promise<unknown> = Promise.resolve();
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    await besides;
  });
  // The heartbeat's own transaction makes all that began before it stand in the snapshot as running or ended.
  await asSource(source.url, () => emitHeartbeat(control, pipeline));
  const { inProgress } = await asSource(source.url, () => currentSnapshot(control));
  // The capture's queries may wait; what runs beside it must not.
  const beside = await connectSource(source.url, `tailrace ${pipeline} heartbeat`);
  stack.defer(() => beside.end().catch(() => undefined));
  const slot = await asSource(source.url, () => readSlotStatus(control, setUp.slot));
  const wal = openWalStream({
    url: source.url,
    slot: setUp.slot,
    publications: setUp.publications,
    confirmedLsn: slot?.confirmedLsn ?? null,
  });
  stack.defer(() => wal.close());
  const outcome: { failure: Error | null } = { failure: null };
  const fail = (error: unknown) => {
    outcome.failure ??= toError(error);
    halted.abort();
    wal.stop();
  };
  const stop = () => wal.stop();
  signal.addEventListener('abort', stop, { once: true });
  stack.defer(() => signal.removeEventListener('abort', stop));
  if (signal.aborted) stop();

  const lease = openLease();
  stack.defer(() => lease.end());
  // Who had the slot before can no longer write behind us; as long as another has it, it must not be disturbed.
  await wal.ready;
  const client = await asKafka(config.kafka.brokers, () =>
    ProduceClient.open(cluster, `${pipeline}.tailrace.producer`, config.kafka.compression, signal, lease),
  );
  const acknowledger = createAcknowledger({
    record: (lsn) =>
      asKafka(config.kafka.brokers, () =>
        putState(producer, pipeline, 'slot', { ...setUp.record, confirmedLsn: formatLsn(lsn) }),
      ),
    acknowledge: (lsn) => wal.acknowledge(lsn),
    fail,
  });
  stack.defer(() => acknowledger.close());
  const writer = new KafkaWriter<EventLabel>(
    (batches) => client.send(batches),
    (lsn) => {
      acknowledger.reach(lsn);
      figures.acknowledgedLsn = lsn;
      if (capture.lastCommitTsUs > figures.lastCommitTsUs) figures.lastCommitTsUs = capture.lastCommitTsUs;
    },
    ({ table, op }, events) => {
      metrics.captureEvents.inc({ table, op }, events);
      if (op === 'r') metrics.snapshotRows.inc({ table }, events);
    },
  );
  // By the writer, since what it has sent of a table's progress before must not arrive behind this.
  const snapshot = new SnapshotTask(
    setUp.progress,
    source.snapshotChunkRows,
    (table, progress) =>
      new Promise((resolve, reject) => {
        const value = JSON.stringify(progress);
        writer.note({ topic: stateTopic(pipeline), key: `snapshot/${table}`, value: () => value });
        writer.whenSent(resolve, reject);
        writer.kick();
      }),
  );
  const { snapshotPaused } = await asKafka(config.kafka.brokers, () => readCommands(kafka, pipeline));
  if (snapshotPaused) snapshot.pause();
  figures.snapshot = snapshot;
  const capture = new Capture({
    pipeline,
    database: setUp.database,
    truncate: source.truncate,
    writer,
    window: new SnapshotWindow(inProgress, () => snapshot.isBusy),
    log,
    wholeRow: wholeRowReader(control, AbortSignal.any([signal, halted.signal]), log),
    route: (relation) => routeOf(context, control, setUp, relation),
    setAside: (item) => setAside(context, producer, item),
    fitRow: (route, event, encoded) =>
      fitRow(context, producer, { ...route, topic: route.topic.name }, event, encoded),
    anewRoute: (oid) => anewRouteOf(context, control, setUp, oid),
    chunk: (id) => snapshot.pendingChunk(id),
    chunkRoute: async ({ chunk: { oid, table } }) => {
      const [destination] = await setUp.tables.destinations([table]);
      if (destination === undefined) throw new RangeError('a destination was not prepared');
      return { captured: { oid, table, places: [] }, ...destination, historyFrom: null };
    },
    chunkLeaves: (read, topic) => snapshot.leaving(read, topic),
    chunkSettled: (read, outcome) => snapshot.settle(read, outcome),
  });

  const catalogue = await connectSource(source.url, `tailrace ${pipeline} catalogue`);
  stack.defer(() => catalogue.end().catch(() => undefined));
  const watch = new TableWatch({
    context,
    client: catalogue,
    setUp,
    keepHistory: (start) =>
      asKafka(config.kafka.brokers, () => putState(producer, pipeline, `history/${start.oid}`, start)),
    snapshot,
  });
  await watch.start(setUp.selected);

  const inTurn = oneAtATime();
  const heartbeat = setInterval(() => {
    inTurn(() => emitHeartbeat(beside, pipeline)).catch(fail);
  }, source.heartbeatInterval);
  stack.defer(() => clearInterval(heartbeat));

  status.become('running', 'streaming changes');
  besides = Promise.all([
    runSnapshot(context, setUp, snapshot, ended.signal),
    watchCommands(kafka, pipeline, (commands) => obey(commands, watch, snapshot), ended.signal),
    watchTables(watch, ended.signal),
  ]).catch((error: unknown) => {
    if (!ended.signal.aborted) fail(error);
  });
  try {
    for await (const items of wal) {
      for (const item of items) {
        const pending = capture.handle(item);
        if (pending !== undefined) await pending;
      }
      writer.kick();
    }
    if (outcome.failure !== null) throw outcome.failure;
    // A clean stop: what has been read is sent and acknowledged before the connection goes, so nothing comes twice.
    await writer.flush();
    await acknowledger.settle();
  } catch (error) {
    // Stopped in the middle of a transaction that was not yet visible: it was not acknowledged and comes again.
    if (signal.aborted && error === signal.reason && outcome.failure === null) return;
    throw asTailrace(context, outcome.failure ?? error);
  } finally {
    ended.abort();
  }
}

/** Starts each call when the one before has ended: a connection takes one query at a time. */
function oneAtATime(): <Result>(call: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (call) => {
    const next = last.then(call);
    last = next.catch(() => undefined);
    return next;
  };
}

/** A relation message comes at a table's first change and after each change of the table. */
async function routeOf(
  context: ProducerContext,
  control: pg.Client,
  { tables, histories }: SetUp,
  relation: Relation,
): Promise<Route | null> {
  const { source } = context.loaded.config;
  if (!matchesTable(source.tables, relation) || matchesTable(source.exclude, relation)) return null;
  const known = tables.published(relation);
  const history = histories.get(relation.oid);
  const schema = await asSource(source.url, () =>
    schemaOfRelation(control, relation, known, history !== undefined),
  );
  if (schema === null) return null;
  const captured = captureTable(relation.oid, schema, isCaptured(source, schema));
  const [destination] = await tables.destinations([captured.table]);
  const historyFrom = history === undefined ? null : parseLsn(history.lsn);
  return destination === undefined ? null : { captured, ...destination, historyFrom };
}

async function anewRouteOf(
  context: ProducerContext,
  control: pg.Client,
  { tables, histories }: SetUp,
  oid: number,
): Promise<Route | null> {
  const { source } = context.loaded.config;
  const history = histories.get(oid);
  const of = await asSource(source.url, () => readCapturedTable(context, control, oid, histories));
  if (of === null || (history === undefined && isKeyless(of.table))) return null;
  if (!matchesTable(source.tables, of.table) || matchesTable(source.exclude, of.table)) return null;
  const [destination] = await tables.destinations([of.table]);
  const historyFrom = history === undefined ? null : parseLsn(history.lsn);
  return destination === undefined ? null : { captured: { ...of, places: [] }, ...destination, historyFrom };
}

/** Reads tables beside the stream for as long as the session lasts. */
async function runSnapshot(
  context: ProducerContext,
  setUp: SetUp,
  snapshot: SnapshotTask,
  signal: AbortSignal,
): Promise<void> {
  const { pipeline, source } = context.loaded.config;
  const connect = () => connectSource(source.url, `tailrace ${pipeline} snapshot`);
  await snapshot.run({
    pipeline,
    tables: setUp.selected,
    initial: source.snapshot === 'initial',
    signal,
    log: context.log,
    connect,
    shapeOf: async (oid) => {
      const client = await connect();
      try {
        return await readCapturedTable(context, client, oid, setUp.histories);
      } finally {
        await client.end();
      }
    },
    onActivity: (message) => {
      if (!signal.aborted)
        context.status.become(message === null ? 'running' : 'snapshot', message ?? 'streaming changes');
    },
  });
}

async function watchTables(watch: TableWatch, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await watch.check();
    await pause(TABLE_CHECK_INTERVAL_MS, signal);
  }
}

/** What was asked for with `tailrace snapshot`, also while no producer ran. */
async function obey(commands: Commands, watch: TableWatch, snapshot: SnapshotTask): Promise<void> {
  if (commands.snapshotPaused) snapshot.pause();
  else snapshot.resume();
  for (const [name, { id, where }] of commands.snapshots) {
    const table = watch.captured.find((each) => qualifiedName(each.table) === name);
    if (table !== undefined) await watch.readAgain(table, { id, ...(where === undefined ? {} : { where }) });
  }
}
