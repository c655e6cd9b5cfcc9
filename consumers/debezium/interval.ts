const HOUR_MICROS = 3_600_000_000n;
const MINUTE_MICROS = 60_000_000n;

/**
 * The interval of so many microseconds, in Postgres' ISO 8601 (value.ts). Debezium's numbers take a month for 30.4375 days, so
 * months and days are gone: `interval.handling.mode=string` keeps them.
 */
export function intervalFromMicros(micros: bigint): string {
  return isoText({ years: 0n, months: 0n, days: 0n, micros });
}

const PATTERN =
  /^P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?)(\d+)(?:\.(\d{1,9}))?S)?)?$/;

/** Debezium's ISO 8601, which shows parts that are zero, in Postgres' form, which shows none of them. */
export function intervalFromIso(iso: string): string {
  const match = PATTERN.exec(iso);
  if (match === null) throw new TypeError('it is no interval in ISO form');
  const [, years = 0, months = 0, days = 0, hours = 0, minutes = 0, sign, seconds = 0, fraction = ''] = match;
  const secondMicros = BigInt(seconds) * 1_000_000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'));
  return isoText({
    years: BigInt(years),
    months: BigInt(months),
    days: BigInt(days),
    micros:
      BigInt(hours) * HOUR_MICROS +
      BigInt(minutes) * MINUTE_MICROS +
      (sign === '-' ? -secondMicros : secondMicros),
  });
}

function isoText(parts: { years: bigint; months: bigint; days: bigint; micros: bigint }): string {
  const { years, months, days, micros } = parts;
  const date = shown(years, 'Y') + shown(months, 'M') + shown(days, 'D');
  const rest = micros % MINUTE_MICROS;
  const clock =
    shown(micros / HOUR_MICROS, 'H') + shown((micros % HOUR_MICROS) / MINUTE_MICROS, 'M') + secondsText(rest);
  if (date === '' && clock === '') return 'PT0S';
  return clock === '' ? `P${date}` : `P${date}T${clock}`;
}

function shown(amount: bigint, unit: string): string {
  return amount === 0n ? '' : `${amount}${unit}`;
}

function secondsText(micros: bigint): string {
  if (micros === 0n) return '';
  const size = micros < 0n ? -micros : micros;
  const fraction = String(size % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return `${micros < 0n ? '-' : ''}${size / 1_000_000n}${fraction === '' ? '' : `.${fraction}`}S`;
}
