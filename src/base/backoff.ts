import type { RandomSource } from './clock.ts';

export type BackoffPolicy = {
  readonly initialMs: number;
  readonly maxMs: number;
  /** What each delay is of the one before; 2 when not given. */
  readonly factor?: number;
  /** Share of the delay that is drawn at random, 0 to 1: 0.2 gives 80 % to 120 %. */
  readonly jitter: number;
};

/**
 * Returns the delay before attempt `attemptIndex` (from 0): it grows from `initialMs` to `maxMs`, spread by the jitter.
 * @param random drawn once, and only where the policy has jitter
 */
export function backoffDelayMs(policy: BackoffPolicy, attemptIndex: number, random: RandomSource): number {
  const { initialMs, maxMs, factor = 2, jitter } = policy;
  const plainMs = Math.min(maxMs, initialMs * factor ** attemptIndex);
  return Math.round(jitter === 0 ? plainMs : plainMs * (1 + jitter * (2 * random() - 1)));
}
