/** Commands of the embedded server that read and write keys. Each gets its arguments without the name, their count already checked. */
import type { Keyspace, StoredValue } from './keyspace.ts';
import { matchesGlob } from './glob.ts';
import type { Reply } from './resp-reply.ts';
import { OK } from './resp-reply.ts';

export type KeyspaceCommand = {
  readonly argsMin: number;
  readonly argsMax: number;
  readonly run: (keys: Keyspace, args: readonly string[]) => Reply;
};

const WRONG_TYPE: Reply = {
  error: 'WRONGTYPE Operation against a key holding the wrong kind of value',
};
const NOT_AN_INTEGER: Reply = { error: 'ERR value is not an integer or out of range' };
const SYNTAX: Reply = { error: 'ERR syntax error' };

export const KEYSPACE_COMMANDS: ReadonlyMap<string, KeyspaceCommand> = new Map<string, KeyspaceCommand>([
  ['GET', command(1, 1, (keys, [key]) => textOf(keys.get(key!)))],
  ['GETRANGE', command(3, 3, getRange)],
  ['MGET', command(1, Infinity, (keys, names) => names.map((key) => plainText(keys.get(key))))],
  ['SET', command(2, 4, set)],
  ['DEL', command(1, Infinity, (keys, names) => names.filter((key) => keys.delete(key)).length)],
  [
    'EXISTS',
    command(1, Infinity, (keys, names) => names.filter((key) => keys.get(key) !== undefined).length),
  ],
  ['TYPE', command(1, 1, (keys, [key]) => ({ simple: keys.get(key!)?.type ?? 'none' }))],
  ['EXPIRE', command(2, 2, (keys, [key, seconds]) => expire(keys, key!, seconds!, 1_000))],
  ['PEXPIRE', command(2, 2, (keys, [key, ms]) => expire(keys, key!, ms!, 1))],
  ['TTL', command(1, 1, (keys, [key]) => toSeconds(keys.ttlMs(key!)))],
  ['PTTL', command(1, 1, (keys, [key]) => keys.ttlMs(key!))],
  ['KEYS', command(1, 1, (keys, [pattern]) => keys.keys().filter((key) => matchesGlob(pattern!, key)))],
  ['SCAN', command(1, Infinity, scan)],
  ['DBSIZE', command(0, 0, (keys) => keys.keys().length)],
  ['FLUSHALL', command(0, 1, flushAll)],
  ['FLUSHDB', command(0, 1, flushAll)],
  ['LPUSH', command(2, Infinity, leftPush)],
  ['LLEN', command(1, 1, (keys, [key]) => withList(keys, key!, (items) => items.length))],
  ['LINDEX', command(2, 2, listIndex)],
  ['LRANGE', command(3, 3, listRange)],
  ['LTRIM', command(3, 3, listTrim)],
  ['HSET', command(3, Infinity, hashSet)],
  ['HGET', command(2, 2, (keys, [key, field]) => withHash(keys, key!, (fields) => fields.get(field!)))],
  [
    'HGETALL',
    command(1, 1, (keys, [key]) => withHash(keys, key!, (fields) => ({ pairs: [...fields].flat() }))),
  ],
  ['XADD', command(4, Infinity, streamAdd)],
  ['XLEN', command(1, 1, (keys, [key]) => withStream(keys, key!, (entries) => entries.length))],
  [
    'XRANGE',
    command(3, 3, (keys, [key]) =>
      withStream(keys, key!, (entries) => entries.map(({ id, fields }) => [id, fields])),
    ),
  ],
]);

function command(argsMin: number, argsMax: number, run: KeyspaceCommand['run']): KeyspaceCommand {
  return { argsMin, argsMax, run };
}

function textOf(value: StoredValue | undefined): Reply {
  return value === undefined || value.type === 'string' ? value?.text : WRONG_TYPE;
}

function plainText(value: StoredValue | undefined): string | undefined {
  return value?.type === 'string' ? value.text : undefined;
}

function set(keys: Keyspace, args: readonly string[]): Reply {
  const [key, text, unit, amount] = args;
  const value: StoredValue = { type: 'string', text: text! };
  if (unit === undefined) {
    keys.set(key!, value);
    return OK;
  }
  const factor = { EX: 1_000, PX: 1 }[unit.toUpperCase()];
  const ttl = toInteger(amount ?? '');
  if (factor === undefined || amount === undefined) return SYNTAX;
  if (ttl === undefined || ttl <= 0) return NOT_AN_INTEGER;
  keys.set(key!, value, ttl * factor);
  return OK;
}

function getRange(keys: Keyspace, [key, from, to]: readonly string[]): Reply {
  const value = keys.get(key!);
  if (value !== undefined && value.type !== 'string') return WRONG_TYPE;
  const text = value?.text ?? '';
  const range = toRange(from!, to!, text.length);
  return range === undefined ? NOT_AN_INTEGER : text.slice(range.from, range.end);
}

function expire(keys: Keyspace, key: string, amount: string, factor: number): Reply {
  const ttl = toInteger(amount);
  if (ttl === undefined) return NOT_AN_INTEGER;
  return keys.expire(key, ttl * factor) ? 1 : 0;
}

