import type { StoreName } from '../arguments.ts';
import { startProgram, type RunningProgram } from '../program.ts';
import { openSource, type Source } from '../source.ts';
import type { ProcessIdentity } from '../../infra/process-tree.ts';
import { sinkGroup, tableTopic } from '../../schemas/topics.ts';
import { openBroker, type Group, type Topic } from '../topic.ts';
import { SCHEMA } from './rows.ts';
import type { StoreServer } from './store-server.ts';
import type { StoreBench } from './stores/store.ts';

const PIPELINE = 'bench-sinks';
const DATABASE = 'bench_sinks';

/** What all measures of a run share. */
export interface SinksBench {
  readonly databaseUrl: string;
  readonly brokers: string;
  readonly registryUrl: string | undefined;
  readonly brokerProcess: ProcessIdentity | undefined;
  /** Starts one store, alone beside Postgres and Kafka. */
  startStore(name: StoreName): Promise<StoreServer>;
  /** For configs and logs. */
  readonly folder: string;
  readonly profileFolder: string | undefined;
  readonly scale: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** The database and the topics that all stores read. */
export interface SinksPipeline {
  readonly source: Source;
  topic(table: string): Topic;
  group(store: StoreBench, table: string): Group;
  startProducer(): RunningProgram;
  /**
   * A worker of a sink of one table, as a user would run it: `target` is the name in the store, `worker` its number among
   * those of the sink.
   */
  startSink(
    store: StoreBench,
    url: string,
    names: { table: string; target: string },
    worker?: number,
  ): RunningProgram;
}

/** Makes the database, still without tables; the stack gives all of it back in the end. */
export async function openSinksPipeline(
  bench: SinksBench,
  stack: AsyncDisposableStack,
): Promise<SinksPipeline> {
  const broker = stack.use(await openBroker(bench.brokers));
  await broker.clear(PIPELINE);
  stack.defer(() => broker.clear(PIPELINE));
  const source = stack.use(await openSource(bench.databaseUrl, DATABASE));
  await source.query(SCHEMA);
  const { brokers, registryUrl, folder } = bench;
  const common = {
    pipeline: PIPELINE,
    source: { url: '${DATABASE_URL}', tables: ['public.*'] },
    kafka: { brokers: ['${KAFKA_BROKERS}'] },
    ...(registryUrl === undefined ? {} : { registry: { url: '${REGISTRY_URL}' } }),
  };
  const env = {
    DATABASE_URL: source.url,
    KAFKA_BROKERS: brokers,
    ...(registryUrl === undefined ? {} : { REGISTRY_URL: registryUrl }),
  };
  return {
    source,
    topic: (table) => broker.topic(tableTopic(PIPELINE, { schema: 'public', name: table })),
    group: (store, table) => broker.group(sinkGroup(PIPELINE, sinkOf(store, table))),
    startProducer: () =>
      stack.use(startProgram({ name: 'producer', role: ['producer'], config: common, env, folder })),
    startSink: (store, url, { table, target }, worker = 1) => {
      const name = sinkOf(store, table);
      const program = worker === 1 ? name : `${name}-${worker}`;
      const sink = {
        type: store.name,
        url: '${STORE_URL}',
        ...store.options,
        tables: [`public.${table}`],
        mapping: { [`public.${table}`]: { name: target } },
      };
      const plan = { name: program, role: ['sink', name], config: { ...common, sinks: { [name]: sink } } };
      const profiles = bench.profileFolder === undefined ? undefined : `${bench.profileFolder}/${program}`;
      return stack.use(startProgram({ ...plan, env: { ...env, STORE_URL: url }, folder }, profiles));
    },
  };
}

/** Its own group for each table, so that each measure begins at the beginning of its topic. */
function sinkOf({ name }: StoreBench, table: string): string {
  return `${name}_${table}`;
}
