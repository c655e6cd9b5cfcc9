import type { PgoutputMessage, Prepared, StreamedMessage, Tuple } from './messages.ts';

/** For tests: writes messages as the server does, from the documentation's "Logical Replication Message Formats". */
export function encodeMessage(message: PgoutputMessage<Uint8Array> | StreamedMessage): Buffer {
  switch (message.tag) {
    case 'begin':
      return bytes('B', uint64(message.commitLsn), timestamp(message.commitTsUs), uint32(message.xid));
    case 'commit':
      return bytes('C', uint8(0), uint64(message.commitLsn), uint64(message.endLsn), timestamp(0));
    case 'origin':
      return bytes('O', uint64(message.commitLsn), zeroTerminated(message.name));
    case 'relation':
      return bytes(
        'R',
        xid(message),
        uint32(message.oid),
        zeroTerminated(message.schema),
        zeroTerminated(message.name),
        { default: 'd', nothing: 'n', full: 'f', index: 'i' }[message.replicaIdentity],
        uint16(message.columns.length),
        ...message.columns.flatMap((column) => [
          uint8(column.isIdentity ? 1 : 0),
          zeroTerminated(column.name),
          uint32(column.typeOid),
          uint32(column.typeModifier >>> 0),
        ]),
      );
    case 'type':
      return bytes(
        'Y',
        xid(message),
        uint32(message.oid),
        zeroTerminated(message.schema),
        zeroTerminated(message.name),
      );
    case 'insert':
      return bytes('I', xid(message), uint32(message.oid), 'N', tuple(message.after));
    case 'update':
      return bytes(
        'U',
        xid(message),
        uint32(message.oid),
        ...(message.before === null ? [] : [message.oldKind === 'key' ? 'K' : 'O', tuple(message.before)]),
        'N',
        tuple(message.after),
      );
    case 'delete':
      return bytes(
        'D',
        xid(message),
        uint32(message.oid),
        message.oldKind === 'key' ? 'K' : 'O',
        tuple(message.before),
      );
    case 'truncate':
      return bytes(
        'T',
        xid(message),
        uint32(message.oids.length),
        uint8((message.cascade ? 1 : 0) | (message.restartIdentity ? 2 : 0)),
        ...message.oids.map(uint32),
      );
    case 'message':
      return bytes(
        'M',
        xid(message),
        uint8(message.transactional ? 1 : 0),
        uint64(message.lsn),
        zeroTerminated(message.prefix),
        sized(Buffer.from(message.content)),
      );
    case 'stream-start':
      return bytes('S', uint32(message.xid), uint8(message.isFirst ? 1 : 0));
    case 'stream-stop':
      return bytes('E');
    case 'stream-commit':
      return bytes('c', uint32(message.xid), uint8(0), ends(message), timestamp(message.commitTsUs));
    case 'stream-abort': {
      const { abort } = message;
      const place = abort === null ? [] : [uint64(abort.lsn), timestamp(abort.tsUs)];
      return bytes('A', uint32(message.xid), uint32(message.subXid), ...place);
    }
    case 'begin-prepare':
      return bytes('b', prepared(message));
    case 'prepare':
    case 'stream-prepare':
      return bytes(message.tag === 'prepare' ? 'P' : 'p', uint8(0), prepared(message));
    case 'commit-prepared':
      return bytes('K', uint8(0), ends(message), timestamp(message.commitTsUs), named(message));
    case 'rollback-prepared':
      return bytes(
        'r',
        uint8(0),
        uint64(message.prepareEndLsn),
        uint64(message.endLsn),
        timestamp(message.prepareTsUs),
        timestamp(message.rollbackTsUs),
        named(message),
      );
  }
}

const POSTGRES_EPOCH_US = 946_684_800_000_000n;

function bytes(...parts: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

function uint8(value: number): Buffer {
  return Buffer.from([value]);
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255]);
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

function uint64(value: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(value);
  return buffer;
}

function timestamp(us: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(BigInt(us) - POSTGRES_EPOCH_US);
  return buffer;
}

function zeroTerminated(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

function sized(content: Uint8Array): Buffer {
  return bytes(uint32(content.length), Buffer.from(content));
}

function xid(message: { readonly xid?: number }): Buffer {
  return message.xid === undefined ? Buffer.alloc(0) : uint32(message.xid);
}

function ends(message: { readonly commitLsn: bigint; readonly endLsn: bigint }): Buffer {
  return bytes(uint64(message.commitLsn), uint64(message.endLsn));
}

function prepared(message: Prepared): Buffer {
  const { prepareLsn, endLsn, prepareTsUs } = message;
  return bytes(uint64(prepareLsn), uint64(endLsn), timestamp(prepareTsUs), named(message));
}

function named(message: { readonly xid: number; readonly gid: string }): Buffer {
  return bytes(uint32(message.xid), zeroTerminated(message.gid));
}

function tuple(values: Tuple<Uint8Array>): Buffer {
  return bytes(
    uint16(values.length),
    ...values.flatMap((value) => {
      if (value === null) return ['n'];
      if (value === undefined) return ['u'];
      return typeof value === 'string' ? ['t', sized(Buffer.from(value))] : ['b', sized(value)];
    }),
  );
}
