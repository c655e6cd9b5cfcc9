import { TailraceError, toError } from '../../../core/errors.ts';
import { formatLsn } from '../../../schemas/lsn.ts';
import { HEADER_BYTES, messageBytes, type CopyRun } from './copy-frames.ts';
import type { PgoutputDecoder } from '../pgoutput/decode.ts';
import type { PgoutputMessage, StreamedMessage } from '../pgoutput/messages.ts';
import { UndecodableMessage } from '../pgoutput/undecodable-message.ts';

/**
 * One item of the stream. `lsn` is where the message starts in the WAL (of one that stands nowhere, as a relation: of the
 * message before it); for a keepalive the end of the WAL sent so far.
 */
export type WalItem =
  | { readonly lsn: bigint; readonly message: PgoutputMessage }
  | { readonly lsn: bigint; readonly keepalive: true }
  | UndecodableItem;

/**
 * A message that could not be read; the stream goes on behind it. One change can be set aside (tags I, U, D, T, M, Y, O);
 * what follows B, C or R depends on them, so nothing may go on behind those.
 */
export interface UndecodableItem {
  readonly lsn: bigint;
  readonly undecodable: {
    /** The message's first byte as a character. */
    readonly tag: string;
    /** The whole message, a copy. It holds row values. */
    readonly bytes: Buffer;
    /** What is wrong, without values. */
    readonly reason: string;
  };
}

/** The error to stop with at an item that must not be set aside. */
export function undecodableError({ lsn, undecodable }: UndecodableItem): TailraceError {
  return new TailraceError(
    'CAPTURE_UNDECODABLE',
    `a message of the replication stream with tag ${JSON.stringify(undecodable.tag)} at ${formatLsn(lsn)} cannot be decoded: ${undecodable.reason}`,
    'nothing was acknowledged past it; report this with the server version, it is a defect of Tailrace or a broken connection',
  );
}

const XLOG_DATA = 0x77; // w
const KEEPALIVE = 0x6b; // k
/** XLogData: kind, start, end of the WAL, time; the message follows. */
const XLOG_HEADER_BYTES = 25;
/** Keepalive: kind, end of the WAL, time, whether an answer is asked for. */
const KEEPALIVE_BYTES = 18;

/** Whether one of the run's keepalives asks for an answer at once. */
export function asksForAnswer({ bytes, start, end }: CopyRun): boolean {
  let offset = start;
  while (offset < end) {
    if (
      bytes[offset + HEADER_BYTES] === KEEPALIVE &&
      bytes[offset + HEADER_BYTES + KEEPALIVE_BYTES - 1] === 1
    )
      return true;
    offset += messageBytes(bytes, offset);
  }
  return false;
}

/** Decodes runs of CopyData into items, in order. One instance serves one connection. */
export function walItemReader(decoder: PgoutputDecoder): (run: CopyRun, into: WalItem[]) => void {
  let lastLsn = 0n;

  const readMessage = (bytes: Buffer, start: number, end: number): WalItem => {
    try {
      const message = decoder.decode(bytes, start, end);
      if (isStreamed(message)) throw new UndecodableMessage(message.tag, 'it was not asked for');
      return { lsn: lastLsn, message };
    } catch (error) {
      const tag = start < end ? String.fromCharCode(bytes[start] ?? 0) : '';
      const reason = toError(error).message;
      return { lsn: lastLsn, undecodable: { tag, bytes: Buffer.from(bytes.subarray(start, end)), reason } };
    }
  };

  return ({ bytes, start, end }, into) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let offset = start;
    while (offset < end) {
      const body = offset + HEADER_BYTES;
      offset += messageBytes(bytes, offset);
      const kind = bytes[body];
      if (kind === XLOG_DATA && offset - body >= XLOG_HEADER_BYTES) {
        lastLsn = view.getBigUint64(body + 1) || lastLsn;
        into.push(readMessage(bytes, body + XLOG_HEADER_BYTES, offset));
      } else if (kind === KEEPALIVE && offset - body === KEEPALIVE_BYTES) {
        into.push({ lsn: view.getBigUint64(body + 1), keepalive: true });
      } else {
        const broken = Buffer.from(bytes.subarray(body, offset));
        const reason = 'neither data nor a keepalive of the replication protocol';
        into.push({
          lsn: lastLsn,
          undecodable: { tag: String.fromCharCode(kind ?? 0), bytes: broken, reason },
        });
      }
    }
  };
}

const STREAMED_TAGS: ReadonlySet<string> = new Set<StreamedMessage['tag']>([
  'stream-start',
  'stream-stop',
  'stream-commit',
  'stream-abort',
  'begin-prepare',
  'prepare',
  'stream-prepare',
  'commit-prepared',
  'rollback-prepared',
]);

function isStreamed(message: PgoutputMessage | StreamedMessage): message is StreamedMessage {
  return STREAMED_TAGS.has(message.tag);
}
