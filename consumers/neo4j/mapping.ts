import { types } from 'neo4j-driver';
import { TailraceError } from '../../core/errors.ts';
import { keyText } from '../../schemas/key-text.ts';
import type { Position } from '../../schemas/position.ts';
import { columnOf, type Column } from '../../schemas/table-schema.ts';
import type { Row, Value, ValueKind } from '../../schemas/value.ts';
import type { Target, Write } from '../sink.ts';
import type { Layout } from './layout.ts';
import { escaped } from './names.ts';
import { isMarked, markedInstant } from './parsed-instants.ts';

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

/** A write as the statements take it. */
export interface GraphWrite {
  readonly op: Write['op'];
  readonly layout: Layout;
  readonly position: Position;
  /** What it was made of. */
  readonly source: Write;
  /**
   * Of an upsert the values of the layout's columns, in their order; null for one that the row's schema lacks. Dates and
   * times by which no node is found are texts for the server to read (parsed-instants.ts).
   */
  readonly values: readonly StoreValue[];
  /** The values of the key, in its order. */
  readonly key: readonly StoreValue[];
}

/** Where a row of one schema has the layout's columns. */
export interface RowForm {
  /** Of the layout's columns; null for one that the schema lacks. */
  readonly columns: readonly (Column | null)[];
  /** Columns whose dates and times go as text. */
  readonly marked: ReadonlySet<Column>;
  readonly key: readonly Column[];
  /** Columns that may not be null: those of the key and of a relationship's ends. */
  readonly required: ReadonlySet<string>;
}

/** The form of the target's rows; null when its schema has a column that the layout does not know yet. */
export function rowFormOf(layout: Layout, { table }: Target): RowForm | null {
  if (table.columns.some(({ name }) => !layout.columns.includes(name))) return null;
  const columns = layout.columns.map((name) => table.columns.find((column) => column.name === name) ?? null);
  const ends = layout.shape === 'node' ? [] : [...layout.start.columns, ...layout.end.columns];
  return {
    columns,
    marked: new Set(table.columns.filter((column) => isMarked(layout, column))),
    key: layout.target.table.key.map((name) => columnOf(table, name)),
    required: new Set([...layout.target.table.key, ...ends]),
  };
}

/** Maps a write. Throws SINK_EVENT_REJECTED, naming column and type, for a value that the graph can't hold exactly. */
export function graphWriteOf(write: Write, layout: Layout, form: RowForm): GraphWrite {
  const { op, target, position } = write;
  const valueOf = (row: Row, column: Column): StoreValue =>
    storeValue(target, column, row[column.name] ?? null, form.required.has(column.name));
  const sentValue = (row: Row, column: Column): StoreValue =>
    (form.marked.has(column) ? markedInstant(row[column.name] ?? null) : null) ?? valueOf(row, column);
  return {
    op,
    layout,
    position,
    source: write,
    values:
      write.op === 'delete'
        ? []
        : form.columns.map((column) => (column === null ? null : sentValue(write.row, column))),
    key: form.key.map((column) => valueOf(write.key, column)),
  };
}

/** `id` of the key's tombstone, `target:key`; tells the keys of all targets apart. */
export function tombstoneId({ source: { target, key } }: GraphWrite): string {
  return `${escaped(target.name)}:${keyText(target.table.key, key)}`;
}

/** A value in the graph. Throws SINK_EVENT_REJECTED for one that has no exact form, and for null or NaN where one is required. */
export function storeValue(target: Target, column: Column, value: Value, isRequired: boolean): StoreValue {
  if (value === null && !isRequired) return null;
  const stored = value === null ? undefined : RULES[column.kind](value);
  // No node is ever found by NaN, since NaN equals nothing.
  if (stored === undefined || (isRequired && Number.isNaN(stored))) throw refused(target, column);
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
