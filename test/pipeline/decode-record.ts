import avsc from 'avsc';
import type { TopicRecord } from './kafka.ts';

/** A row or block as both wire formats give it: numbers of any size as decimal text, bytes in base64. */
export type Fields = Readonly<Record<string, string | boolean | null>>;

/** A record read with nothing of Tailrace: `value` is null for a tombstone. */
export interface DecodedRecord extends Omit<TopicRecord, 'key' | 'value'> {
  readonly keyBytes: Buffer;
  readonly key: Fields;
  readonly value: {
    readonly op: string;
    readonly before: Fields | null;
    readonly after: Fields | null;
    readonly source: Fields;
    readonly transaction: unknown;
    readonly ts_ms: string;
  } | null;
}

export async function decodeRecord(record: TopicRecord): Promise<DecodedRecord> {
  const { key, value, ...rest } = record;
  return {
    ...rest,
    keyBytes: key,
    key: (await decode(key)) as Fields,
    value: value === null ? null : ((await decode(value)) as DecodedRecord['value']),
  };
}

/** Confluent's framing begins with a zero byte, which JSON cannot. */
async function decode(bytes: Buffer): Promise<unknown> {
  if (bytes[0] !== 0) return plain(parseJson(bytes.toString()));
  const type = await avroType(bytes.readUInt32BE(1));
  return plain(type.fromBuffer(bytes.subarray(5)));
}

/** Keeps the digits of every number. */
function parseJson(text: string): unknown {
  return JSON.parse(text, ((_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' ? (context?.source ?? String(value)) : value) as (
    key: string,
    value: unknown,
  ) => unknown);
}

function plain(value: unknown): unknown {
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, plain(child)]));
}

const types = new Map<number, Promise<avsc.Type>>();

function avroType(id: number): Promise<avsc.Type> {
  const known = types.get(id);
  if (known !== undefined) return known;
  const fetched = fetchType(id);
  types.set(id, fetched);
  return fetched;
}

async function fetchType(id: number): Promise<avsc.Type> {
  const url = process.env['REGISTRY_URL'];
  if (url === undefined)
    throw new Error('this test needs a schema registry: set REGISTRY_URL, or run it with `npm test`');
  const response = await fetch(`${url}/schemas/ids/${id}`);
  const { schema } = (await response.json()) as { schema: string };
  return avsc.Type.forSchema(JSON.parse(schema) as avsc.Schema, { typeHook: longHook });
}

function longHook(schema: avsc.Schema): avsc.Type | undefined {
  const name = typeof schema === 'object' && 'type' in schema ? (schema as { type: unknown }).type : schema;
  return name === 'long' ? exactLong : undefined;
}

/** avsc refuses longs beyond 2^53 unless it is told what to make of them. */
const exactLong = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (left: bigint, right: bigint) => (left < right ? -1 : Number(left > right)),
});
