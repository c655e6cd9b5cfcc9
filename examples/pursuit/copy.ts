import { once } from 'node:events';
import type { Client, Connection, Submittable } from 'pg';

declare module 'pg' {
  // `pg` has these three methods; its published types leave them out.
  interface Connection {
    sendCopyFromChunk(chunk: Buffer): void;
    endCopyFrom(): void;
    sendCopyFail(message: string): void;
  }
}

export type CopyValue = string | number | boolean | null;

/** Column names to values; a row has every column of its table. */
export type CopyRow = Record<string, CopyValue>;

/** Large enough that the cost of a message does not matter, small enough that memory stays flat. */
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * Sends rows into `table` with one COPY ... FROM STDIN and returns how many Postgres stored.
 * Rows are taken only as fast as the connection carries them. Fails with the error of Postgres or of the row source;
 * the connection stays usable unless it broke.
 */
export async function copyRows(
  client: Client,
  table: string,
  columns: readonly string[],
  rows: Iterable<CopyRow>,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const failure = new AbortController();
  let storedRows = 0;
  let error: Error | undefined;

  const copy: Submittable & CopyHandlers = {
    submit: (connection) => connection.query(`COPY ${table} (${columns.join(', ')}) FROM STDIN`),
    handleCopyInResponse: (connection) => {
      sendChunks(connection, textChunks(columns, rows), failure.signal).then(
        () => connection.endCopyFrom(),
        (cause: unknown) => {
          // After an error of Postgres's own it has left copy mode and waits for no answer.
          if (failure.signal.aborted) return;
          error = cause instanceof Error ? cause : new Error(String(cause));
          connection.sendCopyFail('the source of the rows failed');
        },
      );
    },
    handleCommandComplete: (message) => {
      storedRows = Number(message.text.split(' ')[1]);
    },
    handleReadyForQuery: () => resolve(storedRows),
    handleError: (cause) => {
      failure.abort();
      reject(error ?? cause);
    },
  };
  client.query(copy);
  return promise;
}

/** What `pg` calls on a query while it is the active one. */
interface CopyHandlers {
  handleCopyInResponse(connection: Connection): void;
  handleCommandComplete(message: { text: string }): void;
  handleReadyForQuery(): void;
  handleError(cause: Error): void;
}

async function sendChunks(
  connection: Connection,
  chunks: Iterable<string>,
  failed: AbortSignal,
): Promise<void> {
  for (const chunk of chunks) {
    connection.sendCopyFromChunk(Buffer.from(chunk));
    if (connection.stream.writableNeedDrain) await once(connection.stream, 'drain', { signal: failed });
    failed.throwIfAborted();
  }
}

/** Rows in COPY's text format, gathered into chunks of about 64 K characters. */
export function* textChunks(columns: readonly string[], rows: Iterable<CopyRow>): Generator<string> {
  let chunk = '';
  for (const row of rows) {
    let separator = '';
    for (const column of columns) {
      chunk += separator + textValue(row[column]);
      separator = '\t';
    }
    chunk += '\n';
    if (chunk.length >= CHUNK_CHARACTERS) {
      yield chunk;
      chunk = '';
    }
  }
  if (chunk !== '') yield chunk;
}

const NEEDS_ESCAPE = /[\\\t\n\r]/;
const ESCAPES: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function textValue(value: CopyValue | undefined): string {
  if (value === undefined) throw new TypeError('A row lacks one of the columns to copy.');
  if (value === null) return '\\N';
  const text = String(value);
  if (!NEEDS_ESCAPE.test(text)) return text;
  return text.replaceAll(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character);
}
