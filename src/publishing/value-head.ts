/**
 * The head of every value, which makes it comparable: `{"epoch":3,"seq":41,"publishTimeMs":…`. Scripts read epoch and sequence from the first bytes
 * of what is stored, so that one key is all that a guarded write touches.
 */
import type { Publication } from '../actors/ports.ts';

/** Bytes within which epoch and sequence always stand: the largest two safe integers need 49. */
export const HEAD_SIZE_BYTES = 64;

/** Whether the value can be stamped: JSON objects can. */
export function isStampable(publication: Publication): boolean {
  return publication.value.startsWith('{');
}

/** Returns the value, a JSON object, with epoch, sequence and publish time in front. */
export function stampValue(
  { epoch, seq, value }: Pick<Publication, 'epoch' | 'seq' | 'value'>,
  publishTimeMs: number,
): string {
  const version = `{"epoch":${epoch},"seq":${seq}`;
  const next = value.charAt(version.length);
  const hasVersion = value.startsWith(version) && (next === ',' || next === '}');
  const rest = value.slice(hasVersion ? version.length : 1);
  const comma = hasVersion || rest === '}' ? '' : ',';
  return `${version},"publishTimeMs":${publishTimeMs}${comma}${rest}`;
}

/** Returns the value as it was before it was stamped. */
export function withoutStamp(text: string): string {
  return text.replace(/^(\{"epoch":\d+,"seq":\d+),"publishTimeMs":\d+/, '$1');
}

export type ValueVersion = { readonly epoch: number; readonly seq: number };

const HEAD = /^\{"epoch":(\d+),"seq":(\d+)[,}]/;

/** Returns epoch and sequence of a stored value; `undefined` when it is not one of ours. The Lua scripts do the same. */
export function readVersion(text: string): ValueVersion | undefined {
  const match = HEAD.exec(text);
  return match === null ? undefined : { epoch: Number(match[1]), seq: Number(match[2]) };
}

/** Returns a positive number when `a` is newer, 0 when both are the same. */
export function compareVersions(a: ValueVersion, b: ValueVersion): number {
  return a.epoch === b.epoch ? a.seq - b.seq : a.epoch - b.epoch;
}
