import { daysSinceEpoch } from './temporal.ts';

/**
 * Dates and times as numbers and back, for wire formats. Only the one text that Postgres prints for a value becomes a number
 * (value.ts), so that the way back gives the same text; NaN stands for every other one, and for what the number cannot hold.
 */

/** The numbers that Debezium's Postgres connector writes for infinite dates: the ends of 32 bits. */
const INFINITE_DAY = 2_147_483_647;
const MINUS_INFINITE_DAY = -2_147_483_648;
/** Those for infinite timestamps: the constants of Postgres' JDBC driver, taken as microseconds. */
const INFINITE_MICROS = 9_223_372_036_825_200_000n;
const MINUS_INFINITE_MICROS = -9_223_372_036_832_400_000n;
const MOST_MICROS = 2n ** 63n - 1n;

const DATE_PATTERN = /^(\d{4,7})-(\d{2})-(\d{2})( BC)?$/;
const TIMESTAMP_PATTERN = /^(\d{4,6})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?( BC)?$/;

const DAY_SECONDS = 86_400;
const MILLION = 1_000_000;
/** Days from which on microseconds are no exact doubles: the years 1684 and 2255. */
const SAFE_DAYS = 104_000;
const ZERO = 48;

/** Days since 1970-01-01 of a `date` value; NaN where its text is not Postgres' own. */
export function dayOfDate(text: string): number {
  if (text.length === 10) {
    const day = dayAt(text);
    if (!Number.isNaN(day)) return day;
  }
  if (text === 'infinity') return INFINITE_DAY;
  if (text === '-infinity') return MINUS_INFINITE_DAY;
  const match = DATE_PATTERN.exec(text);
  if (match === null) return Number.NaN;
  const [, year, month, date, era] = match;
  const day = daysSinceEpoch(astronomical(year, era), Number(month), Number(date));
  return dateOfDay(day) === text ? day : Number.NaN;
}

/** The `date` value of days since 1970-01-01. */
export function dateOfDay(day: number): string {
  if (day === INFINITE_DAY) return 'infinity';
  if (day === MINUS_INFINITE_DAY) return '-infinity';
  const { date, era } = civil(day);
  return date + era;
}

/** Microseconds since midnight of a `time` value, `24:00:00` included; NaN where its text is not Postgres' own. */
export function microsOfTime(text: string): number {
  const micros = clockAt(text, 0);
  return micros <= DAY_SECONDS * MILLION ? micros : Number.NaN;
}

/** The `time` value of microseconds since midnight. */
export function timeOfMicros(micros: number): string {
  return clock(micros);
}

/**
 * Microseconds since 1970-01-01 of a `timestamp` value, a bigint beyond 2^53. NaN where its text is not Postgres' own and for
 * what 64 bits cannot hold or what stands for infinity there (294247 and after).
 */
export function microsOfTimestamp(text: string): number | bigint {
  if (text.length >= 19 && text.length <= 26 && text.charCodeAt(10) === 84) {
    const day = dayAt(text);
    const micros = clockAt(text, 11);
    if (!Number.isNaN(day) && micros < DAY_SECONDS * MILLION)
      return day > -SAFE_DAYS && day < SAFE_DAYS
        ? day * (DAY_SECONDS * MILLION) + micros
        : BigInt(day * DAY_SECONDS) * 1_000_000n + BigInt(micros);
  }
  if (text === 'infinity') return INFINITE_MICROS;
  if (text === '-infinity') return MINUS_INFINITE_MICROS;
  const match = TIMESTAMP_PATTERN.exec(text);
  if (match === null) return Number.NaN;
  const [, year, month, date, hour, minute, second, fraction = '', era] = match;
  const day = daysSinceEpoch(astronomical(year, era), Number(month), Number(date));
  const seconds = day * DAY_SECONDS + Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  const micros = BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
  return micros <= MOST_MICROS && timestampOfMicros(micros) === text ? micros : Number.NaN;
}

