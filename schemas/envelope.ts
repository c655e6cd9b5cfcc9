import type { ChangeEvent, EventSource } from './change-event.ts';
import { commitLsnOf, ordinalOf } from './position.ts';
import type { Row } from './value.ts';

/** The `source.connector` of every event: the value that Debezium's readers know. */
export const CONNECTOR = 'postgresql';
export const VERSION = '0.1.0';

/** One Kafka record's key and value; JSON is text, which becomes bytes where it is sent. */
export interface EncodedEvent<Form extends string | Buffer = string | Buffer> {
  readonly key: Form;
  readonly value: Form;
  /** What the header `tailrace.values` has to carry, since the types of the value's columns cannot (exact-values.ts). */
  readonly exactValues?: string;
}

/** Encodes the events of one table schema; made once a schema, since both wire formats prepare what they can. */
export interface TableEncoder<Form extends string | Buffer = string | Buffer> {
  /** Throws TypeError where a key has a value that its column's type cannot hold; the message names no value. */
  readonly encode: (event: ChangeEvent) => EncodedEvent<Form>;
}

/** An envelope whose rows are decoded, and whose other fields are not checked yet. */
export interface DecodedEnvelope {
  readonly op: unknown;
  readonly before: Row | null;
  readonly after: Row | null;
  /** Null where there is none that tells an LSN. */
  readonly source: EventSource | null;
  readonly tsMs: number;
}

/**
 * The key of a truncate, which has no row: topics are compacted, so every record needs one, and it must be no row's key.
 * A newer truncate takes the place of an older one.
 */
export const TRUNCATE_KEY = { __op: 't' } as const;

/** A field beside the rows, as Debezium's Postgres connector (3.x) declares it. */
export interface EnvelopeField {
  readonly name: string;
  readonly type: 'string' | 'long';
  readonly isOptional?: true;
  /** The values that an enumeration has, separated by commas; the first field after them is its default. */
  readonly allowed?: { readonly values: string; readonly default: string };
}

/**
 * The `source` block in Debezium's order, with the position behind it. Debezium's `ts_ns`, `xmin`, `origin` and `origin_lsn`,
 * which it declares as optional, are left out.
 */
export const SOURCE_FIELDS: readonly EnvelopeField[] = [
  { name: 'version', type: 'string' },
  { name: 'connector', type: 'string' },
  { name: 'name', type: 'string' },
  { name: 'ts_ms', type: 'long' },
  {
    name: 'snapshot',
    type: 'string',
    isOptional: true,
    allowed: {
      values: 'true,first,first_in_data_collection,last_in_data_collection,last,false,incremental',
      default: 'false',
    },
  },
  { name: 'db', type: 'string' },
  { name: 'sequence', type: 'string', isOptional: true },
  { name: 'ts_us', type: 'long', isOptional: true },
  { name: 'schema', type: 'string' },
  { name: 'table', type: 'string' },
  { name: 'txId', type: 'long', isOptional: true },
  { name: 'lsn', type: 'long', isOptional: true },
  { name: 'commit_lsn', type: 'long' },
  { name: 'ordinal', type: 'long' },
];

/** Debezium's transaction block, which is always null here. */
export const TRANSACTION_FIELDS: readonly EnvelopeField[] = [
  { name: 'id', type: 'string' },
  { name: 'total_order', type: 'long' },
  { name: 'data_collection_order', type: 'long' },
];

/** The Connect names and versions of the blocks that are the same for every table. */
export const SOURCE_NAME = 'io.debezium.connector.postgresql.Source';
export const SOURCE_VERSION = 1;
export const TRANSACTION_NAME = 'event.block';
export const TRANSACTION_VERSION = 1;
export const ENVELOPE_VERSION = 2;

/** The `source` block's fields with Debezium's names, the same for both wire formats. */
export function sourceFields({ source, position, table }: ChangeEvent) {
  const commitLsn = commitLsnOf(position);
  return {
    version: VERSION,
    connector: CONNECTOR,
    name: source.name,
    ts_ms: Math.floor(source.tsUs / 1000),
    snapshot: source.snapshot ? 'incremental' : 'false',
    db: source.db,
    // Debezium's form: LSN of the last commit, LSN of the event.
    sequence: `["${commitLsn}","${source.lsn}"]`,
    ts_us: source.tsUs,
    schema: table.schema,
    table: table.name,
    txId: source.txId,
    lsn: source.lsn,
    commit_lsn: commitLsn,
    ordinal: ordinalOf(position),
  };
}

/**
 * The other way round: what an event keeps of the block's fields, which are not checked; null without an LSN. Throws SyntaxError
 * on an LSN that is none.
 */
export function sourceOf(fields: Readonly<Record<string, unknown>>): EventSource | null {
  const { name, db, txId, lsn, ts_us: tsUs, snapshot } = fields;
  if (lsn == null) return null;
  return {
    name: String(name),
    db: String(db),
    txId: txId == null ? null : Number(txId),
    lsn: BigInt(lsn as number | bigint),
    tsUs: Number(tsUs),
    snapshot: snapshot !== 'false',
  };
}
