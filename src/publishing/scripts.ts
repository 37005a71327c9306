/**
 * What runs inside Redis, atomically. Each script takes many keys, so that one call carries a chunk of them; in a Cluster it gets one key (and
 * its stream, which is in the same slot). The embedded server knows these scripts by their SHA and runs `embedded-scripts.ts` instead.
 */
import { createHash } from 'node:crypto';
import { HEAD_SIZE_BYTES } from './value-head.ts';

export type RedisScript = { readonly name: string; readonly lua: string; readonly sha: string };

/** `order`: above 0 when (epoch, seq) is newer than what the text holds, 0 when the same; 1 when it holds no version of ours. */
const COMPARE = `
local function order(epoch, seq, held)
  if type(held) ~= 'string' then return 1 end
  local heldEpoch, heldSeq = string.match(held, '^{"epoch":(%d+),"seq":(%d+)[,}]')
  if not heldEpoch then return 1 end
  if tonumber(heldEpoch) ~= epoch then return epoch - tonumber(heldEpoch) end
  return seq - tonumber(heldSeq)
end
`;

/**
 * Sets and publishes each value that is newer than what is held, or of the same version with other text (a status may change between two log
 * entries). The very same value, sent again after a lost answer, only lives on.
 * KEYS: n keys, then their n streams when the stream length is above 0. ARGV: TTL in ms, stream length, then per key epoch, seq, value.
 * Returns the places (from 0) of the values that were older than what is held.
 */
export const SET_NEWER = defineScript(
  'set-newer',
  `${COMPARE}
local function content(value) return (string.gsub(value, '"publishTimeMs":%d+', '', 1)) end
local ttlMs, streamLength = ARGV[1], tonumber(ARGV[2])
local count = streamLength > 0 and #KEYS / 2 or #KEYS
local rejected = {}
for i = 1, count do
  local at = 3 * i
  local key, value = KEYS[i], ARGV[at + 2]
  local newer = order(tonumber(ARGV[at]), tonumber(ARGV[at + 1]), redis.pcall('GETRANGE', key, 0, ${HEAD_SIZE_BYTES}))
  if newer > 0 or (newer == 0 and content(redis.call('GET', key)) ~= content(value)) then
    redis.call('SET', key, value, 'PX', ttlMs)
    redis.call('PUBLISH', key, value)
    if streamLength > 0 then
      redis.pcall('XADD', KEYS[count + i], 'MAXLEN', '~', streamLength, '*', 'value', value)
      redis.call('PEXPIRE', KEYS[count + i], ttlMs)
    end
  elseif newer == 0 then
    redis.call('PEXPIRE', key, ttlMs)
  else
    rejected[#rejected + 1] = i - 1
  end
end
return rejected
`,
);

/** What `APPEND_CLOSED` returns for a key that holds something else than a list. */
export const NO_LIST = -1;

/**
 * Appends closed candles to their lists, newest first, and publishes them. The log's position orders those of a list, over all epochs: one that is
 * older than the newest held, or comes from an older epoch, is refused. One that is there already (the same position, interval and revision: sent
 * again after a lost answer, or by the next life of its actor) is left alone. KEYS: lists. ARGV: length that lists are kept at, then per list how many
 * candles follow, and per candle epoch, seq, value. Returns per list how many were refused, or `NO_LIST`.
 */
export const APPEND_CLOSED = defineScript(
  'append-closed',
  `
local function identity(value)
  local openTime = string.match(value, '"openTimeMs":(%-?%d+)')
  return openTime and openTime .. ' ' .. (string.match(value, '"revision":(%d+)') or '') or value
end
local rejectedCounts, at = {}, 2
for i = 1, #KEYS do
  local key, rejected, appended = KEYS[i], 0, 0
  local last = at + 3 * tonumber(ARGV[at])
  local length = redis.pcall('LLEN', key)
  local isList = type(length) == 'number'
  if not isList and string.sub(length.err, 1, 9) ~= 'WRONGTYPE' then return length end
  at = at + 1
  while at <= last do
    local epoch, seq, value = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), ARGV[at + 2]
    at = at + 3
    local index, isOld, isThere, isSameSeq = 0, false, false, false
    while isList do
      local held = redis.call('LINDEX', key, index)
      local heldEpoch, heldSeq = string.match(held or '', '^{"epoch":(%d+),"seq":(%d+)[,}]')
      isSameSeq = heldSeq ~= nil and tonumber(heldSeq) == seq
      isOld = heldSeq ~= nil and (tonumber(heldEpoch) > epoch or tonumber(heldSeq) > seq)
      isThere = isSameSeq and identity(held) == identity(value)
      index = index + 1
      if isOld or isThere or not isSameSeq then break end
    end
    if isOld and not isThere then
      rejected = rejected + 1
    elseif isList and not isThere then
      redis.call('LPUSH', key, value)
      redis.call('PUBLISH', key, value)
      appended = appended + 1
    end
  end
  if appended > 0 and length + appended > tonumber(ARGV[1]) then redis.call('LTRIM', key, 0, ARGV[1] - 1) end
  rejectedCounts[i] = isList and rejected or ${NO_LIST}
end
return rejectedCounts
`,
);

