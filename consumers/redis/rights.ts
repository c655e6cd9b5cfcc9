import type { Redis } from 'ioredis';
import { TailraceError } from '../../core/errors.ts';
import type { RedisTableOptions } from './config.ts';
import type { KeyNames } from './mapping.ts';

/** Commands that the sink calls, beside those of its scripts. */
export const CALLED_COMMANDS: readonly string[] = ['PING', 'SCRIPT LOAD', 'EVALSHA', 'EVAL', 'SCAN'];

/** Commands that the scripts run, whatever the options are: a row may be in sets that the options no longer name. */
export const SCRIPT_COMMANDS: readonly string[] = [
  'GET', 'GETRANGE', 'SET', 'DEL', 'EXISTS', 'TYPE', 'TIME', 'PTTL', 'PEXPIRE', 'PERSIST',
  'HGET', 'HMGET', 'HGETALL', 'HKEYS', 'HLEN', 'HSET', 'HDEL', 'SADD', 'SREM', 'ZADD', 'ZREM',
]; // prettier-ignore

/**
 * ARGV: a key or channel, then names of commands. Answers those that the user may not run on it. Servers before 7.0 cannot tell,
 * so nothing is missing there.
 */
const MISSING = `
local missing = {}
for i = 2, #ARGV do
  if redis.acl_check_cmd and not redis.acl_check_cmd(ARGV[i], ARGV[1]) then missing[#missing + 1] = ARGV[i] end
end
return missing
`;

/**
 * Throws TailraceError SINK_AUTH_FAILED where the user lacks a right that a script needs. Redis refuses a script in the midst and
 * undoes nothing: a row would be written, and stay in a set that it has left.
 */
export async function assertRights(
  redis: Redis,
  { row }: KeyNames,
  { notify, stream }: RedisTableOptions,
): Promise<void> {
  const commands = stream === undefined ? SCRIPT_COMMANDS : [...SCRIPT_COMMANDS, 'XADD'];
  await assertAllowed(redis, commands, row, `the keys ${row}*`);
  if (notify !== undefined) await assertAllowed(redis, ['PUBLISH'], notify, `the channel ${notify}`);
}

async function assertAllowed(
  redis: Redis,
  commands: readonly string[],
  on: string,
  place: string,
): Promise<void> {
  const missing = (await redis.eval(MISSING, 0, on, ...commands)) as string[];
  if (missing.length === 0) return;
  throw new TailraceError(
    'SINK_AUTH_FAILED',
    `Redis does not let the user run ${missing.join(', ')}, on ${place}.`,
    'Allow that (ACL SETUSER); the README of the sink has the whole list.',
  );
}
