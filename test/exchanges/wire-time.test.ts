import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIsoMs, parseSecondsMs } from '../../src/exchanges/wire-time.ts';

const LAST_DAY_OF_9999 = Date.UTC(9999, 11, 31);

describe('parseIsoMs', () => {
  it('gives what Date gives for every millisecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LAST_DAY_OF_9999 }), (timeMs) => {
        expect(parseIsoMs(new Date(timeMs).toISOString())).toBe(timeMs);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  it('gives what Date gives on the first and last day of every month of four centuries', () => {
    for (let month = 0; month < 400 * 12; month++) {
      for (const day of [1, 0]) {
        const date = new Date(Date.UTC(1990, month, day, 23, 59, 59));
        expect(parseIsoMs(date.toISOString())).toBe(date.getTime());
      }
    }
  });

  it('reads any number of second decimals and cuts below the millisecond', () => {
    const whole = Date.UTC(2026, 7, 24, 22, 21, 58);
    expect(parseIsoMs('2026-08-24T22:21:58Z')).toBe(whole);
    expect(parseIsoMs('2026-08-24T22:21:58.3Z')).toBe(whole + 300);
    expect(parseIsoMs('2026-08-24T22:21:58.34Z')).toBe(whole + 340);
    expect(parseIsoMs('2026-08-24T22:21:58.343999Z')).toBe(whole + 343);
    expect(parseIsoMs('2026-08-24T22:21:58.343999999Z')).toBe(whole + 343);
  });

  it('gives nothing for what is no time', () => {
    for (const text of [
      '0001-01-01T00:00:00.000000Z',
      '2026-02-29T00:00:00.000Z',
      '2026-13-01T00:00:00.000Z',
      '2026-00-01T00:00:00.000Z',
      '2026-08-32T00:00:00.000Z',
      '2026-08-24T24:00:00.000Z',
      '2026-08-24T22:60:00.000Z',
      '2026-08-24T22:21:58.Z',
      '2026-08-24T22:21:58,343Z',
      '2026-08-24T22:21:58.34x999Z',
      '2026-08-24T22:21:58.343+02:00',
      '2026-08-24 22:21:58.343Z',
      '2026-8-24T22:21:58.343Z',
      '',
      1_790_000_000_000,
      undefined,
    ]) {
      expect([text, parseIsoMs(text)]).toEqual([text, undefined]);
    }
  });
});

describe('parseSecondsMs', () => {
  it('reads decimal seconds and cuts below the millisecond', () => {
    expect(parseSecondsMs('1617666423.606671')).toBe(1_617_666_423_606);
    expect(parseSecondsMs('1617666423.999999')).toBe(1_617_666_423_999);
    expect(parseSecondsMs('1617666423.6')).toBe(1_617_666_423_600);
    expect(parseSecondsMs('1617666423')).toBe(1_617_666_423_000);
  });

  it('gives nothing for what is no time', () => {
    for (const text of ['', '.5', '1617666423.', '-1', '1e9', '161766642300000.1', 'now', 1617666423, null]) {
      expect([text, parseSecondsMs(text)]).toEqual([text, undefined]);
    }
  });
});
