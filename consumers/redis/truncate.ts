import type { Redis } from 'ioredis';
import type { Position } from '../../schemas/position.ts';
import type { Layout } from './layout.ts';
import { rowPattern } from './mapping.ts';
import { withoutRow } from './pipeline.ts';
import { ROW_FUNCTIONS } from './row-functions.ts';

/** Keys that one SCAN looks at and one script at most removes: the server answers others in between. */
const SCAN_KEYS = 1_000;

/** A change that changes nothing, of a kind that Redis takes at maxmemory: after it the same script may write what it likes. */
const PASS_THE_LIMIT = "redis.call('HDEL', KEYS[1], '')";

/**
 * Raises the table's truncate to this position, from where on no older write is taken whether its key is known or not.
 * KEYS: the hash of the table's truncate. Answer: 0 when no older row can be left, since this truncate or a newer one
 * has ended before.
 */
const BEGIN = `
local known = redis.call('HMGET', KEYS[1], '__pos', 'done')
if known[2] and known[2] >= ARGV[2] then return 0 end
if not known[1] or known[1] < ARGV[2] then
  ${PASS_THE_LIMIT}
  redis.call('HSET', KEYS[1], '__pos', ARGV[2])
end
return 1
`;

/** KEYS: some keys of the table's rows, and whatever else begins as they do, which stays. */
const REMOVE_OLDER = `
${ROW_FUNCTIONS}
for _, key in ipairs(KEYS) do
  local kind = call('TYPE', key).ok
  local version, form
  if kind == 'hash' then version, form = hashVersion(key), 'hash' end
  if kind == 'string' then version, form = textVersion(key), 'json' end
  if version and version < ARGV[2] then
    local names = memberships(key, form)
    call('DEL', key)
    if names then leave(key, names) end
  end
end
`;

/** All older rows are gone, and who listens is told once. KEYS: the hash of the table's truncate. */
const END = `
${ROW_FUNCTIONS}
local done = call('HGET', KEYS[1], 'done')
if not done or done < ARGV[2] then
  ${PASS_THE_LIMIT}
  call('HSET', KEYS[1], 'done', ARGV[2])
  tell('truncate', header.prefix .. '*', ARGV[2])
end
`;

/** Removes all rows of the table that are older than the position, and keeps it as the tombstone of the whole table. */
export async function truncateRows(
  redis: Redis,
  { names, header }: Layout,
  position: Position,
): Promise<void> {
  const run = async (lua: string, keys: readonly string[]): Promise<unknown> => {
    try {
      return await redis.eval(lua, keys.length, ...keys, header, position);
    } catch (error) {
      throw withoutRow(error as Error);
    }
  };
  if ((await run(BEGIN, [names.truncated])) === 0) return;
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', rowPattern(names), 'COUNT', SCAN_KEYS);
    if (keys.length > 0) await run(REMOVE_OLDER, keys);
    cursor = next;
  } while (cursor !== '0');
  await run(END, [names.truncated]);
}
