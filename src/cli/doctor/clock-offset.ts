/** How far our clock is from another one, as far as one question can tell. */
import type { Settings } from '../../settings-schema.ts';
import type { Finding } from './finding.ts';
import { fail, ok, warn } from './finding.ts';

export type ClockReading = {
  /** Our clock before the question and after the answer. */
  readonly sentMs: number;
  readonly heardMs: number;
  /** Theirs, read somewhere between; rounded down to `resolutionMs`. */
  readonly theirMs: number;
  readonly resolutionMs: number;
};

/** Returns the least that the clocks can differ by: 0 where the way of the answer and the rounding explain all of it; positive when ours is ahead. */
export function leastOffsetMs({ sentMs, heardMs, theirMs, resolutionMs }: ClockReading): number {
  const theirLatestMs = theirMs + resolutionMs;
  if (sentMs > theirLatestMs) return sentMs - theirLatestMs;
  return heardMs < theirMs ? heardMs - theirMs : 0;
}

export function checkOffset(whose: string, reading: ClockReading, { candles, feed }: Settings): Finding {
  const offsetMs = leastOffsetMs(reading);
  const distanceMs = Math.abs(offsetMs);
  const check = `clock (${whose})`;
  if (offsetMs === 0) {
    const sureMs = reading.heardMs - reading.sentMs + reading.resolutionMs;
    return ok(check, `no difference that could be seen (${sureMs} ms at most)`);
  }
  const found = `our clock is at least ${distanceMs} ms ${offsetMs > 0 ? 'ahead' : 'behind'}`;
  const toDo = 'synchronise the clock of this machine (chrony, systemd-timesyncd)';
  // Behind, right events seem to come from the future and are refused; ahead, heartbeats make right trades late.
  const refusedMs = offsetMs < 0 ? feed.maxFutureMs : candles.outOfOrdernessMs + candles.allowedLatenessMs;
  if (distanceMs >= refusedMs) return fail(check, `${found}: right events are refused`, toDo);
  return distanceMs >= 1_000 ? warn(check, found, toDo) : ok(check, found);
}
