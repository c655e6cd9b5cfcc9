import { randomBytes } from 'node:crypto';
import type { Target, Write } from '../consumers/sink.ts';
import { keyText, valueText } from '../schemas/key-text.ts';
import { makePosition, type Position } from '../schemas/position.ts';
import type { Column } from '../schemas/table-schema.ts';
import type { Row, Value, ValueKind } from '../schemas/value.ts';

/** One stored row: column name to `valueText` of the value in its form of value.ts; null is null. */
export type StoredRow = Readonly<Record<string, string | null>>;

/** Live rows of one target by `keyText` of their key. */
export type StoredRows = ReadonlyMap<string, StoredRow>;

/** Differs in every run, so that several runs can share a server. */
const RUN = randomBytes(4).toString('hex');

/** A target of its own for one test. Columns are nullable unless they belong to the key. */
export function makeTarget(
  label: string,
  key: readonly string[],
  columns: Readonly<Record<string, Partial<Column> & { kind: ValueKind }>>,
): Target {
  return {
    name: `contract_${label}_${RUN}`,
    table: {
      schema: 'public',
      name: `contract_${label}_${RUN}`,
      key: [...key],
      columns: Object.entries(columns).map(([name, column]) => ({
        name,
        type: TYPE_NAMES[column.kind] ?? column.kind,
        nullable: !key.includes(name),
        ...column,
      })),
      foreignKeys: [],
    },
  };
}

const TYPE_NAMES: Partial<Record<ValueKind, string>> = {
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  timestamp: 'timestamp without time zone',
  timestamptz: 'timestamp with time zone',
  time: 'time without time zone',
  timetz: 'time with time zone',
  other: 'integer[]',
};

/** Position number `step` of a history; consecutive steps differ in the commit LSN or only in the ordinal. */
export function positionAt(step: number): Position {
  return makePosition(0x9_0000_0000n + BigInt(Math.floor(step / 3)) * 8n, (step % 3) + 1);
}

/** An upsert of a whole row; columns that are not given are null. */
export function upsert(target: Target, row: Row, step: number): Write {
  const whole: Record<string, Value> = {};
  for (const column of target.table.columns) whole[column.name] = row[column.name] ?? null;
  // The hint must not change any result, so half of the writes carry it.
  return {
    op: 'upsert',
    target,
    key: pickKey(target, whole),
    row: whole,
    position: positionAt(step),
    isNew: step % 2 === 0,
  };
}

export function remove(target: Target, key: Row, step: number): Write {
  return { op: 'delete', target, key: pickKey(target, key), position: positionAt(step) };
}

function pickKey(target: Target, row: Row): Row {
  return Object.fromEntries(target.table.key.map((column) => [column, row[column] ?? null]));
}

/**
 * What a target must hold once all these writes have arrived, in whatever order: per key the write with the highest
 * position, unless a truncate has a higher one.
 */
export function expectedRows(
  target: Target,
  writes: readonly Write[],
  truncates: readonly Position[] = [],
): StoredRows {
  const last = new Map<string, Write>();
  for (const write of writes) {
    const key = keyText(target.table.key, write.key);
    const known = last.get(key);
    if (known === undefined || known.position < write.position) last.set(key, write);
  }
  const rows = new Map<string, StoredRow>();
  for (const [key, write] of last)
    if (write.op === 'upsert' && !truncates.some((position) => position > write.position))
      rows.set(key, storedRow(target, write.row));
  return rows;
}

function storedRow(target: Target, row: Row): StoredRow {
  const stored: Record<string, string | null> = {};
  for (const column of target.table.columns) {
    const value = row[column.name] ?? null;
    stored[column.name] = value === null ? null : valueText(value);
  }
  return normalized(target, stored);
}

/**
 * The same row with texts that mean the same written the same: a store may drop trailing zeros of a numeric or of a
 * fraction of a second, and white space and the order of keys in JSON. A column that is absent counts as null.
 */
export function normalized(target: Target, row: StoredRow): StoredRow {
  const result: Record<string, string | null> = {};
  for (const column of target.table.columns) {
    const text = row[column.name] ?? null;
    result[column.name] = text === null ? null : (NORMALIZERS[column.kind]?.(text) ?? text);
  }
  return result;
}

export function normalizedRows(target: Target, rows: StoredRows): StoredRows {
  return new Map([...rows].map(([key, row]) => [key, normalized(target, row)]));
}

const NORMALIZERS: Partial<Record<ValueKind, (text: string) => string>> = {
  numeric: (text) => text.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, ''),
  timestamp: withoutFractionZeros,
  timestamptz: withoutFractionZeros,
  json: canonicalJson,
  jsonb: canonicalJson,
};

function withoutFractionZeros(text: string): string {
  return text.replace(/(\.\d*?)0+(?=Z?( BC)?$)/, '$1').replace(/\.(?=Z?( BC)?$)/, '');
}

/** JSON with sorted keys and with numbers compared by their digits, so that 64-bit integers and long decimals count exactly. */
function canonicalJson(text: string): string {
  // Node hands the digits of a number as the third argument; the declared type of JSON.parse does not know it yet.
  const canonical = (_key: string, value: unknown, context?: { source?: string }): unknown => {
    if (typeof value === 'number') return { '#number': canonicalNumber(context?.source ?? String(value)) };
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return { '#entries': Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1)) };
  };
  return JSON.stringify(JSON.parse(text, canonical));
}

function canonicalNumber(source: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}
