import { canonicalJson } from './exact-json.ts';
import { canonicalNumber } from './exact-number.ts';
import type { Family } from './table.ts';

/** A value as a reader hands it over, whatever its store: a json or jsonb value is its JSON text, a time its ISO text. */
export type Plain = null | boolean | number | bigint | string | Uint8Array;

const MOMENT =
  /^([+-]?\d{4,})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|[+-]00(?::?00)?)?(?:\[[^\]]*\])?)?( BC)?$/;

/**
 * One text per value: two values of a column are equal exactly when these texts are. Null stays null. A value that does
 * not fit the column's type gives a text that begins with a NUL, which no value of Postgres equals.
 */
export function canonicalText(family: Family, value: Plain): string | null {
  if (value === null) return null;
  return CANONICAL[family](value) ?? misfit(value);
}

/** True for the text that `canonicalText` gives a value that does not fit its column. */
export function isMisfit(text: string | null): boolean {
  return text?.startsWith('\0') ?? false;
}

/** The text of a value that is of a wrong type for its column; also what a reader makes of an object it does not know. */
export function misfit(value: Plain): string {
  return `\0${typeof value}:${String(value)}`;
}

type Rule = (value: Exclude<Plain, null>) => string | null;

const CANONICAL: Readonly<Record<Family, Rule>> = {
  boolean: (value) => (/^(true|false)$/.test(String(value)) ? String(value) : null),
  integer: (value) => whole(numberText(value)),
  float4: (value) => float(numberText(value), Math.fround),
  float8: (value) => float(numberText(value), Number),
  numeric: (value) => canonicalNumber(numberText(value)),
  date: (value) => (typeof value === 'string' ? moment(value, false) : null),
  timestamp: (value) => (typeof value === 'string' ? moment(value, true) : null),
  timestamptz: (value) => (typeof value === 'string' ? moment(value, true) : null),
  bytea: (value) => (typeof value === 'string' ? hexOfBase64(value) : hexOfBytes(value)),
  json: jsonText,
  jsonb: jsonText,
  text: (value) => (typeof value === 'string' ? value : null),
};

/** Nothing but numbers and texts may become a number: `String(true)` is refused later, an empty text too. */
function numberText(value: Exclude<Plain, null>): string {
  return value instanceof Uint8Array ? '' : String(value);
}

function whole(text: string): string | null {
  if (/^(0|-?[1-9]\d*)$/.test(text)) return text;
  const canonical = canonicalNumber(text);
  return canonical !== null && /^-?\d+$/.test(canonical) ? canonical : null;
}

/** The shortest decimal text that reads back as the same float; minus zero is zero, as Postgres compares them. */
function float(text: string, rounded: (value: number) => number): string | null {
  const canonical = canonicalNumber(text);
  return canonical === null ? null : String(rounded(Number(canonical)) + 0);
}

/**
 * A date, or a moment to the microsecond: year as astronomers count (1 BC is 0), six fractional digits, no zone, because
 * every side gives UTC. Digits beyond the microsecond stay when they are not zero, so that they make a difference. A date
 * may stand as its midnight; another time of day is kept and makes a difference.
 */
function moment(text: string, hasTime: boolean): string | null {
  if (text === 'infinity' || text === '-infinity') return text;
  const match = MOMENT.exec(text);
  if (match === null) return null;
  const [, year, month, day, time = '00:00:00', fraction = '', era] = match;
  const digits = fraction.replace(/0+$/, '').padEnd(6, '0');
  const date = `${era === undefined ? Number(year) : 1 - Number(year)}-${month}-${day}`;
  const isMidnight = time === '00:00:00' && digits === '000000';
  return hasTime || !isMidnight ? `${date}T${time}.${digits}` : date;
}

function hexOfBase64(text: string): string | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes.toString('hex') : null;
}

function hexOfBytes(value: Exclude<Plain, null>): string | null {
  if (!(value instanceof Uint8Array)) return null;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
}

function jsonText(value: Exclude<Plain, null>): string | null {
  if (typeof value !== 'string') return null;
  try {
    return canonicalJson(value);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
