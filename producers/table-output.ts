import type { Message } from 'kafkajs';
import { withCode } from '../core/errors.ts';
import type { AvroRegistry } from '../core/registry.ts';
import { avroEncoder, avroSchemas } from '../schemas/avro-codec.ts';
import type { ChangeEvent } from '../schemas/change-event.ts';
import type { TableEncoder } from '../schemas/envelope.ts';
import { jsonEncoder } from '../schemas/json-codec.ts';
import { fingerprintOf, type TableSchema } from '../schemas/table-schema.ts';
import { POSITION_HEADER, SCHEMA_HEADER, tableTopic } from '../schemas/topics.ts';
import { bindTransforms } from '../transforms/chain.ts';
import type { BoundTransform } from '../transforms/per-table.ts';
import type { Transform } from '../transforms/transform.ts';

/** The way of one table's events into its topic: capture transforms, then the wire format. */
export interface TableOutput {
  readonly topic: string;
  /** The schema that rows have in the topic. */
  readonly table: TableSchema;
  /** The records of an event: none when a transform drops it, two for a delete (the second is the tombstone). */
  records(event: ChangeEvent): Message[];
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
  const schemaHeader = fingerprintOf(table);
  return {
    topic,
    table,
    records: (captured) => {
      const event = applied(() => bound.apply(captured));
      if (event === null) return [];
      const headers = { [POSITION_HEADER]: event.position, [SCHEMA_HEADER]: schemaHeader };
      // The record's time is the commit's, so that lag in seconds can be read off the topic itself.
      const timestamp = String(Math.floor(event.source.tsUs / 1000));
      const { key, value } = encoder.encode(event);
      const record = { key, value, headers, timestamp };
      return event.op === 'd' ? [record, { ...record, value: null }] : [record];
    },
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
  };
  return avroEncoder(schemas, ids, table);
}
