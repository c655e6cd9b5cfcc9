import type pg from 'pg';
import type { Kafka, Producer } from 'kafkajs';
import { withCode } from '../core/errors.ts';
import { createRegistry } from '../core/registry.ts';
import { putState, readState } from '../core/state.ts';
import { ensureTopics } from '../core/topics.ts';
import { matchesTable } from '../schemas/table-pattern.ts';
import { fingerprintOf, type TableSchema } from '../schemas/table-schema.ts';
import { loadTransforms } from '../transforms/load.ts';
import type { ProducerContext } from './context.ts';
import { asKafka, asSource } from './failures.ts';
import { captureTable } from './postgres/captured-table.ts';
import { readTableSchema } from './postgres/catalog.ts';
import { ensureSlot, publicationStatements, slotName } from './postgres/slot.ts';
import type { SnapshotProgress } from './postgres/snapshot.ts';
import type { SnapshotTable } from './snapshot-task.ts';
import { createTableOutput, type TableOutput } from './table-output.ts';

/** Everything that one connected session holds open, closed in reverse order. */
export interface Resources {
  readonly control: pg.Client;
  readonly kafka: Kafka;
  readonly producer: Producer;
}

/** A pipeline that is ready to be captured. */
export interface SetUp {
  readonly slot: string;
  readonly database: string;
  readonly tables: readonly SnapshotTable[];
  readonly progress: ReadonlyMap<string, SnapshotProgress>;
  /** The output for a table schema; prepared, registered and published once a shape. */
  output(table: TableSchema): Promise<TableOutput>;
}

/** Publication, slot, topics, schemas and the pipeline's state; all of it may exist already. */
export async function setUpPipeline(
  context: ProducerContext,
  { control, kafka, producer }: Resources,
  selected: readonly { oid: number; schema: string; name: string }[],
): Promise<SetUp> {
  const { config, folder } = context.loaded;
  const { pipeline, source } = config;
  const { brokers } = config.kafka;
  const transforms = await loadTransforms(source.transforms, folder).catch((error: unknown) => {
    throw withCode('CONFIG_INVALID', error, 'mend source.transforms in the config');
  });
  const registry = config.registry === undefined ? null : createRegistry(config.registry);

  await asKafka(brokers, () => ensureTopics(kafka, config.kafka, pipeline, []));
  await asKafka(brokers, () => context.status.start(kafka));
  const state = await asKafka(brokers, () => readState(kafka, pipeline));

  const slot = slotName(pipeline);
  const record = await asSource(source.url, async () => {
    for (const statement of await publicationStatements(control, slot, selected))
      await control.query(statement);
    return ensureSlot(control, slot, state.slot);
  });
  await asKafka(brokers, () => putState(producer, pipeline, 'slot', record));

  const known = new Set(state.schemas.keys());
  const outputs = new Map<string, TableOutput>();
  const output = async (table: TableSchema) => {
    const shape = fingerprintOf(table);
    const existing = outputs.get(shape);
    if (existing !== undefined) return existing;
    const made = await createTableOutput(pipeline, table, transforms, registry);
    const fingerprint = fingerprintOf(made.table);
    // Consumers must find the schema before they meet the first event that names it.
    if (!known.has(fingerprint))
      await asKafka(brokers, () => putState(producer, pipeline, `schema/${fingerprint}`, made.table));
    known.add(fingerprint);
    outputs.set(shape, made);
    return made;
  };

  const tables: SnapshotTable[] = [];
  for (const { oid } of selected) {
    const schema = await asSource(source.url, () => readTableSchema(control, oid));
    if (schema !== null) {
      const names = schema.columns.map((column) => column.name);
      tables.push(captureTable(oid, schema, names, isCaptured(context, schema)));
    }
  }
  const prepared = await Promise.all(tables.map(({ table }) => output(table)));
  await asKafka(brokers, () =>
    ensureTopics(
      kafka,
      config.kafka,
      pipeline,
      prepared.map(({ topic }) => topic),
    ),
  );
  const published = prepared.map(({ topic, table }) => ({
    schema: table.schema,
    name: table.name,
    topic,
    fingerprint: fingerprintOf(table),
  }));
  await asKafka(brokers, () => putState(producer, pipeline, 'tables', published));
  return { slot, database: record.database, tables, progress: state.snapshots, output };
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
