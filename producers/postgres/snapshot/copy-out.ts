import type { Socket } from 'node:net';
import type pg from 'pg';
import { toError } from '../../../core/errors.ts';
import { RowCollector, type CopiedRows } from './copied-rows.ts';
import { copyFrames } from '../stream/copy-frames.ts';

/**
 * Runs `COPY (query) TO STDOUT` and takes in the first whole rows that reach `byteLimit`; the rest is read and dropped,
 * since COPY cannot be ended early. The rows never pass through the client, where an object and an event for each cost
 * more than decoding it; every other message goes on to the client's own parser.
 */
export async function copyOut(client: pg.Client, query: string, byteLimit: number): Promise<CopiedRows> {
  const rows = new RowCollector(byteLimit);
  const stream = streamOf(client);
  const parsers = stream.listeners('data') as ((bytes: Buffer) => void)[];
  const split = copyFrames(
    (run) => rows.add(run),
    (message) => {
      for (const parser of parsers) parser(message);
    },
  );
  stream.removeAllListeners('data');
  stream.on('data', (read: Buffer) => {
    try {
      split(read);
    } catch (error) {
      // Thrown here it would end the process; the client reports it as the query's.
      stream.destroy(toError(error));
    }
  });
  try {
    await client.query(`COPY (${query}) TO STDOUT`);
  } finally {
    stream.removeAllListeners('data');
    for (const parser of parsers) stream.on('data', parser);
  }
  return rows;
}

/** The client has no public access to its socket; under TLS it is the one that decrypts. */
function streamOf(client: pg.Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}
