import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigResourceTypes } from 'kafkajs';
import { expect, test } from 'vitest';
import { randomFor } from '../../examples/random.ts';
import { decodeRecord, type DecodedRecord } from './decode-record.ts';
import { openPipeline, type Pipeline } from './harness.ts';
import { countRecords } from './kafka.ts';
import { whileServerIsFrozen } from './own-stack.ts';
import { until } from './until.ts';
import type { Worker } from './worker.ts';

const LEDGER = 'CREATE TABLE ledger (id int PRIMARY KEY, n int NOT NULL)';
/** Longer than a sink's fetch waits for records. */
const FETCH_WAIT_MS = 500;

/** What a workload has done so far. */
interface Ledger {
  /** Row changes committed. */
  changes: number;
  /** For each commit, in order: a position in the WAL at or behind its end, and the changes up to it. */
  readonly commits: { lsn: bigint; changes: number }[];
}

/** Inserts and updates rows of ledger, one transaction of 1 to 3 changes after the other, until the signal fires. */
async function keepLedger(pipeline: Pipeline, ledger: Ledger, signal: AbortSignal): Promise<void> {
  const client = await pipeline.database.connect();
  const random = randomFor(3);
  let rows = 0;
  while (!signal.aborted) {
    const statements = Array.from({ length: random.between(1, 3) }, () => {
      if (rows > 0 && random.chance(0.5))
        return `UPDATE ledger SET n = n + 1 WHERE id = ${random.between(1, rows)}`;
      return `INSERT INTO ledger VALUES (${(rows += 1)}, 0)`;
    });
    await client.query(`BEGIN; ${statements.join('; ')}; COMMIT`);
    const { rows: places } = await client.query<{ lsn: string }>(
      "SELECT (pg_current_wal_lsn() - '0/0')::text AS lsn",
    );
    ledger.changes += statements.length;
    ledger.commits.push({ lsn: BigInt(places[0]?.lsn ?? 0), changes: ledger.changes });
  }
}

/** Runs `work` beside a workload and returns what the workload did. */
async function withWorkload(pipeline: Pipeline, work: (ledger: Ledger) => Promise<void>): Promise<Ledger> {
  const stop = new AbortController();
  const ledger: Ledger = { changes: 0, commits: [] };
  const workload = keepLedger(pipeline, ledger, stop.signal);
  try {
    await work(ledger);
  } finally {
    stop.abort();
    await workload;
  }
  return ledger;
}

async function events(pipeline: Pipeline): Promise<DecodedRecord[]> {
  return Promise.all((await pipeline.records('public.ledger')).map(decodeRecord));
}

function position({ headers }: DecodedRecord): string {
  return headers['tailrace.position'] ?? '';
}

async function confirmedLsn({ database, slot }: Pipeline): Promise<bigint> {
  const [row] = await database.query<{ lsn: string }>(
    "SELECT (confirmed_flush_lsn - '0/0')::text AS lsn FROM pg_replication_slots WHERE slot_name = $1",
    [slot],
  );
  return BigInt(row?.lsn ?? 0);
}

/** A pipeline whose slot is there before the first change, so that every change of a workload is streamed. */
async function openWithSlot(): Promise<Pipeline> {
  const pipeline = await openPipeline({
    sql: LEDGER,
    sinks: { cache: 'redis' },
    source: { snapshot: 'never' },
  });
  const producer = pipeline.start('producer');
  await pipeline.untilCaptured();
  await producer.end('SIGTERM');
  return pipeline;
}

/** Starts a producer and waits until it has confirmed something, which a workload or a heartbeat brings. */
async function startCapturing(pipeline: Pipeline): Promise<Worker> {
  const from = await confirmedLsn(pipeline);
  const producer = pipeline.start('producer');
  await until('the producer goes on', async () => (await confirmedLsn(pipeline)) > from);
  return producer;
}

test('a producer stopped by SIGTERM ends with 0, and after each start goes on without a duplicate', async () => {
  await using pipeline = await openWithSlot();
  const { changes } = await withWorkload(pipeline, async (ledger) => {
    for (let round = 0; round < 3; round += 1) {
      const producer = await startCapturing(pipeline);
      const before = ledger.changes;
      await until('more has changed', () => ledger.changes > before + 50);
      expect(await producer.end('SIGTERM')).toMatchObject({ exitCode: 0, signal: null });
    }
  });
  pipeline.start('producer');
  await pipeline.untilCaptured();
  const records = await events(pipeline);
  const positions = records.map(position);
  expect(new Set(positions).size, 'different positions').toBe(records.length);
  expect(records).toHaveLength(changes);
});

