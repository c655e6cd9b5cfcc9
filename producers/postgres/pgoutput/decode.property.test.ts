import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPgoutputDecoder } from './decode.ts';
import { change, message, uint32 } from './message-arbitrary.ts';
import { encodeMessage } from './message-encoder.ts';
import { UndecodableMessage } from './undecodable-message.ts';

const newDecoder = () => createPgoutputDecoder((bytes) => bytes);

/** Bytes decode, or are refused in the one way that a reader of the stream expects. */
function decodesOrRefuses(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    if (error instanceof UndecodableMessage) return false;
    throw error;
  }
}

test('every message comes out as it went in, wherever it lies in the buffer', () => {
  fc.assert(
    fc.property(message, fc.nat(40), fc.nat(40), (sent, before, behind) => {
      const encoded = encodeMessage(sent);
      const buffer = Buffer.concat([Buffer.alloc(before, 0xff), encoded, Buffer.alloc(behind, 0xff)]);
      expect(newDecoder().decode(buffer, before, before + encoded.length)).toStrictEqual(sent);
    }),
    { numRuns: 2_000 },
  );
});

test('inside of a stream every change names its transaction, outside none does', () => {
  fc.assert(
    fc.property(uint32, fc.array(fc.tuple(change, uint32)), message, (xid, changes, after) => {
      const decoder = newDecoder();
      const start = { tag: 'stream-start', xid, isFirst: true } as const;
      const inside = changes.map(([sent, subXid]) => ({ ...sent, xid: subXid }));
      for (const sent of [start, ...inside, { tag: 'stream-stop' } as const, after])
        expect(decoder.decode(encodeMessage(sent))).toStrictEqual(sent);
    }),
  );
});

test('a message that is cut anywhere is undecodable, and one byte more as well', () => {
  fc.assert(
    fc.property(message, (sent) => {
      const encoded = encodeMessage(sent);
      // Without its place the rolled back transaction's message is whole again.
      const isWhole = (length: number) => sent.tag === 'stream-abort' && length === 9;
      const wrong = Array.from({ length: encoded.length }, (_, length) => length).filter(
        (length) => !isWhole(length),
      );
      for (const length of wrong)
        expect(() => newDecoder().decode(encoded.subarray(0, length))).toThrow(UndecodableMessage);
      expect(() => newDecoder().decode(Buffer.concat([encoded, Buffer.alloc(1)]))).toThrow(
        UndecodableMessage,
      );
    }),
    { numRuns: 300 },
  );
});

test('the bytes behind a cut message never become part of it', () => {
  fc.assert(
    fc.property(message, message, fc.nat(), (sent, next, place) => {
      const encoded = encodeMessage(sent);
      const cut = place % encoded.length;
      fc.pre(sent.tag !== 'stream-abort');
      const buffer = Buffer.concat([encoded, encodeMessage(next)]);
      expect(() => newDecoder().decode(buffer, 0, cut)).toThrow(UndecodableMessage);
    }),
    { numRuns: 2_000 },
  );
});

test('random bytes are decoded or refused, and the decoder goes on with the next message', () => {
  const tags = fc.constantFrom(...Buffer.from('BCORYIUDTMSEcAbPKrpX\0'));
  fc.assert(
    fc.property(tags, fc.uint8Array({ maxLength: 80 }), message, (tag, body, next) => {
      const decoder = newDecoder();
      const random = Buffer.from([tag, ...body]);
      decodesOrRefuses(() => decoder.decode(random));
      if (tag === 'S'.charCodeAt(0)) decodesOrRefuses(() => decoder.decode(Buffer.from('E')));
      expect(decoder.decode(encodeMessage(next))).toStrictEqual(next);
    }),
    { numRuns: 5_000 },
  );
});
