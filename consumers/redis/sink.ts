import type { Redis } from 'ioredis';
import type { Logger } from '../../core/logger.ts';
import type { Sink, SinkContext, Target, Write, WriteOutcome } from '../sink.ts';
import type { RedisOptions } from './config.ts';
import { openConnection } from './connection.ts';
import { assertStorable } from './mapping.ts';
import { runPipeline } from './pipeline.ts';
import { truncateRows } from './truncate.ts';

/** Bounds what one pipeline holds in memory on both sides; more gives no more speed. */
const PIPELINE_WRITES = 1_000;

/** Hashes `<name>:<key>`, one guarded script a write. Layout and rules: README.md beside this file. */
export function createRedisSink(options: RedisOptions, { log }: SinkContext): Sink {
  let connection: Redis | null = null;

  const ready = async (): Promise<Redis> => {
    if (connection?.status !== 'ready') {
      drop();
      connection = await openConnection(options, log);
    }
    return connection;
  };

  const drop = (): void => {
    connection?.disconnect();
    connection = null;
  };

  /** The next call opens a new connection: after a failover the address leads to another server. */
  const orDrop = async <Result>(call: () => Promise<Result>): Promise<Result> => {
    try {
      return await call();
    } catch (error) {
      drop();
      throw error;
    }
  };

  return {
    async connect() {
      const redis = await ready();
      await redis.ping();
      await warnIfVolatile(redis, log);
    },

    async prepare(targets: readonly Target[]) {
      for (const target of targets) assertStorable(target);
    },

    write(writes: readonly Write[]) {
      return orDrop(async () => {
        const outcomes: WriteOutcome[] = [];
        for (let start = 0; start < writes.length; start += PIPELINE_WRITES) {
          const part = writes.slice(start, start + PIPELINE_WRITES);
          outcomes.push(...(await runPipeline(await ready(), part, options.tombstoneTtl)));
        }
        return outcomes;
      });
    },

    truncate(target, position) {
      return orDrop(async () => truncateRows(await ready(), target, position));
    },

    async close() {
      drop();
    },
  };
}

/** Without the append-only file an applied write is lost with the server, and its offset is committed all the same. */
async function warnIfVolatile(redis: Redis, log: Logger): Promise<void> {
  // A user without the right to INFO can write all the same, so this is no condition.
  const persistence = await redis.info('persistence').catch(() => '');
  if (persistence.includes('aof_enabled:0'))
    log.warn('redis runs without appendonly: rows are lost when the server stops, then replay this sink');
}
