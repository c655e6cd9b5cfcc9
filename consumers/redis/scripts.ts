import { createHash } from 'node:crypto';
import { ROW_FUNCTIONS } from './row-functions.ts';

/**
 * The guarded writes: one script for many rows of one table, since the call of a script costs as much as a row. A script is atomic
 * in Redis, so version, row, sets and what is told of it change together. Positions are texts of one width and Lua compares texts
 * byte by byte (as numbers they would be doubles and lose digits). An equal position is written again: it is the same change,
 * perhaps mapped by newer transforms.
 *
 * KEYS: the hash of the table's last truncate, then for each write its row and its tombstone.
 * ARGV: the header (layout.ts) as JSON, then for each write what the script names.
 * Answer: one number a write, see `RESULT`.
 *
 * The tombstone's text is the position of a delete, or that of a row with a time to live and a `!`: then an equal position counts
 * as older once the row has expired.
 */
export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/** The numbers that the scripts answer. */
export const RESULT = { stale: 0, applied: 1, foreignRow: 2, foreignSet: 3 } as const;

/** What a write finds, for both kinds of writes. */
const GUARD = `
${ROW_FUNCTIONS}
local truncated = call('HGET', KEYS[1], '__pos')
if header.stream then
  local kind = call('TYPE', header.stream).ok
  if kind ~= 'none' and kind ~= 'stream' then return redis.error_reply('NOSTREAM the key of the stream has another type') end
end

-- Answers a result where nothing may be written, else nil, the version of the row, its form and its tombstone.
local function find(key, tombstone, position)
  local version, form = stored(key)
  if version == nil or key == header.stream then return ${RESULT.foreignRow} end
  local known, deleted = version, false
  if not version and call('EXISTS', key, tombstone) > 0 then
    deleted = pcall('GET', tombstone)
    if type(deleted) == 'table' or call('EXISTS', key) == 1 then return ${RESULT.foreignRow} end
    known = deleted
  end
  if known and known > position or truncated and truncated > position then return ${RESULT.stale} end
  return nil, version, form, deleted
end
`;

/**
 * For each write: position; a 0 or 1 for each column where some are null, else nothing; the memberships and the time to expire at,
 * as JSON, or nothing; the values of the columns (of a row in JSON: the text). The whole row is replaced, so a field that became
 * null goes. HSET or SET is the first command that writes: at maxmemory Redis refuses that one, and nothing has changed.
 */
