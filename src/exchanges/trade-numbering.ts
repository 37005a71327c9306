/**
 * Whether two trades that exchanges count by one can be of the same count. A number far from where it should be is a lie of one frame, or an
 * exchange that began to count anew: such a number says nothing about what lies between.
 */

/** A trade's number and its event time. */
export type NumberedMoment = { readonly number: number; readonly eventTimeMs: number };

/** As many trades may be missing at once, whatever the time between; some hours of the busiest symbol. */
const JUMP_MAX = 1_000_000;
/** More than any symbol has, so that no absence is too long. */
const TRADES_PER_MS_MAX = 10;
/** No absence is longer, but an event time may be a lie as well. */
const ABSENCE_MAX_MS = 31 * 24 * 60 * 60 * 1_000;
/** Trades of nearly one time may come in any order. */
const NEIGHBOURS_MAX = 1_000;
const NEIGHBOURS_MS = 10_000;

/** A later trade has a greater number, by no more than can have been traded meanwhile; one that comes again has a lower number and is older. */
export function isSameNumbering(newest: NumberedMoment, other: NumberedMoment): boolean {
  const step = other.number - newest.number;
  const laterMs = other.eventTimeMs - newest.eventTimeMs;
  if (step >= 0) return step <= JUMP_MAX + Math.min(Math.max(0, laterMs), ABSENCE_MAX_MS) * TRADES_PER_MS_MAX;
  if (step < -JUMP_MAX) return false;
  return laterMs <= (step < -NEIGHBOURS_MAX ? 0 : NEIGHBOURS_MS);
}

/** Whether the greatest number can be that of the latest trade, or of one close to it. */
export function isNeighbour(latest: number, greatest: number): boolean {
  return Math.abs(greatest - latest) <= NEIGHBOURS_MAX;
}