test('a worker stopped by Ctrl-C ends with 130', async () => {
  await using pipeline = await openPipeline({ sql: LEDGER, sinks: { cache: 'redis' } });
  const worker = pipeline.start('all');
  await pipeline.untilCaughtUp();
  expect(await worker.end('SIGINT')).toMatchObject({ exitCode: 130, stdout: '' });
});

test('a producer killed at random moments loses nothing and acknowledges nothing that Kafka does not have', async () => {
  await using pipeline = await openWithSlot();
  const topic = `${pipeline.name}.public.ledger`;
  const random = randomFor(11);
  let samples = 0;
  const { changes } = await withWorkload(pipeline, async (ledger) => {
    for (let round = 0; round < 5; round += 1) {
      const producer = await startCapturing(pipeline);
      const enough = ledger.changes + random.between(1, 200);
      while (ledger.changes < enough) {
        const confirmed = await confirmedLsn(pipeline);
        const inKafka = await countRecords(pipeline.admin, topic);
        const acknowledged = ledger.commits.findLast(({ lsn }) => lsn <= confirmed)?.changes ?? 0;
        expect(inKafka).toBeGreaterThanOrEqual(acknowledged);
        samples += 1;
      }
      await producer.end('SIGKILL');
    }
  });
  expect(samples).toBeGreaterThan(5);
  pipeline.start('all');
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(['public.ledger']);
  const records = await events(pipeline);
  const rowsByPosition = new Map<string, string>();
  for (const record of records) {
    const row = JSON.stringify(record.value?.after);
    // What comes twice is the same both times, so that a store can tell.
    expect(rowsByPosition.get(position(record)) ?? row).toBe(row);
    rowsByPosition.set(position(record), row);
  }
  expect(rowsByPosition.size).toBe(changes);
});

test('while Kafka does not answer nothing is acknowledged, and afterwards nothing is missing', async () => {
  await using pipeline = await openPipeline({ sql: LEDGER });
  const producer = pipeline.start('producer');
  await pipeline.untilCaptured();
  const before = await confirmedLsn(pipeline);
  await whileServerIsFrozen('kafka', async () => {
    await pipeline.database.query('INSERT INTO ledger SELECT g, 0 FROM generate_series(1, 2500) g');
    const [end] = await pipeline.database.query<{ lsn: string }>(
      "SELECT (pg_current_wal_lsn() - '0/0')::text AS lsn",
    );
    const replies = new Set<string>();
    await until('the producer has received it and has told Postgres twice how far it is', async () => {
      const [sender] = await pipeline.database.query<{ sent: string; reply: string }>(
        `SELECT (sent_lsn - '0/0')::text AS sent, reply_time::text AS reply FROM pg_stat_replication
          WHERE application_name = $1`,
        [`tailrace ${pipeline.slot}`],
      );
      if (sender !== undefined && BigInt(sender.sent) >= BigInt(end?.lsn ?? 0)) replies.add(sender.reply);
      return replies.size > 2;
    });
    // Heartbeats of just before may still have been confirmed, the insert's commit must not.
    expect(await confirmedLsn(pipeline)).toBeLessThan(BigInt(end?.lsn ?? 0));
  });
  await pipeline.untilCaptured();
  expect(await confirmedLsn(pipeline)).toBeGreaterThan(before);
  const records = await events(pipeline);
  expect(new Set(records.map(position)).size).toBe(2500);
  expect((await producer.status('producer')).state).toBe('running');
});

test('a second producer waits for the slot and takes over when the first is killed', async () => {
  await using pipeline = await openPipeline({ sql: LEDGER, sinks: { cache: 'redis' } });
  const first = pipeline.start('producer');
  await pipeline.untilCaptured();
  const second = pipeline.start('producer');
  await until('the second stands by', async () => (await second.status('producer')).state === 'standby');
  expect((await second.status('producer')).lastError?.code).toBe('SLOT_IN_USE');
  await pipeline.database.query('INSERT INTO ledger VALUES (1, 1)');
  await first.end('SIGKILL');
  await pipeline.database.query('INSERT INTO ledger VALUES (2, 2)');
  pipeline.start('sink', 'cache');
  await until('the second streams', async () => (await second.status('producer')).state === 'running');
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(['public.ledger']);
});

