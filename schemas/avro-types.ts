import avro from 'avsc';
import type { Schema, Type } from 'avsc';
import type { AvroReader } from './avro-reader.ts';

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

/** The name of a type as the specification has it: `long`, `record`, `union`. */
export function typeNameOf(type: Type): string {
  return type.typeName.replace(/^abstract:/, '').replace(/^union:.*/, 'union');
}

/** The fields of a record. Throws TypeError on any other type. */
export function fieldsOf(type: Type): readonly { readonly name: string; readonly type: Type }[] {
  if (typeNameOf(type) !== 'record') throw new TypeError(`expected an Avro record, got ${typeNameOf(type)}`);
  return (type as unknown as { fields: { name: string; type: Type }[] }).fields;
}

/** The branches of a union; null for any other type. */
export function unionOf(type: Type): readonly Type[] | null {
  return typeNameOf(type) === 'union' ? (type as unknown as { types: Type[] }).types : null;
}

/** Passes over a value. Throws TypeError for types that no envelope of ours has. */
export function skipper(type: Type): (from: AvroReader) => void {
  switch (typeNameOf(type)) {
    case 'null':
      return () => undefined;
    case 'boolean':
      return (from) => void from.boolean();
    case 'int':
    case 'long':
      return (from) => void from.long();
    case 'float':
      return (from) => void from.float();
    case 'double':
      return (from) => void from.double();
    case 'bytes':
    case 'string':
      return (from) => from.skipText();
    case 'record': {
      const fields = fieldsOf(type).map((field) => skipper(field.type));
      return (from) => {
        for (const skip of fields) skip(from);
      };
    }
    case 'union': {
      const branches = (unionOf(type) ?? []).map(skipper);
      return (from) => branches[from.int()]?.(from);
    }
  }
  throw new TypeError(`no envelope has Avro's ${typeNameOf(type)}`);
}
