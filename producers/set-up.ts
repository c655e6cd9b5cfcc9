import type pg from 'pg';
import type { Kafka, Producer } from 'kafkajs';
import type { Cluster } from 'kafkajs/src/cluster/index.js';
import type { SourceConfig } from '../core/config/schema.ts';
import { withCode, type TailraceError } from '../core/errors.ts';
import { putState, readState, type TableState } from '../core/state.ts';
import { ensureTopics } from '../core/topics.ts';
import { commitLsnOf } from '../schemas/position.ts';
import { matchesTable } from '../schemas/table-pattern.ts';
import { qualifiedName, type TableSchema } from '../schemas/table-schema.ts';
import { deadLetterTopic } from '../schemas/topics.ts';
import { loadTransforms } from '../transforms/load.ts';
import { CapturedTables, type Destination } from './captured-tables.ts';
import type { ProducerContext } from './context.ts';
import { asKafka, asSource } from './failures.ts';
import { checkOwnTopics, type TopicNotice } from './open-topics.ts';
import { captureTable } from './postgres/tables/captured-table.ts';
import { readTableSchema, type CatalogTable } from './postgres/tables/catalog.ts';
import {
  bothPublicationStatements,
  canDecodeWith,
  insertPublicationName,
  readMembers,
  removeMembers,
} from './postgres/tables/insert-publication.ts';
import { ensureSlot, readSlotStatus, slotName, type SlotRecord } from './postgres/slot/slot.ts';
import { arrived, type SnapshotProgress } from './postgres/snapshot/snapshot-progress.ts';
import type { Selection } from './postgres/preflight.ts';
import { readTimelineHistory } from './postgres/slot/source-identity.ts';
import { findBegun, type HistoryStart } from './postgres/tables/table-history.ts';
import type { SnapshotTable } from './snapshot/snapshot-task.ts';

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
  /** What the slot is read with: that of tables with a key, and that of tables whose history is captured. */
  readonly publications: readonly string[];
  /** Where the histories of tables without a key began, by the table's oid. The session adds those that begin in it. */
  readonly histories: Map<number, HistoryStart>;
  /** The slot's record as the state topic has it now. */
  readonly record: SlotRecord;
  readonly database: string;
  /**
   * The selected tables, with the columns that are captured; consumers are not told of them yet. One without a key is
   * among them when its history has begun.
   */
  readonly selected: readonly SnapshotTable[];
  readonly progress: ReadonlyMap<string, SnapshotProgress>;
  readonly tables: CapturedTables;
}

/** Publication, slot, topics, schemas and the pipeline's state; all of it may exist already. */
export async function setUpPipeline(
  context: ProducerContext,
  { control, kafka, producer, cluster }: Resources,
  found: Selection,
): Promise<SetUp> {
  const { loaded, status, log, registry, figures } = context;
  const { pipeline, source, kafka: kafkaConfig } = loaded.config;
  const { brokers } = kafkaConfig;
  const transforms = await loadTransforms(source.transforms, loaded.folder).catch((error: unknown) => {
    throw withCode('CONFIG_INVALID', error, 'mend source.transforms in the config');
  });

  const setsAside = source.undecodable === 'deadLetter' || kafkaConfig.largeRows === 'skip';
  const deadLetters = setsAside ? [deadLetterTopic(pipeline, 'producer')] : [];
  await asKafka(brokers, () => ensureTopics(kafka, kafkaConfig, pipeline, [], deadLetters));
  const notice: TopicNotice = ({ topic, evidence, fix }) =>
    log.warn({ topic, fix }, `topic ${topic}: ${evidence}`);
  await asKafka(brokers, () => checkOwnTopics({ kafka, config: loaded.config, notice }));
  await asKafka(brokers, () => status.start(kafka));
  const slot = slotName(pipeline);
  // Before the state is read: see SlotOptions.
  const slotFound = await asSource(source.url, () => readSlotStatus(control, slot));
  const state = await asKafka(brokers, () => readState(kafka, pipeline));

  const selected = refuseUnfit(context, found, state.tables);
  const onHalted = (table: string, error: TailraceError) => {
    log.error(
      { table, code: error.code, fix: error.fix },
      `the table is halted, others go on: ${error.message}`,
    );
    status.fail(status.current.state, error);
  };
  const tables = new CapturedTables(
    { loaded, kafka, producer, cluster, transforms, registry, notice, onHalted },
    state,
  );
  figures.tables = tables;
  const inserts = insertPublicationName(slot);
  const histories = await asSource(source.url, () => {
    const isSelected = ({ oid }: HistoryStart) => selected.some((table) => table.oid === oid);
    return findBegun(control, inserts, [...state.histories.values()].filter(isSelected));
  });
  const captured: SnapshotTable[] = [];
  for (const { oid, hasPrimaryKey } of selected) {
    if (!hasPrimaryKey && !histories.has(oid)) continue;
    const table = await asSource(source.url, () => readCapturedTable(context, control, oid, histories));
    if (table !== null) captured.push(table);
  }
  const destinations = await tables.destinations(captured.map(({ table }) => table));
  await asSource(source.url, () => publish(control, source, slot, selected));
  const record = await asSource(source.url, () =>
    ensureSlot(control, slot, state.slot, {
      found: slotFound,
      sentLsn: highestLsn(destinations),
      failover: source.failoverSlot,
      historyOf: (timeline) => readTimelineHistory(source.url, timeline),
    }),
  );
  await asKafka(brokers, () => putState(producer, pipeline, 'slot', record));
  const isNew = state.slot === null && slotFound === null;
  const hasInserts =
    source.appendOnly.length > 0 &&
    (isNew || (await asSource(source.url, () => canDecodeWith(control, inserts, slot))));
  return {
    slot,
    publications: hasInserts ? [slot, inserts] : [slot],
    histories,
    record,
    database: record.database,
    selected: captured,
    progress: progressOf(state.snapshots, captured, destinations),
    tables,
  };
}

