/** The supervisor's decision, a pure function of strategy, failures and time. */
import { backoffDelayMs } from '../base/backoff.ts';
import type { RandomSource } from '../base/clock.ts';
import type { FailureRecord } from './failure.ts';
import type { BeyondLimit, RestartStrategy } from './strategy.ts';

export type Decision =
  | { readonly decision: 'restart'; readonly delayMs: number; readonly attempt: number }
  | { readonly decision: BeyondLimit; readonly attempt: number };

/** Failures that are remembered at least; more where a limit needs more. */
const REMEMBERED_MIN = 16;

/**
 * Returns the failures with one more, its attempt number worked out, the oldest forgotten as soon as no decision can depend on them.
 * `failures` is oldest first and monotonic times never fall.
 */
export function recordFailure(
  strategy: RestartStrategy,
  failures: readonly FailureRecord[],
  failure: Omit<FailureRecord, 'attempt'>,
): readonly FailureRecord[] {
  const previous = failures.at(-1);
  const resetAfterMs = strategy.type === 'backoff' ? strategy.resetAfterMs : strategy.withinMs;
  const isSameRun = previous !== undefined && failure.monotonicMs - previous.monotonicMs < resetAfterMs;
  const attempt = isSameRun ? previous.attempt + 1 : 1;
  return forgetOld(strategy, [...failures, { ...failure, attempt }]);
}

/**
 * Returns what to do about the newest of `failures` (oldest first, as `recordFailure` gives them).
 * Transient failures make the wait longer but are never one too many: giving up would not bring a service back.
 * @param nowMs by the monotonic clock
 * @param random drawn once, and only where the strategy has jitter
 */
export function decideOnFailure(
  strategy: RestartStrategy,
  failures: readonly FailureRecord[],
  nowMs: number,
  random: RandomSource,
): Decision {
  const newest = failures.at(-1);
  const attempt = newest?.attempt ?? 1;
  if (newest?.errorClass !== 'transient' && isOverLimit(strategy, failures, nowMs)) {
    return { decision: strategy.then, attempt };
  }
  const delayMs =
    strategy.type === 'failureRate' ? strategy.delayMs : backoffDelayMs(strategy, attempt - 1, random);
  return { decision: 'restart', delayMs, attempt };
}

function isOverLimit(strategy: RestartStrategy, failures: readonly FailureRecord[], nowMs: number): boolean {
  const counted = failures.filter((failure) => failure.errorClass !== 'transient');
  if (strategy.type === 'failureRate') {
    return countWithin(counted, strategy.withinMs, nowMs) > strategy.maxFailures;
  }
  if (strategy.maxRestarts === undefined) return false;
  if (strategy.withinMs !== undefined) {
    return countWithin(counted, strategy.withinMs, nowMs) > strategy.maxRestarts;
  }
  return countRun(failures) > strategy.maxRestarts;
}

/** Failures at `nowMs - withinMs` and before lie outside the window. */
function countWithin(failures: readonly FailureRecord[], withinMs: number, nowMs: number): number {
  return failures.filter((failure) => failure.monotonicMs > nowMs - withinMs).length;
}

/** Failures that count, from the newest back to the one that began its run. */
function countRun(failures: readonly FailureRecord[]): number {
  let count = 0;
  for (let index = failures.length - 1; index >= 0; index--) {
    const failure = failures[index]!;
    if (failure.errorClass !== 'transient') count++;
    if (failure.attempt === 1) break;
  }
  return count;
}

/** A run of transient failures may last for days; what counts against a limit is kept, and of the others only the newest. */
function forgetOld(strategy: RestartStrategy, failures: readonly FailureRecord[]): readonly FailureRecord[] {
  const limit = strategy.type === 'failureRate' ? strategy.maxFailures : (strategy.maxRestarts ?? 0);
  const rememberedMax = Math.max(REMEMBERED_MIN, limit + 1);
  if (failures.length <= rememberedMax) return failures;
  const oldestTransientIndex = failures.findIndex((failure) => failure.errorClass === 'transient');
  return failures.toSpliced(Math.max(0, oldestTransientIndex), 1);
}
