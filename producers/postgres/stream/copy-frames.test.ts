import fc from 'fast-check';
import { expect, test } from 'vitest';
import { copyFrames } from './copy-frames.ts';

const frame = (type: string, body: Uint8Array) => {
  const header = Buffer.alloc(5);
  header.write(type);
  header.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
};

/** Cuts these bytes into reads at the given places and returns what leaves, in order. */
function split(bytes: Buffer, places: readonly number[]): { type: string; bytes: string }[] {
  const left: { type: string; bytes: string }[] = [];
  const push = copyFrames(
    (run) => left.push({ type: 'd', bytes: run.bytes.toString('hex', run.start, run.end) }),
    (message) => left.push({ type: 'other', bytes: message.toString('hex') }),
  );
  const borders = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].toSorted(
    (one, other) => one - other,
  );
  for (const [index, border] of borders.entries()) push(bytes.subarray(border, borders[index + 1]));
  return left;
}

/** Runs that follow each other are one: where a read ends says nothing. */
function joined(left: readonly { type: string; bytes: string }[]): { type: string; bytes: string }[] {
  const out: { type: string; bytes: string }[] = [];
  for (const { type, bytes } of left) {
    const last = out.at(-1);
    if (type === 'd' && last?.type === 'd') last.bytes += bytes;
    else out.push({ type, bytes });
  }
  return out;
}

test('every message leaves whole and in order, wherever the reads are cut', () => {
  const messages = fc.array(fc.tuple(fc.constantFrom('d', 'd', 'd', 'W', 'N'), fc.uint8Array()));
  fc.assert(
    fc.property(messages, fc.array(fc.nat(), { maxLength: 40 }), (sent, places) => {
      const frames = sent.map(([type, body]) => ({ type, frame: frame(type, body) }));
      const expected = frames.map(({ type, frame: bytes }) => ({
        type: type === 'd' ? 'd' : 'other',
        bytes: bytes.toString('hex'),
      }));
      const bytes = Buffer.concat(frames.map((sentFrame) => sentFrame.frame));
      expect(joined(split(bytes, places))).toStrictEqual(joined(expected));
    }),
    { numRuns: 1_000 },
  );
});

test('a message of which a byte is missing does not leave', () => {
  const whole = frame('d', Buffer.alloc(100));
  expect(split(whole.subarray(0, -1), [3, 50])).toStrictEqual([]);
  expect(split(whole, [3, 50])).toHaveLength(1);
});

test('a length that no message can have is refused', () => {
  expect(() => split(Buffer.from([0x64, 0, 0, 0, 3]), [])).toThrow(RangeError);
  expect(() => split(Buffer.from([0x64, 0xff, 0xff, 0xff, 0xff]), [2])).toThrow(RangeError);
});
