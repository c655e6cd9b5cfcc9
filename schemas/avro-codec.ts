import type { Schema, Type } from 'avsc';
import { compileAvro } from './avro-types.ts';
import type { DecodedEnvelope } from './json-codec.ts';
import { sourceFields, TRUNCATE_KEY, type TableEncoder } from './envelope.ts';
import { columnOf, type Column, type TableSchema } from './table-schema.ts';
import { shortestFloat } from './shortest-float.ts';
import { sanitizeTopicPart, tableTopic } from './topics.ts';
import { emptyRow, type Row, type Value } from './value.ts';

/**
 * The Avro wire format: Debezium's envelope, names and namespaces, in Confluent's framing (a zero byte, the schema's id
 * as 4 bytes, the Avro bytes). Every column but the key's is nullable with default null, so that adding and dropping
 * columns stays BACKWARD compatible.
 */
export interface AvroSchemas {
  readonly key: Schema;
  readonly value: Schema;
}

const SOURCE_FIELDS = [
  ['version', 'string'],
  ['connector', 'string'],
  ['name', 'string'],
  ['ts_ms', 'long'],
  ['ts_us', 'long'],
  ['snapshot', 'string'],
  ['db', 'string'],
  ['sequence', 'string'],
  ['schema', 'string'],
  ['table', 'string'],
  ['txId', 'long', 'nullable'],
  ['lsn', 'long'],
  ['commit_lsn', 'long'],
  ['ordinal', 'long'],
] as const;

/** The schemas of a table's topic, to be registered as `<topic>-key` and `<topic>-value`. */
export function avroSchemas(pipeline: string, table: TableSchema): AvroSchemas {
  const namespace = tableTopic(pipeline, table).split('.').map(avroName).join('.');
  const names = avroNames(table.columns);
  const field = (column: Column) => {
    const type = avroType(column);
    const isKey = table.key.includes(column.name);
    return isKey
      ? { name: names.get(column.name), type }
      : { name: names.get(column.name), type: ['null', type], default: null };
  };
  const row = { type: 'record', name: 'Value', fields: table.columns.map(field) };
  return {
    key: {
      type: 'record',
      name: 'Key',
      namespace,
      fields: table.key.map((name) => field(columnOf(table, name))),
    } as Schema,
    value: {
      type: 'record',
      name: 'Envelope',
      namespace,
      fields: [
        { name: 'before', type: ['null', row], default: null },
        { name: 'after', type: ['null', 'Value'], default: null },
        {
          name: 'source',
          type: {
            type: 'record',
            name: 'Source',
            fields: SOURCE_FIELDS.map(([name, type, nullable]) =>
              nullable === undefined ? { name, type } : { name, type: ['null', type], default: null },
            ),
          },
        },
        { name: 'op', type: 'string' },
        { name: 'ts_ms', type: 'long' },
        {
          name: 'transaction',
          type: ['null', { type: 'record', name: 'Transaction', fields: [{ name: 'id', type: 'string' }] }],
          default: null,
        },
      ],
    } as Schema,
  };
}

/** The key of every truncate, to be registered as `<pipeline>.tailrace.truncate-key`. */
export const AVRO_TRUNCATE_KEY = {
  type: 'record',
  name: 'Truncate',
  namespace: 'tailrace',
  fields: [{ name: '__op', type: 'string' }],
} as Schema;

/** `ids` are the registry's ids of the table's two schemas and of the truncates' key. */
export function avroEncoder(
  schemas: AvroSchemas,
  ids: { key: number; value: number; truncateKey: number },
  table: TableSchema,
): TableEncoder<Buffer> {
  const truncateKey = frame(ids.truncateKey, compileAvro(AVRO_TRUNCATE_KEY).toBuffer(TRUNCATE_KEY));
  const keyType = compileAvro(schemas.key);
  const valueType = compileAvro(schemas.value);
  const names = avroNames(table.columns);
  const toRecord = (row: Row | null, columns: readonly string[]) => {
    if (row === null) return null;
    const record = emptyRow();
    for (const column of columns) record[names.get(column) ?? column] = row[column] ?? null;
    return record;
  };
  const columns = table.columns.map((column) => column.name);
  return {
    encode: (event) => {
      const source = sourceFields(event);
      return {
        key:
          event.op === 't' ? truncateKey : frame(ids.key, keyType.toBuffer(toRecord(event.key, table.key))),
        value: frame(
          ids.value,
          valueType.toBuffer({
            before: toRecord(event.before, columns),
            after: toRecord(event.after, columns),
            source: {
              ...source,
              ts_ms: BigInt(source.ts_ms),
              ts_us: BigInt(source.ts_us),
              txId: source.txId === null ? null : BigInt(source.txId),
              ordinal: BigInt(source.ordinal),
            },
            op: event.op,
            ts_ms: BigInt(event.tsMs),
            transaction: null,
          }),
        ),
      };
    },
  };
}