/**
 * The tables that can be captured. Throws the problem of one at the first start, and of one that was captured before; a
 * table that came since is left out, as it is while the producer runs.
 */
function refuseUnfit(
  { log }: ProducerContext,
  { tables, problems }: Selection,
  captured: readonly TableState[] | null,
): CatalogTable[] {
  return tables.filter(({ oid, schema, name }) => {
    const problem = problems.get(oid);
    if (problem === undefined) return true;
    const isNew = captured?.every((table) => table.schema !== schema || table.name !== name) ?? false;
    if (!isNew) throw problem;
    log.error({ code: problem.code, fix: problem.fix }, `a new table is not captured: ${problem.message}`);
    return false;
  });
}

/** Brings the publications up to date. Before the slot is made, since a slot needs a publication where its WAL begins. */
async function publish(
  control: pg.Client,
  { appendOnly }: SourceConfig,
  slot: string,
  selected: readonly CatalogTable[],
): Promise<void> {
  for (const statement of await bothPublicationStatements(control, slot, selected, appendOnly))
    await control.query(statement);
  const inserts = insertPublicationName(slot);
  // A table that is left out for a while misses inserts: once it is a member again, its history begins anew.
  const members = (await readMembers(control, inserts)) ?? new Set();
  const isWanted = (oid: number) => selected.some((table) => table.oid === oid && !table.hasPrimaryKey);
  const left = [...members].filter((oid) => !isWanted(oid));
  if (left.length > 0) await removeMembers(control, inserts, left);
}

/** How far each table has been read, as its topic shows. */
function progressOf(
  kept: ReadonlyMap<string, SnapshotProgress>,
  tables: readonly SnapshotTable[],
  destinations: readonly Destination[],
): Map<string, SnapshotProgress> {
  const progress = new Map(kept);
  for (const [place, { table }] of tables.entries()) {
    const known = kept.get(qualifiedName(table));
    const lastPositions = destinations[place]?.topic.lastPositions;
    if (known !== undefined && lastPositions !== undefined)
      progress.set(qualifiedName(table), arrived(known, lastPositions));
  }
  return progress;
}

/** The last position that any of these topics holds; null when they are empty. */
function highestLsn(destinations: readonly Destination[]): bigint | null {
  const positions = destinations.flatMap(({ topic }) => topic.lastPositions).filter((last) => last !== null);
  const highest = positions.toSorted().at(-1);
  return highest === undefined ? null : commitLsnOf(highest);
}

/** A table as the catalogue has it now, with the columns that the config captures; null when it is gone. */
export async function readCapturedTable(
  context: ProducerContext,
  control: pg.Client,
  oid: number,
  histories: ReadonlyMap<number, HistoryStart>,
): Promise<SnapshotTable | null> {
  const schema = await readTableSchema(control, oid);
  if (schema === null) return null;
  const captured = captureTable(oid, schema, isCaptured(context.loaded.config.source, schema));
  const history = histories.get(oid);
  if (history === undefined) return captured;
  return { ...captured, visibleIn: history.seen, filenode: history.filenode };
}

/** Which columns of a table the config captures; key columns always are. */
export function isCaptured({ columns }: SourceConfig, table: TableSchema): (column: string) => boolean {
  const rules = Object.entries(columns).filter(([pattern]) => matchesTable([pattern], table));
  return (column) =>
    rules.every(
      ([, rule]) => (rule.include?.includes(column) ?? true) && !(rule.exclude?.includes(column) ?? false),
    );
}
