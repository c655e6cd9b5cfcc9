import { TailraceError } from '../../core/errors.ts';
import { ownEntry } from '../../core/own-entry.ts';
import { qualifiedName, type Column, type TableSchema } from '../../schemas/table-schema.ts';
import type { ValueKind } from '../../schemas/value.ts';
import { DEFAULT_TABLE_OPTIONS, type ElasticsearchTableOptions } from './config.ts';
import { nestedPaths } from './nest.ts';

/** Lucene's longest term is 32,766 bytes and a character has at most four; longer values stay in `_source` unindexed. */
const LONGEST_KEYWORD_CHARS = 8191;
/** A term of a flattened field begins with the path in the object. */
const LONGEST_FLATTENED_CHARS = 8000;

/** One field of an Elasticsearch mapping, for example `{type: 'keyword', ignore_above: 8191}`. */
export type FieldMapping = Readonly<Record<string, unknown>> & { readonly type: string };

/** Fields by their paths; a path with points is a field inside of objects. */
export type Fields = Readonly<Record<string, FieldMapping>>;

/**
 * A field keeps its type for ever, so it is the widest one (which costs no space), and it takes any value: after a change of
 * type in Postgres what the field cannot index still stands in `_source`.
 */
const integer: FieldMapping = { type: 'long', ignore_malformed: true };
const keyword: FieldMapping = { type: 'keyword', ignore_above: LONGEST_KEYWORD_CHARS };
const text: FieldMapping = { type: 'text', fields: { keyword } };
const date: FieldMapping = { type: 'date', format: 'strict_date_optional_time', ignore_malformed: true };
const double: FieldMapping = { type: 'double', ignore_malformed: true };
/** Kept in `_source` alone: neither parsed nor searchable. */
const unparsed: FieldMapping = { type: 'object', enabled: false };

const FIELD_OF_KIND: Readonly<Record<ValueKind, FieldMapping>> = {
  boolean: { type: 'boolean', ignore_malformed: true },
  int2: integer,
  int4: integer,
  int8: integer,
  float4: { type: 'float', ignore_malformed: true },
  float8: double,
  numeric: double,
  text,
  uuid: keyword,
  enum: keyword,
  date,
  timestamp: date,
  timestamptz: date,
  time: keyword,
  timetz: keyword,
  interval: keyword,
  bytea: { type: 'binary' },
  json: { type: 'keyword', index: false, doc_values: false },
  jsonb: unparsed,
  other: keyword,
};

export const INTERNAL_FIELDS: Fields = {
  __pos: { type: 'keyword' },
  __deleted: { type: 'boolean' },
  __deleted_at: { type: 'date' },
};

/**
 * The fields of a table, the internal ones and those that only a `copy_to` fills included. Throws TailraceError for a
 * column that cannot be a field. Options for columns that the table lacks are passed over: events of an older schema come
 * without them (`assertOptionsFit` refuses them in the present one).
 */
export function fieldsOf(
  table: TableSchema,
  options: ElasticsearchTableOptions = DEFAULT_TABLE_OPTIONS,
): Fields {
  const paths = nestedPaths(options.nest);
  const fields = new Map<string, FieldMapping>();
  for (const column of table.columns) {
    const path = paths.get(column.name) ?? column.name;
    assertFieldName(table, column, path);
    fields.set(path, withOverrides(FIELD_OF_KIND[column.kind], ownEntry(options.fields, column.name)));
  }
  for (const path of copyTargets(options))
    if (!fields.has(path)) fields.set(path, withOverrides({ type: 'text' }, ownEntry(options.fields, path)));
  return Object.fromEntries([...fields, ...Object.entries(INTERNAL_FIELDS)]);
}

/** The fields that a `copy_to` of some column fills. */
export function copyTargets({ fields }: ElasticsearchTableOptions): readonly string[] {
  return Object.values(fields).flatMap(({ copy_to: to }) =>
    [to].flat().filter((path) => typeof path === 'string'),
  );
}

/** What makes a field of a type take any value, where the user says nothing about it. */
function lenient(type: string): object {
  if (/^(?:long|integer|short|byte|unsigned_long|double|float|half_float|scaled_float)$/.test(type))
    return { ignore_malformed: true };
  if (/^(?:date|date_nanos|boolean|ip|geo_point|geo_shape)$/.test(type)) return { ignore_malformed: true };
  if (type === 'keyword' || type === 'wildcard') return { ignore_above: LONGEST_KEYWORD_CHARS };
  return type === 'flattened' ? { ignore_above: LONGEST_FLATTENED_CHARS } : {};
}

/** A user who names no other type changes the column's own field, else the field is his alone. */
function withOverrides(
  own: FieldMapping,
  override: ElasticsearchTableOptions['fields'][string] | undefined,
): FieldMapping {
  if (override === undefined) return own;
  const type = typeof override['type'] === 'string' ? override['type'] : own.type;
  return { ...(type === own.type ? own : lenient(type)), ...override, type };
}

const METADATA_FIELDS = /^_(id|index|source|type|size|field_names|ignored|routing|meta|tier|doc_count|nested_path|version|seq_no|data_stream_timestamp|tsid|ts_routing_hash|feature|ignored_source|inference_fields|primary_term|slice)$/; // prettier-ignore

function assertFieldName(table: TableSchema, { name }: Column, path: string): void {
  const usable = path.split('.').every((segment) => segment.trim() !== '');
  if (usable && !METADATA_FIELDS.test(path) && !Object.hasOwn(INTERNAL_FIELDS, path)) return;
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `column ${JSON.stringify(name)} of ${qualifiedName(table)} cannot be a field of Elasticsearch, which keeps the name ${JSON.stringify(path)} for itself`,
    'give the column another name in this sink with the transform renameColumns.',
  );
}
