import type pg from 'pg';
import type { Producer } from 'kafkajs';
import { toError } from '../core/errors.ts';
import { createKafka } from '../core/kafka.ts';
import { putState } from '../core/state.ts';
import { Capture, type Route } from './capture.ts';
import type { ProducerContext } from './context.ts';
import { asKafka, asSource, asTailrace } from './failures.ts';
import { KafkaWriter } from './kafka-writer.ts';
import { captureTable } from './postgres/captured-table.ts';
import { readTableSchema } from './postgres/catalog.ts';
import { connectSource } from './postgres/connection.ts';
import { preflight } from './postgres/preflight.ts';
import { readSlotStatus, type SlotStatus } from './postgres/slot.ts';
import { currentSnapshot, emitHeartbeat } from './postgres/snapshot.ts';
import { SnapshotWindow } from './postgres/snapshot-window.ts';
import { openWalStream } from './postgres/wal-stream.ts';
import { isCaptured, setUpPipeline, type Resources, type SetUp } from './set-up.ts';
import { SnapshotTask } from './snapshot-task.ts';

const SLOT_STATUS_INTERVAL_MS = 2_000;

/**
 * One session: checks, sets up what is missing, then captures until the signal aborts (returns) or something fails
 * (throws). Nothing is kept between sessions but what Postgres and Kafka hold.
 */
export async function runSession(context: ProducerContext): Promise<void> {
  const { config } = context.loaded;
  const stack = new AsyncDisposableStack();
  try {
    const control = await connectSource(config.source.url, `tailrace ${config.pipeline}`);
    stack.defer(() => control.end().catch(() => undefined));
    const selected = await asSource(config.source.url, () => preflight(control, config.source));
    const kafka = createKafka(config.kafka, `tailrace-${config.pipeline}-producer`, context.log);
    const producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
    });
    await asKafka(config.kafka.brokers, () => producer.connect());
    stack.defer(() => producer.disconnect().catch(() => undefined));
    const setUp = await setUpPipeline(context, { control, kafka, producer }, selected);
    await stream(context, { control, kafka, producer }, setUp);
  } finally {
    await stack.disposeAsync();
  }
}

/** The loop: the stream's items become records; heartbeats, slot status and the snapshot run beside it. */
async function stream(
  context: ProducerContext,
  { control, producer }: Resources,
  setUp: SetUp,
): Promise<void> {
  const { log, metrics, status, figures, signal } = context;
  const { config } = context.loaded;
  const { pipeline, source } = config;
  const ended = new AbortController();
  const halted = new AbortController();
  const stack = new AsyncDisposableStack();
  stack.defer(() => ended.abort());
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
    publication: setUp.slot,
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

  const writer = new KafkaWriter(producer, config.kafka.compression, (lsn) => {
    wal.acknowledge(lsn);
    figures.acknowledgedLsn = lsn;
    if (capture.lastCommitTsUs > figures.lastCommitTsUs) figures.lastCommitTsUs = capture.lastCommitTsUs;
  });
  const snapshot = new SnapshotTask(setUp.progress);
  figures.snapshot = snapshot;
  const capture = new Capture({
    pipeline,
    database: setUp.database,
    truncate: source.truncate,
    control,
    writer,
    window: new SnapshotWindow(inProgress),
    metrics,
    log,
    signal: AbortSignal.any([signal, halted.signal]),
    route: (relation) => routeOf(context, control, setUp, relation),
    chunk: (id) => snapshot.pendingChunk(id),
    chunkSettled: (read, outcome) => {
      snapshot.settle(read, outcome);
      return Promise.resolve();
    },
  });

  const inTurn = oneAtATime();
  const heartbeat = setInterval(() => {
    inTurn(() => emitHeartbeat(beside, pipeline)).catch(fail);
  }, source.heartbeatInterval);
  const slotStatus = setInterval(() => {
    inTurn(() => readSlotStatus(beside, setUp.slot)).then((found) => showSlot(context, found), fail);
  }, SLOT_STATUS_INTERVAL_MS);
  stack.defer(() => {
    clearInterval(heartbeat);
    clearInterval(slotStatus);
  });

  status.become('running', 'streaming changes');
  const snapshotRun = runSnapshot(context, setUp, snapshot, producer, ended.signal).catch(
    (error: unknown) => {
      if (!ended.signal.aborted) fail(error);
    },
  );
  try {
    for await (const items of wal) {
      for (const item of items) await capture.handle(item);
      writer.kick();
    }
    if (outcome.failure !== null) throw outcome.failure;
    // A clean stop: what has been read is sent and acknowledged before the connection goes, so nothing comes twice.
    await writer.flush();
  } catch (error) {
    // Stopped in the middle of a transaction that was not yet visible: it was not acknowledged and comes again.
    if (signal.aborted && error === signal.reason && outcome.failure === null) return;
    throw asTailrace(context, outcome.failure ?? error);
  } finally {
    ended.abort();
    await stack.disposeAsync();
    await snapshotRun;
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

/** Reads the table's shape anew: a relation message comes at the first change and after each change of the table. */
async function routeOf(
  context: ProducerContext,
  control: pg.Client,
  setUp: SetUp,
  relation: Parameters<ConstructorParameters<typeof Capture>[0]['route']>[0],
): Promise<Route | null> {
  const { config } = context.loaded;
  if (!setUp.tables.some((table) => table.oid === relation.oid)) return null;
  const schema = await asSource(config.source.url, () => readTableSchema(control, relation.oid));
  if (schema === null) return null;
  const names = relation.columns.map((column) => column.name);
  const captured = captureTable(relation.oid, schema, names, isCaptured(context, schema));
  return { captured, output: await setUp.output(captured.table) };
}

async function runSnapshot(
  context: ProducerContext,
  setUp: SetUp,
  snapshot: SnapshotTask,
  producer: Producer,
  signal: AbortSignal,
): Promise<void> {
  const { config } = context.loaded;
  const tables = setUp.tables.filter(({ table }) => !snapshot.isDone(table));
  if (config.source.snapshot === 'never' || tables.length === 0) return;
  context.status.become('snapshot', `reading ${tables.length} tables while streaming changes`);
  const client = await connectSource(config.source.url, `tailrace ${config.pipeline} snapshot`);
  try {
    await snapshot.run(
      client,
      {
        pipeline: config.pipeline,
        tables,
        rowLimit: config.source.snapshotChunkRows,
        signal,
        log: context.log,
      },
      (table, progress) => putState(producer, config.pipeline, `snapshot/${table}`, progress),
    );
  } finally {
    await client.end().catch(() => undefined);
  }
  if (!signal.aborted) context.status.become('running', 'streaming changes');
}

function showSlot({ metrics, figures }: ProducerContext, slot: SlotStatus | null): void {
  figures.slot = slot;
  if (slot === null) return;
  metrics.slotRetainedBytes.set(slot.retainedBytes);
  metrics.captureLagBytes.set(slot.lagBytes);
  if (slot.safeBytes !== null) metrics.slotSafeBytes.set(slot.safeBytes);
}
