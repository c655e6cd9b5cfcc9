import type { ChangeEvent } from './change-event.ts';
import { commitLsnOf, ordinalOf } from './position.ts';

/** The `source.connector` of every event: the value that Debezium's readers know. */
export const CONNECTOR = 'postgresql';
export const VERSION = '0.1.0';

/** One Kafka record's key and value; the value of a tombstone is null. */
export interface EncodedEvent {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Encodes the events of one table schema; made once a schema, since both wire formats prepare what they can. */
export interface TableEncoder {
  encode(event: ChangeEvent): EncodedEvent;
}

/** The `source` block's fields with Debezium's names, the same for both wire formats. */
export function sourceFields(event: ChangeEvent) {
  const { source, position } = event;
  const commitLsn = commitLsnOf(position);
  return {
    version: VERSION,
    connector: CONNECTOR,
    name: source.name,
    ts_ms: Math.floor(source.tsUs / 1000),
    ts_us: source.tsUs,
    snapshot: source.snapshot ? 'incremental' : 'false',
    db: source.db,
    // Debezium's form: LSN of the last commit, LSN of the event.
    sequence: `["${commitLsn}","${source.lsn}"]`,
    schema: event.table.schema,
    table: event.table.name,
    txId: source.txId,
    lsn: source.lsn,
    commit_lsn: commitLsn,
    ordinal: ordinalOf(position),
  };
}
