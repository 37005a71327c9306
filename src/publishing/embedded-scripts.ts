/** Our own scripts (`scripts.ts`) as the embedded server runs them: the same steps, in TypeScript. One contract suite holds both. */
import type { Keyspace } from './keyspace.ts';
import { KEYSPACE_COMMANDS } from './keyspace-commands.ts';
import type { Reply } from './resp-reply.ts';
import { APPEND_CLOSED, EXPIRE_OWN, MARK_STALE, NO_LIST, REFRESH, SET_NEWER } from './scripts.ts';
import { isMarkable, toStaleText } from './stale-text.ts';
import type { ValueVersion } from './value-head.ts';
import { compareVersions, HEAD_SIZE_BYTES, readVersion } from './value-head.ts';

export type ScriptContext = {
  readonly keys: Keyspace;
  readonly publish: (channel: string, message: string) => void;
};

type NativeScript = (context: ScriptContext, keys: readonly string[], args: readonly string[]) => Reply;

/** By SHA. */
export const NATIVE_SCRIPTS: ReadonlyMap<string, NativeScript> = new Map<string, NativeScript>([
  [SET_NEWER.sha, setNewer],
  [APPEND_CLOSED.sha, appendClosed],
  [REFRESH.sha, refresh],
  [EXPIRE_OWN.sha, expireOwn],
  [MARK_STALE.sha, markStale],
]);

function setNewer(context: ScriptContext, keys: readonly string[], args: readonly string[]): Reply {
  const ttlMs = Number(args[0]);
  const streamLength = Number(args[1]);
  const count = streamLength > 0 ? keys.length / 2 : keys.length;
  const rejected: number[] = [];
  for (let index = 0; index < count; index++) {
    const key = keys[index]!;
    const value = args[3 * index + 4]!;
    const held = context.keys.get(key);
    const newer = order(toVersion(args, 3 * index + 2), held);
    const heldText = held?.type === 'string' ? held.text : '';
    if (newer > 0 || (newer === 0 && contentOf(heldText) !== contentOf(value))) {
      context.keys.set(key, { type: 'string', text: value }, ttlMs);
      context.publish(key, value);
      if (streamLength > 0) {
        const stream = keys[count + index]!;
        runCommand(context, 'XADD', [stream, 'MAXLEN', '~', String(streamLength), '*', 'value', value]);
        context.keys.expire(stream, ttlMs);
      }
    } else if (newer === 0) {
      context.keys.expire(key, ttlMs);
    } else {
      rejected.push(index);
    }
  }
  return rejected;
}

/** The value without the time it was published at. */
function contentOf(value: string): string {
  return value.replace(/"publishTimeMs":\d+/, '');
}

function appendClosed(context: ScriptContext, keys: readonly string[], args: readonly string[]): Reply {
  let at = 1;
  return keys.map((list) => {
    const lastAt = at + 3 * Number(args[at]);
    at++;
    const held = context.keys.get(list);
    const isList = held === undefined || held.type === 'list';
    let rejectedCount = 0;
    for (; at <= lastAt; at += 3) {
      if (!isList) continue;
      const value = args[at + 2]!;
      const items = context.keys.get(list);
      const newestFirst = items?.type === 'list' ? items.items.toReversed() : [];
      const outcome = placeOf(toVersion(args, at), value, newestFirst);
      if (outcome === 'old') rejectedCount++;
      if (outcome !== 'new') continue;
      runCommand(context, 'LPUSH', [list, value]);
      context.publish(list, value);
    }
    if (!isList) return NO_LIST;
    runCommand(context, 'LTRIM', [list, '0', String(Number(args[0]) - 1)]);
    return rejectedCount;
  });
}

/** Whether a closed candle goes on top of its list, is there already, or comes too late. */
function placeOf(
  { epoch, seq }: ValueVersion,
  value: string,
  newestFirst: readonly string[],
): 'new' | 'there' | 'old' {
  for (const text of newestFirst) {
    const held = readVersion(text.slice(0, HEAD_SIZE_BYTES));
    if (held?.seq === seq && identityOf(text) === identityOf(value)) return 'there';
    if (held !== undefined && (held.epoch > epoch || held.seq > seq)) return 'old';
    if (held?.seq !== seq) return 'new';
  }
  return 'new';
}

