import { isDeepStrictEqual } from 'node:util';
import type { Kafka, Producer } from 'kafkajs';
import type { Cluster } from 'kafkajs/src/cluster/index.js';
import type { LoadedConfig } from '../core/config/load.ts';
import { TailraceError } from '../core/errors.ts';
import type { AvroRegistry } from '../core/registry.ts';
import {
  putState,
  type HaltedState,
  type HaltedTable,
  type PipelineState,
  type TableState,
} from '../core/state.ts';
import { fingerprintOf, qualifiedName, type TableSchema } from '../schemas/table-schema.ts';
import type { Transform } from '../transforms/transform.ts';
import { asKafka } from './failures.ts';
import { createHaltedOutput, type HaltedOutput } from './halted-output.ts';
import type { WrittenTopic } from './kafka-writer.ts';
import { openTopics, type OpenedTopic, type TopicNotice } from './open-topics.ts';
import type { ColumnNumbers } from './schema-change.ts';
import { createTableOutput, type TableOutput, type WireFormat } from './table-output.ts';

/** What the registry has taken is lost only by somebody's hand, so it is looked after less often than what it refuses. */
const LOST_CHECK_INTERVAL_MS = 30_000;

/** What a session writes its tables with. */
export interface TableResources {
  readonly loaded: LoadedConfig;
  readonly kafka: Kafka;
  readonly producer: Producer;
  readonly cluster: Cluster;
  readonly transforms: readonly Transform[];
  readonly registry: AvroRegistry | null;
  readonly notice: TopicNotice;
  /** Told once for each refused schema of a table. */
  onHalted(table: string, error: TailraceError): void;
}

/** A table schema with the way of its events into Kafka. */
export interface Destination {
  readonly output: TableOutput;
  readonly topic: WrittenTopic;
  /** Bytes of key and value that one record may have. */
  readonly recordLimit: number;
  /** The registry refuses the schema: rows of it are written nowhere, and the table is read again later. */
  readonly isHalted: boolean;
}

/** A schema that the registry refuses; whoever holds its output goes on with it once it is taken. */
interface Refused {
  readonly source: TableSchema;
  readonly output: HaltedOutput;
}

/**
 * The captured tables as Kafka knows them: their topics, their schemas in the registry and in the state topic. A schema is
 * made known before the first event that names it.
 *
 * A table whose schema the registry refuses is halted alone. That is in the state topic before any of its changes is passed
 * over, and stays there until the wish to read the table again is safe.
 */
export class CapturedTables {
  readonly #resources: TableResources;
  /** The schemas that the state topic has, by fingerprint. */
  readonly #known: Map<string, TableSchema>;
  readonly #topics = new Map<string, OpenedTopic>();
  /** By the fingerprint of the schema before transforms. */
  readonly #destinations = new Map<string, Destination>();
  /** By the same fingerprint. */
  readonly #refused = new Map<string, Refused>();
  /** By `schema.table`; as the state topic has them. */
  readonly #halted: Map<string, HaltedState>;
  /** By `schema.table`: what consumers are told. Tables that are gone stay, since their topics can still be read. */
  readonly #published: Map<string, TableState>;
  #registryTrouble: string | null = null;
  #lostCheckedAt = Date.now();
  #last: Promise<unknown> = Promise.resolve();

  constructor(resources: TableResources, state: PipelineState) {
    this.#resources = resources;
    this.#known = new Map(state.schemas);
    this.#halted = new Map(state.halted);
    this.#published = new Map((state.tables ?? []).map((table) => [qualifiedName(table), table]));
  }

  /** The ways of these schemas, prepared where they are new. Throws REGISTRY_*, KAFKA_*, TOPIC_UNSAFE and CONFIG_INVALID. */
  destinations(tables: readonly TableSchema[]): Promise<Destination[]> {
    return this.#inTurn(() => this.#prepare(tables));
  }

