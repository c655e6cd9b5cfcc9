import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ChangeEvent, Operation } from './change-event.ts';
import { envelopeParser } from './json-envelope.ts';
import { decodeJsonEnvelope } from './json-reader.ts';
import { jsonEncoder, jsonSchemaEncoder } from './json-writer.ts';
import { makePosition } from './position.ts';
import type { TableSchema } from './table-schema.ts';

const newTable = (): TableSchema => ({
  schema: 'public',
  name: 'things',
  columns: [
    { name: 'id', type: 'bigint', kind: 'int8', nullable: false },
    { name: 'source', type: 'text', kind: 'text', nullable: true },
  ],
  key: ['id'],
  foreignKeys: [],
});

const TAIL = ',"source":{"version":"1"},"transaction":null,"op":"d","ts_ms":1}';
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(TAIL, `"${TAIL}`, '\\"}', '"'));
/** Few values each, so that neighbours have them in common or nearly so. */
const events = fc.array(
  fc.record({
    op: fc.constantFrom<Operation>('c', 'u', 'd', 'r', 't'),
    row: fc.record({ id: fc.constantFrom(1n, 2n ** 63n - 1n), source: fc.option(text) }),
    hasBefore: fc.boolean(),
    commitLsn: fc.constantFrom(5n, 6n, 2n ** 60n),
    ordinal: fc.constantFrom(1, 12),
    lsn: fc.constantFrom(4n, 44n, 2n ** 60n - 1n),
    txId: fc.constantFrom(null, 7, 8, 77),
    tsUs: fc.constantFrom(1_790_000_000_123_456, 1_790_000_000_123_457),
    snapshot: fc.boolean(),
    name: fc.constantFrom('p', 'q', 'lsn":4,"commit_lsn":5'),
    tsMs: fc.constantFrom(1_790_000_000_456, 0),
  }),
  { minLength: 1, maxLength: 12 },
);

const forms = { plain: jsonEncoder, 'with schemas': (table: TableSchema) => jsonSchemaEncoder('p', table) };

test.each(Object.entries(forms))('a stream of records %s is read as it was written', (_form, encoderOf) => {
  fc.assert(
    fc.property(events, (stream) => {
      // Its own table, so that nothing is known of earlier streams.
      const table = newTable();
      for (const { op, row, hasBefore, commitLsn, ordinal, tsMs, ...source } of stream) {
        const event: ChangeEvent = {
          table,
          op,
          key: { id: row.id },
          before: hasBefore ? row : null,
          after: op === 'd' || op === 't' ? null : row,
          position: makePosition(commitLsn, ordinal),
          source: { db: 'd', ...source },
          tsMs,
        };
        const { before, after } = event;
        // A new encoder, since one takes for granted what the events of a transaction share.
        const { value } = encoderOf(table).encode(event);
        const read = decodeJsonEnvelope(table, Buffer.from(value));
        expect({ ...read, before: read.before && { ...read.before }, after: read.after && { ...read.after } }).toEqual({ op, before, after, source: event.source, tsMs }); // prettier-ignore
      }
    }),
    { numRuns: 500 },
  );
});

test('an envelope that ends too soon, or in another way, is not taken for one of the same transaction', () => {
  const whole =
    '{"before":null,"after":{"id":1},"source":{"version":"1","sequence":"[\\"5\\",\\"4\\"]","ts_us":1,"lsn":4,"commit_lsn":5,"ordinal":1},"transaction":null,"op":"c","ts_ms":12}';
  const parse = envelopeParser();
  const first = parse(whole);
  expect(parse(whole)).toEqual(first);
  for (const end of [1, 2, 3, 4, 20, 60])
    expect(() => parse(whole.slice(0, -end)), `without its last ${end} characters`).toThrow(SyntaxError);
  expect(parse(whole.replace('"op":"c"', '"op":"cc"')).rest.op).toBe('cc');
  expect(parse(whole.replace('"transaction":null', '"transaction":{}'))).toEqual(first);
  expect(parse(whole.replace('"ordinal":1}', '"ordinal":1,"more":2}'))).toEqual(first);
  expect(parse(`${whole} `)).toEqual(first);
});
