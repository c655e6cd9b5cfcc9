import type { KafkaMessage } from 'kafkajs';
import { expect, test } from 'vitest';
import { createDebeziumDecoder, readMessage, type DecodedFetch, type Fetched } from './events.ts';
import { createRecordReader } from './record.ts';
import type { TableSchema } from '../../schemas/table-schema.ts';

const ROW = [
  { type: 'int64', optional: false, field: 'id' },
  { type: 'string', optional: true, field: 'note' },
];
const KEY_SCHEMA = { type: 'struct', fields: [ROW[0]], optional: false, name: 'dbz.public.notes.Key' };
const VALUE_SCHEMA = {
  type: 'struct',
  fields: [
    { type: 'struct', fields: ROW, optional: true, field: 'before' },
    { type: 'struct', fields: ROW, optional: true, field: 'after' },
    { type: 'string', optional: false, field: 'op' },
  ],
};

interface Parts {
  readonly id: string;
  readonly op?: string;
  readonly note?: string | null;
  readonly lsn?: number;
}

const reader = createRecordReader(undefined);
let offset = 0;

function message(key: string | null, value: string | null): KafkaMessage {
  offset += 1;
  const bytes = (text: string | null) => (text === null ? null : Buffer.from(text));
  return {
    key: bytes(key),
    value: bytes(value),
    timestamp: '1700000000000',
    attributes: 0,
    offset: String(offset),
  } as KafkaMessage;
}

function envelope({ op = 'c', note = null, id, lsn = offset * 8 }: Parts): string {
  const row = `{"id":${id},"note":${JSON.stringify(note)}}`;
  const after = op === 'd' || op === 't' ? 'null' : row;
  return (
    `{"before":null,"after":${after},"source":{"name":"dbz","db":"d","schema":"public","table":"notes","snapshot":"false",` +
    `"lsn":${lsn},"sequence":"[\\"${lsn - 4}\\",\\"${lsn}\\"]","ts_us":1700000000000000,"txId":7},"op":"${op}","ts_ms":1700000000001}`
  );
}

function keyOf(id: string): string {
  return JSON.stringify({ schema: KEY_SCHEMA, payload: 0 }).replace(/0}$/, `{"id":${id}}}`);
}

/** A record as the JSON converter writes it with schemas. */
function record(parts: Parts): KafkaMessage {
  const value = `{"schema":${JSON.stringify(VALUE_SCHEMA)},"payload":${envelope(parts)}}`;
  return message(parts.op === 't' ? null : keyOf(parts.id), value);
}

function fetched(...messages: KafkaMessage[]): Fetched {
  const topic = 'dbz.public.notes';
  return { topic, partition: 0, messages: messages.map((each) => readMessage(reader, topic, 0, each)) };
}

function told({ events }: DecodedFetch): unknown[] {
  return events.map(({ event }) => [event.op, event.key['id'], event.after?.['note']]);
}

test('records with schemas tell the table, the key and every digit', () => {
  const { events } = createDebeziumDecoder(new Map()).decode(
    fetched(record({ id: '9007199254740993', note: 'a' })),
  );
  expect(events[0]?.event).toMatchObject({
    op: 'c',
    key: { id: 9007199254740993n },
    after: { id: 9007199254740993n, note: 'a' },
    before: null,
    table: { schema: 'public', name: 'notes', key: ['id'], foreignKeys: [] },
    source: { name: 'dbz', db: 'd', txId: 7, tsUs: 1700000000000000, snapshot: false },
  });
  expect(events[0]?.event.table.columns).toEqual([
    { name: 'id', type: 'bigint', kind: 'int8', nullable: false },
    { name: 'note', type: 'text', kind: 'text', nullable: true },
  ]);
});

const NOTES: TableSchema = {
  schema: 'public',
  name: 'notes',
  columns: [
    { name: 'id', type: 'bigint', kind: 'int8', nullable: false },
    { name: 'note', type: 'text', kind: 'text', nullable: true },
  ],
  key: ['id'],
  foreignKeys: [],
};

test('records without schemas are read by the catalogue', () => {
  const plain = message('{"id":5}', envelope({ id: '5', note: 'b' }));
  expect(told(createDebeziumDecoder(new Map([['public.notes', NOTES]])).decode(fetched(plain)))).toEqual([
    ['c', 5n, 'b'],
  ]);
  expect(() => createDebeziumDecoder(new Map()).decode(fetched(plain))).toThrow(
    'source.url has no table public.notes',
  );
});

