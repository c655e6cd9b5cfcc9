/** Decimals as whole numbers of their last place and back, for wire formats. */

const MINUS = 45;
const POINT = 46;
const ZERO = 48;
/** So many digits are exact in a double. */
const SAFE_DIGITS = 15;

/**
 * The digits of a numeric(precision, scale) value without the point: `12.50` is 1250. A bigint beyond 15 digits. NaN where the
 * text is not what Postgres prints for such a column: `NaN`, more digits than declared, other places after the point.
 */
export function unscaledOf(text: string, precision: number, scale: number): number | bigint {
  const isNegative = text.charCodeAt(0) === MINUS;
  const start = isNegative ? 1 : 0;
  const pointAt = scale === 0 ? text.length : text.length - scale - 1;
  const wholeDigits = pointAt - start;
  if (wholeDigits < 1 || (scale > 0 && text.charCodeAt(pointAt) !== POINT)) return Number.NaN;
  const startsWithZero = text.charCodeAt(start) === ZERO;
  // A single zero before the point is no digit of the number.
  if (startsWithZero ? wholeDigits > 1 : wholeDigits + scale > precision) return Number.NaN;
  let number = 0;
  for (let at = start; at < text.length; at++) {
    if (at === pointAt) continue;
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    number = number * 10 + digit;
  }
  if (number === 0) return isNegative ? Number.NaN : 0;
  if (wholeDigits + scale <= SAFE_DIGITS) return isNegative ? -number : number;
  const digits = BigInt(text.slice(start, pointAt) + (scale === 0 ? '' : text.slice(pointAt + 1)));
  return isNegative ? -digits : digits;
}

/** The text that Postgres prints for the unscaled number. */
export function decimalText(unscaled: number | bigint, scale: number): string {
  const isNegative = unscaled < 0;
  const all = String(isNegative ? -unscaled : unscaled);
  const sign = isNegative ? '-' : '';
  if (scale === 0) return sign + all;
  const digits = all.length > scale ? all : all.padStart(scale + 1, '0');
  const pointAt = digits.length - scale;
  return `${sign}${digits.slice(0, pointAt)}.${digits.slice(pointAt)}`;
}

/** Bytes that the two's complement of a number takes, the shortest as Java's BigInteger and Avro want it. */
export function twosComplementBytes(number: number | bigint): number {
  if (typeof number === 'number') {
    // The sign takes a bit too.
    let bytes = 1;
    let limit = 0x80;
    for (; number < -limit || number >= limit; bytes++) limit *= 0x100;
    return bytes;
  }
  const bits = (number < 0n ? -number - 1n : number).toString(2).length;
  return number === 0n || number === -1n ? 1 : Math.floor(bits / 8) + 1;
}

/** Writes the two's complement, highest byte first, into so many bytes; returns where it ends. */
export function writeTwosComplement(
  into: Uint8Array,
  at: number,
  number: number | bigint,
  bytes: number,
): number {
  if (typeof number === 'number') {
    let rest = number;
    for (let place = at + bytes - 1; place >= at; place--) {
      const higher = Math.floor(rest / 0x100);
      into[place] = rest - higher * 0x100;
      rest = higher;
    }
    return at + bytes;
  }
  const hex = BigInt.asUintN(bytes * 8, number)
    .toString(16)
    .padStart(bytes * 2, '0');
  for (let place = 0; place < bytes; place++)
    into[at + place] = Number.parseInt(hex.slice(place * 2, place * 2 + 2), 16);
  return at + bytes;
}

/** Reads a two's complement, highest byte first; a bigint beyond six bytes. No bytes are a zero. */
export function readTwosComplement(from: Uint8Array, start: number, end: number): number | bigint {
  if (end === start) return 0;
  if (end - start <= 6) {
    let number = ((from[start] ?? 0) << 24) >> 24;
    for (let at = start + 1; at < end; at++) number = number * 0x100 + (from[at] ?? 0);
    return number;
  }
  const hex = Buffer.from(from.buffer, from.byteOffset + start, end - start).toString('hex');
  return BigInt.asIntN((end - start) * 8, BigInt(`0x${hex}`));
}
