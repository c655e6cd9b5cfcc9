import type { KafkaMessage } from 'kafkajs';
import type { Type } from 'avsc';
import { TailraceError, toError } from '../core/errors.ts';
import { decodeAvroEnvelope, decodeAvroKey, isAvroFramed, schemaIdOf } from '../schemas/avro-codec.ts';
import { keyOf, type ChangeEvent, type Operation } from '../schemas/change-event.ts';
import { decodeJsonEnvelope, decodeJsonKey } from '../schemas/json-codec.ts';
import { parsePosition, type Position } from '../schemas/position.ts';
import type { TableSchema } from '../schemas/table-schema.ts';
import { POSITION_HEADER, SCHEMA_HEADER } from '../schemas/topics.ts';

/** What decoding needs from outside, found before a batch is decoded. */
export interface Schemas {
  readonly tables: ReadonlyMap<string, TableSchema>;
  readonly avroTypes: ReadonlyMap<number, Type>;
}

/** The table schema that a record was written with, by its fingerprint; null where the header is missing. */
export function fingerprintOfRecord(message: KafkaMessage): string | null {
  return message.headers?.[SCHEMA_HEADER]?.toString() ?? null;
}

/** The registry's ids that a record needs; none for JSON. */
export function schemaIdsOfRecord(message: KafkaMessage): number[] {
  return [message.key, message.value]
    .filter((bytes) => bytes != null && isAvroFramed(bytes))
    .map((bytes) => schemaIdOf(bytes as Buffer));
}

const OPERATIONS: readonly unknown[] = ['c', 'u', 'd', 'r'] satisfies Operation[];

/**
 * One record as an event. A tombstone counts as a delete with the position of the delete that it follows: after
 * compaction it may be all that is left of it. Throws EVENT_UNDECODABLE, which names no value.
 */
export function decodeRecord(
  topic: string,
  partition: number,
  message: KafkaMessage,
  schemas: Schemas,
): ChangeEvent {
  try {
    const table = schemas.tables.get(fingerprintOfRecord(message) ?? '');
    if (table === undefined) throw new TypeError(`header ${SCHEMA_HEADER} is missing`);
    if (message.key === null) throw new TypeError('the record has no key');
    const position = parsePosition(message.headers?.[POSITION_HEADER]?.toString() ?? '');
    const { key, value } = message;
    const keyRow = isAvroFramed(key)
      ? decodeAvroKey(typeOf(schemas, key), table, key)
      : decodeJsonKey(table, key);
    if (value === null) return tombstone(table, keyRow, position, message);
    const envelope = isAvroFramed(value)
      ? decodeAvroEnvelope(typeOf(schemas, value), table, value)
      : decodeJsonEnvelope(table, value);
    if (!OPERATIONS.includes(envelope.op))
      throw new TypeError(`unknown operation ${JSON.stringify(envelope.op)}`);
    const op = envelope.op as Operation;
    if ((envelope.after === null) !== (op === 'd'))
      throw new TypeError(`operation ${op} does not fit its rows`);
    const { source } = envelope;
    return {
      table,
      op,
      key: envelope.after === null ? keyRow : keyOf(table, envelope.after),
      before: envelope.before,
      after: envelope.after,
      position,
      source: {
        name: String(source['name']),
        db: String(source['db']),
        txId: source['txId'] == null ? null : Number(source['txId']),
        lsn: BigInt(source['lsn'] as number | bigint),
        tsUs: Number(source['ts_us']),
        snapshot: source['snapshot'] !== 'false',
      },
      tsMs: envelope.tsMs,
    };
  } catch (cause) {
    throw new TailraceError(
      'EVENT_UNDECODABLE',
      `topic ${topic}, partition ${partition}, offset ${message.offset}: the record cannot be decoded: ${toError(cause).message}`,
      'find out which program wrote it; the sink goes on from here once it is repaired or skipped by committing the next offset',
      { cause },
    );
  }
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
