import { LogicalReplicationService } from 'pg-logical-replication';
import { formatLsn } from '../../../schemas/lsn.ts';
import { sourceClientConfig, sourceError } from '../connection.ts';
import { createPgoutputDecoder } from '../pgoutput/decode.ts';
import { openReplicationSocket, startReplication, type ReplicationSocket } from './replication-socket.ts';
import { asksForAnswer, walItemReader, type WalItem } from './wal-item.ts';
import { createWalQueue } from './wal-queue.ts';

export type { WalItem } from './wal-item.ts';

/**
 * Reads a slot. Iterating gives what has arrived since the last step, in order; the socket is paused while too much
 * waits, so a slow reader holds back Postgres and memory stays flat. Ends when stopped; throws SOURCE_* errors.
 */
export interface WalStream extends AsyncIterable<readonly WalItem[]> {
  /** Resolves when the slot is ours: nobody else reads it from then on. Rejects with the error that the iteration throws. */
  readonly ready: Promise<void>;
  /** When the server's last byte came, ms since 1970; null before. It stands still while a slow reader holds the socket. */
  readonly lastHeardAt: number | null;
  /** Tells Postgres that everything before this LSN is safe and will never be asked for again. */
  acknowledge(lsn: bigint): void;
  /**
   * Ends the iteration with the transaction that is being read, whose first changes may be in Kafka already, unless that
   * takes too long; the connection stays, so that what was read can still be acknowledged.
   */
  stop(): void;
  close(): Promise<void>;
}

export interface WalSource {
  readonly url: string;
  readonly slot: string;
  readonly publications: readonly string[];
  /** Where the slot stands. Postgres wants an answer also while the first transaction is still coming in. */
  readonly confirmedLsn: bigint | null;
  /** How often Postgres hears from an idle stream; by default as often as its wal_sender_timeout needs. */
  readonly statusIntervalMs?: number;
}

const STATUS_INTERVAL_MS = 5_000;
/** Postgres ends a connection that is silent for wal_sender_timeout. */
const STATUSES_PER_TIMEOUT = 4;
/** A transaction that is longer comes again after the restart. */
const STOP_LIMIT_MS = 2_000;
/** A server that does not answer to the goodbye must not hold up the end. */
const CLOSE_LIMIT_MS = 2_000;

/**
 * Starts reading the slot where it was acknowledged last. pg-logical-replication does the handshake and the status
 * messages; framing, decoding, back-pressure and the decision what to acknowledge are ours (docs/decisions/0004, 0008).
 */
export function openWalStream(source: WalSource): WalStream {
  const service = new LogicalReplicationService(
    // The library adds `replication: 'database'` itself.
    { ...sourceClientConfig(source.url, `tailrace ${source.slot}`), stream: openReplicationSocket },
    // Neither its automatic acknowledgement nor its timer may run: both acknowledge what was merely received.
    { acknowledge: { auto: false, timeoutSeconds: 0 } },
  );
  const queue = createWalQueue(walItemReader(createPgoutputDecoder()));
  let socket: ReplicationSocket | null = null;
  let lastHeardAt: number | null = null;
  let acknowledged = source.confirmedLsn;
  let pendingStatus: NodeJS.Immediate | undefined;
  let statusTimer: NodeJS.Timeout | undefined;
  let stopTimer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const ready = Promise.withResolvers<void>();
  // Whoever only iterates learns of it there.
  ready.promise.catch(() => undefined);
  const fail = (thrown: unknown) => {
    const error = sourceError(thrown, source.url);
    ready.reject(error);
    queue.fail(error);
  };

  const sendStatus = () => {
    clearImmediate(pendingStatus);
    pendingStatus = undefined;
    // The library adds one to what it is given; exactly the acknowledged LSN must arrive.
    if (acknowledged !== null) service.acknowledge(formatLsn(acknowledged - 1n)).catch(() => undefined);
  };

  service.on('error', fail);
  service
    .subscribe(
      {
        name: 'pgoutput',
        options: {},
        // Nothing comes this way: the socket's CopyData goes to `onRun`.
        parse: () => undefined,
        start: (client, slot) =>
          startReplication(client, slot, source.publications, {
            onReady: (opened, senderTimeoutMs) => {
              ready.resolve();
              socket = opened;
              queue.onFull = opened.pause;
              queue.onDrained = opened.resume;
              statusTimer = setInterval(
                sendStatus,
                source.statusIntervalMs ?? defaultStatusIntervalMs(senderTimeoutMs),
              );
            },
            onBytes: () => {
              lastHeardAt = Date.now();
            },
            onRun: (run) => {
              if (isClosed) return;
              if (asksForAnswer(run)) sendStatus();
              queue.push(run);
            },
          }),
      },
      source.slot,
      '0/0',
    )
    .then(() => fail(new Error('the replication connection was closed by the server')), fail);

  return {
    ready: ready.promise,
    get lastHeardAt() {
      return lastHeardAt;
    },
    acknowledge: (lsn) => {
      if (acknowledged !== null && lsn <= acknowledged) return;
      acknowledged = lsn;
      // One message for the many transactions that one answer of Kafka can settle.
      pendingStatus ??= setImmediate(sendStatus);
    },
    stop: () => {
      queue.stop();
      stopTimer ??= setTimeout(queue.end, STOP_LIMIT_MS);
    },
    close: async () => {
      isClosed = true;
      clearInterval(statusTimer);
      clearTimeout(stopTimer);
      if (pendingStatus !== undefined) sendStatus();
      queue.end();
      // What still comes is thrown away; unread, it would hide that the server has ended the connection.
      socket?.resume();
      const limit = setTimeout(() => socket?.destroy(), CLOSE_LIMIT_MS);
      await service.destroy().catch(() => undefined);
      clearTimeout(limit);
    },
    [Symbol.asyncIterator]: () => queue.read(),
  };
}

/** A server without the timeout sends 0. */
function defaultStatusIntervalMs(senderTimeoutMs: number): number {
  return senderTimeoutMs === 0
    ? STATUS_INTERVAL_MS
    : Math.min(STATUS_INTERVAL_MS, senderTimeoutMs / STATUSES_PER_TIMEOUT);
}