function toSeconds(ms: number): number {
  return ms < 0 ? ms : Math.round(ms / 1_000);
}

/** Gives all keys at once: the cursor that ends a scan. */
function scan(keys: Keyspace, args: readonly string[]): Reply {
  let pattern = '*';
  for (let index = 1; index + 1 < args.length; index += 2) {
    if (args[index]!.toUpperCase() === 'MATCH') pattern = args[index + 1]!;
  }
  return ['0', keys.keys().filter((key) => matchesGlob(pattern, key))];
}

function flushAll(keys: Keyspace): Reply {
  keys.clear();
  return OK;
}

function leftPush(keys: Keyspace, [key, ...added]: readonly string[]): Reply {
  return withList(keys, key!, (items) => {
    items.push(...added);
    if (items.length === added.length) keys.set(key!, { type: 'list', items });
    return items.length;
  });
}

function listIndex(keys: Keyspace, [key, place]: readonly string[]): Reply {
  const index = toInteger(place!);
  if (index === undefined) return NOT_AN_INTEGER;
  return withList(keys, key!, (items) => items[index < 0 ? -1 - index : items.length - 1 - index]);
}

function listRange(keys: Keyspace, [key, from, to]: readonly string[]): Reply {
  return withList(keys, key!, (items) => {
    const range = toRange(from!, to!, items.length);
    return range === undefined ? NOT_AN_INTEGER : items.toReversed().slice(range.from, range.end);
  });
}

function listTrim(keys: Keyspace, [key, from, to]: readonly string[]): Reply {
  return withList(keys, key!, (items) => {
    const range = toRange(from!, to!, items.length);
    if (range === undefined) return NOT_AN_INTEGER;
    const length = items.length;
    items.splice(0, length - range.end);
    items.splice(range.end - range.from);
    if (items.length === 0) keys.delete(key!);
    return OK;
  });
}

function hashSet(keys: Keyspace, [key, ...pairs]: readonly string[]): Reply {
  if (pairs.length % 2 !== 0) return { error: "ERR wrong number of arguments for 'hset' command" };
  return withHash(keys, key!, (fields) => {
    const before = fields.size;
    for (let index = 0; index < pairs.length; index += 2) fields.set(pairs[index]!, pairs[index + 1]!);
    if (before === 0) keys.set(key!, { type: 'hash', fields });
    return fields.size - before;
  });
}

/** Only `XADD key [MAXLEN [~|=] n] * field value …`: the form that the publisher uses. */
function streamAdd(keys: Keyspace, [key, ...rest]: readonly string[]): Reply {
  let lengthMax = Infinity;
  let at = 0;
  if (rest[0]!.toUpperCase() === 'MAXLEN') {
    at = rest[1] === '~' || rest[1] === '=' ? 2 : 1;
    const given = toInteger(rest[at] ?? '');
    if (given === undefined || given < 0) return NOT_AN_INTEGER;
    lengthMax = given;
    at++;
  }
  const fields = rest.slice(at + 1);
  if (rest[at] !== '*' || fields.length === 0 || fields.length % 2 !== 0) return SYNTAX;
  const held = keys.get(key!);
  if (held !== undefined && held.type !== 'stream') return WRONG_TYPE;
  const stream = held ?? { type: 'stream', entries: [], lastMs: 0, lastCounter: 0 };
  if (held === undefined) keys.set(key!, stream);
  const nowMs = Math.max(keys.nowMs, stream.lastMs);
  stream.lastCounter = nowMs === stream.lastMs ? stream.lastCounter + 1 : 0;
  stream.lastMs = nowMs;
  const id = `${nowMs}-${stream.lastCounter}`;
  stream.entries.push({ id, fields });
  if (stream.entries.length > lengthMax) stream.entries.splice(0, stream.entries.length - lengthMax);
  return id;
}

function withList(keys: Keyspace, key: string, use: (items: string[]) => Reply): Reply {
  const value = keys.get(key);
  if (value === undefined) return use([]);
  return value.type === 'list' ? use(value.items) : WRONG_TYPE;
}

function withHash(keys: Keyspace, key: string, use: (fields: Map<string, string>) => Reply): Reply {
  const value = keys.get(key);
  if (value === undefined) return use(new Map());
  return value.type === 'hash' ? use(value.fields) : WRONG_TYPE;
}

function withStream(
  keys: Keyspace,
  key: string,
  use: (entries: readonly { readonly id: string; readonly fields: readonly string[] }[]) => Reply,
): Reply {
  const value = keys.get(key);
  if (value === undefined) return use([]);
  return value.type === 'stream' ? use(value.entries) : WRONG_TYPE;
}

function toInteger(text: string): number | undefined {
  return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Redis ranges: both ends inclusive, negative ones count from the end. Returns `undefined` when either is no integer. */
function toRange(
  from: string,
  to: string,
  length: number,
): { readonly from: number; readonly end: number } | undefined {
  const first = toInteger(from);
  const last = toInteger(to);
  if (first === undefined || last === undefined) return undefined;
  const start = Math.max(0, first < 0 ? length + first : first);
  const end = Math.min(length, (last < 0 ? length + last : last) + 1);
  return end <= start ? { from: 0, end: 0 } : { from: start, end };
}
