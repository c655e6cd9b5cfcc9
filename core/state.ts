import type { Kafka, Producer } from 'kafkajs';
import { z } from 'zod';
import { parseLsn } from '../schemas/lsn.ts';
import { stateTopic } from '../schemas/topics.ts';
import { tableSchema, type TableSchema } from '../schemas/table-schema.ts';
import { TailraceError } from './errors.ts';
import { readTopic } from './topic-reader.ts';

/**
 * What a pipeline remembers, in its compacted state topic (one partition, JSON):
 *
 * | key                       | value                                                        |
 * |---------------------------|--------------------------------------------------------------|
 * | `slot`                    | whose slot it is, and up to where it may have been confirmed  |
 * | `tables`                  | the captured tables: topic and fingerprint of their schema    |
 * | `schema/<fingerprint>`    | a table schema; events name it in a header                    |
 * | `snapshot/<schema.table>` | how far the table's snapshot has come                         |
 * | `history/<oid>`           | where the history of a table without a key begins             |
 * | `halted/<schema.table>`   | a table that may not go on, and must be read again            |
 */
/** Its meaning is in producers/postgres/slot/position-check.ts. Records of older versions have only the first three. */
const slotRecord = z.object({
  slot: z.string(),
  systemIdentifier: z.string(),
  database: z.string(),
  timeline: z.number().exactOptional(),
  confirmedLsn: z.string().exactOptional(),
});
const tablesRecord = z.array(
  z.object({
    schema: z.string(),
    name: z.string(),
    topic: z.string(),
    fingerprint: z.string(),
    /** The table in the source: another that gets the name later has another. */
    oid: z.number().exactOptional(),
    /** The source's columns with their numbers there, which stay when a column is renamed. */
    columns: z.record(z.string(), z.number()).exactOptional(),
    /** So many partitions of the topic get records: more that came later would part the records of a key. */
    partitions: z.number().exactOptional(),
  }),
);
const snapshotRequest = z.object({ id: z.string(), where: z.string().exactOptional() });
/** Its meaning is in producers/postgres/snapshot/snapshot-progress.ts. Records of older versions have only the first three. */
const snapshotRecord = z.object({
  lastKey: z.array(z.string()).nullable(),
  rows: z.number(),
  done: z.boolean(),
  oid: z.number().exactOptional(),
  request: snapshotRequest.exactOptional(),
  requestIds: z.array(z.string()).exactOptional(),
  waiting: z.array(snapshotRequest).exactOptional(),
  leaving: z
    .object({
      lastKey: z.array(z.string()),
      rows: z.number(),
      ends: z.record(z.string(), z.string()),
    })
    .exactOptional(),
  failure: z.string().exactOptional(),
});

/** Its meaning is in producers/postgres/tables/table-history.ts. */
const historyRecord = z.object({
  oid: z.number(),
  xid: z.string(),
  seen: z.string(),
  lsn: z.string(),
  filenode: z.string().nullable(),
});

/** Its meaning is in producers/halted-tables.ts. */
const haltedRecord = z.object({
  at: z.string(),
  code: z.string(),
  message: z.string(),
  fix: z.string(),
});

export type SlotState = z.infer<typeof slotRecord>;
export type TableState = z.infer<typeof tablesRecord>[number];
export type SnapshotState = z.infer<typeof snapshotRecord>;
export type HistoryState = z.infer<typeof historyRecord>;
export type HaltedState = z.infer<typeof haltedRecord>;
/** What a status says of a halted table; `table` is its `schema.table`. */
export type HaltedTable = HaltedState & { readonly table: string };

export interface PipelineState {
  readonly slot: SlotState | null;
  /** Null until the producer has been set up for the first time. */
  readonly tables: readonly TableState[] | null;
  readonly schemas: ReadonlyMap<string, TableSchema>;
  /** By `schema.table`. */
  readonly snapshots: ReadonlyMap<string, SnapshotState>;
  /** By the table's oid. */
  readonly histories: ReadonlyMap<string, HistoryState>;
  /** By `schema.table`. */
  readonly halted: ReadonlyMap<string, HaltedState>;
}

/** Reads the state topic to its end; a pipeline that never ran has an empty state. */
export async function readState(kafka: Kafka, pipeline: string): Promise<PipelineState> {
  let slot: SlotState | null = null;
  let tables: TableState[] | null = null;
  const schemas = new Map<string, TableSchema>();
  const snapshots = new Map<string, SnapshotState>();
  const histories = new Map<string, HistoryState>();
  const halted = new Map<string, HaltedState>();
  for (const message of await readTopic(kafka, stateTopic(pipeline))) {
    const key = message.key?.toString() ?? '';
    try {
      const value = message.value === null ? null : (JSON.parse(message.value.toString()) as unknown);
      if (key === 'slot') slot = value === null ? null : furthest(slot, slotRecord.parse(value));
      else if (key === 'tables') tables = value === null ? null : tablesRecord.parse(value);
      else if (key.startsWith('schema/') && value !== null)
        schemas.set(key.slice(7), tableSchema.parse(value));
      else if (key.startsWith('snapshot/')) {
        if (value === null) snapshots.delete(key.slice(9));
        else snapshots.set(key.slice(9), snapshotRecord.parse(value));
      } else if (key.startsWith('history/')) {
        if (value === null) histories.delete(key.slice(8));
        else histories.set(key.slice(8), historyRecord.parse(value));
      } else if (key.startsWith('halted/')) {
        if (value === null) halted.delete(key.slice(7));
        else halted.set(key.slice(7), haltedRecord.parse(value));
      }
    } catch (cause) {
      throw new TailraceError(
        'EVENT_UNDECODABLE',
        `topic ${stateTopic(pipeline)}, offset ${message.offset}: the record ${JSON.stringify(key)} cannot be read`,
        'it was written by another program or a newer Tailrace; upgrade, or use another pipeline name',
        { cause },
      );
    }
  }
  return { slot, tables, schemas, snapshots, histories, halted };
}

/** A producer that was frozen and woke after another took over may still write one old record behind newer ones. */
function furthest(before: SlotState | null, next: SlotState): SlotState {
  const isOld =
    before?.systemIdentifier === next.systemIdentifier &&
    parseLsn(before.confirmedLsn ?? '0/0') > parseLsn(next.confirmedLsn ?? '0/0');
  return isOld ? before : next;
}

/** Writes one record and waits for the acknowledgement of all replicas in sync. */
export async function putState(
  producer: Producer,
  pipeline: string,
  key: string,
  value: unknown,
): Promise<void> {
  await producer.send({
    topic: stateTopic(pipeline),
    acks: -1,
    messages: [{ key, value: JSON.stringify(value) }],
  });
}
