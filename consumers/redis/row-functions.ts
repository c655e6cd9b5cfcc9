/**
 * Lua functions of all scripts that read or change rows; none of them changes a row by itself. ARGV[1] is the header of the table
 * (layout.ts) as JSON.
 *
 * A row is a hash with the field `__pos`, or a string of JSON that begins with it. `__in` follows in both where the row is in sets.
 */
export const ROW_FUNCTIONS = `
local call, pcall, KEYS, ARGV = redis.call, redis.pcall, KEYS, ARGV
local header = cjson.decode(ARGV[1])

-- The version in a hash or in a text; false where the key has none, nil where it is of another type.
local function hashVersion(key)
  local version = pcall('HGET', key, '__pos')
  if type(version) ~= 'table' then return version end
end
local function textVersion(key)
  local start = pcall('GETRANGE', key, 0, 41)
  if type(start) ~= 'table' then return string.match(start, '^{"__pos":"(%x+)$') or false end
end

-- The version of the row under a key (as above) and its form. The form that is configured is tried first.
local function stored(key)
  if header.as == 'hash' then
    local version = hashVersion(key)
    if version ~= nil then return version, 'hash' end
    return textVersion(key), 'json'
  end
  local version = textVersion(key)
  if version ~= nil then return version, 'json' end
  return hashVersion(key), 'hash'
end

-- The names of the sets that have the row, as JSON; nil or false for none. No name holds a plain ] (layout.ts).
local function memberships(key, form)
  if form == 'hash' then return call('HGET', key, '__in') end
  if call('GETRANGE', key, 42, 50) ~= '","__in":' then return nil end
  return string.match(call('GET', key), '^.-"__in":(%[.-"%]),"')
end

-- Takes the row out of the sets that it was in.
local function leave(key, names)
  local member = string.sub(key, #header.prefix + 1)
  for _, name in ipairs(cjson.decode(names)) do
    local kind = call('TYPE', name).ok
    if kind == 'set' then call('SREM', name, member) end
    if kind == 'zset' then call('ZREM', name, member) end
  end
end

local function keepVersion(key, version, ms)
  if ms then call('SET', key, version, 'PX', string.format('%.0f', ms)) else call('SET', key, version) end
end

-- Tells of a change in the same step that makes it.
local function tell(op, key, position)
  if header.channel then
    local said = '{"op":"' .. op .. '","key":' .. cjson.encode(key) .. ',"__pos":"' .. position .. '"}'
    call('PUBLISH', header.channel, said)
  end
  if header.stream then
    call('XADD', header.stream, 'MAXLEN', '~', header.maxLength, '*', 'op', op, 'key', key, '__pos', position)
  end
end
`;
