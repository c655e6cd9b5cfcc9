import type { ProcessIdentity } from '../../infra/process-tree.ts';
import { openSource, type Source } from '../source.ts';
import { startProducer, type PipelinePlan } from './producer.ts';
import { openBroker, type Topic } from '../topic.ts';
import type { RunningProgram } from '../program.ts';
import { until } from '../until.ts';

/** What all scenarios of a run share. */
export interface CaptureBench {
  readonly databaseUrl: string;
  readonly brokers: string;
  readonly registryUrl: string | undefined;
  /** The broker's process, for its share of the CPU. */
  readonly brokerProcess: ProcessIdentity | undefined;
  /** For configs and logs. */
  readonly folder: string;
  readonly profileFolder: string | undefined;
  readonly scale: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** One scenario's database and pipeline, seen as its user and its servers see it. */
export interface Pipeline {
  readonly source: Source;
  readonly topic: Topic;
  readonly plan: PipelinePlan;
  /** Starts the producer that is measured, with a CPU profile where the run asks for one. */
  start(): RunningProgram;
}

/** Makes the scenario's database and config; the stack gives all of it back in the end. */
export async function openPipeline(
  bench: CaptureBench,
  stack: AsyncDisposableStack,
  { key, snapshot, schema }: { key: string; snapshot: 'initial' | 'never'; schema: string },
): Promise<Pipeline> {
  const pipeline = `bench-${key}`;
  const broker = stack.use(await openBroker(bench.brokers));
  stack.defer(() => broker.clear(pipeline));
  const source = stack.use(await openSource(bench.databaseUrl, `bench_${key}`));
  await source.query(schema);
  const { brokers, registryUrl, folder } = bench;
  const plan: PipelinePlan = { pipeline, url: source.url, brokers, registryUrl, snapshot, folder };
  const profileFolder = bench.profileFolder === undefined ? undefined : `${bench.profileFolder}/${key}`;
  return {
    source,
    topic: broker.topic(`${pipeline}.public.entry`),
    plan,
    start: () => stack.use(startProducer(plan, profileFolder)),
  };
}

/**
 * Lets the producer make its slot, publication and topics, and stops it: a row that is written as a probe must reach the
 * topic, whose count then is where the measuring starts. Returns the slot and the publication by their names.
 */
export async function setUpPipeline(
  bench: CaptureBench,
  { plan, source, topic }: Pipeline,
  probe: string,
): Promise<{ slot: string; publication: string }> {
  await using producer = startProducer(plan);
  const slot = await until(bench.signal, 'the producer reads its slot', async () => {
    producer.check();
    const name = await slotOf(source);
    return name !== undefined && (await source.walsenderOf(name)) !== undefined ? name : undefined;
  });
  await source.query(probe);
  await until(bench.signal, 'the probe is in the topic', async () => {
    producer.check();
    return (await topic.count()) > 0 ? true : undefined;
  });
  await producer.stop();
  const [publication] = await source.query<{ name: string }>('SELECT pubname AS name FROM pg_publication');
  if (publication === undefined) throw new Error('the producer has made no publication');
  return { slot, publication: publication.name };
}

/** The slot that the producer has made in this database; undefined before. */
export async function slotOf(source: Source): Promise<string | undefined> {
  const [row] = await source.query<{ name: string }>(
    'SELECT slot_name AS name FROM pg_replication_slots WHERE database = current_database()',
  );
  return row?.name;
}
