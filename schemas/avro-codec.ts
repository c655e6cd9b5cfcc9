import type { Type } from 'avsc';
import { AvroReader, repeatedText } from './avro-reader.ts';
import { avroRowReader } from './avro-row-reader.ts';
import { avroRowWriter } from './avro-row-writer.ts';
import { AVRO_TRUNCATE_KEY } from './avro-schema.ts';
import { compileAvro, fieldsOf, skipper, typeNameOf, unionOf } from './avro-types.ts';
import { AvroWriter, digitsOf } from './avro-writer.ts';
import type { ChangeEvent, EventSource } from './change-event.ts';
import { sourceFields, sourceOf, TRUNCATE_KEY, type DecodedEnvelope, type TableEncoder } from './envelope.ts';
import { exactValuesText, type ExactValues } from './exact-values.ts';
import { ordinalOf } from './position.ts';
import { keyColumns, type TableSchema } from './table-schema.ts';
import type { Row } from './value.ts';

/**
 * The Avro wire format, in Confluent's framing: a zero byte, the schema's id as 4 bytes, the Avro bytes. Encoder and decoder
 * are made once a schema; avro-schema.ts is what they write, and avsc reads it too.
 */

const HEADER_BYTES = 5;

/** Whether a record's bytes carry Confluent's framing; JSON never starts with a zero byte. */
export function isAvroFramed(bytes: Buffer): boolean {
  return bytes.length > HEADER_BYTES && bytes[0] === 0;
}

/** The schema id of framed bytes. */
export function schemaIdOf(bytes: Buffer): number {
  return bytes.readUInt32BE(1);
}

/** `ids` are the registry's ids of the table's two schemas and of the truncates' key. */
export function avroEncoder(
  ids: { key: number; value: number; truncateKey: number },
  table: TableSchema,
): TableEncoder<Buffer> {
  const out = new AvroWriter();
  const truncateKey = Buffer.concat([
    frame(ids.truncateKey),
    compileAvro(AVRO_TRUNCATE_KEY).toBuffer(TRUNCATE_KEY),
  ]);
  const [keyFrame, valueFrame] = [frame(ids.key), frame(ids.value)];
  const [writeKey, writeRow] = [
    avroRowWriter(keyColumns(table), table.key),
    avroRowWriter(table.columns, table.key),
  ];
  const writeSource = sourceWriter(out);
  let exact: ExactValues | null = null;
  const unfitIn = (side: 'before' | 'after') => (column: string, text: string) => {
    ((exact ??= {})[side] ??= {})[column] = text;
  };
  const [unfitBefore, unfitAfter] = [unfitIn('before'), unfitIn('after')];
  const optionalRow = (row: Row | null, unfit: typeof unfitBefore) => {
    out.branch(row === null ? 0 : 1);
    if (row !== null) writeRow(out, row, unfit);
  };
  const encodeKey = (key: Row) => {
    out.drop();
    out.raw(keyFrame);
    writeKey(out, key, unfitAfter);
    return out.take();
  };
  return {
    encode: (event) => {
      exact = null;
      const key = event.op === 't' ? truncateKey : encodeKey(event.key);
      out.drop();
      out.raw(valueFrame);
      optionalRow(event.before, unfitBefore);
      optionalRow(event.after, unfitAfter);
      writeSource(event);
      out.branch(0); // transaction
      out.string(event.op);
      out.branch(1);
      out.long(event.tsMs);
      const value = out.take();
      return exact === null ? { key, value } : { key, value, ...exactValuesText(exact) };
    },
  };
}

/** Writes the `source` block; what the events of a transaction share is encoded once for them. */
function sourceWriter(out: AvroWriter): (event: ChangeEvent) => void {
  const shared = new AvroWriter();
  let sharedBy: { commit: string; source: EventSource; lsnDigits: number } | null = null;
  let head: Buffer = NOTHING;
  let middle: Buffer = NOTHING;
  let tail: Buffer = NOTHING;
  return (event) => {
    const { source, position } = event;
    const lsnDigits = digitsOf(source.lsn);
    if (
      sharedBy === null ||
      !position.startsWith(sharedBy.commit) ||
      sharedBy.lsnDigits !== lsnDigits ||
      sharedBy.source.txId !== source.txId ||
      sharedBy.source.snapshot !== source.snapshot
    ) {
      sharedBy = { commit: position.slice(0, 16), source, lsnDigits };
      const fields = sourceFields(event);
      for (const text of [fields.version, fields.connector, fields.name]) shared.string(text);
      shared.long(fields.ts_ms);
      shared.branch(0); // snapshot: the enumeration comes before null
      shared.string(fields.snapshot);
      shared.string(fields.db);
      shared.branch(1);
      shared.long(fields.sequence.length);
      shared.ascii(fields.sequence.slice(0, -lsnDigits - SEQUENCE_END.length));
      head = shared.take();
      shared.ascii(SEQUENCE_END);
      shared.branch(1);
      shared.long(fields.ts_us);
      shared.string(fields.schema);
      shared.string(fields.table);
      shared.branch(fields.txId === null ? 0 : 1);
      if (fields.txId !== null) shared.long(fields.txId);
      shared.branch(1);
      middle = shared.take();
      shared.long(fields.commit_lsn);
      tail = shared.take();
    }
    out.raw(head);
    out.digits(source.lsn);
    out.raw(middle);
    out.long(source.lsn);
    out.raw(tail);
    out.long(ordinalOf(position));
  };
}

