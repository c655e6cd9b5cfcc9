import { LogicalReplicationService } from 'pg-logical-replication';
import { TailraceError, toError } from '../../core/errors.ts';
import { formatLsn, parseLsn } from '../../schemas/lsn.ts';
import { sourceClientConfig, sourceError } from './connection.ts';
import { decodePgoutput, UndecodableMessage } from './pgoutput/decode.ts';
import type { PgoutputMessage } from './pgoutput/messages.ts';

/** One item of the stream. `lsn` is where the message starts in the WAL; for a keepalive the end of the WAL sent so far. */
export type WalItem =
  | { readonly lsn: bigint; readonly message: PgoutputMessage }
  | { readonly lsn: bigint; readonly keepalive: true };

/**
 * Reads a slot. Iterating gives what has arrived since the last step, in order; the socket is paused while too much
 * waits, so a slow reader holds back Postgres and memory stays flat. Ends when stopped; throws SOURCE_* or CAPTURE_UNDECODABLE.
 */
export interface WalStream extends AsyncIterable<readonly WalItem[]> {
  /** Tells Postgres that everything before this LSN is safe and will never be asked for again. */
  acknowledge(lsn: bigint): void;
  /**
   * Ends the iteration with the transaction that is being read, whose first changes may be in Kafka already, unless that
   * takes too long; the connection stays, so that what was read can still be acknowledged.
   */
  stop(): void;
  close(): Promise<void>;
}

type Plugin = Parameters<LogicalReplicationService['subscribe']>[0];

const MAX_WAITING_ITEMS = 4_096;
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Well below wal_sender_timeout, 60 s by default. */
const STATUS_INTERVAL_MS = 5_000;
/** A transaction that is longer comes again after the restart. */
const STOP_LIMIT_MS = 2_000;

/**
 * The library's extension point: the options of START_REPLICATION, and our own decoding. Decoding happens at once, because
 * the buffer is used again for the next message; an error must not be thrown into the socket's handler: the reader meets
 * it in order.
 */
function pgoutputPlugin(publication: string, state: StreamState): Plugin {
  return {
    name: 'pgoutput',
    options: {},
    parse: (bytes) => {
      state.waitingBytes += bytes.length;
      try {
        return decodePgoutput(bytes);
      } catch (error) {
        return error instanceof UndecodableMessage
          ? error
          : new UndecodableMessage('?', toError(error).message);
      }
    },
    start: async (client, slot, lsn) => {
      state.socket = (
        client as unknown as { connection: { stream: StreamState['socket'] } }
      ).connection.stream;
      const name = publication.replaceAll('"', '""').replaceAll("'", "''");
      await client.query(
        `START_REPLICATION SLOT "${slot}" LOGICAL ${lsn} (proto_version '1', publication_names '"${name}"', messages 'true')`,
      );
    },
  };
}

interface StreamState {
  waiting: WalItem[];
  waitingBytes: number;
  failure: Error | null;
  /** Whether what the reader has taken ends inside of a transaction. */
  insideTransaction: boolean;
  stopping: boolean;
  ended: boolean;
  socket: { pause(): void; resume(): void } | null;
  /** Resolves the reader's wait for the next item. */
  wake: () => void;
}

/**
 * Starts reading `slot` where it was acknowledged last. pg-logical-replication does the handshake, the framing and the
 * status messages; decoding, back-pressure and the decision what to acknowledge are ours (docs/decisions/0004).
 */
export function openWalStream(source: {
  url: string;
  slot: string;
  publication: string;
  /** Where the slot stands. Postgres wants an answer also while the first transaction is still coming in. */
  confirmedLsn: bigint | null;
}): WalStream {
  const state: StreamState = {
    waiting: [],
    waitingBytes: 0,
    failure: null,
    insideTransaction: false,
    stopping: false,
    ended: false,
    socket: null,
    wake: () => undefined,
  };
  const service = new LogicalReplicationService(
    // The library adds `replication: 'database'` itself.
    sourceClientConfig(source.url, `tailrace ${source.slot}`),
    // Neither its automatic acknowledgement nor its timer may run: both acknowledge what was merely received.
    { acknowledge: { auto: false, timeoutSeconds: 0 } },
  );
  let acknowledged = source.confirmedLsn;
  const sendStatus = () => {
    // The library adds one to what it is given; exactly the acknowledged LSN must arrive.
    if (acknowledged !== null) service.acknowledge(formatLsn(acknowledged - 1n)).catch(() => undefined);
  };
  const timer = setInterval(sendStatus, STATUS_INTERVAL_MS);
  const fail = (error: unknown) => {
    state.failure ??=
      error instanceof UndecodableMessage ? undecodable(error) : sourceError(error, source.url);
    state.wake();
  };
  const push = (item: WalItem) => {
    state.waiting.push(item);
    if (state.waiting.length >= MAX_WAITING_ITEMS || state.waitingBytes >= MAX_WAITING_BYTES)
      state.socket?.pause();
    state.wake();
  };
  service.on('data', (lsn: string, message: PgoutputMessage | UndecodableMessage) => {
    if (message instanceof UndecodableMessage)
      fail(new UndecodableMessage(message.tag, `${message.message} at ${lsn}`));
    else push({ lsn: parseLsn(lsn), message });
  });
  service.on('heartbeat', (lsn: string, _timestamp: number, shouldRespond: boolean) => {
    push({ lsn: parseLsn(lsn), keepalive: true });
    if (shouldRespond) sendStatus();
  });
  service.on('error', fail);
  service
    .subscribe(pgoutputPlugin(source.publication, state), source.slot, '0/0')
    .then(() => fail(new Error('the replication connection was closed by the server')), fail);
  let stopTimer: NodeJS.Timeout | undefined;
  const end = () => {
    state.ended = true;
    state.wake();
  };
  return {
    acknowledge: (lsn) => {
      if (acknowledged !== null && lsn <= acknowledged) return;
      acknowledged = lsn;
      sendStatus();
    },
    stop: () => {
      state.stopping = true;
      stopTimer ??= setTimeout(end, STOP_LIMIT_MS);
      state.wake();
    },
    close: async () => {
      clearInterval(timer);
      clearTimeout(stopTimer);
      end();
      await service.destroy().catch(() => undefined);
    },
    [Symbol.asyncIterator]: () => read(state),
  };
}

async function* read(state: StreamState): AsyncGenerator<readonly WalItem[]> {
  for (;;) {
    if (state.ended || (state.stopping && !state.insideTransaction)) return;
    if (state.waiting.length > 0) {
      const items = state.waiting;
      state.waiting = [];
      state.waitingBytes = 0;
      state.insideTransaction = endsInside(items) ?? state.insideTransaction;
      state.socket?.resume();
      yield items;
      continue;
    }
    if (state.failure !== null) throw state.failure;
    await new Promise<void>((resolve) => {
      state.wake = resolve;
    });
  }
}

/** Whether the last of these items belongs to a transaction that goes on; undefined when they do not tell. */
function endsInside(items: readonly WalItem[]): boolean | undefined {
  const border = items.findLast(
    (item) => 'message' in item && (item.message.tag === 'begin' || item.message.tag === 'commit'),
  );
  return border === undefined ? undefined : 'message' in border && border.message.tag === 'begin';
}

function undecodable(error: UndecodableMessage): TailraceError {
  return new TailraceError(
    'CAPTURE_UNDECODABLE',
    `a message of the replication stream cannot be decoded: ${error.message}`,
    'nothing was acknowledged past it; report this with the server version, it is a defect of Tailrace or a broken connection',
    { cause: error },
  );
}
