import type { Random } from '../random.ts';

/** All generated times lie before this one, so that rows do not depend on the day they are made. */
const NEWEST_TIME_MS = Date.UTC(2025, 5, 30);
const DAY_MS = 86_400_000;

/** A time `newest` to `oldest` days before the newest of all, with milliseconds: `2024-03-01T12:00:00.123Z`. */
export function millis(random: Random, oldest: number, newest = 0): string {
  const daysBefore = newest + random.next() * (oldest - newest);
  return new Date(NEWEST_TIME_MS - Math.floor(daysBefore * DAY_MS)).toISOString();
}

/** The same with microseconds, which a JavaScript date could not hold. */
export function micros(random: Random, days: number): string {
  return millis(random, days).replace('Z', `${String(random.below(1_000)).padStart(3, '0')}Z`);
}

/** A day up to `days` before the newest time: `2024-03-01`. */
export function dateBefore(random: Random, days: number): string {
  return millis(random, days).slice(0, 10);
}

/** A number below `limit` with `digits` decimals, as text, because a numeric must not pass through rounding. */
export function decimal(random: Random, limit: number, digits: number): string {
  return `${random.below(limit)}.${String(random.below(10 ** digits)).padStart(digits, '0')}`;
}

/** A version 4 UUID. */
export function uuid(random: Random): string {
  const hex = Array.from({ length: 32 }, () => random.below(16).toString(16));
  hex[12] = '4';
  hex[16] = (8 + random.below(4)).toString(16);
  const text = hex.join('');
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join(
    '-',
  );
}

const LETTERS_BEYOND_ACCENTS: Record<string, string> = { ø: 'o', ı: 'i' };
const known = new Map<string, string>();

/** A name as it stands in an address: `Cañon City` becomes `canoncity`. Names repeat, so results are kept. */
export function asciiName(name: string): string {
  let ascii = known.get(name);
  if (ascii === undefined) {
    ascii = name
      .toLowerCase()
      .replaceAll(/[øı]/g, (letter) => LETTERS_BEYOND_ACCENTS[letter] ?? letter)
      .normalize('NFD')
      .replaceAll(/[^a-z]/g, '');
    known.set(name, ascii);
  }
  return ascii;
}
