import { describe, expect, test } from 'vitest';
import { decodePgoutput, UndecodableMessage } from './decode.ts';

const bytes = (...parts: (string | number | Buffer)[]) =>
  Buffer.concat(
    parts.map((part) =>
      typeof part === 'number' ? Buffer.from([part]) : typeof part === 'string' ? Buffer.from(part) : part,
    ),
  );
const uint16 = (value: number) => Buffer.from([value >> 8, value & 255]);
const uint32 = (value: number) => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
};
const uint64 = (value: bigint) => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(value);
  return buffer;
};
const text = (value: string) => bytes('t', uint32(Buffer.byteLength(value)), value);

describe('decodePgoutput', () => {
  test('begin carries the commit LSN, an unsigned xid and the commit time to the microsecond', () => {
    // Postgres counts from 2000-01-01.
    const message = bytes(
      'B',
      uint64(0xffff_ffff_0000_0001n),
      uint64(BigInt(Date.UTC(2026, 0, 1) - Date.UTC(2000, 0, 1)) * 1000n + 1n),
      uint32(4_000_000_000),
    );
    expect(decodePgoutput(message)).toStrictEqual({
      tag: 'begin',
      commitLsn: 0xffff_ffff_0000_0001n,
      commitTsUs: Date.UTC(2026, 0, 1) * 1000 + 1,
      xid: 4_000_000_000,
    });
  });

  test('commit carries the end LSN, which is what may be acknowledged', () => {
    const message = bytes('C', 0, uint64(10n), uint64(18n), uint64(0n));
    expect(decodePgoutput(message)).toStrictEqual({ tag: 'commit', commitLsn: 10n, endLsn: 18n });
  });

  test('a relation names its columns with unsigned type oids and signed modifiers', () => {
    const message = bytes(
      'R',
      uint32(3_000_000_000),
      'public\0',
      'größe\0',
      'f',
      uint16(1),
      1,
      'id\0',
      uint32(20),
      uint32(0xffffffff),
    );
    expect(decodePgoutput(message)).toStrictEqual({
      tag: 'relation',
      oid: 3_000_000_000,
      schema: 'public',
      name: 'größe',
      replicaIdentity: 'full',
      columns: [{ name: 'id', typeOid: 20, typeModifier: -1 }],
    });
  });

  test('null, an unchanged TOAST value and an empty text are three different things', () => {
    const message = bytes('U', uint32(1), 'N', uint16(3), 'n', 'u', text(''));
    expect(decodePgoutput(message)).toStrictEqual({
      tag: 'update',
      oid: 1,
      oldKind: 'none',
      before: null,
      after: [null, undefined, ''],
    });
  });

  test('an update tells an old key from an old row', () => {
    const oldKey = bytes('U', uint32(1), 'K', uint16(1), text('1'), 'N', uint16(1), text('2'));
    expect(decodePgoutput(oldKey)).toMatchObject({ oldKind: 'key', before: ['1'], after: ['2'] });
    const oldRow = bytes('U', uint32(1), 'O', uint16(1), text('1'), 'N', uint16(1), text('2'));
    expect(decodePgoutput(oldRow)).toMatchObject({ oldKind: 'full' });
  });

  test('delete, truncate, message, type and origin are read', () => {
    expect(decodePgoutput(bytes('D', uint32(1), 'K', uint16(1), text('x')))).toStrictEqual({
      tag: 'delete',
      oid: 1,
      oldKind: 'key',
      before: ['x'],
    });
    expect(decodePgoutput(bytes('T', uint32(2), 3, uint32(7), uint32(8)))).toStrictEqual({
      tag: 'truncate',
      oids: [7, 8],
      cascade: true,
      restartIdentity: true,
    });
    expect(decodePgoutput(bytes('M', 1, uint64(5n), 'tailrace\0', uint32(2), 'hi'))).toStrictEqual({
      tag: 'message',
      transactional: true,
      lsn: 5n,
      prefix: 'tailrace',
      content: 'hi',
    });
    expect(decodePgoutput(bytes('Y', uint32(9), 'public\0', 'mood\0'))).toMatchObject({
      tag: 'type',
      name: 'mood',
    });
    expect(decodePgoutput(bytes('O', uint64(1n), 'upstream\0'))).toMatchObject({
      tag: 'origin',
      name: 'upstream',
    });
  });

  test('an unknown tag, a cut message and bytes left over name the tag', () => {
    for (const message of [
      bytes('S', uint32(1)),
      bytes('I', uint32(1), 'N', uint16(2), text('a')),
      bytes('Y', uint32(9), 'a\0', 'b\0', 1),
    ]) {
      expect(() => decodePgoutput(message)).toThrow(UndecodableMessage);
      expect(() => decodePgoutput(message)).toThrow(JSON.stringify(String.fromCharCode(message[0] ?? 0)));
    }
  });
});
