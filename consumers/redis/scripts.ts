import { createHash } from 'node:crypto';

/**
 * The guarded writes. A script is atomic in Redis, so the version and the row change together. Positions are texts of one
 * width and Lua compares texts byte by byte (as numbers they would be doubles and lose digits). An equal position is
 * written again: it is the same change, perhaps mapped by newer transforms.
 *
 * KEYS: the row's hash, its tombstone, the hash of its table's last truncate. Answer: 1 = applied, 0 = stale.
 */
interface Script {
  readonly lua: string;
  readonly sha: string;
}

const REFUSE_STALE = `
local stored = redis.call('HGET', KEYS[1], '__pos') or redis.call('GET', KEYS[2])
if stored and stored > ARGV[1] then return 0 end
local truncated = redis.call('HGET', KEYS[3], '__pos')
if truncated and truncated > ARGV[1] then return 0 end`;

/** ARGV: position, then field, value, field, value. The whole row is replaced, so a field that became null goes. */
export const UPSERT = script(`${REFUSE_STALE}
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], '__pos', unpack(ARGV))
return 1
`);

/** ARGV: position, the tombstone's time to live in milliseconds. */
export const DELETE = script(`${REFUSE_STALE}
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
`);

function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}
