/**
 * Integers of any size in Avro: a `long` while it is small, decimal digits as text beyond (rare). Arrays are either all longs or all text,
 * so that the usual array costs no tag per value.
 */
import type { Sequence } from '../market/events.ts';
import type { Units } from '../market/units.ts';
import { toUnits } from '../market/units.ts';

/**
 * The largest magnitude written as `long`. Avro's zigzag form doubles the value, and the library does that in a double: odd negative values
 * beyond 2^52 would come back one off, and 2^53 − 1 is refused.
 */
const LONG_MAX = 2 ** 52 - 1;

export type WireInteger = number | string;
export const INTEGER_SCHEMA = ['long', 'string'] as const;
export const OPTIONAL_INTEGER_SCHEMA = ['null', 'long', 'string'] as const;

/** One of both arrays is empty. */
export type WireIntegers = { readonly longs: readonly number[]; readonly wide: readonly string[] };

/** Fields of a record that holds `WireIntegers`. */
export const INTEGERS_FIELDS = [
  { name: 'longs', type: { type: 'array', items: 'long' } },
  { name: 'wide', type: { type: 'array', items: 'string' } },
] as const;

const NONE: readonly never[] = [];

export function toWireInteger(value: Units): WireInteger {
  return typeof value === 'number' && isLong(value) ? value : value.toString();
}

/** Returns the canonical form: a `bigint` only beyond 2^53 − 1. */
export function fromWireInteger(wire: WireInteger): Units {
  return typeof wire === 'number' ? wire : toUnits(BigInt(wire));
}

export function toWireIntegers(values: readonly Units[]): WireIntegers {
  return isAllLongs(values)
    ? { longs: values, wide: NONE }
    : { longs: NONE, wide: values.map((value) => value.toString()) };
}

export function fromWireIntegers(wire: WireIntegers): readonly Units[] {
  return wire.wide.length === 0 ? wire.longs : wire.wide.map((digits) => toUnits(BigInt(digits)));
}

/** A sequence is not in canonical form, so a `bigint` is told apart by a leading `n`. */
export function toWireSequence(sequence: Sequence | undefined): WireInteger | null {
  if (sequence === undefined) return null;
  if (typeof sequence === 'bigint') return `n${sequence.toString()}`;
  return isLong(sequence) ? sequence : sequence.toString();
}

export function fromWireSequence(wire: WireInteger | null): Sequence | undefined {
  if (wire === null) return undefined;
  if (typeof wire === 'number') return wire;
  return wire.startsWith('n') ? BigInt(wire.slice(1)) : toUnits(BigInt(wire));
}

function isLong(value: number): boolean {
  return value <= LONG_MAX && value >= -LONG_MAX;
}

function isAllLongs(values: readonly Units[]): values is readonly number[] {
  for (const value of values) if (typeof value === 'bigint' || !isLong(value)) return false;
  return true;
}
