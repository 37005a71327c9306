import type { RandomSource } from './clock.ts';

export type BackoffPolicy = {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Share of the delay that is drawn at random, 0 to 1: 0.2 gives 80 % to 120 %. */
  readonly jitter: number;
};

/** Returns the delay before attempt `attemptIndex` (from 0): it doubles from `initialMs` to `maxMs`, spread by the jitter. */
export function backoffDelayMs(policy: BackoffPolicy, attemptIndex: number, random: RandomSource): number {
  const plainMs = Math.min(policy.maxMs, policy.initialMs * 2 ** Math.min(attemptIndex, 30));
  return Math.round(plainMs * (1 + policy.jitter * (2 * random() - 1)));
}
