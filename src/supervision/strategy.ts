/**
 * Restart strategies as values: how long a failed actor waits, how often it may fail, and what happens beyond that.
 * What follows from a strategy is decided in `decision.ts`; nothing here runs anything.
 */

/** What happens when a strategy gives up: the parent's strategy decides, the actor waits for an operator, or it is gone. */
export type BeyondLimit = 'escalate' | 'park' | 'stop';

export type RestartWithBackoff = {
  readonly type: 'backoff';
  readonly initialMs: number;
  readonly maxMs: number;
  readonly factor: number;
  /** Share of the delay that is drawn at random, 0 to 1: 0.2 gives 80 % to 120 %. */
  readonly jitter: number;
  /** Failures it takes without giving up; `undefined` for no limit. */
  readonly maxRestarts: number | undefined;
  /** Only failures of the last so many ms count against `maxRestarts`; `undefined` counts the whole run of failures. */
  readonly withinMs: number | undefined;
  /** A failure this long after the one before begins a new run: attempt 1, shortest delay. */
  readonly resetAfterMs: number;
  readonly then: BeyondLimit;
};

export type FailureRate = {
  readonly type: 'failureRate';
  readonly maxFailures: number;
  readonly withinMs: number;
  readonly delayMs: number;
  readonly then: BeyondLimit;
};

export type RestartStrategy = RestartWithBackoff | FailureRate;

/**
 * Returns a strategy that restarts after a delay that grows with each failure in a row.
 *
 * `restartWithBackoff({ initialMs: 100, maxMs: 10_000, jitter: 0.2 })` waits 100 ms after the first failure, then 200, 400, 800, 1,600, 3,200,
 * 6,400, and from the eighth on 10,000 ms, each ± 20 %, and never gives up. An actor that failed last more than `resetAfterMs` ago
 * (by default twice the longest delay and a minute: here 80 s) begins again at 100 ms. With `maxRestarts: 5` the sixth failure of a run
 * is one too many; with `withinMs: 60_000` as well, the sixth within a minute.
 * @throws RangeError when a number is out of its range
 */
export function restartWithBackoff(options: {
  initialMs: number;
  maxMs: number;
  jitter: number;
  factor?: number;
  maxRestarts?: number;
  withinMs?: number;
  resetAfterMs?: number;
  then?: BeyondLimit;
}): RestartWithBackoff {
  const { initialMs, maxMs, jitter, factor = 2, maxRestarts, withinMs } = options;
  const longestMs = maxMs * (1 + jitter);
  const resetAfterMs = options.resetAfterMs ?? 2 * maxMs + 60_000;
  assertRange(initialMs > 0, `initialMs must be above 0, was ${initialMs}`);
  assertRange(maxMs >= initialMs, `maxMs must be at least initialMs (${initialMs}), was ${maxMs}`);
  assertRange(factor >= 1, `factor must be at least 1, was ${factor}`);
  assertRange(jitter >= 0 && jitter <= 1, `jitter must be from 0 to 1, was ${jitter}`);
  assertCount('maxRestarts', maxRestarts);
  assertRange(withinMs === undefined || withinMs > 0, `withinMs must be above 0, was ${withinMs ?? 0}`);
  // Else an actor that fails at once after each wait would look healthy and never reach its longest delay.
  assertRange(
    resetAfterMs > longestMs,
    `resetAfterMs must exceed the longest delay (${longestMs}), was ${resetAfterMs}`,
  );
  const then = options.then ?? 'escalate';
  return { type: 'backoff', initialMs, maxMs, factor, jitter, maxRestarts, withinMs, resetAfterMs, then };
}

/**
 * Returns a strategy that restarts after `delayMs` while at most `maxFailures` failures lie in the window, and gives up on the next.
 *
 * `failureRate({ maxFailures: 3, withinMs: 300_000, delayMs: 10_000 })`: failures at 0:00, 1:00 and 2:00 are each followed by a restart 10 s
 * later; a fourth before 5:00 is one too many. Had it come at 5:00, the first would lie outside the window and it would be a third.
 * @throws RangeError when a number is out of its range
 */
export function failureRate(options: {
  maxFailures: number;
  withinMs: number;
  delayMs: number;
  then?: BeyondLimit;
}): FailureRate {
  const { maxFailures, withinMs, delayMs, then = 'escalate' } = options;
  assertCount('maxFailures', maxFailures);
  assertRange(withinMs > 0, `withinMs must be above 0, was ${withinMs}`);
  assertRange(delayMs >= 0, `delayMs must not be below 0, was ${delayMs}`);
  return { type: 'failureRate', maxFailures, withinMs, delayMs, then };
}

function assertCount(name: string, value: number | undefined): void {
  assertRange(
    value === undefined || (Number.isInteger(value) && value >= 0),
    `${name} must be a whole number from 0, was ${value ?? 0}`,
  );
}

function assertRange(isTrue: boolean, message: string): void {
  if (!isTrue) throw new RangeError(`Invalid restart strategy: ${message}`);
}
