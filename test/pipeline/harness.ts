import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Admin, Kafka } from 'kafkajs';
import { expect } from 'vitest';
import { stringify } from 'yaml';
import { compareAll } from '../../examples/equality/compare-all.ts';
import type { StoreType } from '../../examples/equality/reader.ts';
import { kafkaOfTests, readRecords, recordsBehind, type TopicRecord } from './kafka.ts';
import { openSourceDatabase, type SourceDatabase } from './source-database.ts';
import { storePlace, type StorePlace } from './stores.ts';
import { until } from './until.ts';
import { startTailrace, type Ending, type Worker } from './worker.ts';

/** A pipeline of the test's own: database, config file and, once started, workers. Disposing of it removes all traces. */
export interface Pipeline extends AsyncDisposable {
  readonly name: string;
  readonly slot: string;
  readonly database: SourceDatabase;
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly configFile: string;
  /** By the sink's name. */
  readonly places: Readonly<Record<string, StorePlace>>;
  /** Changes keys of `source` in the config file, for workers that are started after it. */
  configure(source: Readonly<Record<string, unknown>>): void;
  /** Another address of the registry, for workers that are started after it. */
  configureRegistry(url: string): void;
  /** Starts `tailrace run ARGS` on a free port. */
  start(...args: string[]): Worker;
  /** Runs any command of `tailrace` to its end. */
  tailrace(...args: string[]): Promise<Ending>;
  /** The records of a table's topic. */
  records(table: string): Promise<TopicRecord[]>;
  /** Waits until the snapshot is done and the slot has confirmed everything that Postgres has committed by now. */
  untilCaptured(): Promise<void>;
  /** The same while a snapshot may go on. */
  slotConfirms(): Promise<void>;
  /** Waits for both, and then until the sinks (default: all) have no record left to read. */
  untilCaughtUp(sinks?: readonly string[]): Promise<void>;
  /** Compares every row of these tables (`schema.table`) in each sink (default: all) with Postgres, by examples/equality. */
  expectEqual(tables: readonly string[], sinks?: readonly string[]): Promise<void>;
}

export interface PipelineOptions {
  /** SQL that makes the tables, before anything runs. */
  readonly sql?: string;
  /** Sinks by name; default: none. */
  readonly sinks?: Readonly<Record<string, StoreType>>;
  /** By the sink's name, keys beside type and url. */
  readonly sinkOptions?: Readonly<Record<string, object>>;
  /** Tables whose names (without schema) the stores must not hold yet. */
  readonly tables?: readonly string[];
  /** With a schema registry, so in Avro. */
  readonly avro?: boolean;
  readonly partitions?: number;
  /** Keys of `kafka` beside brokers and partitions. */
  readonly kafka?: Readonly<Record<string, unknown>>;
  /** Keys of `source` beside url and tables. */
  readonly source?: Readonly<Record<string, unknown>>;
}

let count = 0;

