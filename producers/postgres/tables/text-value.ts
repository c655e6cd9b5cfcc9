import type { Value, ValueKind } from '../../../schemas/value.ts';

/**
 * Turns Postgres' text output into a value (the forms are in schemas/value.ts). It relies on the session settings of
 * connection.ts: ISO dates, UTC, hex bytea, shortest exact floats. Throws RangeError on text that is not of the kind.
 */
export function valueFromText(kind: ValueKind, text: string): Value {
  switch (kind) {
    case 'boolean':
      return text === 't' || text === 'true';
    case 'int2':
    case 'int4':
      return Number(text);
    case 'int8':
      return BigInt(text);
    case 'float4':
    case 'float8':
      return Number(text);
    case 'bytea':
      if (!text.startsWith('\\x')) throw new RangeError('bytea is not in hex form; check bytea_output');
      return Buffer.from(text.slice(2), 'hex');
    case 'timestamp':
      return text.replace(' ', 'T').replace('T BC', ' BC');
    case 'timestamptz':
      return timestamptz(text);
    case 'numeric':
    case 'text':
    case 'uuid':
    case 'enum':
    case 'date':
    case 'time':
    case 'timetz':
    case 'interval':
    case 'json':
    case 'jsonb':
    case 'other':
      return text;
  }
}

function timestamptz(text: string): string {
  if (text === 'infinity' || text === '-infinity') return text;
  const zone = text.indexOf('+00');
  if (zone === -1) throw new RangeError('timestamptz is not in UTC; check the session time zone');
  return `${text.slice(0, zone).replace(' ', 'T')}Z${text.slice(zone + 3)}`;
}
