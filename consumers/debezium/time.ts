import { dateOfDay, timeOfMicros, timestampOfMicros } from '../../schemas/temporal-number.ts';

/** What one unit of a number of Debezium's is: `time.precision.mode` decides it by column. */
export type Scale = 'milli' | 'micro' | 'nano';

/** The last day that a Postgres date can be, 5874897-12-31, and the first, 4714-11-24 BC. */
const LAST_DAY = 2_145_042_541;
const FIRST_DAY = -2_440_588;
/** Debezium writes infinite timestamps as the ends of 64 bits, or as those of Postgres' JDBC driver, in any unit. */
const INFINITE = 9_223_372_036_825_200_000n;
const MINUS_INFINITE = -9_223_372_036_832_400_000n;

const ISO_DATE = /^([+-]?\d{4,})-(\d{2})-(\d{2})Z?$/;
const ISO_TIMESTAMP = /^([+-]?\d{4,})-(\d{2}-\d{2}T\d{2}:\d{2})(:\d{2})?(?:\.(\d+))?(Z|[+-]00:00)?$/;

/** An infinite date is one that Postgres cannot hold. */
export function dateFromDays(days: number): string {
  if (days > LAST_DAY) return 'infinity';
  return days < FIRST_DAY ? '-infinity' : dateOfDay(days);
}

/** `2024-02-29`, with a `Z` or without (`time.precision.mode=isostring`). */
export function dateFromText(iso: string): string {
  if (isInfinite(iso)) return iso;
  const match = ISO_DATE.exec(iso);
  if (match === null) throw new TypeError('it is no date in ISO form');
  const [, year, month, day] = match;
  return withYear(year, `-${month}-${day}`);
}

export function scaledBy(value: bigint, unit: Scale): bigint {
  if (unit === 'milli') return value * 1000n;
  return unit === 'micro' ? value : value / 1000n;
}

/** `24:00:00` is a time too. */
export function timeFromMicros(micros: bigint): string {
  return timeOfMicros(Number(micros));
}

export function timeFromText(iso: string): string {
  const [, clock = '', fraction = ''] = /^(\d{2}:\d{2}:\d{2})(?:\.(\d+))?Z?$/.exec(iso) ?? [];
  if (clock === '') throw new TypeError('it is no time in ISO form');
  return clock + fractionText(fraction);
}

/** Debezium moves a time with a zone to UTC: the zone itself is lost. */
export function timetzFromText(iso: string): string {
  const [, clock = '', fraction = '', zone = ''] =
    /^(\d{2}:\d{2}:\d{2})(?:\.(\d+))?(Z|[+-]\d{2}(?::\d{2})?)$/.exec(iso) ?? [];
  if (clock === '') throw new TypeError('it is no time with a zone in ISO form');
  return `${clock}${fractionText(fraction)}${zone === 'Z' ? '+00' : zone.replace(/:00$/, '')}`;
}

export function timestampFromMicros(value: bigint, unit: Scale): string {
  if (value >= INFINITE) return 'infinity';
  if (value <= MINUS_INFINITE) return '-infinity';
  return timestampOfMicros(scaledBy(value, unit));
}

export function timestampFromText(iso: string): string {
  if (isInfinite(iso)) return iso;
  const match = ISO_TIMESTAMP.exec(iso);
  if (match === null) throw new TypeError('it is no timestamp in ISO form');
  const [, year, minutes, seconds = ':00', fraction = ''] = match;
  return withYear(year, `-${minutes}${seconds}${fractionText(fraction)}`);
}

/** The same in UTC with a final `Z`, which stands before ` BC`. */
export function timestamptzFromText(iso: string): string {
  if (isInfinite(iso)) return iso;
  return timestampFromText(iso).replace(/( BC)?$/, 'Z$1');
}

function isInfinite(iso: string): boolean {
  return iso === 'infinity' || iso === '-infinity';
}

/** ISO counts years with a year 0, which is 1 BC; years beyond 9999 have a sign. */
function withYear(year: string | undefined, rest: string): string {
  const number = Number(year);
  const shown = String(number > 0 ? number : 1 - number).padStart(4, '0');
  return `${shown}${rest}${number > 0 ? '' : ' BC'}`;
}

/** Microseconds without zeros at their end, as Postgres prints them. */
function fractionText(digits: string): string {
  const trimmed = digits.slice(0, 6).replace(/0+$/, '');
  return trimmed === '' ? '' : `.${trimmed}`;
}
