import { Redis } from 'ioredis';
import type { Logger } from '../../core/logger.ts';
import type { RedisOptions } from './config.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 60_000;

/**
 * A new connection, ready for commands, to the server of the url or to another one of its cluster. Throws the cause within
 * seconds when there is none.
 *
 * ioredis' own reconnecting and queueing are off: the runtime retries, and the sink then opens a new connection.
 */
export async function openConnection(
  options: RedisOptions,
  log: Logger,
  at: { readonly host: string; readonly port: number } | null = null,
): Promise<Redis> {
  const redis = new Redis(addressOf(options, at), {
    lazyConnect: true,
    retryStrategy: null,
    enableOfflineQueue: false,
    // A server that is still loading answers LOADING, which the runtime retries.
    enableReadyCheck: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: REQUEST_TIMEOUT_MS,
  });
  // connect() itself only says "Connection is closed"; the cause (refused, wrong password, no such database) is in this event.
  let cause: Error | undefined;
  redis.on('error', (error: Error) => {
    cause ??= error;
    log.debug({ reason: error.message }, 'redis connection error');
  });
  // ioredis limits the TCP connection alone; a server that hangs holds back the answer to AUTH.
  const limit = setTimeout(() => {
    cause ??= Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT' });
    redis.disconnect();
  }, CONNECT_TIMEOUT_MS);
  await redis
    .connect()
    .catch((error: unknown) => {
      throw cause ?? error;
    })
    .finally(() => clearTimeout(limit));
  if (cause !== undefined) {
    redis.disconnect();
    throw cause;
  }
  return redis;
}

/** The url with the credentials of the options in it: ioredis would prefer those of the url. */
function addressOf(
  { url, username, password }: RedisOptions,
  at: { readonly host: string; readonly port: number } | null,
): string {
  const address = new URL(url);
  if (at !== null) {
    address.hostname = at.host.includes(':') ? `[${at.host}]` : at.host;
    address.port = String(at.port);
  }
  if (username !== undefined) address.username = encodeURIComponent(username);
  if (password !== undefined) address.password = encodeURIComponent(password);
  return address.href;
}
