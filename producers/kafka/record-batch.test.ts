import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeHeaders, RecordBatch } from './record-batch.ts';
import { decodeBatch } from './test-decode-batch.ts';

const PRODUCER = { id: 9_007_199_254_740_993n, epoch: 7 };

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const headerText = fc.stringMatching(/^[ -~]{0,40}$/);
// kafkajs keeps headers in plain objects, where __proto__ or toString would mean something else.
const headerName = headerText.map((text) => `header ${text}`);
const record = fc.record({
  // From the year 1 to 9999, so that two records of a batch may lie 300,000 days apart, either way.
  timestampMs: fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }),
  key: bytes,
  value: fc.option(fc.oneof(bytes, fc.string({ unit: 'binary', maxLength: 300 }))),
  headers: fc.uniqueArray(fc.tuple(headerName, headerText), { selector: ([name]) => name, maxLength: 3 }),
});

describe.each(['none', 'gzip', 'zstd'] as const)('with compression %s', (compression) => {
  test('kafkajs reads every record as it was appended', async () => {
    const sequences = fc.integer({ min: 0, max: 0x7fffffff });
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 40 }),
        sequences,
        async (records, sequence) => {
          const batch = new RecordBatch();
          let taken = 61;
          for (const { timestampMs, key, value, headers } of records)
            taken += batch.append(timestampMs, key, key.length, value, encodeHeaders(headers));
          expect(batch.byteLength).toBe(taken);
          const sealed = await batch.seal(compression, PRODUCER, sequence);
          const decoded = await decodeBatch(sealed);
          expect(decoded).toMatchObject({
            lastOffsetDelta: records.length - 1,
            maxTimestamp: String(Math.max(...records.map(({ timestampMs }) => timestampMs))),
            producerId: String(PRODUCER.id),
            producerEpoch: PRODUCER.epoch,
            firstSequence: sequence,
            inTransaction: false,
          });
          expect(decoded.records.map(plain)).toStrictEqual(
            records.map(({ timestampMs, key, value, headers }, offset) => ({
              offset: String(offset),
              timestamp: String(timestampMs),
              key: key.toString('hex'),
              value: value === null ? null : Buffer.from(value).toString('hex'),
              headers: Object.fromEntries(headers),
            })),
          );
          expect(sealed.readUInt32BE(17)).toBe(crc32c(sealed.subarray(21)));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('ten thousand records of all sizes grow the buffer without a flaw', async () => {
    const batch = new RecordBatch();
    const values = Array.from({ length: 10_000 }, (_, index) => 'ü€😀x'.repeat(index % 97));
    const key = Buffer.from('key');
    for (const value of values) batch.append(1, key, key.length, value, encodeHeaders([]));
    const { records } = await decodeBatch(await batch.seal(compression, PRODUCER, 0));
    expect(records.map(({ value }) => value?.toString())).toStrictEqual(values);
  });
});

test('only the first bytes of the key buffer are the key', async () => {
  const batch = new RecordBatch();
  batch.append(1, Buffer.from('keys of before'), 3, 'v', encodeHeaders([]));
  const { records } = await decodeBatch(await batch.seal('none', PRODUCER, 0));
  expect(records[0]?.key.toString()).toBe('key');
});

function plain({
  offset,
  timestamp,
  key,
  value,
  headers,
}: Awaited<ReturnType<typeof decodeBatch>>['records'][number]) {
  return {
    offset,
    timestamp,
    key: key.toString('hex'),
    value: value === null ? null : value.toString('hex'),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, text]) => [name, text.toString('latin1')]),
    ),
  };
}

/** CRC-32C bit by bit, as its definition says. */
function crc32c(data: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