  /** The tables that are halted, or wait to be read again after they were. */
  get haltedTables(): HaltedTable[] {
    return [...this.#halted].map(([table, state]) => ({ table, ...state }));
  }

  isHalted(table: { schema: string; name: string }): boolean {
    return this.#halted.has(qualifiedName(table));
  }

  /** In one sentence, what is wrong with the registry; null when it answered when it was asked last. */
  get registryTrouble(): string | null {
    return this.#registryTrouble;
  }

  /**
   * Asks whether the registry takes by now what it refused, and registers again what it has lost. A registry that does not
   * answer is only noted: nothing is needed from it until there is a new schema. Throws SCHEMA_NOT_FOUND when a schema has
   * got another id, which only a new session can write.
   */
  checkRegistry(): Promise<void> {
    return this.#inTurn(async () => {
      const { registry } = this.#resources;
      if (registry === null) return;
      try {
        for (const [print, { source, output }] of this.#refused) await this.#tryAgain(print, source, output);
        if (Date.now() - this.#lostCheckedAt < LOST_CHECK_INTERVAL_MS) return;
        const moved = await registry.restoreLost();
        this.#lostCheckedAt = Date.now();
        if (moved.length > 0) throw movedError(moved);
        this.#registryTrouble = null;
      } catch (error) {
        if (!(error instanceof TailraceError) || error.code !== 'REGISTRY_UNREACHABLE') throw error;
        this.#registryTrouble = error.message;
      }
    });
  }

  /** The wish to read the table again is safe. */
  async forgetHalted(table: { schema: string; name: string }): Promise<void> {
    await this.#keepHalted(qualifiedName(table), null);
  }

  /** The stream and the watch on the tables may ask at the same time; a topic must have one object only. */
  #inTurn<Result>(call: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(call);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #prepare(tables: readonly TableSchema[]): Promise<Destination[]> {
    const missing = new Map(
      tables
        .map((table) => [fingerprintOf(table), table] as const)
        .filter(([print]) => !this.#destinations.has(print)),
    );
    const outputs = await Promise.all(
      [...missing].map(async ([print, table]) => ({ print, output: await this.#outputOf(print, table) })),
    );
    await this.#open([...new Set(outputs.map(({ output }) => output.topic))]);
    for (const { print, output } of outputs) {
      const isHalted = this.#refused.has(print);
      if (!isHalted) await this.#publishSchema(output.table);
      this.#put(print, output, isHalted);
    }
    return tables.map((table) => {
      const destination = this.#destinations.get(fingerprintOf(table));
      if (destination === undefined) throw new RangeError('a destination was not prepared');
      return destination;
    });
  }

  async #open(topics: readonly string[]): Promise<void> {
    const { loaded, kafka, cluster, notice } = this.#resources;
    const missing = topics.filter((topic) => !this.#topics.has(topic));
    if (missing.length === 0) return;
    const written = new Map(
      [...this.#published.values()].map(({ topic, partitions }) => [topic, partitions]),
    );
    const opened = await asKafka(loaded.config.kafka.brokers, () =>
      openTopics({ kafka, cluster, config: loaded.config, notice }, missing, written),
    );
    for (const [name, topic] of opened) this.#topics.set(name, topic);
  }

  #put(print: string, output: TableOutput, isHalted: boolean): void {
    const opened = this.#topics.get(output.topic);
    if (opened === undefined) throw new RangeError(`topic ${output.topic} was not found`);
    this.#destinations.set(print, { output, ...opened, isHalted });
  }

  /** The output of a schema, or the one of a halted table. */
  async #outputOf(print: string, table: TableSchema): Promise<TableOutput> {
    const { loaded, transforms } = this.#resources;
    const { pipeline, source } = loaded.config;
    try {
      return await createTableOutput(pipeline, table, transforms, wireOf(this.#resources));
    } catch (error) {
      // What is passed over could not be read again.
      const isFinal = source.snapshot === 'never';
      if (!(error instanceof TailraceError) || error.code !== 'SCHEMA_INCOMPATIBLE' || isFinal) throw error;
      const output = await createHaltedOutput(pipeline, table, transforms, wireOf(this.#resources), (of) =>
        this.published(of),
      );
      const name = qualifiedName(output.table);
      const { code, message, fix } = error;
      await this.#keepHalted(name, { at: new Date().toISOString(), code, message, fix });
      this.#refused.set(print, { source: table, output });
      this.#resources.onHalted(name, error);
      return output;
    }
  }

  async #tryAgain(print: string, source: TableSchema, halted: HaltedOutput): Promise<void> {
    const { loaded, transforms } = this.#resources;
    try {
      const output = await createTableOutput(
        loaded.config.pipeline,
        source,
        transforms,
        wireOf(this.#resources),
      );
      await this.#publishSchema(output.table);
      halted.resume(output);
      this.#refused.delete(print);
      this.#put(print, output, false);
    } catch (error) {
      if (!(error instanceof TailraceError) || error.code !== 'SCHEMA_INCOMPATIBLE') throw error;
    }
  }

  async #keepHalted(table: string, state: HaltedState | null): Promise<void> {
    const { loaded, producer } = this.#resources;
    const { pipeline, kafka } = loaded.config;
    await asKafka(kafka.brokers, () => putState(producer, pipeline, `halted/${table}`, state));
    if (state === null) this.#halted.delete(table);
    else this.#halted.set(table, state);
  }

  /** The schema that consumers were told of last for this table (after transforms); undefined for a table that is new. */
  published(table: { schema: string; name: string }): TableSchema | undefined {
    return this.#known.get(this.#published.get(qualifiedName(table))?.fingerprint ?? '');
  }

  /** The oid of the table that the topic's rows are of; undefined for a table that is new. */
  publishedOid(table: { schema: string; name: string }): number | undefined {
    return this.#published.get(qualifiedName(table))?.oid;
  }

  /** The source's columns that went with that schema; undefined for a table that is new. */
  publishedColumns(table: { schema: string; name: string }): ColumnNumbers | undefined {
    return this.#published.get(qualifiedName(table))?.columns;
  }

  /** Tells consumers of these tables and their present schemas, if that is new. Those of halted tables are not for them. */
  async publish(
    tables: readonly {
      readonly destination: Destination;
      readonly oid: number;
      readonly columns: ColumnNumbers;
    }[],
  ): Promise<void> {
    const { loaded, producer } = this.#resources;
    let isNew = false;
    for (const { destination, oid, columns } of tables) {
      if (destination.isHalted) continue;
      const { output, topic } = destination;
      const { schema, name } = output.table;
      const fingerprint = fingerprintOf(output.table);
      const partitions = topic.lastPositions.length;
      const entry = { schema, name, topic: output.topic, fingerprint, oid, columns, partitions };
      isNew ||= !isDeepStrictEqual(this.#published.get(qualifiedName(entry)), entry);
      this.#published.set(qualifiedName(entry), entry);
    }
    if (!isNew) return;
    const { brokers } = loaded.config.kafka;
    await asKafka(brokers, () =>
      putState(producer, loaded.config.pipeline, 'tables', [...this.#published.values()]),
    );
  }

  async #publishSchema(table: TableSchema): Promise<void> {
    const { loaded, producer } = this.#resources;
    const { pipeline, kafka } = loaded.config;
    const fingerprint = fingerprintOf(table);
    if (this.#known.has(fingerprint)) return;
    await asKafka(kafka.brokers, () => putState(producer, pipeline, `schema/${fingerprint}`, table));
    this.#known.set(fingerprint, table);
  }
}

function movedError(subjects: readonly string[]): TailraceError {
  return new TailraceError(
    'SCHEMA_NOT_FOUND',
    `the registry had lost schemas, which have other ids since: ${subjects.join(', ')}`,
    'the producer goes on with the new ids by itself; records that were written with the old ones can be read only by who knows them: see docs/errors.md',
  );
}

function wireOf({ loaded, registry }: TableResources): WireFormat {
  return { registry, jsonSchemas: loaded.config.kafka.jsonSchemas };
}
