import { systemClock, systemTimers } from '../../src/base/clock.ts';
import type { Log } from '../../src/base/log.ts';
import type { WriterContext } from '../../src/persistence/retry.ts';

/** Real time and a quiet log for writers under test. */
export function contextOf(log: Log): WriterContext {
  return { clock: systemClock, timers: systemTimers, random: Math.random, log };
}
