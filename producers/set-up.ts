import type pg from 'pg';
import type { Kafka, Producer } from 'kafkajs';
import type { Cluster } from 'kafkajs/src/cluster/index.js';
import { withCode } from '../core/errors.ts';
import { createRegistry } from '../core/registry.ts';
import { putState, readState } from '../core/state.ts';
import { ensureTopics } from '../core/topics.ts';
import { commitLsnOf } from '../schemas/position.ts';
import { matchesTable } from '../schemas/table-pattern.ts';
import type { TableSchema } from '../schemas/table-schema.ts';
import { loadTransforms } from '../transforms/load.ts';
import { CapturedTables, type Destination } from './captured-tables.ts';
import type { ProducerContext } from './context.ts';
import { asKafka, asSource } from './failures.ts';
import { captureTable } from './postgres/captured-table.ts';
import { readTableSchema } from './postgres/catalog.ts';
import {
  ensureSlot,
  publicationStatements,
  readSlotStatus,
  slotName,
  type SlotRecord,
} from './postgres/slot.ts';
import type { SnapshotProgress } from './postgres/snapshot-progress.ts';
import { readTimelineHistory } from './postgres/source-identity.ts';
import type { SnapshotTable } from './snapshot-task.ts';

/** Everything that one connected session holds open, closed in reverse order. */
export interface Resources {
  readonly control: pg.Client;
  readonly kafka: Kafka;
  /** For the pipeline's own topics; changes go through the cluster's connections. */
  readonly producer: Producer;
  readonly cluster: Cluster;
}

/** A pipeline that is ready to be captured. */
export interface SetUp {
  readonly slot: string;
  /** The slot's record as the state topic has it now. */
  readonly record: SlotRecord;
  readonly database: string;
  /** The selected tables, with the columns that are captured; consumers are not told of them yet. */
  readonly selected: readonly SnapshotTable[];
  readonly progress: ReadonlyMap<string, SnapshotProgress>;
  readonly tables: CapturedTables;
}

/** Publication, slot, topics, schemas and the pipeline's state; all of it may exist already. */
export async function setUpPipeline(
  context: ProducerContext,
  { control, kafka, producer, cluster }: Resources,
  selected: readonly { oid: number; schema: string; name: string }[],
): Promise<SetUp> {
  const { loaded, status } = context;
  const { pipeline, source, kafka: kafkaConfig, registry: registryConfig } = loaded.config;
  const { brokers } = kafkaConfig;
  const transforms = await loadTransforms(source.transforms, loaded.folder).catch((error: unknown) => {
    throw withCode('CONFIG_INVALID', error, 'mend source.transforms in the config');
  });
  const registry = registryConfig === undefined ? null : createRegistry(registryConfig);

  await asKafka(brokers, () => ensureTopics(kafka, kafkaConfig, pipeline, []));
  await asKafka(brokers, () => status.start(kafka));
  const slot = slotName(pipeline);
  // Before the state is read: see SlotOptions.
  const found = await asSource(source.url, () => readSlotStatus(control, slot));
  const state = await asKafka(brokers, () => readState(kafka, pipeline));

  const tables = new CapturedTables({ loaded, kafka, producer, cluster, transforms, registry }, state);
  const captured: SnapshotTable[] = [];
  for (const { oid } of selected) {
    const table = await asSource(source.url, () => readCapturedTable(context, control, oid));
    if (table !== null) captured.push(table);
  }
  const destinations = await tables.destinations(captured.map(({ table }) => table));
  const record = await asSource(source.url, async () => {
    for (const statement of await publicationStatements(control, slot, selected))
      await control.query(statement);
    return ensureSlot(control, slot, state.slot, {
      found,
      sentLsn: highestLsn(destinations),
      failover: source.failoverSlot,
      historyOf: (timeline) => readTimelineHistory(source.url, timeline),
    });
  });
  await asKafka(brokers, () => putState(producer, pipeline, 'slot', record));
  return { slot, record, database: record.database, selected: captured, progress: state.snapshots, tables };
}

/** The last position that any of these topics holds; null when they are empty. */
function highestLsn(destinations: readonly Destination[]): bigint | null {
  const positions = destinations.flatMap(({ topic }) => topic.lastPositions).filter((last) => last !== null);
  const highest = positions.toSorted().at(-1);
  return highest === undefined ? null : commitLsnOf(highest);
}

/** A table as the catalogue has it now, with the columns that the config captures; null when it has no primary key. */
export async function readCapturedTable(
  context: ProducerContext,
  control: pg.Client,
  oid: number,
): Promise<SnapshotTable | null> {
  const schema = await readTableSchema(control, oid);
  if (schema === null) return null;
  return captureTable(oid, schema, isCaptured(context, schema));
}

/** Which columns of a table the config captures; key columns always are. */
export function isCaptured(context: ProducerContext, table: TableSchema): (column: string) => boolean {
  const rules = Object.entries(context.loaded.config.source.columns).filter(([pattern]) =>
    matchesTable([pattern], table),
  );
  return (column) =>
    rules.every(
      ([, rule]) => (rule.include?.includes(column) ?? true) && !(rule.exclude?.includes(column) ?? false),
    );
}
