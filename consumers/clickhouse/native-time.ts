/** Days and microseconds since 1970 of the texts that value.ts gives times, and of those in ClickHouse's own form. */

const FIRST_YEAR = 1900;
const LAST_YEAR = 2299;
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Of the first ten characters, `2024-02-29`. Null for what is no day of the years 1900 to 2299. */
export function dayNumber(text: string): number | null {
  if (text[4] !== '-' || text[7] !== '-') return null;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const inMonth = month === 2 && isLeap(year) ? 29 : DAYS[month - 1];
  // A comparison with NaN, the value of what are no digits, is false.
  const isDay =
    year >= FIRST_YEAR && year <= LAST_YEAR && day >= 1 && inMonth !== undefined && day <= inMonth;
  return isDay ? daysSince1970(year, month, day) : null;
}

/** Seconds and millionths that count up from them; `whole` is both in microseconds, exact where it is a safe integer. */
export interface Microseconds {
  readonly seconds: number;
  readonly fraction: number;
  readonly whole: number;
}

/** Of `2024-02-29T12:00:00.5Z`, with a blank for the T, or a day alone. Null for what is none, or not of the years 1900 to 2299. */
export function microsecondsOf(text: string): Microseconds | null {
  const day = dayNumber(text);
  if (day === null) return null;
  const clock = text.length === 10 ? { seconds: 0, fraction: 0 } : clockOf(text);
  if (clock === null) return null;
  const seconds = day * 86_400 + clock.seconds;
  return { seconds, fraction: clock.fraction, whole: seconds * 1_000_000 + clock.fraction };
}

function clockOf(text: string): { readonly seconds: number; readonly fraction: number } | null {
  if ((text[10] !== 'T' && text[10] !== ' ') || text[13] !== ':' || text[16] !== ':') return null;
  const hours = twoDigits(text, 11);
  const minutes = twoDigits(text, 14);
  const seconds = twoDigits(text, 17);
  const fraction = fractionOf(text, text.endsWith('Z') ? text.length - 1 : text.length);
  const isClock = hours < 24 && minutes < 60 && seconds < 60 && fraction !== null;
  return isClock ? { seconds: hours * 3600 + minutes * 60 + seconds, fraction } : null;
}

/** `.5` at place 19 -> 500000; nothing there -> 0; null for anything else. */
function fractionOf(text: string, end: number): number | null {
  if (end === 19) return 0;
  if (text[19] !== '.' || end < 21 || end > 26) return null;
  let fraction = 0;
  for (let index = 20; index < 26; index++) {
    const digit = index < end ? text.charCodeAt(index) - 48 : 0;
    if (digit < 0 || digit > 9) return null;
    fraction = fraction * 10 + digit;
  }
  return fraction;
}

/** NaN where one of the two characters is no digit. */
function twoDigits(text: string, at: number): number {
  const [high, low] = [text.charCodeAt(at) - 48, text.charCodeAt(at + 1) - 48];
  return high >= 0 && high <= 9 && low >= 0 && low <= 9 ? high * 10 + low : Number.NaN;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Years are counted from March, so that the day that a leap year adds is the last one. */
function daysSince1970(year: number, month: number, day: number): number {
  const [marchYear, marchMonth] = month > 2 ? [year, month - 3] : [year - 1, month + 9];
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + Math.floor((153 * marchMonth + 2) / 5) + day - 719_469;
}