test('a tombstone behind its delete says nothing, and one that stands alone deletes', () => {
  const decoder = createDebeziumDecoder(new Map());
  const decoded = decoder.decode(
    fetched(
      record({ id: '1', note: 'a' }),
      record({ id: '1', op: 'd' }),
      message(keyOf('1'), null),
      message(keyOf('2'), null),
      record({ id: '2', note: 'again' }),
    ),
  );
  expect(told(decoded)).toEqual([
    ['c', 1n, 'a'],
    ['d', 1n, undefined],
    ['d', 2n, undefined],
    ['c', 2n, 'again'],
  ]);
  const positions = decoded.events.map(({ event }) => event.position);
  expect(positions).toEqual(positions.toSorted());
  expect(new Set(positions).size).toBe(4);
});

test('a tombstone in front of every other record takes its position from the next one, or is counted', () => {
  const next = createDebeziumDecoder(new Map()).decode(
    fetched(message(keyOf('2'), null), record({ id: '2', note: 'x' })),
  );
  expect(told(next)).toEqual([
    ['d', 2n, undefined],
    ['c', 2n, 'x'],
  ]);
  const alone = createDebeziumDecoder(new Map()).decode(fetched(message(keyOf('2'), null)));
  expect(alone).toEqual({ events: [], lostTombstones: 1 });
});

test('a truncate takes the older rows of partitions that come behind it', () => {
  const decoder = createDebeziumDecoder(new Map());
  decoder.decode(fetched(record({ id: '1', lsn: 800 })));
  expect(told(decoder.decode(fetched(record({ id: '0', op: 't', lsn: 8000 }))))).toEqual([
    ['t', undefined, undefined],
  ]);
  const other = { ...fetched(record({ id: '3', lsn: 4000 }), record({ id: '4', lsn: 9000 })), partition: 1 };
  expect(told(decoder.decode(other))).toEqual([['c', 4n, null]]);
});

test('a truncate before every row takes its table from the catalogue, and says what is missing without one', () => {
  const truncate = record({ id: '0', op: 't', lsn: 8000 });
  const { events } = createDebeziumDecoder(new Map([['public.notes', NOTES]])).decode(fetched(truncate));
  expect(events[0]?.event).toMatchObject({ op: 't', table: NOTES });
  expect(() => createDebeziumDecoder(new Map()).decode(fetched(truncate))).toThrow('with source.url');
});

test('the placeholder of an unchanged value is no value', () => {
  const { events } = createDebeziumDecoder(new Map()).decode(
    fetched(record({ id: '1', op: 'u', note: '__debezium_unavailable_value' })),
  );
  expect(events[0]?.unavailable).toEqual(['note']);
  expect(events[0]?.event.after).toEqual({ id: 1n });
});

test('what is no envelope is refused by place and reason, without a value', () => {
  const decoder = createDebeziumDecoder(new Map());
  const bare = { type: 'struct', fields: ROW, optional: false };
  const unwrapped = message(keyOf('1'), JSON.stringify({ schema: bare, payload: { id: 1, note: 'secret' } }));
  expect(() => decoder.decode(fetched(unwrapped))).toThrow(/topic dbz.public.notes, partition 0, offset \d+/);
  expect(() => fetched(message('{"id":1}', 'secret'))).toThrow('it is neither JSON nor Avro');
  const keyless = message(null, record({ id: '1' }).value?.toString() ?? '');
  expect(() => decoder.decode(fetched(keyless))).toThrow('without a key');
});

test('a tombstone to which a rebalance leads back does not stand behind what came after it', () => {
  const decoder = createDebeziumDecoder(new Map());
  const first = fetched(record({ id: '1', note: 'first' }));
  const lone = fetched(message(keyOf('2'), null), record({ id: '3', note: 'next' }));
  const later = fetched(record({ id: '2', note: 'again' }));
  const positions = (decoded: DecodedFetch) => decoded.events.map(({ event }) => event.position);
  decoder.decode(first);
  const [before = ''] = positions(decoder.decode(lone));
  const [inserted = ''] = positions(decoder.decode(later));
  const [again = ''] = positions(decoder.decode(lone));
  expect(before < inserted).toBe(true);
  expect(again < inserted).toBe(true);
});

test('a truncate of another partition is known to rows that were decoded before it', () => {
  const decoder = createDebeziumDecoder(new Map());
  const older = decoder.decode(fetched(record({ id: '1' }))).events[0]?.event;
  const truncate = decoder.decode({ ...fetched(record({ id: '0', op: 't' })), partition: 1 }).events[0]
    ?.event;
  const newer = decoder.decode(fetched(record({ id: '1' }))).events[0]?.event;
  if (older === undefined || truncate === undefined || newer === undefined)
    throw new Error('an event is missing');
  const isTruncated = [older, truncate, newer].map((event) => decoder.isTruncated('dbz.public.notes', event));
  expect(isTruncated).toEqual([true, false, false]);
});