export const UPSERT = script(`
${GUARD}
local columns, width, byte = header.columns, #header.columns, string.byte
-- The arguments of HSET, in two tables that all rows share: for rows without a null the columns stay where they are.
local whole, some = {'', '__pos', ''}, {'', '__pos', ''}
for c = 1, width do whole[2 * c + 2] = columns[c] end

-- Fills one of them with the row whose values follow ARGV[at]; answers it and how many arguments it has.
local function fields(key, position, nulls, within, at)
  if nulls == '' and within == '' then
    whole[1], whole[3] = key, position
    for c = 1, width do whole[2 * c + 3] = ARGV[at + c] end
    return whole, 2 * width + 3
  end
  some[1], some[3] = key, position
  local last = 3
  if within ~= '' then some[4], some[5], last = '__in', within, 5 end
  for c = 1, width do
    if byte(nulls, c) ~= 49 then
      some[last + 1], some[last + 2] = columns[c], ARGV[at + c]
      last = last + 2
    end
  end
  return some, last
end

-- Removes the fields that the row no longer has. Answers the sets that it was in where it is in none now.
local function trim(key, row, last)
  local present = {}
  for i = 2, last, 2 do present[row[i]] = true end
  local names = not present['__in'] and call('HGET', key, '__in')
  for _, field in ipairs(call('HKEYS', key)) do
    if not present[field] then call('HDEL', key, field) end
  end
  return names
end

local function contents(key, form)
  if form == 'json' then return call('GET', key) end
  local fields, all = {}, call('HGETALL', key)
  for i = 1, #all, 2 do fields[#fields + 1] = #all[i] .. ' ' .. all[i] .. #all[i + 1] .. ' ' .. all[i + 1] end
  table.sort(fields)
  return table.concat(fields)
end

local function isOther(name, wanted)
  local kind = call('TYPE', name).ok
  return kind ~= 'none' and kind ~= wanted
end

-- Whether a set's key holds something else, or would after this write. No two names of the options make one key (config.ts).
local function isForeign(key, extras)
  for _, name in ipairs(extras.sets) do
    if name == key or isOther(name, 'set') then return true end
  end
  for _, sorted in ipairs(extras.sorted) do
    if sorted[1] == key or isOther(sorted[1], 'zset') then return true end
  end
end

local function enter(key, extras)
  local member = string.sub(key, #header.prefix + 1)
  for _, name in ipairs(extras.sets) do call('SADD', name, member) end
  for _, sorted in ipairs(extras.sorted) do call('ZADD', sorted[1], sorted[2], member) end
end

-- A row with a time to live leaves its version behind, as a deleted one does. Answers whether the row's time was over.
local function expire(key, tombstone, position, isNewer, leftMs, expiresAt)
  if not header.ttl and not expiresAt then
    if leftMs >= 0 then
      call('PERSIST', key)
      call('DEL', tombstone)
    end
    return false
  end
  if header.ttl then
    -- The same change again does not live longer.
    if isNewer or leftMs < 0 then leftMs = header.ttl end
  else
    local now = call('TIME')
    leftMs = math.max(0, expiresAt - (now[1] * 1000 + math.floor(now[2] / 1000)))
  end
  if leftMs > 0 then call('PEXPIRE', key, string.format('%.0f', leftMs)) else call('DEL', key) end
  keepVersion(tombstone, position .. '!', header.tombstoneTtl and leftMs + header.tombstoneTtl)
  return leftMs <= 0
end

local function upsert(key, tombstone, at)
  local position, nulls = ARGV[at], ARGV[at + 1]
  local refused, version, form, deleted = find(key, tombstone, position)
  if refused then return refused end
  local extras, within = nil, ''
  if ARGV[at + 2] ~= '' then
    extras = cjson.decode(ARGV[at + 2])
    within = extras.memberships
    if isForeign(key, extras) then return ${RESULT.foreignSet} end
  end
  local leftMs, before, names = -1, nil, nil
  if version then
    leftMs = call('PTTL', key)
    if header.isIndexed or form == 'json' or form ~= header.as then names = memberships(key, form) end
    if version == position and (header.channel or header.stream) then before = contents(key, form) end
    if form ~= header.as then call('DEL', key) end
  end

  if header.as == 'json' then
    call('SET', key, ARGV[at + 3])
  else
    local row, last = fields(key, position, nulls, within, at + 2)
    call('HSET', unpack(row, 1, last))
    if version and call('HLEN', key) * 2 ~= last - 1 then names = trim(key, row, last) or names end
  end

  if names and names ~= within then leave(key, names) end
  if within ~= '' then enter(key, extras) end
  local op = 'upsert'
  if header.ttl or leftMs >= 0 or extras and extras.expiresAt then
    local isOver = expire(key, tombstone, position, version ~= position, leftMs, extras and extras.expiresAt)
    if isOver then op = 'delete' end
  elseif deleted then
    call('DEL', tombstone)
  end
  if version ~= position or before and before ~= contents(key, header.as) then tell(op, key, position) end
  return ${RESULT.applied}
end

local results, at = {}, 2
for i = 2, #KEYS, 2 do
  results[#results + 1] = upsert(KEYS[i], KEYS[i + 1], at)
  at = at + 3 + width
end
return results
`);

/** For each write: position. DEL is the first command that writes, so Redis takes deletes at maxmemory too. */
export const DELETE = script(`
${GUARD}
local function delete(key, tombstone, position)
  local refused, version, form = find(key, tombstone, position)
  if refused then return refused end
  local names = version and memberships(key, form)
  call('DEL', key)
  keepVersion(tombstone, position, header.tombstoneTtl)
  if names then leave(key, names) end
  if version then tell('delete', key, position) end
  return ${RESULT.applied}
end

local results = {}
for i = 2, #KEYS, 2 do results[i / 2] = delete(KEYS[i], KEYS[i + 1], ARGV[i / 2 + 1]) end
return results
`);

function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}
