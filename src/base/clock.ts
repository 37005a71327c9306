/** Time, timers and randomness as values that are handed in, so that tests and the simulator decide them. */

export interface Clock {
  /** Unix milliseconds of the wall clock. */
  nowMs(): number;
  /** Milliseconds of a clock that never goes back; only differences mean anything. */
  monotonicMs(): number;
}

/** Returns what both hands of the clock show. */
export function momentOf(clock: Clock): { readonly wallMs: number; readonly monotonicMs: number } {
  return { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
}

export interface TimerHandle {
  cancel(): void;
}

export interface Timers {
  /** Calls `action` once after `delayMs` (capped at 2^31 − 1 ms). */
  after(delayMs: number, action: () => void): TimerHandle;
  /** Calls `action` every `periodMs`, first after `firstDelayMs` (default: one period). */
  every(periodMs: number, action: () => void, firstDelayMs?: number): TimerHandle;
  /** Resolves after `delayMs`. */
  sleep(delayMs: number): Promise<void>;
}

/** Returns a number in [0, 1). */
export type RandomSource = () => number;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

const MAX_TIMEOUT_MS = 2 ** 31 - 1;

export const systemTimers: Timers = {
  after(delayMs, action) {
    const handle = setTimeout(action, Math.min(delayMs, MAX_TIMEOUT_MS));
    return { cancel: () => clearTimeout(handle) };
  },
  every(periodMs, action, firstDelayMs = periodMs) {
    let interval: NodeJS.Timeout | undefined;
    const first = setTimeout(
      () => {
        interval = setInterval(action, Math.min(periodMs, MAX_TIMEOUT_MS));
        action();
      },
      Math.min(firstDelayMs, MAX_TIMEOUT_MS),
    );
    return {
      cancel: () => {
        clearTimeout(first);
        clearInterval(interval);
      },
    };
  },
  sleep: (delayMs) =>
    new Promise((resolve) => {
      setTimeout(resolve, Math.min(delayMs, MAX_TIMEOUT_MS));
    }),
};

/** Returns a seeded random source (mulberry32), the same numbers for the same seed on every machine. */
export function createSeededRandom(seed: number): RandomSource {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
