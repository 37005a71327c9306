/** Untrusted JSON, narrowed step by step: each function gives the value as the named shape, or `undefined` when it has another. */
import type { Sequence } from '../market/events.ts';
import type { WireLevel } from '../market/scale-memory.ts';
import { isTooDeep } from './json-text.ts';

export type JsonRecord = Readonly<Record<string, unknown>>;

/** Returns the parsed value, or `undefined` when the text is not JSON (JSON itself has no `undefined`) or nests as no exchange does. */
export function parseJson(text: string): unknown {
  if (isTooDeep(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function asRecord(value: unknown): JsonRecord | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonRecord)
    : undefined;
}

export function asArray(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? (value as readonly unknown[]) : undefined;
}

/** Text that says something: empty text is `undefined` too. */
export function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value.length > 0 ? value : undefined;
}

/** A whole number ≥ 0 that a double holds exactly. */
export function asSequence(value: unknown): Sequence | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** A whole number ≥ 0 written as a JSON number or as text of at most 15 digits; times in milliseconds come both ways. */
export function asWholeNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number.parseInt(value, 10) : undefined;
}

export function asInteger(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

/** An array whose elements are said to be levels; `ScaleMemory` checks each one when it reads it. */
export function asLevels(value: unknown): readonly WireLevel[] | undefined {
  return Array.isArray(value) ? (value as readonly WireLevel[]) : undefined;
}

/** Returns the decimal text of one step at `decimals` decimals (`0.01` for 2); `undefined` when that is no number of decimals. */
export function stepText(decimals: unknown): string | undefined {
  const count = asInteger(decimals);
  if (count === undefined || count < 0 || count > 30) return undefined;
  return count === 0 ? '1' : `0.${'0'.repeat(count - 1)}1`;
}

/** Cuts a frame to what a reason may quote of it. */
export function excerpt(frame: string): string {
  return frame.length <= 120 ? frame : `${frame.slice(0, 120)}…`;
}
