/** Arithmetic on the texts of dates and timestamps (see value.ts), for stores that keep them as numbers. */

const TEMPORAL_PATTERN = /^(\d{4,})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(Z)?)?( BC)?$/;

/**
 * Microseconds since 1970-01-01T00:00:00 UTC of a `date`, `timestamp` or `timestamptz` value (a timestamp without zone is
 * read as UTC). Null for `infinity` and `-infinity`. Throws RangeError on any other text.
 */
export function epochMicros(text: string): bigint | null {
  if (text === 'infinity' || text === '-infinity') return null;
  const match = TEMPORAL_PATTERN.exec(text);
  if (match === null) throw new RangeError('not a date or timestamp in Postgres ISO form');
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', , era] = match;
  // Year 1 BC is year 0 of the calendar that Date counts in.
  const astronomicalYear = era === undefined ? Number(year) : 1 - Number(year);
  const days = daysSinceEpoch(astronomicalYear, Number(month), Number(day));
  const seconds = days * 86_400 + Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  return BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
}

/**
 * Days since 1970-01-01 in the proleptic Gregorian calendar, which Postgres uses for all years. JavaScript's Date ends at
 * year 275760, Postgres' timestamps at 294276, so this counts by itself (years in eras of 400, March first).
 */
export function daysSinceEpoch(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