/** What stands behind the LSN in `source.sequence`. */
const SEQUENCE_END = '"]';
const NOTHING = Buffer.alloc(0);

function frame(id: number): Buffer {
  const framed = Buffer.alloc(HEADER_BYTES);
  framed.writeUInt32BE(id, 1);
  return framed;
}

/** The key columns of a record; `type` is what its writer's id stands for. Throws on anything that is not a key of this table. */
export function decodeAvroKey(type: Type, table: TableSchema, bytes: Buffer): Row {
  return read(keyReaders.of(type, table), bytes);
}

/** The envelope of a record; `type` is what its writer's id stands for. Throws on anything that is no envelope. */
export function decodeAvroEnvelope(type: Type, table: TableSchema, bytes: Buffer): DecodedEnvelope {
  return read(envelopeReaders.of(type, table), bytes);
}

const reader = new AvroReader();

function read<Result>(decode: (from: AvroReader) => Result, bytes: Buffer): Result {
  reader.reset(bytes, HEADER_BYTES);
  const result = decode(reader);
  if (!reader.isAtEnd) throw new RangeError('the record is longer than its schema says');
  return result;
}

type Read<Result> = (from: AvroReader) => Result;
const keyReaders = readers<Row>(avroRowReader);
const envelopeReaders = readers(envelopeReader);

/** Makes a reader once for each pair of schemas. */
function readers<Result>(make: (type: Type, table: TableSchema) => Read<Result>) {
  const made = new WeakMap<Type, WeakMap<TableSchema, Read<Result>>>();
  return {
    of: (type: Type, table: TableSchema): Read<Result> => {
      let ofType = made.get(type);
      if (ofType === undefined) made.set(type, (ofType = new WeakMap()));
      let ofBoth = ofType.get(table);
      if (ofBoth === undefined) ofType.set(table, (ofBoth = make(type, table)));
      return ofBoth;
    },
  };
}

function envelopeReader(type: Type, table: TableSchema): Read<DecodedEnvelope> {
  const decoded: { -readonly [Field in keyof DecodedEnvelope]: DecodedEnvelope[Field] } = {
    op: undefined,
    before: null,
    after: null,
    source: null,
    tsMs: Number.NaN,
  };
  const op = repeatedText();
  const steps = fieldsOf(type).map((field): Read<void> => {
    switch (field.name) {
      case 'before':
      case 'after': {
        const side = field.name;
        const row = optional(field.type, (record) => avroRowReader(record, table));
        return (from) => void (decoded[side] = row(from));
      }
      case 'source': {
        const source = sourceReader(field.type);
        return (from) => void (decoded.source = sourceOf(source(from)));
      }
      case 'op':
        return (from) => void (decoded.op = from.repeated(op));
      case 'ts_ms': {
        const tsMs = optional(field.type, () => (from) => from.long());
        return (from) => void (decoded.tsMs = Number(tsMs(from) ?? Number.NaN));
      }
    }
    return skipper(field.type);
  });
  return (from) => {
    for (const step of steps) step(from);
    return { ...decoded };
  };
}

/** The fields of `source` that events keep (EventSource). */
const KEPT_FIELDS = new Set(['name', 'db', 'txId', 'lsn', 'ts_us', 'snapshot']);

function sourceReader(type: Type): Read<Readonly<Record<string, unknown>>> {
  const steps = fieldsOf(type).map(({ name, type: fieldType }) => {
    if (!KEPT_FIELDS.has(name)) return { name: null, step: skipper(fieldType) };
    const last = repeatedText();
    const step = optional<unknown>(fieldType, (value) =>
      typeNameOf(value) === 'string' ? (from) => from.repeated(last) : (from) => from.long(),
    );
    return { name, step };
  });
  return (from) => {
    const source: Record<string, unknown> = {};
    for (const { name, step } of steps) {
      const value = step(from);
      if (name !== null) source[name] = value;
    }
    return source;
  };
}

/** A reader of a value that may be null, or of one that never is. */
function optional<Result>(type: Type, make: (type: Type) => Read<Result>): Read<Result | null> {
  const nullOr = (branch: Type): Read<Result | null> =>
    typeNameOf(branch) === 'null' ? () => null : make(branch);
  const branches = unionOf(type)?.map(nullOr);
  if (branches === undefined) return nullOr(type);
  return (from) => {
    const branch = branches[from.int()];
    if (branch === undefined) throw new RangeError('a union has no such branch');
    return branch(from);
  };
}
