import avro from 'avsc';
import type { Schema, Type } from 'avsc';

/** Avro's long as bigint: avsc's own refuses what JavaScript's numbers cannot hold. */
const bigintLong = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.allocUnsafe(8);
    buffer.writeBigInt64LE(value);
    return buffer;
  },
  fromJSON: (json: number | string) => BigInt(json),
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (left: bigint, right: bigint) => (left === right ? 0 : left < right ? -1 : 1),
});

/** The hook that every schema of ours is compiled with. */
export function avroTypeHook(schema: Schema): Type | undefined {
  const name = typeof schema === 'object' && 'type' in schema ? (schema as { type: unknown }).type : schema;
  return name === 'long' ? bigintLong : undefined;
}

export function compileAvro(schema: Schema): Type {
  return avro.Type.forSchema(schema, { typeHook: avroTypeHook });
}
