import { isDeepStrictEqual } from 'node:util';
import type { Kafka, Producer } from 'kafkajs';
import type { Cluster } from 'kafkajs/src/cluster/index.js';
import type { LoadedConfig } from '../core/config/load.ts';
import type { AvroRegistry } from '../core/registry.ts';
import { putState, type PipelineState, type TableState } from '../core/state.ts';
import { ensureTopics } from '../core/topics.ts';
import { fingerprintOf, qualifiedName, type TableSchema } from '../schemas/table-schema.ts';
import type { Transform } from '../transforms/transform.ts';
import { asKafka } from './failures.ts';
import type { WrittenTopic } from './kafka-writer.ts';
import { readWrittenTopics } from './kafka/written-topics.ts';
import type { ColumnNumbers } from './schema-change.ts';
import { createTableOutput, type TableOutput } from './table-output.ts';

/** What a session writes its tables with. */
export interface TableResources {
  readonly loaded: LoadedConfig;
  readonly kafka: Kafka;
  readonly producer: Producer;
  readonly cluster: Cluster;
  readonly transforms: readonly Transform[];
  readonly registry: AvroRegistry | null;
}

/** A table schema with the way of its events into Kafka. */
export interface Destination {
  readonly output: TableOutput;
  readonly topic: WrittenTopic;
}

/**
 * The captured tables as Kafka knows them: their topics, their schemas in the registry and in the state topic. A schema is
 * made known before the first event that names it.
 */
export class CapturedTables {
  readonly #resources: TableResources;
  /** The schemas that the state topic has, by fingerprint. */
  readonly #known: Map<string, TableSchema>;
  readonly #topics = new Map<string, WrittenTopic>();
  /** By the fingerprint of the schema before transforms. */
  readonly #destinations = new Map<string, Destination>();
  /** By `schema.table`: what consumers are told. Tables that are gone stay, since their topics can still be read. */
  readonly #published: Map<string, TableState>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(resources: TableResources, state: PipelineState) {
    this.#resources = resources;
    this.#known = new Map(state.schemas);
    this.#published = new Map((state.tables ?? []).map((table) => [qualifiedName(table), table]));
  }

  /** The ways of these schemas, prepared where they are new. Throws REGISTRY_*, KAFKA_* and CONFIG_INVALID. */
  destinations(tables: readonly TableSchema[]): Promise<Destination[]> {
    // The stream and the watch on the tables may ask at the same time; a topic must have one object only.
    const turn = this.#last.then(() => this.#prepare(tables));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #prepare(tables: readonly TableSchema[]): Promise<Destination[]> {
    const { loaded, kafka, cluster, transforms, registry, producer } = this.#resources;
    const { pipeline, kafka: config } = loaded.config;
    const missing = new Map(
      tables
        .map((table) => [fingerprintOf(table), table] as const)
        .filter(([print]) => !this.#destinations.has(print)),
    );
    const outputs = await Promise.all(
      [...missing].map(async ([print, table]) => {
        const output = await createTableOutput(pipeline, table, transforms, registry);
        return { print, output };
      }),
    );
    const topics = [...new Set(outputs.map(({ output }) => output.topic))].filter(
      (topic) => !this.#topics.has(topic),
    );
    await asKafka(config.brokers, async () => {
      if (topics.length > 0) {
        await ensureTopics(kafka, config, pipeline, topics);
        for (const [name, topic] of await readWrittenTopics(cluster, topics)) this.#topics.set(name, topic);
      }
      for (const { output } of outputs) await this.#publishSchema(producer, pipeline, output.table);
    });
    for (const { print, output } of outputs) {
      const topic = this.#topics.get(output.topic);
      if (topic === undefined) throw new RangeError(`topic ${output.topic} was not found`);
      this.#destinations.set(print, { output, topic });
    }
    return tables.map((table) => {
      const destination = this.#destinations.get(fingerprintOf(table));
      if (destination === undefined) throw new RangeError('a destination was not prepared');
      return destination;
    });
  }

  /** The schema that consumers were told of last for this table (after transforms); undefined for a table that is new. */
  published(table: { schema: string; name: string }): TableSchema | undefined {
    return this.#known.get(this.#published.get(qualifiedName(table))?.fingerprint ?? '');
  }

  /** The source's columns that went with that schema; undefined for a table that is new. */
  publishedColumns(table: { schema: string; name: string }): ColumnNumbers | undefined {
    return this.#published.get(qualifiedName(table))?.columns;
  }

  /** Tells consumers of these tables and their present schemas, if that is new. */
  async publish(
    tables: readonly { readonly destination: Destination; readonly columns: ColumnNumbers }[],
  ): Promise<void> {
    const { loaded, producer } = this.#resources;
    let isNew = false;
    for (const { destination, columns } of tables) {
      const { output } = destination;
      const { schema, name } = output.table;
      const fingerprint = fingerprintOf(output.table);
      const entry = { schema, name, topic: output.topic, fingerprint, columns };
      isNew ||= !isDeepStrictEqual(this.#published.get(qualifiedName(entry)), entry);
      this.#published.set(qualifiedName(entry), entry);
    }
    if (!isNew) return;
    const { brokers } = loaded.config.kafka;
    await asKafka(brokers, () =>
      putState(producer, loaded.config.pipeline, 'tables', [...this.#published.values()]),
    );
  }

  async #publishSchema(producer: Producer, pipeline: string, table: TableSchema): Promise<void> {
    const fingerprint = fingerprintOf(table);
    if (this.#known.has(fingerprint)) return;
    await putState(producer, pipeline, `schema/${fingerprint}`, table);
    this.#known.set(fingerprint, table);
  }
}
