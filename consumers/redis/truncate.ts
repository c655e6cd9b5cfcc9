import type { Redis } from 'ioredis';
import type { Position } from '../../schemas/position.ts';
import type { Target } from '../sink.ts';
import { rowPattern, truncatedKey } from './mapping.ts';
import { withoutRow } from './pipeline.ts';

/** Keys that one SCAN looks at and one script at most removes: the server answers others in between. */
const SCAN_KEYS = 1_000;

/**
 * Raises the table's truncate to this position, from where on no older write is taken whether its key is known or not.
 * KEYS: the hash of the table's truncate. Answer: 0 when no older row can be left, since this truncate or a newer one
 * has ended before.
 */
const BEGIN = `
local known = redis.call('HMGET', KEYS[1], '__pos', 'done')
if known[2] and known[2] >= ARGV[1] then return 0 end
if not known[1] or known[1] < ARGV[1] then redis.call('HSET', KEYS[1], '__pos', ARGV[1]) end
return 1
`;

/** KEYS: some keys of the table's rows. Another program's value under such a key stays. */
const REMOVE_OLDER = `
for _, key in ipairs(KEYS) do
  if redis.call('TYPE', key).ok == 'hash' then
    local stored = redis.call('HGET', key, '__pos')
    if stored and stored < ARGV[1] then redis.call('DEL', key) end
  end
end
`;

/** All older rows are gone. KEYS: the hash of the table's truncate. */
const END = `
local done = redis.call('HGET', KEYS[1], 'done')
if not done or done < ARGV[1] then redis.call('HSET', KEYS[1], 'done', ARGV[1]) end
`;

/** Removes all rows of the table that are older than the position, and keeps it as the tombstone of the whole table. */
export async function truncateRows(redis: Redis, target: Target, position: Position): Promise<void> {
  const truncated = truncatedKey(target);
  const run = async (lua: string, keys: readonly string[]): Promise<unknown> => {
    try {
      return await redis.eval(lua, keys.length, ...keys, position);
    } catch (error) {
      throw withoutRow(error as Error);
    }
  };
  if ((await run(BEGIN, [truncated])) === 0) return;
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', rowPattern(target), 'COUNT', SCAN_KEYS);
    if (keys.length > 0) await run(REMOVE_OLDER, keys);
    cursor = next;
  } while (cursor !== '0');
  await run(END, [truncated]);
}