export async function openPipeline(options: PipelineOptions = {}): Promise<Pipeline> {
  const stack = new AsyncDisposableStack();
  try {
    return await assemble(stack, options);
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function assemble(stack: AsyncDisposableStack, options: PipelineOptions): Promise<Pipeline> {
  const name = `t${Date.now().toString(36)}-${(count += 1)}`;
  const slot = `${name.replaceAll('-', '_')}_tailrace`;
  const kafka = kafkaOfTests();
  const admin = kafka.admin();
  await admin.connect();
  stack.defer(() => admin.disconnect());
  stack.defer(() => deleteTopics(admin, name));
  const database = stack.use(await openSourceDatabase());
  if (options.sql !== undefined) await database.query(options.sql);

  const places: Record<string, StorePlace> = {};
  for (const [sink, type] of Object.entries(options.sinks ?? {}))
    places[sink] = stack.use(await storePlace(type, database.name, options.tables ?? []));
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-pipeline-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const configFile = join(folder, 'tailrace.yaml');
  let registryUrl = '${REGISTRY_URL}';
  const configure: Pipeline['configure'] = (source) => {
    const changed = { ...options, source: { ...options.source, ...source } };
    writeFileSync(configFile, stringify(configOf(name, database, places, changed, registryUrl)));
  };
  configure({});

  const workers: Worker[] = [];
  stack.defer(() => Promise.all(workers.map((worker) => worker.end('SIGKILL'))).then(() => undefined));
  let producer: Worker | undefined;
  const start = (...args: string[]) => {
    const worker = startTailrace(args, { cwd: folder });
    workers.push(worker);
    return worker;
  };
  const slotIsConfirmed = () =>
    slotConfirms(database, slot, () => `the producer wrote:\n${producer?.stderr().slice(-4000)}`);
  const untilCaptured = async () => {
    await until(
      () => `the producer streams, with no snapshot left to read; it wrote:\n${producer?.stderr()}`,
      async () => (await producer?.status('producer'))?.state === 'running',
    );
    await slotIsConfirmed();
  };
  return {
    name,
    slot,
    database,
    kafka,
    admin,
    configFile,
    places,
    configure,
    configureRegistry: (url) => {
      registryUrl = url;
      configure({});
    },
    start: (...args) => {
      const worker = start('run', ...args, '--metrics-port', '0');
      if (args[0] !== 'sink') producer = worker;
      return worker;
    },
    tailrace: (...args) => start(...args).ended,
    records: (table) => readRecords(kafka, admin, `${name}.${table}`),
    slotConfirms: slotIsConfirmed,
    untilCaptured,
    untilCaughtUp: async (sinks = Object.keys(places)) => {
      await untilCaptured();
      const topics = await tableTopics(admin, name);
      for (const sink of sinks) await sinkHasRead(admin, name, sink, topics);
    },
    expectEqual: async (tables, sinks = Object.keys(places)) => {
      const stores = Object.fromEntries(Object.entries(places).filter(([sink]) => sinks.includes(sink)));
      const comparisons = await compareAll({ postgresUrl: database.url, tables, stores });
      const different = comparisons.filter(({ equal }) => !equal);
      expect(different, 'tables that are not equal').toEqual([]);
      expect(comparisons).toHaveLength(tables.length * sinks.length);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function configOf(
  pipeline: string,
  database: SourceDatabase,
  places: Readonly<Record<string, StorePlace>>,
  options: PipelineOptions,
  registryUrl: string,
): unknown {
  return {
    pipeline,
    // The default of 10 s would make the tests wait for an idle slot.
    source: { url: database.url, tables: ['public.*'], heartbeatInterval: '500ms', ...options.source },
    kafka: { brokers: ['${KAFKA_BROKERS}'], partitions: options.partitions ?? 3, ...options.kafka },
    ...(options.avro === true ? { registry: { url: registryUrl } } : {}),
    sinks: Object.fromEntries(
      Object.entries(places).map(([sink, { type, url }]) => [
        sink,
        { type, url, ...options.sinkOptions?.[sink] },
      ]),
    ),
  };
}

async function slotConfirms(database: SourceDatabase, slot: string, besides: () => string): Promise<void> {
  const [now] = await database.query<{ lsn: string }>('SELECT pg_current_wal_lsn()::text AS lsn');
  const isConfirmed = async () => {
    const [row] = await database.query<{ done: boolean | null }>(
      `SELECT confirmed_flush_lsn >= $2::pg_lsn AS done FROM pg_replication_slots WHERE slot_name = $1`,
      [slot, now?.lsn],
    );
    return row?.done ?? false;
  };
  await until(() => `slot ${slot} confirms ${now?.lsn}; ${besides()}`, isConfirmed);
}

async function sinkHasRead(
  admin: Admin,
  pipeline: string,
  sink: string,
  topics: readonly string[],
): Promise<void> {
  let behind: bigint | undefined;
  await until(
    () => `sink ${sink} has read everything; ${behind} records are left`,
    async () => {
      behind = await recordsBehind(admin, `${pipeline}.${sink}`, topics);
      return behind === 0n;
    },
  );
}

async function tableTopics(admin: Admin, pipeline: string): Promise<string[]> {
  const topics = await admin.listTopics();
  return topics.filter(
    (topic) => topic.startsWith(`${pipeline}.`) && !topic.startsWith(`${pipeline}.tailrace.`),
  );
}

/** So that the broker does not collect the partitions of every test that ever ran. */
async function deleteTopics(admin: Admin, pipeline: string): Promise<void> {
  const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${pipeline}.`));
  if (topics.length > 0) await admin.deleteTopics({ topics });
}
