import type { Kafka, Producer } from 'kafkajs';
import { z } from 'zod';
import { stateTopic } from '../schemas/topics.ts';
import { tableSchema, type TableSchema } from '../schemas/table-schema.ts';
import { TailraceError } from './errors.ts';
import { readTopic } from './topic-reader.ts';

/**
 * What a pipeline remembers, in its compacted state topic (one partition, JSON):
 *
 * | key                       | value                                                        |
 * |---------------------------|--------------------------------------------------------------|
 * | `slot`                    | slot name, system identifier and database it was created in   |
 * | `tables`                  | the captured tables: topic and fingerprint of their schema    |
 * | `schema/<fingerprint>`    | a table schema; events name it in a header                    |
 * | `snapshot/<schema.table>` | how far the table's snapshot has come                         |
 */
const slotRecord = z.object({ slot: z.string(), systemIdentifier: z.string(), database: z.string() });
const tablesRecord = z.array(
  z.object({ schema: z.string(), name: z.string(), topic: z.string(), fingerprint: z.string() }),
);
const snapshotRecord = z.object({
  lastKey: z.array(z.string()).nullable(),
  rows: z.number(),
  done: z.boolean(),
});

export type SlotState = z.infer<typeof slotRecord>;
export type TableState = z.infer<typeof tablesRecord>[number];
export type SnapshotState = z.infer<typeof snapshotRecord>;

export interface PipelineState {
  readonly slot: SlotState | null;
  /** Null until the producer has been set up for the first time. */
  readonly tables: readonly TableState[] | null;
  readonly schemas: ReadonlyMap<string, TableSchema>;
  /** By `schema.table`. */
  readonly snapshots: ReadonlyMap<string, SnapshotState>;
}

/** Reads the state topic to its end; a pipeline that never ran has an empty state. */
export async function readState(kafka: Kafka, pipeline: string): Promise<PipelineState> {
  let slot: SlotState | null = null;
  let tables: TableState[] | null = null;
  const schemas = new Map<string, TableSchema>();
  const snapshots = new Map<string, SnapshotState>();
  for (const message of await readTopic(kafka, stateTopic(pipeline))) {
    const key = message.key?.toString() ?? '';
    try {
      const value = message.value === null ? null : (JSON.parse(message.value.toString()) as unknown);
      if (key === 'slot') slot = value === null ? null : slotRecord.parse(value);
      else if (key === 'tables') tables = value === null ? null : tablesRecord.parse(value);
      else if (key.startsWith('schema/') && value !== null)
        schemas.set(key.slice(7), tableSchema.parse(value));
      else if (key.startsWith('snapshot/')) {
        if (value === null) snapshots.delete(key.slice(9));
        else snapshots.set(key.slice(9), snapshotRecord.parse(value));
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
  return { slot, tables, schemas, snapshots };
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
