import type { ChangeEvent } from './change-event.ts';
import { commitLsnOf, ordinalOf } from './position.ts';

/** The `source.connector` of every event: the value that Debezium's readers know. */
export const CONNECTOR = 'postgresql';
export const VERSION = '0.1.0';

/** One Kafka record's key and value; JSON is text, which becomes bytes where it is sent. */
export interface EncodedEvent<Form extends string | Buffer = string | Buffer> {
  readonly key: Form;
  readonly value: Form;
}

/** Encodes the events of one table schema; made once a schema, since both wire formats prepare what they can. */
export interface TableEncoder<Form extends string | Buffer = string | Buffer> {
  encode(event: ChangeEvent): EncodedEvent<Form>;
}

/**
 * The key of a truncate, which has no row: topics are compacted, so every record needs one, and it must be no row's key.
 * A newer truncate takes the place of an older one.
 */
export const TRUNCATE_KEY = { __op: 't' } as const;

/** The `source` block's fields with Debezium's names, the same for both wire formats. */
export function sourceFields({ source, position, table }: ChangeEvent) {
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
    schema: table.schema,
    table: table.name,
    txId: source.txId,
    lsn: source.lsn,
    commit_lsn: commitLsn,
    ordinal: ordinalOf(position),
  };
}
