import type { Kafka, KafkaMessage } from 'kafkajs';
import type { LoadedConfig } from '../../core/config/load.ts';
import { TailraceError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { ChangeEvent } from '../../schemas/change-event.ts';
import { fingerprintOf, qualifiedName, type TableSchema } from '../../schemas/table-schema.ts';
import type { Row } from '../../schemas/value.ts';
import { createDebeziumDecoder, readMessage, type DebeziumEvent, type ReadMessage } from './events.ts';
import { createRecordReader } from './record.ts';
import type { RoutedTables } from '../routes.ts';

/** The database that Debezium reads, for what its records do not tell; given where the config has `source.url`. */
export interface SourceAccess {
  /** The tables that have a primary key. Throws what connecting throws. */
  tables(): Promise<readonly TableSchema[]>;
  /**
   * For each event the columns that it does not tell, as they are now, or later than the event at least; null when there is
   * no such row any more. In the order of the events.
   */
  readUnavailable(events: readonly DebeziumEvent[]): Promise<(Row | null)[]>;
}

/** Topics that Debezium writes, in the place of a producer of ours. */
export interface DebeziumTopics {
  /** The tables that have a topic by now; their schemas are known from their first record on. */
  tables(): Promise<RoutedTables>;
  /** The events of a fetch; `onNewSchema` is awaited before, when there is a table or a schema that is new. */
  decode(batch: FetchedBatch, onNewSchema: () => Promise<void>): Promise<ChangeEvent[]>;
}

interface FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly KafkaMessage[];
}

export function openDebeziumTopics(
  kafka: Kafka,
  { config }: LoadedConfig,
  log: Logger,
  source: SourceAccess | undefined,
): DebeziumTopics {
  const { prefix = config.pipeline } = config.topics;
  const reader = createRecordReader(config.registry);
  const catalogue = new Map<string, TableSchema>();
  const decoder = createDebeziumDecoder(catalogue);
  /** Columns of records without schemas that the tables had no more when they were met. */
  const dropped = new Set<string>();
  /** By topic the schema of its newest record, and all schemas by fingerprint. */
  const newest = new Map<string, TableSchema>();
  const schemas = new Map<string, TableSchema>();

  /** Records without schemas are read by the tables as they are now; a column that they lack may have been added since. */
  let firstReading: Promise<void> | undefined;
  const readCatalogue = async (messages: readonly ReadMessage[]) => {
    if (source === undefined) return;
    const readAll = async () => {
      for (const table of await source.tables()) catalogue.set(qualifiedName(table), table);
    };
    // Every partition waits for the same first reading; one that fails ends the membership, and the next one reads again.
    firstReading ??= readAll().catch((error: unknown) => {
      firstReading = undefined;
      throw error;
    });
    await firstReading;
    if (!hasUnknownColumn(messages, catalogue, dropped)) return;
    await readAll();
    hasUnknownColumn(messages, catalogue, dropped, (column) => dropped.add(column));
  };

  return {
    async tables() {
      const topics = await listTopics(kafka);
      const tables = topics.flatMap((topic) => {
        const place = tableOfTopic(topic, prefix, config.pipeline);
        const table = newest.get(topic);
        if (place === null) return [];
        return [{ ...place, topic, fingerprint: table === undefined ? null : fingerprintOf(table) }];
      });
      return { tables: tables.length === 0 ? null : tables, schemas };
    },
    async decode({ topic, partition, messages: raw }, onNewSchema) {
      await reader.prepare(raw.flatMap(({ key, value }) => [key, value]));
      const messages = raw.map((message) => readMessage(reader, topic, partition, message));
      await readCatalogue(messages);
      const { events, lostTombstones } = decoder.decode({ topic, partition, messages });
      if (lostTombstones > 0)
        log.warn(
          { topic, partition, tombstones: lostTombstones },
          'tombstones without their deletes: rows that this sink still has of them stay until a rebuild',
        );
      const last = events.at(-1)?.event.table;
      const isNew = events.some(({ event }) => !schemas.has(fingerprintOf(event.table)));
      for (const { event } of events) schemas.set(fingerprintOf(event.table), event.table);
      if (last !== undefined) newest.set(topic, last);
      if (isNew) await onNewSchema();
      const whole = await wholeEvents(events, source);
      return whole.filter((event) => !decoder.isTruncated(topic, event));
    },
  };
}

/** Whether a record without a schema has a column that the catalogue lacks and that was not met before. */
function hasUnknownColumn(
  messages: readonly ReadMessage[],
  catalogue: ReadonlyMap<string, TableSchema>,
  dropped: ReadonlySet<string>,
  onUnknown?: (column: string) => void,
): boolean {
  let hasUnknown = false;
  for (const { value } of messages) {
    if (value === null || value.schema !== null) continue;
    const { after, source } = value.payload as { after?: object | null; source?: Record<string, unknown> };
    const table = `${String(source?.['schema'])}.${String(source?.['table'])}`;
    const columns = catalogue.get(table)?.columns;
    for (const name of Object.keys(after ?? {})) {
      if (columns?.some((column) => column.name === name) === true || dropped.has(`${table}.${name}`))
        continue;
      hasUnknown = true;
      onUnknown?.(`${table}.${name}`);
    }
  }
  return hasUnknown;
}

/** Rows with the columns that Debezium could not tell read from the database, where there is access to it. */
async function wholeEvents(
  events: readonly DebeziumEvent[],
  source: SourceAccess | undefined,
): Promise<ChangeEvent[]> {
  const partial = events.filter(({ unavailable }) => unavailable.length > 0);
  const [first] = partial;
  if (first === undefined) return events.map(({ event }) => event);
  if (source === undefined) throw incomplete(first);
  const columns = await source.readUnavailable(partial);
  return events.flatMap((each) => {
    const place = partial.indexOf(each);
    const missing = columns[place];
    if (place === -1) return [each.event];
    // The row is gone: its delete, or that of its key, is on the way.
    return missing == null ? [] : [{ ...each.event, after: { ...each.event.after, ...missing } }];
  });
}

function incomplete({ event: { table, position }, unavailable }: DebeziumEvent): TailraceError {
  return new TailraceError(
    'EVENT_INCOMPLETE',
    `the event at position ${position} of ${qualifiedName(table)} does not tell ${unavailable.join(', ')}: ` +
      'Debezium writes a placeholder for a large value that did not change',
    `ALTER TABLE ${qualifiedName(table)} REPLICA IDENTITY FULL, or Debezium's ReselectColumnsPostProcessor, or source.url in this config, ` +
      'from where the sink then reads the value',
  );
}

/** `<prefix>.<schema>.<table>`; Debezium's other topics have another form, and ours another schema. */
export function tableOfTopic(
  topic: string,
  prefix: string,
  pipeline: string,
): { readonly schema: string; readonly name: string } | null {
  if (!topic.startsWith(`${prefix}.`)) return null;
  const [schema = '', ...rest] = topic.slice(prefix.length + 1).split('.');
  if (rest.length === 0 || schema === '' || topic.startsWith(`${pipeline}.tailrace.`)) return null;
  return { schema, name: rest.join('.') };
}

async function listTopics(kafka: Kafka): Promise<string[]> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return (await admin.listTopics()).toSorted();
  } finally {
    await admin.disconnect();
  }
}
