import { TailraceError } from '../../core/errors.ts';
import { keyText, valueText } from '../../schemas/key-text.ts';
import type { Position } from '../../schemas/position.ts';
import { qualifiedName, type Column, type TableSchema } from '../../schemas/table-schema.ts';
import type { Row, Value, ValueKind } from '../../schemas/value.ts';
import type { Write } from '../sink.ts';

/** Lucene's longest term is 32,766 bytes and a character has at most four; longer values stay in `_source` unindexed. */
const LONGEST_KEYWORD_CHARS = 8191;
const LONGEST_ID_BYTES = 512;

/** One field of an Elasticsearch mapping, for example `{type: 'keyword', ignore_above: 8191}`. */
export type FieldMapping = Readonly<Record<string, unknown>> & { readonly type: string };

interface Rule {
  readonly field: FieldMapping;
  /** The value as JSON text of the document's `_source`. */
  json(value: Exclude<Value, null>): string;
}

/**
 * A field keeps its type for ever, so it is the widest one (which costs no space), and it takes any value: after a change of
 * type in Postgres what the field cannot index still stands in `_source`.
 */
const integer: FieldMapping = { type: 'long', ignore_malformed: true };
const keyword: FieldMapping = { type: 'keyword', ignore_above: LONGEST_KEYWORD_CHARS };
const text: FieldMapping = { type: 'text', fields: { keyword } };
const date: FieldMapping = { type: 'date', format: 'strict_date_optional_time', ignore_malformed: true };
/** Kept in `_source` alone: neither parsed nor searchable. */
const unparsed: FieldMapping = { type: 'object', enabled: false };
const unindexedText: FieldMapping = { type: 'keyword', index: false, doc_values: false };

const quoted = (value: Exclude<Value, null>): string => JSON.stringify(valueText(value));
const digits = (value: Exclude<Value, null>): string => String(value);

const RULES: Readonly<Record<ValueKind, Rule>> = {
  boolean: { field: { type: 'boolean', ignore_malformed: true }, json: digits },
  int2: { field: integer, json: digits },
  int4: { field: integer, json: digits },
  int8: { field: integer, json: digits },
  float4: { field: { type: 'float', ignore_malformed: true }, json: floatJson },
  float8: { field: { type: 'double', ignore_malformed: true }, json: floatJson },
  numeric: { field: { type: 'double', ignore_malformed: true }, json: quoted },
  text: { field: text, json: quoted },
  uuid: { field: keyword, json: quoted },
  enum: { field: keyword, json: quoted },
  date: { field: date, json: quoted },
  timestamp: { field: date, json: quoted },
  timestamptz: { field: date, json: quoted },
  time: { field: keyword, json: quoted },
  timetz: { field: keyword, json: quoted },
  interval: { field: keyword, json: quoted },
  bytea: { field: { type: 'binary' }, json: quoted },
  json: { field: unindexedText, json: quoted },
  jsonb: { field: unparsed, json: rawJson },
  other: { field: keyword, json: quoted },
};

/** JSON has no NaN and no infinities: they go as strings, which ignore_malformed keeps in `_source` and out of the index. */
function floatJson(value: Exclude<Value, null>): string {
  if (Object.is(value, -0)) return '-0.0';
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : JSON.stringify(String(value));
}

/** The text itself, so that numbers keep all their digits. A line break is white space there, and would end the bulk line. */
function rawJson(value: Exclude<Value, null>): string {
  return valueText(value).replace(/[\r\n]/g, ' ');
}

const INTERNAL_FIELDS: Readonly<Record<string, FieldMapping>> = {
  __pos: { type: 'keyword' },
  __deleted: { type: 'boolean' },
  __deleted_at: { type: 'date' },
};

/** Field name to mapping, the internal fields included. Throws TailraceError for a column that cannot be a field. */
export function fieldsOf(table: TableSchema): Readonly<Record<string, FieldMapping>> {
  for (const column of table.columns) assertFieldName(table, column);
  const columns = table.columns.map((column) => [column.name, RULES[column.kind].field] as const);
  return Object.fromEntries([...columns, ...Object.entries(INTERNAL_FIELDS)]);
}

const METADATA_FIELDS = /^_(id|index|source|type|size|field_names|ignored|routing|meta|tier|doc_count|nested_path|version|seq_no|data_stream_timestamp|tsid|ts_routing_hash|feature|ignored_source|inference_fields|primary_term|slice)$/; // prettier-ignore

function assertFieldName(table: TableSchema, { name }: Column): void {
  const segments = name.split('.');
  const usable = segments.every((segment) => segment.trim() !== '');
  if (usable && !METADATA_FIELDS.test(name) && !Object.hasOwn(INTERNAL_FIELDS, name)) return;
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `column ${JSON.stringify(name)} of ${qualifiedName(table)} cannot be a field of Elasticsearch, which keeps that name for itself`,
    'give the column another name in this sink with the transform renameColumns.',
  );
}

/** The type of each field of an index, by the name of its column; `object` for a jsonb column. */
export type StoredFields = ReadonlyMap<string, string>;

/**
 * The document of a write as JSON text: the row for an upsert, a tombstone for a delete. Null columns are absent, so that a
 * null is told from jsonb's own `null`. `nowMs` is the time that tombstones carry, for a later purge.
 */
export function documentOf(write: Write, stored: StoredFields, nowMs: number): string {
  if (write.op === 'delete') return tombstoneOf(write.position, nowMs);
  const parts: string[] = [];
  for (const { name, kind } of write.target.table.columns) {
    const value = write.row[name] ?? null;
    if (value === null) continue;
    // An event from before the column ceased to be jsonb: the field would refuse an object.
    const isText = kind === 'jsonb' && stored.get(name) !== 'object';
    parts.push(`${JSON.stringify(name)}:${isText ? quoted(value) : RULES[kind].json(value)}`);
  }
  parts.push(`"__pos":"${write.position}"`);
  return `{${parts.join(',')}}`;
}

export function tombstoneOf(position: Position, nowMs: number): string {
  return `{"__deleted":true,"__deleted_at":${nowMs},"__pos":"${position}"}`;
}

/** The `_id` of a row. Throws TailraceError SINK_EVENT_REJECTED where Elasticsearch allows no such id. */
export function documentId(table: TableSchema, key: Row): string {
  const id = keyText(table.key, key);
  if (id !== '' && Buffer.byteLength(id) <= LONGEST_ID_BYTES) return id;
  throw new TailraceError(
    'SINK_EVENT_REJECTED',
    `the key of a row of ${qualifiedName(table)} is empty or longer than ${LONGEST_ID_BYTES} bytes, which Elasticsearch does not take as an _id`,
    'leave such rows out of this sink with the transform filterRows, then start the sink again.',
  );
}
