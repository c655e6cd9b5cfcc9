/** A schema of Kafka Connect, as the JSON converter writes it beside a payload. Avro schemas become one of these too. */
export interface ConnectSchema {
  /** `struct`, `array`, `map`, `string`, `bytes`, `boolean`, `int8` to `int64`, `float`, `double`. */
  readonly type: string;
  readonly optional?: boolean | undefined;
  /** The semantic type: `io.debezium.time.Date`. For a struct its name. */
  readonly name?: string | undefined;
  readonly parameters?: Readonly<Record<string, string>> | undefined;
  /** Name of the field, in a struct's list of them. */
  readonly field?: string | undefined;
  readonly fields?: readonly ConnectSchema[] | undefined;
  /** Of an array. */
  readonly items?: ConnectSchema | undefined;
}

/** The field of a struct. */
export function fieldOf(schema: ConnectSchema, name: string): ConnectSchema | undefined {
  return schema.fields?.find(({ field }) => field === name);
}

interface AvroField {
  readonly name: string;
  readonly type: unknown;
}

const PRIMITIVES: Readonly<Record<string, string>> = {
  string: 'string',
  bytes: 'bytes',
  boolean: 'boolean',
  int: 'int32',
  long: 'int64',
  float: 'float',
  double: 'double',
};

/**
 * An Avro schema, as the Avro converters register it, as the schema of Kafka Connect that it was made from. They keep the
 * semantic type as `connect.name`, its parameters as `connect.parameters`, and what Avro has no type for as `connect.type`.
 * Throws TypeError on what no converter writes.
 */
export function connectSchemaOfAvro(avro: unknown): ConnectSchema {
  return convert(avro, new Map());
}

function convert(avro: unknown, named: Map<string, ConnectSchema>): ConnectSchema {
  if (Array.isArray(avro)) {
    const [member, ...others] = avro.filter((each) => each !== 'null');
    if (others.length > 0) throw new TypeError('a union of several types has no meaning in a table');
    return { ...convert(member, named), optional: true };
  }
  if (typeof avro === 'string') {
    const type = PRIMITIVES[avro];
    const known = type === undefined ? named.get(avro) : { type };
    if (known === undefined) throw new TypeError(`Avro type ${avro} is not known`);
    return known;
  }
  const schema = avro as Readonly<Record<string, unknown>>;
  const { type } = schema;
  if (type === 'record') return struct(schema, named);
  if (type === 'enum' || type === 'fixed') throw new TypeError(`Avro's ${type} is no type of Debezium's`);
  if (type === 'map') return { type: 'map', ...semantics(schema) };
  if (type === 'array')
    return { type: 'array', items: convert(schema['items'], named), ...semantics(schema) };
  return { ...convert(type, named), ...semantics(schema) };
}

function struct(schema: Readonly<Record<string, unknown>>, named: Map<string, ConnectSchema>): ConnectSchema {
  const name = String(schema['name']);
  const namespace = schema['namespace'];
  const fields: ConnectSchema[] = [];
  const result: ConnectSchema = { type: 'struct', name, fields, ...semantics(schema) };
  named.set(name, result);
  if (typeof namespace === 'string') named.set(`${namespace}.${name}`, result);
  for (const field of schema['fields'] as readonly AvroField[])
    fields.push({ ...convert(field.type, named), field: field.name });
  return result;
}

function semantics(schema: Readonly<Record<string, unknown>>): Partial<ConnectSchema> {
  const name = schema['connect.name'];
  const type = schema['connect.type'];
  const parameters = { ...(schema['connect.parameters'] as Record<string, string> | undefined) };
  // Of a decimal only the scale is among the parameters where it is not among Avro's own properties.
  if (schema['logicalType'] === 'decimal') {
    parameters['scale'] ??= numberText(schema['scale']);
    if (schema['precision'] !== undefined)
      parameters['connect.decimal.precision'] ??= numberText(schema['precision']);
  }
  return {
    ...(typeof name === 'string' && { name }),
    ...(typeof type === 'string' && { type }),
    ...(schema['logicalType'] === 'decimal' && { name: 'org.apache.kafka.connect.data.Decimal' }),
    ...(Object.keys(parameters).length > 0 && { parameters }),
  };
}

/** Avro leaves out a scale of zero. */
function numberText(value: unknown): string {
  return typeof value === 'number' ? String(value) : '0';
}
