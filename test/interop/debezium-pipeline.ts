import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Admin } from 'kafkajs';
import { stringify } from 'yaml';
import { compareAll } from '../../examples/equality/compare-all.ts';
import type { StoreType } from '../../examples/equality/reader.ts';
import { kafkaOfTests } from '../pipeline/kafka.ts';
import { openSourceDatabase, type SourceDatabase } from '../pipeline/source-database.ts';
import { storePlace, type StorePlace } from '../pipeline/stores.ts';
import { until } from '../pipeline/until.ts';
import { startTailrace, type Worker } from '../pipeline/worker.ts';
import type { Connect } from './connectors.ts';

/** Debezium's Postgres connector writes the topics of a database, and sinks of ours read them. */
export interface DebeziumPipeline extends AsyncDisposable {
  readonly name: string;
  readonly database: SourceDatabase;
  readonly admin: Admin;
  /** Starts the connector: the snapshot first, then the stream. */
  capture(): Promise<void>;
  /** Ends the connector; `capture` goes on where it ended. */
  endCapture(): Promise<void>;
  /** Starts `tailrace run all`. */
  startSinks(): Worker;
  /** Waits until every row of these tables (`schema.table`) is the same in Postgres and in each sink. */
  untilEqual(tables: readonly string[]): Promise<void>;
  /** Deletes the sinks' offsets, so that they begin anew when they are started again. */
  forgetOffsets(): Promise<void>;
}

export interface DebeziumOptions {
  readonly sql: string;
  readonly stores: readonly StoreType[];
  /** Names without schema, which the stores must not hold yet. */
  readonly tables: readonly string[];
  /** Settings of the connector beside those that it always needs. */
  readonly connector?: Readonly<Record<string, string>>;
  /** Keys of the config beside pipeline, topics, kafka and sinks; gets the database's address. */
  readonly config?: (databaseUrl: string) => Readonly<Record<string, unknown>>;
}

let count = 0;

export async function openDebezium(connect: Connect, options: DebeziumOptions): Promise<DebeziumPipeline> {
  await using stack = new AsyncDisposableStack();
  const name = `d${Date.now().toString(36)}-${(count += 1)}`;
  const admin = kafkaOfTests().admin();
  await admin.connect();
  stack.defer(() => admin.disconnect());
  stack.defer(async () => {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${name}.`));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  });
  const database = stack.use(await openSourceDatabase());
  await database.query(options.sql);
  const places: Record<string, StorePlace> = {};
  for (const type of options.stores)
    places[type] = stack.use(await storePlace(type, database.name, options.tables));
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-debezium-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const config = {
    pipeline: name,
    topics: { format: 'debezium' },
    kafka: { brokers: ['${KAFKA_BROKERS}'] },
    sinks: Object.fromEntries(Object.entries(places).map(([sink, { type, url }]) => [sink, { type, url }])),
    ...options.config?.(database.url),
  };
  writeFileSync(join(folder, 'tailrace.yaml'), stringify(config));
  const workers: Worker[] = [];
  stack.defer(() => Promise.all(workers.map((worker) => worker.end('SIGKILL'))).then(() => undefined));
  stack.defer(() => connect.remove(name));
  const parts = stack.move();
  return {
    name,
    database,
    admin,
    capture: () => connect.create(name, { ...connectorConfig(name, database.url), ...options.connector }),
    endCapture: async () => {
      await connect.remove(name);
      // A connector that finds its slot in use waits for long before it asks again.
      await until('the slot is free', async () => {
        const [slot] = await database.query<{ active: boolean }>(
          'SELECT active FROM pg_replication_slots WHERE slot_name = $1',
          [name.replaceAll('-', '_')],
        );
        return slot?.active === false;
      });
    },
    startSinks: () => {
      const worker = startTailrace(['run', 'all', '--metrics-port', '0'], { cwd: folder });
      workers.push(worker);
      return worker;
    },
    untilEqual: (tables) =>
      untilEqual({ postgresUrl: database.url, tables, stores: places }, () => workers.at(-1)?.stderr() ?? ''),
    forgetOffsets: () =>
      admin.deleteGroups(Object.keys(places).map((sink) => `${name}.${sink}`)).then(() => undefined),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

function connectorConfig(name: string, databaseUrl: string): Record<string, string> {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  const slot = name.replaceAll('-', '_');
  return {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'database.hostname': hostname,
    'database.port': port,
    'database.user': username,
    'database.password': decodeURIComponent(password),
    'database.dbname': pathname.slice(1),
    'topic.prefix': name,
    'plugin.name': 'pgoutput',
    'slot.name': slot,
    'publication.name': slot,
    'table.include.list': 'public.*',
    'topic.creation.default.partitions': '3',
    'topic.creation.default.replication.factor': '1',
    // Truncates are not written otherwise.
    'skipped.operations': 'none',
    'poll.interval.ms': '50',
    'slot.retry.delay.ms': '500',
  };
}

async function untilEqual(sides: Parameters<typeof compareAll>[0], log: () => string): Promise<void> {
  let report = '';
  await until(
    () => `Postgres and the stores are equal; last: ${report}; the sinks wrote:\n${log().slice(-4000)}`,
    async () => {
      const different = (await compareAll({ ...sides, showValues: true })).filter(({ equal }) => !equal);
      report = JSON.stringify(different).slice(0, 6000);
      return different.length === 0;
    },
    90_000,
  );
}
