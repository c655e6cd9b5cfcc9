import { types } from 'neo4j-driver';
import { TailraceError } from '../../core/errors.ts';
import { keyText } from '../../schemas/key-text.ts';
import type { Position } from '../../schemas/position.ts';
import type { Column } from '../../schemas/table-schema.ts';
import type { Value, ValueKind } from '../../schemas/value.ts';
import type { Target, Write } from '../sink.ts';

/** A value as the driver sends it: a bigint arrives as Integer, a number as Float. */
export type StoreValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | Int8Array
  | InstanceType<typeof types.Date>
  | InstanceType<typeof types.LocalDateTime>
  | InstanceType<typeof types.DateTime>;

/** A write as the statements take it: `row` holds the key of a delete, and all columns and `__pos` of an upsert. */
export interface GraphWrite {
  readonly op: Write['op'];
  readonly targetName: string;
  readonly position: Position;
  /** `id` of the key's tombstone; tells the keys of all targets apart. */
  readonly id: string;
  readonly row: Readonly<Record<string, StoreValue>>;
}

/** Maps a write. Throws SINK_EVENT_REJECTED, naming column and type, for a value that the graph can't hold exactly. */
export function graphWriteOf(write: Write): GraphWrite {
  const { op, target, key, position } = write;
  const { table, name } = target;
  const row = table.columns
    .filter((column) => op === 'upsert' || table.key.includes(column.name))
    .map((column): [string, StoreValue] => [
      column.name,
      storeValue(target, column, (write.op === 'upsert' ? write.row : key)[column.name] ?? null),
    ]);
  return {
    op,
    targetName: name,
    position,
    id: `${name}:${keyText(table.key, key)}`,
    // fromEntries, because an assignment to a column named __proto__ would be lost.
    row: Object.fromEntries(op === 'upsert' ? [...row, ['__pos', position]] : row),
  };
}

function storeValue(target: Target, column: Column, value: Value): StoreValue {
  const isKey = target.table.key.includes(column.name);
  if (value === null && !isKey) return null;
  const stored = value === null ? undefined : RULES[column.kind](value);
  // No node is ever found by NaN, since NaN equals nothing.
  if (stored === undefined || (isKey && Number.isNaN(stored))) throw refused(target, column);
  return stored;
}

function refused(target: Target, column: Column): TailraceError {
  return new TailraceError(
    'SINK_EVENT_REJECTED',
    `The column ${column.name} of ${target.name} (${column.type}) holds a value that Neo4j can't hold exactly.`,
    'Change the value at the source, or leave the column out with a transform, and start the sink again.',
  );
}

/** The value in the graph; undefined when the rule has no exact form for it. */
type Rule = (value: Exclude<Value, null>) => StoreValue | undefined;

const text: Rule = (value) => (typeof value === 'string' ? value : undefined);

const integer: Rule = (value) => {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === 'bigint' && BigInt.asIntN(64, value) === value ? value : undefined;
};

const float: Rule = (value) => (typeof value === 'number' ? value : undefined);

const RULES: Readonly<Record<ValueKind, Rule>> = {
  boolean: (value) => (typeof value === 'boolean' ? value : undefined),
  int2: integer,
  int4: integer,
  int8: integer,
  float4: float,
  float8: float,
  numeric: text,
  text,
  uuid: text,
  enum: text,
  date: temporal(({ year, month, day }) => new types.Date(year, month, day)),
  timestamp: temporal(
    (at) => new types.LocalDateTime(at.year, at.month, at.day, at.hour, at.minute, at.second, at.nanosecond),
  ),
  timestamptz: temporal(
    (at) => new types.DateTime(at.year, at.month, at.day, at.hour, at.minute, at.second, at.nanosecond, 0),
  ),
  time: text,
  timetz: text,
  interval: text,
  bytea: (value) =>
    value instanceof Uint8Array ? new Int8Array(value.buffer, value.byteOffset, value.byteLength) : undefined,
  json: text,
  jsonb: text,
  other: text,
};

interface Instant {
  /** Year 0 is 1 BC, as in Neo4j. */
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly nanosecond: number;
}

const INSTANT_PATTERN = /^(\d{4,})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?Z?)?( BC)?$/;

/** `infinity` and `-infinity` have no form among Neo4j's dates, so they stay text. */
function temporal(make: (at: Instant) => StoreValue): Rule {
  return (value) => {
    if (typeof value !== 'string') return undefined;
    if (value === 'infinity' || value === '-infinity') return value;
    const match = INSTANT_PATTERN.exec(value);
    if (match === null) return undefined;
    const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', era] = match;
    return make({
      year: era === undefined ? Number(year) : 1 - Number(year),
      month: Number(month),
      day: Number(day),
      hour: Number(hour),
      minute: Number(minute),
      second: Number(second),
      nanosecond: Number(fraction.padEnd(9, '0')),
    });
  };
}