/** What tells closed candles of one position apart. */
function identityOf(value: string): string {
  const openTimeMs = /"openTimeMs":(-?\d+)/.exec(value)?.[1];
  return openTimeMs === undefined ? value : `${openTimeMs} ${/"revision":(\d+)/.exec(value)?.[1] ?? ''}`;
}

function refresh(context: ScriptContext, keys: readonly string[], args: readonly string[]): Reply {
  const lost: number[] = [];
  const versions = args[1]!.split(' ');
  keys.forEach((key, index) => {
    const newer = order(toVersion(versions, 2 * index), context.keys.get(key));
    if (newer > 0) lost.push(index);
    else if (newer === 0) context.keys.expire(key, Number(args[0]));
  });
  return lost;
}

function expireOwn(context: ScriptContext, keys: readonly string[], args: readonly string[]): Reply {
  keys.forEach((key, index) => {
    const own = { epoch: Number(args[index + 1]), seq: Number.MAX_SAFE_INTEGER };
    const value = context.keys.get(key);
    const newest = value?.type === 'list' ? value.items.at(-1) : undefined;
    const newer = newest === undefined ? order(own, value) : compareToText(own, newest);
    if (newer >= 0) context.keys.expire(key, Number(args[0]));
  });
  return 0;
}

function markStale(context: ScriptContext, keys: readonly string[], args: readonly string[]): Reply {
  const streamLength = Number(args[0]);
  const count = streamLength > 0 ? keys.length / 2 : keys.length;
  let markedCount = 0;
  for (let index = 0; index < count; index++) {
    const key = keys[index]!;
    const held = context.keys.get(key);
    if (held?.type !== 'string') continue;
    const value = markedText(held.text, {
      publishTimeMs: args[1]!,
      epoch: Number(args[2 * index + 2]),
      reasonJson: args[2 * index + 3]!,
    });
    if (value === undefined) continue;
    const ttlMs = context.keys.ttlMs(key);
    context.keys.set(key, { type: 'string', text: value }, ttlMs < 0 ? undefined : ttlMs);
    context.publish(key, value);
    if (streamLength > 0) {
      const stream = keys[count + index]!;
      runCommand(context, 'XADD', [stream, 'MAXLEN', '~', String(streamLength), '*', 'value', value]);
      if (ttlMs >= 0) context.keys.expire(stream, ttlMs);
    }
    markedCount++;
  }
  return markedCount;
}

/** Returns the text with the mark in it, taken over when it is an older epoch's; `undefined` where there is nothing to mark. */
function markedText(
  text: string,
  mark: { readonly publishTimeMs: string; readonly epoch: number; readonly reasonJson: string },
): string | undefined {
  const held = readVersion(text.slice(0, HEAD_SIZE_BYTES));
  if (held === undefined || held.epoch > mark.epoch || !isMarkable(text)) return undefined;
  const isOlder = held.epoch < mark.epoch;
  const staleText = toStaleText(text, mark.reasonJson);
  if (!isOlder && staleText === text) return undefined;
  const stamped = staleText.replace(/"publishTimeMs":\d+/, `"publishTimeMs":${mark.publishTimeMs}`);
  return isOlder ? stamped.replace(/^\{"epoch":\d+,"seq":\d+/, `{"epoch":${mark.epoch},"seq":0`) : stamped;
}

function toVersion(args: readonly string[], at: number): ValueVersion {
  return { epoch: Number(args[at]), seq: Number(args[at + 1]) };
}

function order(version: ValueVersion, held: ReturnType<Keyspace['get']>): number {
  return held?.type === 'string' ? compareToText(version, held.text) : 1;
}

function compareToText(version: ValueVersion, text: string): number {
  const held = readVersion(text.slice(0, HEAD_SIZE_BYTES));
  return held === undefined ? 1 : compareVersions(version, held);
}

function runCommand(context: ScriptContext, name: string, args: readonly string[]): void {
  KEYSPACE_COMMANDS.get(name)!.run(context.keys, args);
}
