import type { KafkaMessage } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { TailraceError, toError } from '../core/errors.ts';
import { avroEncoder } from '../schemas/avro-codec.ts';
import { AVRO_TRUNCATE_KEY, avroSchemas } from '../schemas/avro-schema.ts';
import { compileAvro } from '../schemas/avro-types.ts';
import type { ChangeEvent } from '../schemas/change-event.ts';
import type { EncodedEvent } from '../schemas/envelope.ts';
import { jsonEncoder } from '../schemas/json-writer.ts';
import { makePosition } from '../schemas/position.ts';
import { fingerprintOf, type TableSchema } from '../schemas/table-schema.ts';
import { POSITION_HEADER, SCHEMA_HEADER } from '../schemas/topics.ts';
import { decodeRecord, type Schemas } from './decode.ts';

const table: TableSchema = {
  schema: 'public',
  name: 'orders',
  columns: [
    { name: 'id', type: 'bigint', kind: 'int8', nullable: false },
    { name: 'note', type: 'text', kind: 'text', nullable: true },
  ],
  key: ['id'],
  foreignKeys: [],
};

const event: ChangeEvent = {
  table,
  op: 'c',
  key: { id: 7n },
  before: null,
  after: { id: 7n, note: 'x' },
  position: makePosition(5n, 1),
  source: { name: 'p', db: 'd', txId: 3, lsn: 4n, tsUs: 1_000, snapshot: false },
  tsMs: 2,
};
const truncate: ChangeEvent = { ...event, op: 't', key: {}, after: null };
const gone: ChangeEvent = { ...event, op: 'd', before: { id: 7n, note: null }, after: null };

const avro = avroSchemas('p', table);
const ids = { key: 1, value: 2, truncateKey: 3 };
const schemas: Schemas = {
  tables: new Map([[fingerprintOf(table), table]]),
  avroTypes: new Map([
    [1, compileAvro(avro.key)],
    [2, compileAvro(avro.value)],
    [3, compileAvro(AVRO_TRUNCATE_KEY)],
  ]),
};

const headers = { [POSITION_HEADER]: event.position, [SCHEMA_HEADER]: fingerprintOf(table) };

function message(
  { key, value }: { key: string | Buffer | null; value: string | Buffer | null },
  given: Record<string, string> = headers,
): KafkaMessage {
  const bytes = (text: string | Buffer | null) => (text === null ? null : Buffer.from(text));
  const known = Object.fromEntries(Object.entries(given).map(([name, text]) => [name, Buffer.from(text)]));
  return {
    key: bytes(key),
    value: bytes(value),
    headers: known,
    timestamp: '9',
    attributes: 0,
    offset: '12',
  };
}

const decode = (record: KafkaMessage) => decodeRecord('p.public.orders', 0, record, schemas);

const formats: [string, (of: ChangeEvent) => EncodedEvent][] = [
  ['JSON', (of) => jsonEncoder(table).encode(of)],
  ['Avro', (of) => avroEncoder(ids, table).encode(of)],
];

describe.each(formats)('in %s', (_name, encode) => {
  test.each([
    ['a created row', event],
    ['a deleted row', gone],
    ['a truncate', truncate],
  ])('%s comes back as it was', (_what, given) => {
    expect(decode(message(encode(given)))).toEqual(given);
  });

  test('the operation tells a truncate, whatever its key', () => {
    const { value } = encode(truncate);
    for (const key of [null, '', 'no JSON', Buffer.from([0, 0, 0, 0, 9, 1, 1])])
      expect(decode(message({ key, value }))).toEqual(truncate);
  });

  test('a tombstone is a delete of its key', () => {
    const { key } = encode(event);
    expect(decode(message({ key, value: null }))).toMatchObject({ op: 'd', key: { id: 7n }, after: null });
  });

  test('a row without a source block is refused', () => {
    const { key } = encode(event);
    const value = '{"before":null,"after":{"id":7,"note":"x"},"op":"c","ts_ms":2}';
    expect(() => decode(message({ key, value }))).toThrow(/the source block is missing or has no lsn/);
  });

  test('a row without a key is refused', () => {
    const { value } = encode(event);
    expect(() => decode(message({ key: null, value }))).toThrow(/no key/);
  });
});

test('a truncate with rows is refused', () => {
  const { key, value } = jsonEncoder(table).encode({ ...event, op: 't' });
  expect(() => decode(message({ key, value }))).toThrow(/operation t does not fit/);
});

test('a logical message is no event, with or without our headers', () => {
  const value = JSON.stringify({ op: 'm', ts_ms: 1, source: {}, message: { prefix: 'p', content: 'AA==' } });
  const record = { key: '{"prefix":"p"}', value };
  expect(decode(message(record))).toBeNull();
  expect(decode(message(record, {}))).toBeNull();
});

test.each([
  ['no header', { value: '{"op":"c"}', given: {} }, /header tailrace\.schema is missing/],
  [
    'an unknown schema',
    { value: '{"op":"c"}', given: { ...headers, [SCHEMA_HEADER]: 'ab' } },
    /names no schema/,
  ],
  ['no position', { value: '{"op":"c"}', given: { ...headers, [POSITION_HEADER]: '' } }, /position/],
  ['an unknown operation', { value: '{"op":"x"}', given: headers }, /unknown operation "x"/],
  ['no JSON', { value: 'secret', given: headers }, /neither JSON nor Avro/],
])(
  'a record with %s is undecodable and says where it lies, without its values',
  (_what, { value, given }, says) => {
    let thrown: unknown;
    try {
      decode(message({ key: '{"id":7}', value }, given));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(TailraceError);
    expect(thrown).toMatchObject({ code: 'EVENT_UNDECODABLE' });
    const error = toError(thrown);
    expect(error.message).toMatch(says);
    expect(error.message).toMatch(/topic p\.public\.orders, partition 0, offset 12/);
    expect(`${error.message} ${String(error.cause)}`).not.toContain('secret');
  },
);
