import { withCode } from '../core/errors.ts';
import type { AvroRegistry } from '../core/registry.ts';
import { AVRO_TRUNCATE_KEY, avroEncoder, avroSchemas } from '../schemas/avro-codec.ts';
import type { ChangeEvent } from '../schemas/change-event.ts';
import type { EncodedEvent, TableEncoder } from '../schemas/envelope.ts';
import { jsonEncoder } from '../schemas/json-codec.ts';
import { fingerprintOf, type TableSchema } from '../schemas/table-schema.ts';
import { POSITION_HEADER, SCHEMA_HEADER, tableTopic } from '../schemas/topics.ts';
import { bindTransforms } from '../transforms/chain.ts';
import type { BoundTransform } from '../transforms/per-table.ts';
import type { Transform } from '../transforms/transform.ts';
import { encodeHeaders } from './kafka/record-batch.ts';

/** The way of one table's events into its topic: capture transforms, then the wire format. */
export interface TableOutput {
  readonly topic: string;
  /** The schema that rows have in the topic. */
  readonly table: TableSchema;
  /** Null when a transform drops the event. */
  encode(event: ChangeEvent): EncodedEvent | null;
  /** The record's headers, in bytes that hold until the next call. */
  headers(event: ChangeEvent): Buffer;
}

/** Prepares a table schema; registers its Avro schemas when there is a registry. Throws REGISTRY_* and TransformError. */
export async function createTableOutput(
  pipeline: string,
  source: TableSchema,
  transforms: readonly Transform[],
  registry: AvroRegistry | null,
): Promise<TableOutput> {
  const bound = bind(transforms, source);
  const { table } = bound;
  const topic = tableTopic(pipeline, table);
  const encoder = await createEncoder(pipeline, topic, table, registry);
  return {
    topic,
    table,
    headers: headerWriter(fingerprintOf(table)),
    encode: (captured) => {
      // A truncate has no row that a transform could look at.
      const event = captured.op === 't' ? captured : applied(() => bound.apply(captured));
      return event === null ? null : encoder.encode(event);
    },
  };
}

/** All of a table's headers differ in the position alone, so the rest is written once. */
function headerWriter(fingerprint: string): (event: ChangeEvent) => Buffer {
  const placeholder = '0'.repeat(32);
  const headers = encodeHeaders([
    [POSITION_HEADER, placeholder],
    [SCHEMA_HEADER, fingerprint],
  ]);
  const start = headers.indexOf(placeholder);
  return ({ position }) => {
    headers.write(position, start, 'latin1');
    return headers;
  };
}

function bind(transforms: readonly Transform[], table: TableSchema): BoundTransform {
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
  registry: AvroRegistry | null,
): Promise<TableEncoder> {
  if (registry === null) return jsonEncoder(table);
  const schemas = avroSchemas(pipeline, table);
  const ids = {
    key: await registry.idOf(`${topic}-key`, schemas.key),
    value: await registry.idOf(`${topic}-value`, schemas.value),
    truncateKey: await registry.idOf(`${pipeline}.tailrace.truncate-key`, AVRO_TRUNCATE_KEY),
  };
  return avroEncoder(schemas, ids, table);
}
