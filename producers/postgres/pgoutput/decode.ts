import { toError } from '../../../core/errors.ts';
import { ByteReader } from './byte-reader.ts';
import { decodeChange, type BinaryValue, type ChangeTag } from './decode-change.ts';
import { decodeStreamed, timestampUs } from './decode-streamed.ts';
import type { PgoutputMessage, StreamedMessage } from './messages.ts';
import { UndecodableMessage } from './undecodable-message.ts';

export interface PgoutputDecoder<Binary = never> {
  /**
   * Decodes the message in this range of `bytes` (`end` is behind its last byte) and keeps nothing of them. Throws
   * UndecodableMessage for an unknown tag, a cut message or bytes left over; the decoder is then as it was before.
   */
  decode(bytes: Buffer, start?: number, end?: number): PgoutputMessage<Binary> | StreamedMessage;
}

/**
 * A decoder for one connection, of protocol 1 to 4. It remembers whether it is inside of a stream, where messages carry a
 * transaction id more. A value in binary form is what `binaryValue` makes of it; without it, such a message is undecodable.
 */
export function createPgoutputDecoder<Binary = never>(
  binaryValue: BinaryValue<Binary> = refuseBinary,
): PgoutputDecoder<Binary> {
  const reader = new ByteReader();
  let isInStream = false;
  return {
    decode: (bytes, start = 0, end = bytes.length) => {
      const tag = start < end ? String.fromCharCode(bytes[start] ?? 0) : '';
      try {
        reader.open(bytes, Math.min(start + 1, end), end);
        const message = decodeBody(tag, reader, isInStream, binaryValue);
        if (!reader.atEnd) throw new RangeError('bytes are left over');
        if (tag === 'S') isInStream = true;
        else if (tag === 'E') isInStream = false;
        return message;
      } catch (error) {
        throw new UndecodableMessage(tag, toError(error).message);
      }
    },
  };
}

function decodeBody<Binary>(
  tag: string,
  reader: ByteReader,
  isInStream: boolean,
  binaryValue: BinaryValue<Binary>,
): PgoutputMessage<Binary> | StreamedMessage {
  switch (tag) {
    case 'B': {
      const commitLsn = reader.uint64();
      return { tag: 'begin', commitLsn, commitTsUs: timestampUs(reader), xid: reader.uint32() };
    }
    case 'C': {
      reader.uint8(); // flags, unused
      const message = { tag: 'commit', commitLsn: reader.uint64(), endLsn: reader.uint64() } as const;
      reader.int64AsNumber(); // commit time, known from begin
      return message;
    }
    case 'O':
      return { tag: 'origin', commitLsn: reader.uint64(), name: reader.zeroTerminated() };
    case 'R':
    case 'Y':
    case 'I':
    case 'U':
    case 'D':
    case 'T':
    case 'M':
      return inStream(tag, reader, isInStream, binaryValue);
    default:
      return decodeStreamed(tag, reader, isInStream);
  }
}

function inStream<Binary>(
  tag: ChangeTag,
  reader: ByteReader,
  isInStream: boolean,
  binaryValue: BinaryValue<Binary>,
): PgoutputMessage<Binary> {
  if (!isInStream) return decodeChange(tag, reader, binaryValue);
  const xid = reader.uint32();
  return { ...decodeChange(tag, reader, binaryValue), xid };
}

function refuseBinary(): never {
  throw new RangeError('a value came in binary form, which was not asked for');
}