/** The `timestamp` value of microseconds since 1970-01-01. */
export function timestampOfMicros(micros: number | bigint): string {
  if (micros === INFINITE_MICROS) return 'infinity';
  if (micros === MINUS_INFINITE_MICROS) return '-infinity';
  const day = typeof micros === 'number' ? Math.floor(micros / (DAY_SECONDS * MILLION)) : dayOf(micros);
  const rest =
    typeof micros === 'number'
      ? micros - day * (DAY_SECONDS * MILLION)
      : Number(micros - BigInt(day) * 86_400_000_000n);
  const { date, era } = civil(day);
  return `${date}T${clock(rest)}${era}`;
}

function dayOf(micros: bigint): number {
  const day = micros / 86_400_000_000n;
  return Number(micros % 86_400_000_000n < 0n ? day - 1n : day);
}

function astronomical(year: string | undefined, era: string | undefined): number {
  return era === undefined ? Number(year) : 1 - Number(year);
}

/** The day of `YYYY-MM-DD` at the text's start; NaN where there is none. */
function dayAt(text: string): number {
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return Number.NaN;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const date = twoDigits(text, 8);
  // NaN fails each comparison.
  return year > 0 && month > 0 && month <= 12 && date > 0 && date <= daysIn(year, month)
    ? daysSinceEpoch(year, month, date)
    : Number.NaN;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Microseconds of `HH:MM:SS` with or without a fraction from there to the end; NaN where there is none. */
function clockAt(text: string, at: number): number {
  if (text.charCodeAt(at + 2) !== 58 || text.charCodeAt(at + 5) !== 58) return Number.NaN;
  const hour = twoDigits(text, at);
  const minute = twoDigits(text, at + 3);
  const second = twoDigits(text, at + 6);
  if (!(hour <= 24 && minute < 60 && second < 60)) return Number.NaN;
  return (hour * 3600 + minute * 60 + second) * MILLION + fractionAt(text, at + 8);
}

/** Microseconds of `.123456` to the text's end, 0 for nothing at all; Postgres prints no zero at its end. */
function fractionAt(text: string, at: number): number {
  const digits = text.length - at - 1;
  if (digits === -1) return 0;
  if (digits < 1 || digits > 6 || text.charCodeAt(at) !== 46) return Number.NaN;
  let micros = 0;
  for (let place = 1; place <= 6; place++) {
    const digit = place <= digits ? text.charCodeAt(at + place) - ZERO : 0;
    if (digit < 0 || digit > 9) return Number.NaN;
    micros = micros * 10 + digit;
  }
  return text.charCodeAt(text.length - 1) === ZERO ? Number.NaN : micros;
}

function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

const TWO_DIGITS = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, '0'));

let knownDay = Number.NaN;
let known = { date: '', era: '' };

/** The date of a day; events that follow each other mostly have the same one. */
function civil(day: number): { readonly date: string; readonly era: string } {
  if (day === knownDay) return known;
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const date = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const shown = String(year > 0 ? year : 1 - year).padStart(4, '0');
  known = { date: `${shown}-${TWO_DIGITS[month]}-${TWO_DIGITS[date]}`, era: year > 0 ? '' : ' BC' };
  knownDay = day;
  return known;
}

function clock(micros: number): string {
  const seconds = Math.floor(micros / MILLION);
  const fraction = micros - seconds * MILLION;
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const whole = `${TWO_DIGITS[hours]}:${TWO_DIGITS[minutes - hours * 60]}:${TWO_DIGITS[seconds - minutes * 60]}`;
  return fraction === 0 ? whole : whole + fractionText(fraction);
}

/** A point and the digits without the zeros at their end. */
function fractionText(micros: number): string {
  let digits = 6;
  let number = micros;
  while (number % 10 === 0) {
    number /= 10;
    digits -= 1;
  }
  return `.${String(number).padStart(digits, '0')}`;
}
