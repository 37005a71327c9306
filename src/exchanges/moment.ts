/**
 * A moment by the two clocks of a process. People set the wall clock, and it may jump by hours: it says when something was, never how long something
 * took.
 */
export type Moment = {
  /** Unix milliseconds; of what arrived, when it was received. */
  readonly wallMs: number;
  /** By a clock that nobody sets: lengths of time are measured by it. */
  readonly monotonicMs: number;
};

/** Returns the moment of a recording, which has one time. */
export function recordedMoment(timeMs: number): Moment {
  return { wallMs: timeMs, monotonicMs: timeMs };
}
