import { Socket, type SocketConstructorOpts } from 'node:net';
import type { DuplexOptions } from 'node:stream';
import type pg from 'pg';
import { toError } from '../../../core/errors.ts';
import { copyFrames, type CopyRun } from './copy-frames.ts';
import { pacedReads } from './paced-reads.ts';

export interface ReplicationSocket {
  readonly pause: () => void;
  readonly resume: () => void;
  readonly destroy: () => void;
}

export interface ReplicationHandler {
  /** Called before replication starts, with the server's wal_sender_timeout; 0 when it has none. */
  onReady(socket: ReplicationSocket, senderTimeoutMs: number): void;
  /** Called with each read, before its runs. */
  onBytes(): void;
  onRun(run: CopyRun): void;
}

/**
 * The socket for `pg` to connect. A paused stream of Node goes on reading until its buffer is full, in small reads; with the
 * smallest buffer a pause holds at once.
 */
export function openReplicationSocket(): Socket {
  const options: SocketConstructorOpts & DuplexOptions = { readableHighWaterMark: 1 };
  return new Socket(options);
}

/**
 * Sends START_REPLICATION on a replication connection of `pg`, and settles when replication has ended. The stream's
 * CopyData never pass through the client: a view, an object and two events for each message cost more CPU than decoding it.
 * Every other message goes on to the client's own parser, which therefore always stands between two messages.
 */
export async function startReplication(
  client: pg.Client,
  slot: string,
  publications: readonly string[],
  handler: ReplicationHandler,
): Promise<void> {
  const { rows } = await client.query<{ ms: string }>(
    "SELECT setting AS ms FROM pg_settings WHERE name = 'wal_sender_timeout'",
  );
  const stream = streamOf(client);
  const parsers = stream.listeners('data') as ((bytes: Buffer) => void)[];
  const onMessage = (message: Buffer) => {
    for (const parser of parsers) parser(message);
  };
  const split = copyFrames((run) => handler.onRun(run), onMessage);
  const paced = pacedReads(stream);
  stream.removeAllListeners('data');
  stream.on('data', (read: Buffer) => {
    handler.onBytes();
    paced.afterRead(read.length);
    try {
      split(read);
    } catch (error) {
      // Thrown here it would end the process; the client reports it, and the reader meets it in order.
      stream.destroy(toError(error));
    }
  });
  handler.onReady(
    { pause: paced.pause, resume: paced.resume, destroy: () => void stream.destroy() },
    Number(rows[0]?.ms ?? 0),
  );
  await client.query(
    `START_REPLICATION SLOT "${slot}" LOGICAL 0/0 (proto_version '1', publication_names '${nameList(publications)}', messages 'true')`,
  );
}

/** The client has no public access to its socket; under TLS it is the one that decrypts. A test of the stream covers this. */
function streamOf(client: pg.Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}

/** Names as identifiers in a list, in turn inside of a text literal. */
function nameList(names: readonly string[]): string {
  return names
    .map((name) => `"${name.replaceAll('"', '""')}"`)
    .join(',')
    .replaceAll("'", "''");
}
