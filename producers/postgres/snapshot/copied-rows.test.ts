import { expect, test } from 'vitest';
import { RowCollector } from './copied-rows.ts';
import { copyFrames } from '../stream/copy-frames.ts';

/** What Postgres sends for these lines of COPY's text. */
function sent(lines: readonly string[]): Buffer {
  return Buffer.concat(
    lines.map((line) => {
      const content = Buffer.from(`${line}\n`);
      const header = Buffer.alloc(5, 'd');
      header.writeUInt32BE(content.length + 4, 1);
      return Buffer.concat([header, content]);
    }),
  );
}

function collect(reads: readonly Buffer[], byteLimit = 10_000_000): RowCollector {
  const rows = new RowCollector(byteLimit);
  const split = copyFrames(
    (run) => rows.add(run),
    () => undefined,
  );
  for (const read of reads) split(Buffer.from(read));
  return rows;
}

test('rows are whole wherever the reads are cut', () => {
  const bytes = sent(['1\tä', '2\t😀\\n', '3\t\\N']);
  const expected = [
    ['1', 'ä'],
    ['2', '😀\n'],
    ['3', null],
  ];
  for (let at = 1; at < bytes.length; at++) {
    const rows = collect([bytes.subarray(0, at), bytes.subarray(at)]);
    expect([...rows]).toStrictEqual(expected);
    expect(rows).toMatchObject({ count: 3, byteLength: 19, isCut: false, last: ['3', null] });
  }
  expect([...collect([...bytes].map((byte) => Buffer.of(byte)))]).toStrictEqual(expected);
});

test('rows stay whole and in order when they fill many pieces', () => {
  const lines = Array.from({ length: 2_000 }, (_, index) => `${index}\t${'x'.repeat(index)}`);
  const rows = collect([sent(lines)]);
  expect([...rows]).toStrictEqual(lines.map((line) => line.split('\t')));
  expect(rows).toMatchObject({ count: 2_000, last: ['1999', 'x'.repeat(1_999)] });
});

test('no rows are none', () => {
  const rows = collect([]);
  expect([...rows]).toStrictEqual([]);
  expect(rows).toMatchObject({ count: 0, byteLength: 0, isCut: false, last: null });
});

test('rows beyond the limit are dropped, whole rows before it stay', () => {
  const rows = collect([sent(['1', '22', '333', '4'])], 5);
  expect([...rows]).toStrictEqual([['1'], ['22']]);
  expect(rows).toMatchObject({ count: 2, isCut: true, last: ['22'] });
});

test('a row that is wider than the limit and than a piece is taken whole', () => {
  const wide = 'a'.repeat(1_000_000);
  const rows = collect([sent([wide, 'b'])], 4);
  expect([...rows]).toStrictEqual([[wide]]);
  expect(rows.isCut).toBe(true);
});