const HEADER_BYTES = 5;

/** Whether a record's bytes carry Confluent's framing; JSON never starts with a zero byte. */
export function isAvroFramed(bytes: Buffer): boolean {
  return bytes.length > HEADER_BYTES && bytes[0] === 0;
}

/** The schema id of framed bytes. */
export function schemaIdOf(bytes: Buffer): number {
  return bytes.readUInt32BE(1);
}

export function decodeAvroKey(type: Type, table: TableSchema, bytes: Buffer): Row {
  return rowFrom(
    table.key.map((name) => columnOf(table, name)),
    avroNames(table.columns),
    type.fromBuffer(bytes.subarray(HEADER_BYTES)),
  );
}

export function decodeAvroEnvelope(type: Type, table: TableSchema, bytes: Buffer): DecodedEnvelope {
  const envelope = type.fromBuffer(bytes.subarray(HEADER_BYTES)) as Record<string, unknown>;
  const names = avroNames(table.columns);
  const row = (record: unknown) => (record == null ? null : rowFrom(table.columns, names, record));
  return {
    op: envelope['op'],
    before: row(envelope['before']),
    after: row(envelope['after']),
    source: (envelope['source'] ?? {}) as Record<string, unknown>,
    tsMs: Number(envelope['ts_ms']),
  };
}

function rowFrom(columns: readonly Column[], names: ReadonlyMap<string, string>, record: unknown): Row {
  const fields = record as Record<string, Value | undefined>;
  const row = emptyRow();
  for (const column of columns) {
    const value = fields[names.get(column.name) ?? column.name];
    if (value === undefined) continue;
    row[column.name] = column.kind === 'float4' && typeof value === 'number' ? shortestFloat(value) : value;
  }
  return row;
}

function frame(id: number, payload: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  framed[0] = 0;
  framed.writeUInt32BE(id, 1);
  payload.copy(framed, HEADER_BYTES);
  return framed;
}

function avroType(column: Column): string {
  switch (column.kind) {
    case 'boolean':
      return 'boolean';
    case 'int2':
    case 'int4':
      return 'int';
    case 'int8':
      return 'long';
    case 'float4':
      return 'float';
    case 'float8':
      return 'double';
    case 'bytea':
      return 'bytes';
    case 'numeric':
    case 'text':
    case 'uuid':
    case 'enum':
    case 'date':
    case 'timestamp':
    case 'timestamptz':
    case 'time':
    case 'timetz':
    case 'interval':
    case 'json':
    case 'jsonb':
    case 'other':
      return 'string';
  }
}

const namesOf = new WeakMap<readonly Column[], Map<string, string>>();

/** Column names as Avro allows them; two columns that would fall together are told apart by a number. */
function avroNames(columns: readonly Column[]): ReadonlyMap<string, string> {
  const known = namesOf.get(columns);
  if (known !== undefined) return known;
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const { name } of columns) {
    const base = avroName(name);
    let free = base;
    for (let number = 2; taken.has(free); number++) free = `${base}_${number}`;
    taken.add(free);
    names.set(name, free);
  }
  namesOf.set(columns, names);
  return names;
}

function avroName(name: string): string {
  const safe = sanitizeTopicPart(name).replace(/[.-]/g, '_');
  // Every object has this one already, and readers would set its prototype.
  return /^[A-Za-z_]/.test(safe) && safe !== '__proto__' ? safe : `_${safe}`;
}
