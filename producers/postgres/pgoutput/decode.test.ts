import { describe, expect, test } from 'vitest';
import { createPgoutputDecoder } from './decode.ts';
import { UndecodableMessage } from './undecodable-message.ts';

const decode = (message: Buffer) => createPgoutputDecoder().decode(message);

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

describe('the bytes of the documentation', () => {
  test('begin carries the commit LSN, an unsigned xid and the commit time to the microsecond', () => {
    // Postgres counts from 2000-01-01.
    const message = bytes(
      'B',
      uint64(0xffff_ffff_0000_0001n),
      uint64(BigInt(Date.UTC(2026, 0, 1) - Date.UTC(2000, 0, 1)) * 1000n + 1n),
      uint32(4_000_000_000),
    );
    expect(decode(message)).toStrictEqual({
      tag: 'begin',
      commitLsn: 0xffff_ffff_0000_0001n,
      commitTsUs: Date.UTC(2026, 0, 1) * 1000 + 1,
      xid: 4_000_000_000,
    });
  });

  test('a commit before the year 2000 keeps its microseconds too', () => {
    const message = bytes('B', uint64(1n), uint64(BigInt.asUintN(64, -1n)), uint32(1));
    expect(decode(message)).toMatchObject({ commitTsUs: Date.UTC(2000, 0, 1) * 1000 - 1 });
  });

  test('commit carries the end LSN, which is what may be acknowledged', () => {
    const message = bytes('C', 0, uint64(10n), uint64(18n), uint64(0n));
    expect(decode(message)).toStrictEqual({ tag: 'commit', commitLsn: 10n, endLsn: 18n });
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
      uint32(3_000_000_001),
      uint32(0xffffffff),
    );
    expect(decode(message)).toStrictEqual({
      tag: 'relation',
      oid: 3_000_000_000,
      schema: 'public',
      name: 'größe',
      replicaIdentity: 'full',
      columns: [{ isIdentity: true, name: 'id', typeOid: 3_000_000_001, typeModifier: -1 }],
    });
  });

  test('null, an unchanged TOAST value and an empty text are three different things', () => {
    const message = bytes('U', uint32(1), 'N', uint16(3), 'n', 'u', text(''));
    expect(decode(message)).toStrictEqual({
      tag: 'update',
      oid: 1,
      oldKind: 'none',
      before: null,
      after: [null, undefined, ''],
    });
  });

  test('ASCII and other texts stand side by side in one row, short and long', () => {
    const texts = ['a', 'größe', 'x'.repeat(5_000), '日本'.repeat(2_000), '1234567', '🙂'];
    const message = bytes('I', uint32(1), 'N', uint16(texts.length), ...texts.map(text));
    expect(decode(message)).toMatchObject({ after: texts });
    const short = texts.filter((value) => value.length < 100);
    expect(decode(bytes('I', uint32(1), 'N', uint16(short.length), ...short.map(text)))).toMatchObject({
      after: short,
    });
  });

  test('an update tells an old key from an old row', () => {
    const oldKey = bytes('U', uint32(1), 'K', uint16(1), text('1'), 'N', uint16(1), text('2'));
    expect(decode(oldKey)).toMatchObject({ oldKind: 'key', before: ['1'], after: ['2'] });
    const oldRow = bytes('U', uint32(1), 'O', uint16(1), text('1'), 'N', uint16(1), text('2'));
    expect(decode(oldRow)).toMatchObject({ oldKind: 'full' });
  });

  test('delete, truncate, message, type and origin are read', () => {
    expect(decode(bytes('D', uint32(1), 'K', uint16(1), text('x')))).toStrictEqual({
      tag: 'delete',
      oid: 1,
      oldKind: 'key',
      before: ['x'],
    });
    expect(decode(bytes('T', uint32(2), 3, uint32(7), uint32(8)))).toStrictEqual({
      tag: 'truncate',
      oids: [7, 8],
      cascade: true,
      restartIdentity: true,
    });
    expect(decode(bytes('M', 1, uint64(5n), 'tailrace\0', uint32(2), 'hi'))).toStrictEqual({
      tag: 'message',
      transactional: true,
      lsn: 5n,
      prefix: 'tailrace',
      content: 'hi',
    });
    expect(decode(bytes('Y', uint32(9), '\0', 'mood\0'))).toStrictEqual({
      tag: 'type',
      oid: 9,
      schema: 'pg_catalog',
      name: 'mood',
    });
    expect(decode(bytes('O', uint64(1n), 'upstream\0'))).toStrictEqual({
      tag: 'origin',
      commitLsn: 1n,
      name: 'upstream',
    });
  });

  test('inside of a stream a change carries its subtransaction, and a rollback names it', () => {
    const decoder = createPgoutputDecoder();
    const row = bytes('N', uint16(1), text('x'));
    expect(decoder.decode(bytes('S', uint32(3_000_000_000), 1))).toStrictEqual({
      tag: 'stream-start',
      xid: 3_000_000_000,
      isFirst: true,
    });
    expect(decoder.decode(bytes('I', uint32(3_000_000_001), uint32(7), row))).toStrictEqual({
      tag: 'insert',
      oid: 7,
      after: ['x'],
      xid: 3_000_000_001,
    });
    expect(decoder.decode(bytes('E'))).toStrictEqual({ tag: 'stream-stop' });
    expect(decoder.decode(bytes('I', uint32(7), row))).toStrictEqual({ tag: 'insert', oid: 7, after: ['x'] });
    expect(decoder.decode(bytes('A', uint32(3_000_000_000), uint32(3_000_000_001)))).toStrictEqual({
      tag: 'stream-abort',
      xid: 3_000_000_000,
      subXid: 3_000_000_001,
      abort: null,
    });
  });
});

describe('what cannot be decoded', () => {
  test('an unknown tag, a cut message, bytes left over and a stop without start name the tag', () => {
    for (const message of [
      bytes('X', uint32(1)),
      bytes('I', uint32(1), 'N', uint16(2), text('a')),
      bytes('Y', uint32(9), 'a\0', 'b\0', 1),
      bytes('E'),
    ]) {
      expect(() => decode(message)).toThrow(UndecodableMessage);
      expect(() => decode(message)).toThrow(JSON.stringify(String.fromCharCode(message[0] ?? 0)));
    }
  });

  test('a message without bytes has no tag', () => {
    expect(() => decode(Buffer.alloc(0))).toThrow(new UndecodableMessage('', 'unknown tag'));
  });

  test('a value in binary form is refused by a decoder that expects text, and copied by one that reads it', () => {
    const message = bytes('I', uint32(1), 'N', uint16(1), 'b', uint32(2), 1, 2);
    expect(() => decode(message)).toThrow('not asked for');
    const read = createPgoutputDecoder((value) => value).decode(message);
    message.fill(0);
    expect(read).toMatchObject({ after: [new Uint8Array([1, 2])] });
  });

  test('an error names no value', () => {
    const message = bytes('I', uint32(1), 'N', uint16(2), text('secret'), 'q');
    expect(() => decode(message)).toThrow(new UndecodableMessage('I', 'a column of unknown kind 113'));
  });
});
