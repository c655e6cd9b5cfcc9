import { askRegistry } from '../../core/registry-requests.ts';
import type { RegistryConfig } from '../../core/config/schema.ts';
import { TailraceError, toError } from '../../core/errors.ts';
import { compileAvro } from '../../schemas/avro-types.ts';
import { isAvroFramed, schemaIdOf } from '../../schemas/avro-codec.ts';
import type { Schema, Type } from 'avsc';
import { connectSchemaOfAvro, type ConnectSchema } from './schema.ts';

/** A key or a value of a record, with its schema; null where the converter wrote none (`schemas.enable=false`). */
export interface Described {
  readonly schema: ConnectSchema | null;
  readonly payload: unknown;
}

/** Reads what Kafka Connect's converters wrote: JSON with a schema block or without, Avro in Confluent's framing. */
export interface RecordReader {
  /** Fetches the Avro schemas that these bytes name. Throws REGISTRY_UNREACHABLE, SCHEMA_NOT_FOUND, EVENT_UNDECODABLE. */
  prepare(all: readonly (Buffer | null)[]): Promise<void>;
  /** One schema is one object, however many records have it. Throws TypeError, SyntaxError on what no converter writes. */
  read(bytes: Buffer): Described;
}

interface AvroSchema {
  readonly type: Type;
  readonly schema: ConnectSchema;
}

const FRAME_BYTES = 5;
/** A topic has few schemas; more texts than this are not kept. */
const MAX_SCHEMA_TEXTS = 1_000;

export function createRecordReader(registry: RegistryConfig | undefined): RecordReader {
  const avro = new Map<number, AvroSchema>();
  const schemaTexts = new Map<string, ConnectSchema>();
  return {
    async prepare(all) {
      const framed = all.filter((bytes) => bytes !== null).filter(isAvroFramed);
      for (const id of new Set(framed.map(schemaIdOf)))
        if (!avro.has(id)) avro.set(id, await fetchSchema(registry, id));
    },
    read(bytes) {
      if (!isAvroFramed(bytes)) return describedJson(bytes.toString(), schemaTexts);
      const known = avro.get(schemaIdOf(bytes));
      if (known === undefined) throw new TypeError(`schema ${schemaIdOf(bytes)} is not known`);
      return { schema: known.schema, payload: known.type.fromBuffer(bytes.subarray(FRAME_BYTES)) };
    },
  };
}

async function fetchSchema(registry: RegistryConfig | undefined, id: number): Promise<AvroSchema> {
  if (registry === undefined)
    throw new TailraceError(
      'CONFIG_INVALID',
      `records name schema ${id} of a registry, and the config has no registry`,
      'set registry.url to the Confluent-compatible interface of the registry that Debezium writes its schemas to',
    );
  const { status, body } = await askRegistry(registry, `fetching schema ${id}`, {
    path: `/schemas/ids/${id}`,
  });
  const text = (body as { schema?: unknown } | null)?.schema;
  if (status !== 200 || typeof text !== 'string')
    throw new TailraceError(
      'SCHEMA_NOT_FOUND',
      `the schema registry has no schema ${id} (it answers ${status})`,
      'check that registry.url is the registry that Debezium writes its schemas to, by ids of 4 bytes',
    );
  try {
    const schema = JSON.parse(text) as Schema;
    return { type: compileAvro(schema), schema: connectSchemaOfAvro(schema) };
  } catch (cause) {
    throw new TailraceError(
      'EVENT_UNDECODABLE',
      `schema ${id} of the registry is not valid Avro: ${toError(cause).message}`,
      "set schema.name.adjustment.mode and field.name.adjustment.mode to avro in Debezium's connector, which Avro needs for names like these",
      { cause },
    );
  }
}

const SCHEMA_START = '{"schema":';
const PAYLOAD_START = ',"payload":';

/**
 * A schema block is far larger than its row and always the same: it is recognised by its text and parsed once. Inside of the
 * block every quote of a text is escaped, so the first `,"payload":` ends it.
 */
function describedJson(text: string, known: Map<string, ConnectSchema>): Described {
  const end = text.startsWith(SCHEMA_START) ? text.indexOf(PAYLOAD_START) : -1;
  if (end === -1) return { schema: null, payload: parseExact(text) };
  const schemaText = text.slice(SCHEMA_START.length, end);
  const payload = parseExact(text.slice(end + PAYLOAD_START.length, text.lastIndexOf('}')));
  let schema = known.get(schemaText);
  if (schema === undefined) {
    schema = (JSON.parse(schemaText) as ConnectSchema | null) ?? undefined;
    if (schema === undefined) return { schema: null, payload };
    if (known.size === MAX_SCHEMA_TEXTS) known.clear();
    known.set(schemaText, schema);
  }
  return { schema, payload };
}

/** 17 digits or more, or 16 that start with a 9, can exceed 2^53, from where JSON.parse rounds. */
const LARGE_INTEGER = /[:,[\s-](?:\d{17}|9\d{15})/;

/** JSON.parse that returns integers beyond 2^53 as bigint. */
function parseExact(text: string): unknown {
  if (!LARGE_INTEGER.test(text)) return JSON.parse(text) as unknown;
  return JSON.parse(text, ((_key: string, value: unknown, context?: { source?: string }) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
    return context?.source !== undefined && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
  }) as (key: string, value: unknown) => unknown) as unknown;
}
