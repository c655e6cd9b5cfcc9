import type { Redis } from 'ioredis';
import type { Logger } from '../../core/logger.ts';

/** Warns where the server may lose what it has answered for: the offsets are committed all the same. */
export async function warnOfLosses(redis: Redis, log: Logger): Promise<void> {
  // A user without the right to INFO can write all the same, so this is no condition.
  const info = async (section: string): Promise<string> => redis.info(section).catch(() => '');
  if ((await info('persistence')).includes('aof_enabled:0'))
    log.warn('redis runs without appendonly: rows are lost when the server stops, then replay this sink');
  const policy = /^maxmemory_policy:(\S+)/m.exec(await info('memory'))?.[1] ?? 'noeviction';
  if (policy !== 'noeviction')
    log.warn(
      { policy },
      'redis may evict rows and their versions in silence: set maxmemory-policy to noeviction, then replay this sink',
    );
}