test('a slot that is gone stops the producer with exit 7, and is not made anew', async () => {
  await using pipeline = await openPipeline({ sql: LEDGER });
  const producer = pipeline.start('producer');
  await pipeline.untilCaptured();
  await producer.end('SIGTERM');
  await until('the slot is free', () =>
    pipeline.database
      .query('SELECT pg_drop_replication_slot($1)', [pipeline.slot])
      .then(() => true)
      .catch(() => false),
  );
  await pipeline.database.query('INSERT INTO ledger VALUES (1, 1)');
  const { exitCode, stderr } = await pipeline.start('producer').ended;
  expect(exitCode).toBe(7);
  expect(stderr).toMatch(/^error POSITION_LOST: .*slot \w+ is gone\n {2}fix: /m);
  const slots = await pipeline.database.query('SELECT FROM pg_replication_slots WHERE slot_name = $1', [
    pipeline.slot,
  ]);
  expect(slots).toHaveLength(0);
});

test('a slot dropped under a running producer stops it with exit 7 too', async () => {
  await using pipeline = await openPipeline({ sql: LEDGER });
  const producer = pipeline.start('producer');
  await pipeline.untilCaptured();
  await until('the slot is dropped', () =>
    pipeline.database
      .query(
        `SELECT pg_terminate_backend(active_pid), pg_drop_replication_slot(slot_name) FROM pg_replication_slots
          WHERE slot_name = $1`,
        [pipeline.slot],
      )
      .then((rows) => rows.length > 0)
      .catch(() => false),
  );
  expect(await producer.ended).toMatchObject({ exitCode: 7 });
});

/** The records of table ledger below that offset. */
async function removeRecords(pipeline: Pipeline, offset: number): Promise<void> {
  const topic = `${pipeline.name}.public.ledger`;
  // Kafka removes records on demand only where the policy removes them anyway.
  await pipeline.admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: ConfigResourceTypes.TOPIC,
        name: topic,
        configEntries: [{ name: 'cleanup.policy', value: 'delete' }],
      },
    ],
  });
  await until('the records are removed', () =>
    pipeline.admin
      .deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] })
      .then(() => true)
      .catch(() => false),
  );
}

test('a sink whose place was removed from its topic stops with exit 7 instead of starting over', async () => {
  await using pipeline = await openPipeline({ sql: LEDGER, sinks: { cache: 'redis' }, partitions: 1 });
  const producer = pipeline.start('producer');
  const sink = pipeline.start('sink', 'cache');
  await pipeline.database.query('INSERT INTO ledger VALUES (1, 1)');
  await pipeline.untilCaughtUp();
  await sink.end('SIGTERM');
  await pipeline.database.query('INSERT INTO ledger VALUES (2, 2), (3, 3)');
  await pipeline.untilCaptured();
  await producer.end('SIGTERM');
  await removeRecords(pipeline, 2);
  const { exitCode, stderr } = await pipeline.start('sink', 'cache').ended;
  expect(exitCode).toBe(7);
  expect(stderr).toMatch(/^error POSITION_LOST: .*committed offset 1 .*holds 2 to 3/m);
});

test('a sink whose next records are removed while it runs stops with exit 7 instead of passing over them', async () => {
  await using pipeline = await openPipeline({ sql: LEDGER, sinks: { cache: 'redis' }, partitions: 1 });
  pipeline.start('producer');
  const sink = pipeline.start('sink', 'cache');
  await pipeline.database.query('INSERT INTO ledger VALUES (1, 1)');
  await pipeline.untilCaughtUp();
  process.kill(sink.pid, 'SIGSTOP');
  // What it has asked for already is answered meanwhile: a fetch waits for records so long at most.
  await sleep(FETCH_WAIT_MS);
  await pipeline.database.query('INSERT INTO ledger VALUES (2, 2), (3, 3)');
  await pipeline.untilCaptured();
  await removeRecords(pipeline, 2);
  process.kill(sink.pid, 'SIGCONT');
  const { exitCode, stderr } = await sink.ended;
  expect(exitCode).toBe(7);
  expect(stderr).toMatch(
    /^error POSITION_LOST: .*was read up to offset 1, and Kafka goes on at 2\n {2}fix: /m,
  );
});
