import type { BackoffPolicy } from '../base/backoff.ts';
import { backoffDelayMs } from '../base/backoff.ts';
import type { Clock, RandomSource, Timers } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { OutageLog } from '../base/outage-log.ts';
import { isTransient } from './database.ts';

/** What writers that outlive a lost database need of their surroundings. */
export type WriterContext = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly log: Log;
};

const RECONNECT_POLICY: BackoffPolicy = { initialMs: 50, maxMs: 5_000, jitter: 0.2 };

/**
 * Runs `attempt` until it succeeds, waiting longer each time, while its failures can pass by themselves. Throws the last failure when
 * it can not, when `deadlineMs` (a length of time) is over, or once `stop` is aborted. `attemptIndex` counts from 0.
 */
export async function retryTransient<Value>(
  attempt: (attemptIndex: number) => Promise<Value>,
  options: {
    context: WriterContext;
    /** What is attempted, for the log. */
    what: string;
    /** How much of it, or of whom. */
    fields: object;
    /** Of all attempts of this kind: a database that is away is told of once, not by each. */
    outage: OutageLog;
    deadlineMs: number;
    stop: AbortSignal;
  },
): Promise<Value> {
  const { context, what, fields, outage } = options;
  const startMs = context.clock.monotonicMs();
  for (let attemptIndex = 0; ; attemptIndex++) {
    try {
      const value = await attempt(attemptIndex);
      outage.over(`${what} goes on`);
      return value;
    } catch (error) {
      const delayMs = backoffDelayMs(RECONNECT_POLICY, attemptIndex, context.random);
      const isOver = context.clock.monotonicMs() - startMs + delayMs > options.deadlineMs;
      if (!isTransient(error) || isOver || options.stop.aborted) throw error;
      outage.failed({ ...fields, err: error }, `${what} failed, trying again until it is done`);
      await sleepUnlessStopped(context.timers, delayMs, options.stop);
    }
  }
}

function sleepUnlessStopped(timers: Timers, delayMs: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      timer.cancel();
      stop.removeEventListener('abort', wake);
      resolve();
    };
    const timer = timers.after(delayMs, wake);
    stop.addEventListener('abort', wake);
  });
}
