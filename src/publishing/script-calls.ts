/** Calls of our scripts, with failures as values. */
import type { ScriptClient } from './redis-client.ts';
import type { RedisScript } from './scripts.ts';

export type ScriptCall = {
  readonly script: RedisScript;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  /** Asked right before each time the call leaves; without it the call may always be sent. */
  readonly mayBeSent?: () => boolean;
};

/** The outcome of a call that was held back: nothing left the process. */
export const HELD_BACK = new Error(
  'held back: this node could not confirm that it still owns its instruments',
);

export type ScriptOutcome =
  { readonly ok: true; readonly reply: unknown } | { readonly ok: false; readonly error: Error };

/** Never rejects. A script that Redis has forgotten is sent in full, after which Redis knows it again. Without keys nothing is sent. */
export async function callScript(client: ScriptClient, call: ScriptCall): Promise<ScriptOutcome> {
  const { script, keys, args, mayBeSent = () => true } = call;
  if (keys.length === 0) return { ok: true, reply: 0 };
  if (!mayBeSent()) return { ok: false, error: HELD_BACK };
  try {
    return { ok: true, reply: await client.evalsha(script.sha, keys.length, ...keys, ...args) };
  } catch (error) {
    if (!isMissingScript(error)) return { ok: false, error: toError(error) };
  }
  if (!mayBeSent()) return { ok: false, error: HELD_BACK };
  try {
    return { ok: true, reply: await client.eval(script.lua, keys.length, ...keys, ...args) };
  } catch (error) {
    return { ok: false, error: toError(error) };
  }
}

const NEVER_HELPS = /^(?:WRONGTYPE|ERR|NOPERM)\b/;

/** Whether the same call may pass later; a list key that holds something else won't mend itself. */
export function isRetryable(error: Error): boolean {
  return !NEVER_HELPS.test(error.message);
}

/**
 * A server that hangs keeps the connection open; only a new one tells whether it lives. One that has become a replica keeps it open too, and its
 * address may lead to another master by now.
 */
export function needsNewConnection({ message }: Error): boolean {
  return message === 'Command timed out' || message.startsWith('READONLY');
}

/** Returns the items in order, so many at a time: the keys of one call each. */
export function chunk<Item>(items: readonly Item[], sizeMax: number): Item[][] {
  const chunks: Item[][] = [];
  for (let index = 0; index < items.length; index += sizeMax)
    chunks.push(items.slice(index, index + sizeMax));
  return chunks;
}

/** Reads a reply that counts. */
export function toCount(reply: unknown): number {
  return typeof reply === 'number' ? reply : Number(reply);
}

/** Reads a reply that counts something for each key. */
export function toCounts(reply: unknown): readonly number[] {
  return Array.isArray(reply) ? reply.map(Number) : [];
}

/** Reads a reply that lists places. */
export function toPlaces(reply: unknown): ReadonlySet<number> {
  return new Set(Array.isArray(reply) ? reply.map(Number) : []);
}

function isMissingScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
