import { TailraceError } from '../../core/errors.ts';
import { keyText, valueText } from '../../schemas/key-text.ts';
import type { Position } from '../../schemas/position.ts';
import { qualifiedName, type Column, type TableSchema } from '../../schemas/table-schema.ts';
import type { Row, Value, ValueKind } from '../../schemas/value.ts';
import type { Target, Write } from '../sink.ts';
import { DEFAULT_TABLE_OPTIONS, type ElasticsearchTableOptions } from './config.ts';
import { aliasNameOf } from './names.ts';
import { membersOf, nestedPaths } from './nest.ts';

const LONGEST_ID_BYTES = 512;

/** A value as JSON text of the document's `_source`. */
type ToJson = (value: Exclude<Value, null>) => string;

const quoted: ToJson = (value) => JSON.stringify(valueText(value));
const digits: ToJson = (value) => String(value);

const JSON_OF_KIND: Readonly<Record<ValueKind, ToJson>> = {
  boolean: digits,
  int2: digits,
  int4: digits,
  int8: digits,
  float4: floatJson,
  float8: floatJson,
  numeric: quoted,
  text: quoted,
  uuid: quoted,
  enum: quoted,
  date: quoted,
  timestamp: quoted,
  timestamptz: quoted,
  time: quoted,
  timetz: quoted,
  interval: quoted,
  bytea: quoted,
  json: quoted,
  jsonb: rawJson,
  other: quoted,
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

/** Fields that take JSON objects. Into another one, a jsonb of an older or an overridden type goes as its text. */
const OBJECT_TYPES =
  /^(?:object|nested|flattened|geo_point|geo_shape|rank_features|sparse_vector|\w+_range)$/;

/** Whether a field of this type takes a JSON object. */
export function takesObjects(type: string): boolean {
  return OBJECT_TYPES.test(type);
}

/** The type of each field of an index by its path, as `{'id': 'long', 'address.street': 'text'}`. */
export type StoredFields = ReadonlyMap<string, string>;

interface Member {
  readonly column: string;
  /** The member's name with its quotes and colon. */
  readonly prefix: string;
  readonly json: ToJson;
}

/** How the rows of one schema of a target become documents of its index. */
export interface DocumentShape {
  readonly alias: string;
  readonly members: readonly Member[];
  readonly objects: readonly { readonly prefix: string; readonly members: readonly Member[] }[];
  /** The key column whose value chooses the shard, null where the `_id` does. */
  readonly routing: string | null;
}

export function documentShape(
  { name: target, table }: Target,
  stored: StoredFields,
  options: ElasticsearchTableOptions = DEFAULT_TABLE_OPTIONS,
): DocumentShape {
  const paths = nestedPaths(options.nest);
  const columns = new Map(table.columns.map((column) => [column.name, column]));
  const member = ({ name, kind }: Column, field: string): Member => {
    const isText = kind === 'jsonb' && !takesObjects(stored.get(paths.get(name) ?? name) ?? 'object');
    return { column: name, prefix: prefixOf(field), json: isText ? quoted : JSON_OF_KIND[kind] };
  };
  return {
    alias: aliasNameOf(target),
    members: table.columns
      .filter(({ name }) => !paths.has(name))
      .map((column) => member(column, column.name)),
    objects: Object.entries(options.nest).map(([object, group]) => ({
      prefix: prefixOf(object),
      members: membersOf(group).flatMap(([field, name]) => {
        const column = columns.get(name);
        return column === undefined ? [] : [member(column, field)];
      }),
    })),
    routing: options.routing ?? null,
  };
}

function prefixOf(field: string): string {
  return `${JSON.stringify(field)}:`;
}

/**
 * The document of a write as JSON text: the row for an upsert, a tombstone for a delete. Null columns are absent, so that a
 * null is told from jsonb's own `null`, and so is an object without columns. `nowMs` is the time that tombstones carry, for
 * a later purge.
 */
export function documentOf(write: Write, shape: DocumentShape, nowMs: number): string {
  if (write.op === 'delete') return tombstoneOf(write.position, nowMs);
  // Joined at the end: a text that grows by `+=` costs twice the time, for the pieces outlive a garbage collection.
  const parts = ['{'];
  pushMembers(parts, shape.members, write.row);
  for (const { prefix, members } of shape.objects) {
    const inner: string[] = [];
    pushMembers(inner, members, write.row);
    // Without the last comma.
    if (inner.length > 0) parts.push(prefix, '{', ...inner.slice(0, -1), '},');
  }
  parts.push('"__pos":"', write.position, '"}');
  return parts.join('');
}

/** Each member as three parts, the last of which is a comma. */
function pushMembers(parts: string[], members: readonly Member[], row: Row): void {
  for (const { column, prefix, json } of members) {
    const value = row[column] ?? null;
    if (value !== null) parts.push(prefix, json(value), ',');
  }
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

/** The routing of a row, null where its `_id` chooses the shard. Throws TailraceError SINK_EVENT_REJECTED for an empty one. */
export function routingOf(table: TableSchema, key: Row, { routing }: DocumentShape): string | null {
  if (routing === null) return null;
  const text = valueText(key[routing] ?? '');
  if (text !== '') return text;
  throw new TailraceError(
    'SINK_EVENT_REJECTED',
    `a row of ${qualifiedName(table)} has an empty ${routing}, which Elasticsearch does not take as routing`,
    'leave such rows out of this sink with the transform filterRows, or route by another column.',
  );
}
