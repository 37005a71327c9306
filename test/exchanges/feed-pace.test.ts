import { describe, expect, it } from 'vitest';
import { createSeededRandom } from '../../src/base/clock.ts';
import { FeedPace, SILENCE_MAX_MS, SILENCE_MIN_MS } from '../../src/exchanges/feed-pace.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Lets events come at random with the mean silence of the moment, and counts silences that were called out of the ordinary. */
function live(options: { forMs: number; meanMsAt: (nowMs: number) => number; seed: number }) {
  const random = createSeededRandom(options.seed);
  const pace = new FeedPace();
  let nowMs = 0;
  let alarms = 0;
  let longestMs = 0;
  pace.heard(nowMs);
  while (nowMs < options.forMs) {
    const silenceMs = Math.round(-Math.log(1 - random()) * options.meanMsAt(nowMs));
    nowMs += silenceMs;
    longestMs = Math.max(longestMs, silenceMs);
    // Patience only fades while nothing is heard, so the end of the silence decides.
    if (silenceMs > (pace.patienceMs(nowMs) ?? Infinity)) {
      alarms++;
      pace.wasQuiet(silenceMs, nowMs);
    }
    pace.heard(nowMs);
  }
  return { pace, nowMs, longestMs, alarmsPerDay: alarms / (options.forMs / DAY_MS) };
}

/** After how much silence a check would come, at a resolution of a second. */
function noticedAfterMs({ pace, nowMs }: { pace: FeedPace; nowMs: number }): number {
  for (let silenceMs = 0; silenceMs <= 2 * SILENCE_MAX_MS; silenceMs += 1_000) {
    if (silenceMs > pace.patienceMs(nowMs + silenceMs)!) return silenceMs;
  }
  return Infinity;
}

const STEADY = [
  ['200 ms', 200, 2],
  ['1 s', 1_000, 8],
  ['30 s', 30_000, 100],
  ['10 min', 600_000, 600],
] as const;

describe('the pace of a feed', () => {
  it.each(STEADY)(
    'gives less than one false alarm in ten days at a steady random pace of %s',
    (_name, meanMs, days) => {
      for (const seed of [1, 2, 3]) {
        const { alarmsPerDay } = live({ forMs: days * DAY_MS, meanMsAt: () => meanMs, seed });
        expect([seed, alarmsPerDay]).toEqual([seed, expect.closeTo(0, 1)]);
      }
    },
  );

  it.each(STEADY)(
    'notices a book that is dead within three times its longest silence at %s',
    (_name, meanMs) => {
      for (const seed of [4, 5, 6]) {
        const lived = live({ forMs: 200 * meanMs + HOUR_MS, meanMsAt: () => meanMs, seed });
        const boundMs = Math.max(SILENCE_MIN_MS, 3 * lived.longestMs, 15 * meanMs) + 1_000;
        expect(noticedAfterMs(lived)).toBeLessThanOrEqual(Math.min(boundMs, SILENCE_MAX_MS + 1_000));
        expect(noticedAfterMs(lived)).toBeGreaterThan(SILENCE_MIN_MS);
      }
    },
  );

  it('gives at most one false alarm a day where nights are two hundred times as slow as days', () => {
    for (const seed of [7, 8, 9]) {
      const meanMsAt = (nowMs: number) => 100 * 200 ** ((1 - Math.cos((2 * Math.PI * nowMs) / DAY_MS)) / 2);
      const { alarmsPerDay } = live({ forMs: 4 * DAY_MS, meanMsAt, seed });
      expect(alarmsPerDay).toBeLessThanOrEqual(1);
    }
  });

  it('notices after ten seconds that a book is silent which speaks every 50 ms, and soon that a keepalive is missing', () => {
    const every = (periodMs: number) => {
      const pace = new FeedPace();
      let nowMs = 0;
      for (; nowMs < 2 * HOUR_MS; nowMs += periodMs) pace.heard(nowMs);
      return noticedAfterMs({ pace, nowMs: nowMs - periodMs });
    };
    expect(every(50)).toBe(SILENCE_MIN_MS + 1_000);
    expect(every(5_000)).toBe(16_000);
    expect(every(60_000)).toBe(181_000);
  });

  it('knows nothing in the first minute, however fast the book is', () => {
    const pace = new FeedPace();
    for (let nowMs = 0; nowMs < 59_000; nowMs += 10) pace.heard(nowMs);
    expect(pace.patienceMs(500_000)).toBeUndefined();
  });

  it('waits longer after each silence that was the book’s own, and forgets it within hours', () => {
    const pace = new FeedPace();
    let nowMs = 0;
    for (; nowMs < HOUR_MS; nowMs += 100) pace.heard(nowMs);
    pace.wasQuiet(10_250, nowMs);
    expect(pace.patienceMs(nowMs)).toBeCloseTo(30_750, 0);
    for (const endMs = nowMs + 6 * HOUR_MS; nowMs < endMs; nowMs += 100) pace.heard(nowMs);
    expect(pace.patienceMs(nowMs)).toBe(SILENCE_MIN_MS);
  });

  it('counts no silence in which nobody listened, or over a change of the connection', () => {
    const pace = new FeedPace();
    let nowMs = 0;
    for (; nowMs < HOUR_MS; nowMs += 100) pace.heard(nowMs);
    pace.excuse(nowMs + 400_000);
    pace.heard(nowMs + 500_000);
    pace.interrupted();
    expect(pace.lastMs).toBeUndefined();
    pace.heard(nowMs + 900_000);
    expect(pace.patienceMs(nowMs + 900_000)).toBe(SILENCE_MIN_MS);
    expect(pace.meanMs).toBeCloseTo(100, 5);
  });
});
