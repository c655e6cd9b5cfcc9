import type { ByteReader } from './byte-reader.ts';
import type { Prepared, StreamedMessage } from './messages.ts';

/** Microseconds from 1970-01-01 to 2000-01-01, where Postgres counts from. */
const POSTGRES_EPOCH_US = 946_684_800_000_000;

/** The body of a message of protocol 2 to 4. Throws RangeError where it is unknown, cut or out of place. */
export function decodeStreamed(tag: string, reader: ByteReader, isInStream: boolean): StreamedMessage {
  switch (tag) {
    case 'S':
      if (isInStream) throw new RangeError('a stream starts inside of a stream');
      return { tag: 'stream-start', xid: reader.uint32(), isFirst: reader.uint8() === 1 };
    case 'E':
      if (!isInStream) throw new RangeError('a stream stops that did not start');
      return { tag: 'stream-stop' };
    case 'c': {
      const xid = reader.uint32();
      reader.uint8(); // flags, unused
      const [commitLsn, endLsn] = [reader.uint64(), reader.uint64()];
      return { tag: 'stream-commit', xid, commitLsn, endLsn, commitTsUs: timestampUs(reader) };
    }
    case 'A': {
      const [xid, subXid] = [reader.uint32(), reader.uint32()];
      // Whether they are there depends on what was asked for, not on the message.
      const abort = reader.atEnd ? null : { lsn: reader.uint64(), tsUs: timestampUs(reader) };
      return { tag: 'stream-abort', xid, subXid, abort };
    }
    case 'b':
      return { tag: 'begin-prepare', ...prepared(reader) };
    case 'P':
    case 'p':
      reader.uint8(); // flags, unused
      return { tag: tag === 'P' ? 'prepare' : 'stream-prepare', ...prepared(reader) };
    case 'K': {
      reader.uint8(); // flags, unused
      const [commitLsn, endLsn] = [reader.uint64(), reader.uint64()];
      return { tag: 'commit-prepared', commitLsn, endLsn, commitTsUs: timestampUs(reader), ...named(reader) };
    }
    case 'r': {
      reader.uint8(); // flags, unused
      const [prepareEndLsn, endLsn] = [reader.uint64(), reader.uint64()];
      const [prepareTsUs, rollbackTsUs] = [timestampUs(reader), timestampUs(reader)];
      return {
        tag: 'rollback-prepared',
        prepareEndLsn,
        endLsn,
        prepareTsUs,
        rollbackTsUs,
        ...named(reader),
      };
    }
    default:
      throw new RangeError('unknown tag');
  }
}

/** Microseconds since 1970 as a number: exact until the year 2255. */
export function timestampUs(reader: ByteReader): number {
  return reader.int64AsNumber() + POSTGRES_EPOCH_US;
}

function prepared(reader: ByteReader): Prepared {
  const [prepareLsn, endLsn] = [reader.uint64(), reader.uint64()];
  return { prepareLsn, endLsn, prepareTsUs: timestampUs(reader), ...named(reader) };
}

function named(reader: ByteReader): { xid: number; gid: string } {
  return { xid: reader.uint32(), gid: reader.zeroTerminated() };
}
