import { epochMicros } from '../../schemas/temporal.ts';
import type { Column } from '../../schemas/table-schema.ts';

const DAY_MICROS = 86_400_000_000n;
const INFINITE: Record<string, Record<string, string>> = {
  date: { infinity: '2147483647', '-infinity': '-2147483648' },
  timestamp: { infinity: '9223372036825200000', '-infinity': '-9223372036832400000' },
};

/**
 * What a reader of Avro that knows nothing of Tailrace finds of a value in a column that is no key: numbers in decimal text,
 * bytes in base64. Null where the column cannot hold the value.
 */
export function avroForm({ kind, precision, scale }: Column, text: string): string | null {
  const infinite = INFINITE[kind]?.[text];
  if (infinite !== undefined) return infinite;
  // Four bytes that a reader makes a double of: 0.1 comes out with more digits, and is the same float.
  if (kind === 'float4') return text === '-0' ? text : String(Math.fround(Number(text)));
  if (kind === 'date') return String((epochMicros(text) ?? 0n) / DAY_MICROS);
  if (kind === 'timestamp') {
    const micros = epochMicros(text) ?? 0n;
    return BigInt.asIntN(64, micros) === micros ? String(micros) : null;
  }
  if (kind === 'time') {
    const [hours, minutes, seconds] = text.split(':').map(Number);
    return String(Math.round(((hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0)) * 1e6));
  }
  const isDecimal = precision !== undefined && scale !== undefined && scale >= 0 && scale <= precision;
  if (kind !== 'numeric' || !isDecimal) return text;
  return /^-?\d/.test(text) ? base64Digits(BigInt(text.replace('.', ''))) : null;
}

/** The fewest bytes of two's complement. */
function base64Digits(digits: bigint): string {
  let bits = 8;
  while (BigInt.asIntN(bits, digits) !== digits) bits += 8;
  const hex = BigInt.asUintN(bits, digits)
    .toString(16)
    .padStart(bits / 4, '0');
  return Buffer.from(hex, 'hex').toString('base64');
}
