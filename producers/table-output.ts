import { withCode } from '../core/errors.ts';
import type { AvroRegistry } from '../core/registry.ts';
import { avroEncoder } from '../schemas/avro-codec.ts';
import { AVRO_TRUNCATE_KEY, avroSchemas } from '../schemas/avro-schema.ts';
import type { ChangeEvent } from '../schemas/change-event.ts';
import type { EncodedEvent, TableEncoder } from '../schemas/envelope.ts';
import { jsonEncoder, jsonSchemaEncoder } from '../schemas/json-writer.ts';
import { fingerprintOf, type TableSchema } from '../schemas/table-schema.ts';
import { POSITION_HEADER, SCHEMA_HEADER, tableTopic, VALUES_HEADER } from '../schemas/topics.ts';
import { bindTransforms } from '../transforms/chain.ts';
import type { BoundTransform } from '../transforms/per-table.ts';
import type { Transform } from '../transforms/transform.ts';
import { encodeHeaders } from './kafka/record-batch.ts';

/** How records are written: in Avro where there is a registry, else in JSON, with schema blocks or without. */
export interface WireFormat {
  readonly registry: AvroRegistry | null;
  readonly jsonSchemas: boolean;
}

/** The way of one table's events into its topic: capture transforms, then the wire format. */
export interface TableOutput {
  readonly topic: string;
  /** The schema that rows have in the topic. */
  readonly table: TableSchema;
  /** Null when a transform drops the event. */
  encode(event: ChangeEvent): EncodedEvent | null;
  /** The headers of the record that was encoded last, in bytes that hold until the next call. */
  headers(event: ChangeEvent): Buffer;
}

/**
 * Prepares a table schema; registers its Avro schemas when there is a registry. Throws SCHEMA_INCOMPATIBLE, REGISTRY_* and
 * CONFIG_INVALID.
 */
export async function createTableOutput(
  pipeline: string,
  source: TableSchema,
  transforms: readonly Transform[],
  wire: WireFormat,
): Promise<TableOutput> {
  const bound = bindToTable(transforms, source);
  const transform = transformOf(bound);
  const output = await transformedOutput(pipeline, bound.table, wire);
  return {
    ...output,
    encode: (captured) => {
      const event = transform(captured);
      return event === null ? null : output.encode(event);
    },
  };
}

/** For events that have been transformed. */
export async function transformedOutput(
  pipeline: string,
  table: TableSchema,
  wire: WireFormat,
): Promise<TableOutput> {
  const topic = tableTopic(pipeline, table);
  const encoder = await createEncoder(pipeline, topic, table, wire);
  const writeHeaders = headerWriter(fingerprintOf(table));
  let exactValues: string | undefined;
  return {
    topic,
    table,
    headers: (event) => writeHeaders(event, exactValues),
    encode: (event) => {
      const encoded = encoder.encode(event);
      exactValues = encoded.exactValues;
      return encoded;
    },
  };
}

/** A truncate has no row that a transform could look at. */
export function transformOf(bound: BoundTransform): (event: ChangeEvent) => ChangeEvent | null {
  return (event) => (event.op === 't' ? event : applied(() => bound.apply(event)));
}

/** All of a table's headers differ in the position alone, so the rest is written once; few have values to carry. */
function headerWriter(fingerprint: string): (event: ChangeEvent, exactValues?: string) => Buffer {
  const placeholder = '0'.repeat(32);
  const headers = encodeHeaders([
    [POSITION_HEADER, placeholder],
    [SCHEMA_HEADER, fingerprint],
  ]);
  const start = headers.indexOf(placeholder);
  return ({ position }, exactValues) => {
    if (exactValues !== undefined)
      return encodeHeaders([
        [POSITION_HEADER, position],
        [SCHEMA_HEADER, fingerprint],
        [VALUES_HEADER, exactValues],
      ]);
    headers.write(position, start, 'latin1');
    return headers;
  };
}

/** Throws CONFIG_INVALID where a transform does not fit the table. */
export function bindToTable(transforms: readonly Transform[], table: TableSchema): BoundTransform {
  try {
    return bindTransforms(transforms, table);
  } catch (error) {
    throw withCode('CONFIG_INVALID', error, 'mend source.transforms in the config');
  }
}

function applied(apply: () => ChangeEvent | null): ChangeEvent | null {
  try {
    return apply();
  } catch (error) {
    throw withCode(
      'TRANSFORM_FAILED',
      error,
      'mend the transform; nothing was acknowledged past this change',
    );
  }
}

async function createEncoder(
  pipeline: string,
  topic: string,
  table: TableSchema,
  { registry, jsonSchemas }: WireFormat,
): Promise<TableEncoder> {
  if (registry === null) return jsonSchemas ? jsonSchemaEncoder(pipeline, table) : jsonEncoder(table);
  const schemas = avroSchemas(pipeline, table);
  const ids = {
    key: await registry.idOf(`${topic}-key`, schemas.key),
    value: await registry.idOf(`${topic}-value`, schemas.value),
    truncateKey: await registry.idOf(`${pipeline}.tailrace.truncate-key`, AVRO_TRUNCATE_KEY),
  };
  return avroEncoder(ids, table);
}
