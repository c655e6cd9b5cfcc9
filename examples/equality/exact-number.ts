const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,18}))?$/;
const SPECIAL: ReadonlyMap<string, string> = new Map([
  ['nan', 'NaN'],
  ['infinity', 'Infinity'],
  ['inf', 'Infinity'],
  ['-infinity', '-Infinity'],
  ['-inf', '-Infinity'],
]);

/** Beyond so many zeros a number is written with an exponent: `1e999999999` is legal JSON and must not fill the memory. */
const MAX_PADDING = 1_000;

/**
 * One text per numeric value, of any size, without loss: `1.50`, `15e-1` and `+1.5` all give `1.5`, and minus zero gives
 * `0`. Null when the text is no number; `NaN` and the infinities are numbers here, in any case, as some stores print them.
 */
export function canonicalNumber(text: string): string | null {
  const special = SPECIAL.get(text.toLowerCase());
  if (special !== undefined) return special;
  const match = DECIMAL.exec(text);
  if (match === null) return null;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  if (whole === '' && fraction === '') return null;
  const all = whole + fraction;
  let start = 0;
  while (all[start] === '0') start += 1;
  let end = all.length;
  while (end > start && all[end - 1] === '0') end -= 1;
  if (start === end) return '0';
  const power = Number(exponent) - fraction.length + (all.length - end);
  return (sign === '-' ? '-' : '') + written(all.slice(start, end), power);
}

/** `digits` times ten to the `power`, without an exponent where that is of bearable length. */
function written(digits: string, power: number): string {
  if (Math.abs(power) > MAX_PADDING + digits.length) return `${digits}e${power}`;
  if (power >= 0) return digits + '0'.repeat(power);
  const padded = digits.padStart(1 - power, '0');
  return `${padded.slice(0, power)}.${padded.slice(power)}`;
}
