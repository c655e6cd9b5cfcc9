import { describe, expect, test } from 'vitest';
import { TailraceError } from '../../../core/errors.ts';
import type { CopyRun } from './copy-frames.ts';
import { createPgoutputDecoder } from '../pgoutput/decode.ts';
import type { PgoutputMessage, StreamedMessage } from '../pgoutput/messages.ts';
import { encodeMessage } from '../pgoutput/message-encoder.ts';
import { asksForAnswer, undecodableError, walItemReader, type WalItem } from './wal-item.ts';

const copyData = (body: Buffer) => {
  const header = Buffer.alloc(5);
  header.write('d');
  header.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
};
const data = (lsn: bigint, message: Buffer) => {
  const header = Buffer.alloc(25);
  header.write('w');
  header.writeBigUInt64BE(lsn, 1);
  return copyData(Buffer.concat([header, message]));
};
const keepalive = (lsn: bigint, asks: boolean) => {
  const body = Buffer.alloc(18);
  body.write('k');
  body.writeBigUInt64BE(lsn, 1);
  body[17] = asks ? 1 : 0;
  return copyData(body);
};
/** A run in the middle of a buffer, as reads give them. */
const run = (...messages: Buffer[]): CopyRun => {
  const bytes = Buffer.concat([Buffer.from([1, 2, 3]), ...messages, Buffer.from([4])]);
  return { bytes, start: 3, end: bytes.length - 1 };
};
const read = (...messages: Buffer[]): WalItem[] => {
  const items: WalItem[] = [];
  walItemReader(createPgoutputDecoder())(run(...messages), items);
  return items;
};
const message = (sent: PgoutputMessage<Uint8Array> | StreamedMessage) => encodeMessage(sent);

const COMMIT = { tag: 'commit', commitLsn: 1n, endLsn: 2n } as const;
const TYPE = { tag: 'type', oid: 1, schema: 'public', name: 'mood' } as const;

describe('items', () => {
  test('have an unsigned LSN of 64 bits', () => {
    const lsn = 0xffff_ffff_ffff_fff0n;
    expect(read(data(lsn, message(COMMIT)), keepalive(lsn, false))).toStrictEqual([
      { lsn, message: COMMIT },
      { lsn, keepalive: true },
    ]);
  });

  test('of messages that stand nowhere in the WAL have the LSN before', () => {
    expect(read(data(7n, message(COMMIT)), data(0n, message(TYPE)))).toStrictEqual([
      { lsn: 7n, message: COMMIT },
      { lsn: 7n, message: TYPE },
    ]);
  });
});

describe('a message that cannot be decoded', () => {
  test('is an item with its tag and bytes, and the stream goes on behind it', () => {
    const broken = Buffer.from('Xabc');
    const items = read(data(7n, message(TYPE)), data(8n, broken), data(9n, message(COMMIT)));
    expect(items).toStrictEqual([
      { lsn: 7n, message: TYPE },
      {
        lsn: 8n,
        undecodable: { tag: 'X', bytes: broken, reason: 'pgoutput message "X": unknown tag' },
      },
      { lsn: 9n, message: COMMIT },
    ]);
  });

  test('keeps bytes of its own', () => {
    const sent = run(data(8n, Buffer.from('Xabc')));
    const items: WalItem[] = [];
    walItemReader(createPgoutputDecoder())(sent, items);
    sent.bytes.fill(0);
    expect(items).toMatchObject([{ undecodable: { bytes: Buffer.from('Xabc') } }]);
  });

  test('is one of a streamed transaction too, since none was asked for', () => {
    const start = message({ tag: 'stream-start', xid: 1, isFirst: true });
    expect(read(data(8n, start))).toMatchObject([{ lsn: 8n, undecodable: { tag: 'S' } }]);
  });

  test('is CopyData that is neither data nor a keepalive, or too short for either', () => {
    for (const body of ['', 'x', 'w', 'k1234'])
      expect(read(copyData(Buffer.from(body)), data(9n, message(COMMIT)))).toMatchObject([
        { undecodable: { bytes: Buffer.from(body) } },
        { lsn: 9n },
      ]);
  });

  test('becomes an error that names LSN and tag and no value', () => {
    const insert = Buffer.from('I\0\0\0\x01N\0\x02t\0\0\0\x06secretq');
    const [item] = read(data(0x1_0000_00ffn, insert));
    if (item === undefined || !('undecodable' in item)) throw new Error('the message was decoded');
    const error = undecodableError(item);
    expect(error).toBeInstanceOf(TailraceError);
    expect(error.code).toBe('CAPTURE_UNDECODABLE');
    expect(error.message).toContain('"I" at 1/FF');
    expect(error.message).not.toContain('secret');
  });
});

test('an answer is asked for by a keepalive that says so, wherever it stands', () => {
  const quiet = keepalive(1n, false);
  const asking = keepalive(2n, true);
  const change = data(3n, message(COMMIT));
  expect(asksForAnswer(run(quiet, change))).toBe(false);
  expect(asksForAnswer(run(change, quiet, asking))).toBe(true);
  expect(asksForAnswer(run(asking, change))).toBe(true);
});
