import type { Value, ValueKind } from '../../schemas/value.ts';

/** Texts that Postgres prints for what Debezium takes apart. */

/** What has to stand in quotes inside an array's text. */
const NEEDS_QUOTES = /^$|[{}",\\\s]|^null$/i;

/** The text of an array of one dimension, `{a,"b c",NULL}`: Debezium knows no others. */
export function arrayText(values: readonly Value[], kind: ValueKind): string {
  const elements = values.map((value) => {
    if (value === null) return 'NULL';
    const text = elementText(value, kind);
    return NEEDS_QUOTES.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : text;
  });
  return `{${elements.join(',')}}`;
}

/** Inside an array a value has the text that Postgres itself prints, not the form of a column's value (value.ts). */
function elementText(value: Exclude<Value, null>, kind: ValueKind): string {
  if (value instanceof Uint8Array) return `\\x${hexText(value)}`;
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (kind === 'timestamp') return String(value).replace('T', ' ');
  if (kind === 'timestamptz') return String(value).replace('T', ' ').replace('Z', '+00');
  return String(value);
}

export function hexText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** The most bits that a column declares; a varbit without a length says more than that. */
const MOST_BITS = 83_886_080;

/** `10110`, from bytes with the lowest bits first. Zeros in front are lost where the column has no fixed length. */
export function bitText(bytes: Uint8Array, length: number): string {
  const digits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0'))
    .toReversed()
    .join('')
    .replace(/^0+/, '');
  return length <= MOST_BITS ? digits.padStart(length, '0') : digits;
}

/** `(1.5,2)`. */
export function pointText({ x, y }: Readonly<Record<string, unknown>>): string {
  return `(${Number(x)},${Number(y)})`;
}

/** An hstore's text, `"a"=>"1", "b"=>NULL`: shorter keys first, as Postgres keeps them. */
export function mapText(map: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(map).map(([key, value]) => ({ key: Buffer.from(key), name: key, value }));
  entries.sort((left, right) => left.key.length - right.key.length || left.key.compare(right.key));
  return entries
    .map(({ name, value }) => `${quoted(name)}=>${typeof value === 'string' ? quoted(value) : 'NULL'}`)
    .join(', ');
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
