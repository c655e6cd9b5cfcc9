import { avroEncoder, decodeAvroEnvelope } from '../../schemas/avro-codec.ts';
import { avroSchemas } from '../../schemas/avro-schema.ts';
import { compileAvro } from '../../schemas/avro-types.ts';
import type { ChangeEvent } from '../../schemas/change-event.ts';
import { sourceFields, type TableEncoder } from '../../schemas/envelope.ts';
import { decodeJsonEnvelope } from '../../schemas/json-reader.ts';
import { jsonEncoder, jsonSchemaEncoder } from '../../schemas/json-writer.ts';
import type { Row } from '../../schemas/value.ts';
import { SAMPLE_TABLE, sampleEvent } from './sample-row.ts';

/** One thing to be measured: `run` works on the event with that number, and begins anew after the last. */
export interface CodecCase {
  readonly name: string;
  readonly run: (number: number) => unknown;
  /** The name of the case that does the same with nothing but the runtime's JSON; null for the bounds themselves. */
  readonly bound: string | null;
  readonly hasGoal: boolean;
  /** Bytes of a record's key and value, on average. */
  readonly bytes: number;
}

const EVENTS = 2_000;

/** Encoding writes key and value of a record, decoding reads the value, as the producer and the consumers do. */
export function codecCases(): CodecCase[] {
  const events = Array.from({ length: EVENTS }, (_, number) => sampleEvent(number));
  const plain = events.map(plainEvent);
  const texts = plain.map((value) => JSON.stringify(value));
  const valueType = compileAvro(avroSchemas('shop', SAMPLE_TABLE).value);
  const avro = codec(events, avroEncoder({ key: 1, value: 2, truncateKey: 3 }, SAMPLE_TABLE));
  const json = codec(events, jsonEncoder(SAMPLE_TABLE));
  const schemas = codec(events, jsonSchemaEncoder('shop', SAMPLE_TABLE));
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / EVENTS;
  const at = <Item>(items: readonly Item[], number: number) => items[number % EVENTS] as Item;
  const ours = (name: string, { encode, bytes: size }: typeof avro, hasGoal: boolean): CodecCase => ({
    name: `${name}_encode`,
    run: (number) => encode(at(events, number)),
    bound: 'json_stringify',
    hasGoal,
    bytes: size,
  });
  const back = (
    name: string,
    { values, bytes: size }: typeof avro,
    hasGoal: boolean,
    read: (value: Buffer) => unknown,
  ): CodecCase => ({
    // prettier-ignore
    name: `${name}_decode`,
    run: (number) => read(at(values, number)),
    bound: 'json_parse',
    hasGoal,
    bytes: size,
  });
  const fromJson = (value: Buffer) => decodeJsonEnvelope(SAMPLE_TABLE, value);
  return [
    { name: 'json_stringify', run: (number) => JSON.stringify(at(plain, number)), bound: null, hasGoal: false, bytes }, // prettier-ignore
    ours('avro', avro, true),
    ours('json', json, false),
    ours('json_schemas', schemas, false),
    {
      name: 'json_parse',
      run: (number) => JSON.parse(at(texts, number)) as unknown,
      bound: null,
      hasGoal: false,
      bytes,
    },
    back('avro', avro, true, (value) => decodeAvroEnvelope(valueType, SAMPLE_TABLE, value)),
    back('json', json, false, fromJson),
    back('json_schemas', schemas, false, fromJson),
  ];
}

function codec(events: readonly ChangeEvent[], { encode }: TableEncoder) {
  const records = events.map(encode);
  const values = records.map(({ value }) => Buffer.from(value));
  const size = records.reduce((sum, { key }, index) => sum + Buffer.byteLength(key) + (values[index]?.length ?? 0), 0); // prettier-ignore
  return { encode, values, bytes: size / events.length };
}

/** The envelope as an object of what JSON knows: the same event for the runtime's own JSON. */
function plainEvent(event: ChangeEvent): object {
  const numbers = (row: Row | object) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        typeof value === 'bigint' ? Number(value) : (value as unknown),
      ]),
    );
  return {
    before: null,
    after: numbers(event.after ?? {}),
    source: numbers(sourceFields(event)),
    transaction: null,
    op: event.op,
    ts_ms: event.tsMs,
  };
}
