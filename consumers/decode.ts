import type { KafkaMessage } from 'kafkajs';
import type { Type } from 'avsc';
import { TailraceError, toError } from '../core/errors.ts';
import { decodeAvroEnvelope, decodeAvroKey, isAvroFramed, schemaIdOf } from '../schemas/avro-codec.ts';
import { keyOf, type ChangeEvent, type Operation } from '../schemas/change-event.ts';
import type { DecodedEnvelope } from '../schemas/envelope.ts';
import { withExactValues } from '../schemas/exact-values.ts';
import { decodeJsonEnvelope, decodeJsonKey } from '../schemas/json-reader.ts';
import { parsePosition, type Position } from '../schemas/position.ts';
import type { TableSchema } from '../schemas/table-schema.ts';
import { POSITION_HEADER, SCHEMA_HEADER, VALUES_HEADER } from '../schemas/topics.ts';
import { emptyRow, type Row } from '../schemas/value.ts';

/** What decoding needs from outside, found before a batch is decoded. */
export interface Schemas {
  readonly tables: ReadonlyMap<string, TableSchema>;
  readonly avroTypes: ReadonlyMap<number, Type>;
}

/** The table schema that a record was written with, by its fingerprint; null where the header is missing. */
export function fingerprintOfRecord(message: KafkaMessage): string | null {
  const header = message.headers?.[SCHEMA_HEADER];
  if (!Buffer.isBuffer(header)) return header?.toString() ?? null;
  // Nearly always it is that of the record before.
  if (!header.equals(lastFingerprint.bytes))
    lastFingerprint = { bytes: Buffer.from(header), text: header.toString() };
  return lastFingerprint.text;
}

let lastFingerprint = { bytes: Buffer.alloc(0), text: '' };

/** The registry's ids that a record needs; none for JSON. */
export function schemaIdsOfRecord(message: KafkaMessage): number[] {
  return [message.key, message.value]
    .filter((bytes) => bytes != null && isAvroFramed(bytes))
    .map((bytes) => schemaIdOf(bytes as Buffer));
}

const OPERATIONS: readonly unknown[] = ['c', 'u', 'd', 'r', 't'] satisfies Operation[];

/** Takes the place of a table for records that name none, to read the operation of their envelopes. */
const NO_TABLE: TableSchema = { schema: '', name: '', columns: [], key: [], foreignKeys: [] };

/**
 * One record as an event; null for a logical message (operation `m`), which changes no row. A tombstone counts as a delete
 * with the position of the delete that it follows: after compaction it may be all that is left of it. The key of a
 * truncate names no row and is not read. Throws EVENT_UNDECODABLE, which names no value.
 */
export function decodeRecord(
  topic: string,
  partition: number,
  message: KafkaMessage,
  schemas: Schemas,
): ChangeEvent | null {
  try {
    const { value } = message;
    const table = schemas.tables.get(fingerprintOfRecord(message) ?? '');
    const envelope = value === null ? null : decodeEnvelope(schemas, table ?? NO_TABLE, value, message);
    if (envelope?.op === 'm') return null;
    if (table === undefined) throw new TypeError(`header ${SCHEMA_HEADER} is missing or names no schema`);
    const position = parsePosition(message.headers?.[POSITION_HEADER]?.toString() ?? '');
    return envelope === null
      ? tombstone(table, decodeKey(schemas, table, message), position, message)
      : change(schemas, table, envelope, position, message);
  } catch (thrown) {
    const cause = withoutText(thrown);
    throw new TailraceError(
      'EVENT_UNDECODABLE',
      `topic ${topic}, partition ${partition}, offset ${message.offset}: the record cannot be decoded: ${cause.message}`,
      'find out which program wrote it; the sink goes on from here once it is repaired or skipped by committing the next offset',
      { cause },
    );
  }
}

function change(
  schemas: Schemas,
  table: TableSchema,
  envelope: DecodedEnvelope,
  position: Position,
  message: KafkaMessage,
): ChangeEvent {
  const { before, after, source, tsMs } = envelope;
  if (!OPERATIONS.includes(envelope.op))
    throw new TypeError(`unknown operation ${JSON.stringify(envelope.op)}`);
  if (source === null) throw new TypeError('the source block is missing or has no lsn');
  const op = envelope.op as Operation;
  if ((after === null) !== (op === 'd' || op === 't'))
    throw new TypeError(`operation ${op} does not fit its rows`);
  return {
    table,
    op,
    key: op === 't' ? emptyRow() : keyOfRow(schemas, table, after, message),
    before,
    after,
    position,
    source,
    tsMs,
  };
}

function keyOfRow(schemas: Schemas, table: TableSchema, after: Row | null, message: KafkaMessage): Row {
  if (message.key === null) throw new TypeError('the record has no key');
  return after === null ? decodeKey(schemas, table, message) : keyOf(table, after);
}

function decodeEnvelope(
  schemas: Schemas,
  table: TableSchema,
  value: Buffer,
  message: KafkaMessage,
): DecodedEnvelope {
  const envelope = isAvroFramed(value)
    ? decodeAvroEnvelope(typeOf(schemas, value), table, value)
    : decodeJsonEnvelope(table, value);
  const exactValues = message.headers?.[VALUES_HEADER];
  return exactValues === undefined ? envelope : withExactValues(table, envelope, exactValues.toString());
}

function decodeKey(schemas: Schemas, table: TableSchema, { key }: KafkaMessage): Row {
  if (key === null) throw new TypeError('the record has no key');
  return isAvroFramed(key) ? decodeAvroKey(typeOf(schemas, key), table, key) : decodeJsonKey(table, key);
}

/** JSON.parse quotes the text that it could not read: that may be a row, which no message may show. */
function withoutText(thrown: unknown): Error {
  return thrown instanceof SyntaxError ? new TypeError('it is neither JSON nor Avro') : toError(thrown);
}

function tombstone(
  table: TableSchema,
  key: ChangeEvent['key'],
  position: Position,
  message: KafkaMessage,
): ChangeEvent {
  const tsMs = Number(message.timestamp);
  const source = { name: '', db: '', txId: null, lsn: 0n, tsUs: tsMs * 1000, snapshot: false };
  return { table, op: 'd', key, before: key, after: null, position, source, tsMs };
}

function typeOf(schemas: Schemas, bytes: Buffer): Type {
  const type = schemas.avroTypes.get(schemaIdOf(bytes));
  if (type === undefined) throw new TypeError(`schema ${schemaIdOf(bytes)} is not known`);
  return type;
}