/**
 * Gives each key that holds the version published last its TTL again. A newer one is not ours to keep alive. ARGV: TTL in ms, then epoch and
 * seq of each key in one text, spaces between: thousands of keys are kept alive each second, and an argument costs its sender more than what is in it.
 * Returns the places (from 0) of the keys that are gone, or hold an older version: Redis has lost what it took.
 */
export const REFRESH = defineScript(
  'refresh',
  `${COMPARE}
local lost, i = {}, 0
for epoch, seq in string.gmatch(ARGV[2], '(%d+) (%d+)') do
  i = i + 1
  local newer = order(tonumber(epoch), tonumber(seq), redis.pcall('GETRANGE', KEYS[i], 0, ${HEAD_SIZE_BYTES}))
  if newer > 0 then
    lost[#lost + 1] = i - 1
  elseif newer == 0 then
    redis.call('PEXPIRE', KEYS[i], ARGV[1])
  end
end
return lost
`,
);

/** Lets keys expire after ARGV[1] ms, except where a newer epoch than the key's own (ARGV[i + 1]) has written: then it lives on. */
export const EXPIRE_OWN = defineScript(
  'expire-own',
  `${COMPARE}
for i = 1, #KEYS do
  local held = redis.pcall('GETRANGE', KEYS[i], 0, ${HEAD_SIZE_BYTES})
  if type(held) ~= 'string' then held = redis.pcall('LINDEX', KEYS[i], 0) end
  if order(tonumber(ARGV[i + 1]), 9007199254740991, held) >= 0 then redis.call('PEXPIRE', KEYS[i], ARGV[1]) end
end
return 0
`,
);

/**
 * Makes the status of each held document `stale` with the reason given and publishes it; its TTL stays. Left alone: what a newer epoch wrote, what is
 * `empty`, and what is none of our documents. A value of our own epoch keeps its version, and is left alone when it says so already. One of an
 * older epoch is taken over, at sequence 0: its last owner may still have a newer one under way, which must not undo the mark.
 * KEYS: n keys, then their n streams when the stream length is above 0. ARGV: stream length, publish time, then per key own epoch and the reason
 * as JSON text. Returns how many were marked.
 */
export const MARK_STALE = defineScript(
  'mark-stale',
  `
local streamLength, publishTime = tonumber(ARGV[1]), '"publishTimeMs":' .. ARGV[2]
local count = streamLength > 0 and #KEYS / 2 or #KEYS
local function marked(held, epoch, reason)
  if type(held) ~= 'string' then return nil end
  local heldEpoch = string.match(held, '^{"epoch":(%d+),"seq":%d+[,}]')
  if not heldEpoch or tonumber(heldEpoch) > tonumber(epoch) then return nil end
  local isOlder = tonumber(heldEpoch) < tonumber(epoch)
  local from, at = string.find(held, '"status":"live","reason":"', 1, true)
  local staleFrom, staleAt = string.find(held, '"status":"stale","reason":"', 1, true)
  if not from or (staleFrom and staleFrom < from) then from, at = staleFrom, staleAt end
  if not from then return nil end
  at = at + 1
  while string.byte(held, at) ~= 34 do
    if at > #held then return nil end
    at = at + (string.byte(held, at) == 92 and 2 or 1)
  end
  local status = '"status":"stale","reason":' .. reason
  if not isOlder and string.sub(held, from, at) == status then return nil end
  local head = string.gsub(string.sub(held, 1, from - 1), '"publishTimeMs":%d+', publishTime, 1)
  if isOlder then head = string.gsub(head, '^{"epoch":%d+,"seq":%d+', '{"epoch":' .. epoch .. ',"seq":0', 1) end
  return head .. status .. string.sub(held, at + 1)
end
local markedCount = 0
for i = 1, count do
  local key = KEYS[i]
  local value = marked(redis.pcall('GET', key), ARGV[2 * i + 1], ARGV[2 * i + 2])
  if value then
    local ttlMs = redis.call('PTTL', key)
    if ttlMs == -1 then redis.call('SET', key, value) else redis.call('SET', key, value, 'PX', math.max(1, ttlMs)) end
    redis.call('PUBLISH', key, value)
    if streamLength > 0 then
      redis.pcall('XADD', KEYS[count + i], 'MAXLEN', '~', streamLength, '*', 'value', value)
      if ttlMs ~= -1 then redis.call('PEXPIRE', KEYS[count + i], math.max(1, ttlMs)) end
    end
    markedCount = markedCount + 1
  end
end
return markedCount
`,
);

export const SCRIPTS: readonly RedisScript[] = [SET_NEWER, APPEND_CLOSED, REFRESH, EXPIRE_OWN, MARK_STALE];

function defineScript(name: string, lua: string): RedisScript {
  return { name, lua, sha: createHash('sha1').update(lua).digest('hex') };
}
