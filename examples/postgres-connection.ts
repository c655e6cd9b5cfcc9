import pg from 'pg';
import { pause } from './pause.ts';

/** One connection that knows when it is broken. */
export interface PostgresConnection {
  client: pg.Client;
  isLost(): boolean;
  markLost: () => void;
  /** Closes it, also when it is already gone. */
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

export async function connect(url: string): Promise<PostgresConnection> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  let lost = false;
  const markLost = (): void => {
    lost = true;
  };
  // Without a listener, an idle connection that breaks would end the process.
  client.on('error', markLost);
  client.on('end', markLost);
  await client.connect();
  return {
    client,
    isLost: () => lost,
    markLost,
    close: () => client.end().catch(markLost),
  };
}

/**
 * Connects again, waiting longer after each failure, until Postgres is back; undefined when the signal fires first.
 * Fails when Postgres is there and says no (a wrong password, a dropped database).
 */
export async function reconnect(url: string, signal: AbortSignal): Promise<PostgresConnection | undefined> {
  let waitMs = FIRST_RETRY_MS;
  while (!signal.aborted) {
    try {
      return await connect(url);
    } catch (error) {
      if (!isConnectionError(error)) throw error;
    }
    await pause(waitMs, signal);
    waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS);
  }
  return undefined;
}

/** Network errors, SQLSTATE class 08 (connection), 57P (shutting down, starting up) and 53300 (too many connections). */
export function isConnectionError(error: unknown): boolean {
  const code = codeOf(error);
  if (code !== undefined) return /^(08|57P|53300|E[A-Z_]{3,}$)/.test(code);
  // `pg` gives no code when the server closes the connection or does not answer in time.
  return error instanceof Error && /connection|timeout/i.test(error.message);
}

/** Serialization failure and deadlock: Postgres undid the transaction and asks for another try. */
export function isRetriable(error: unknown): boolean {
  return codeOf(error) === '40001' || codeOf(error) === '40P01';
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
