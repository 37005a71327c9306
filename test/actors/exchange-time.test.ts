import { describe, expect, it } from 'vitest';
import { ExchangeTime } from '../../src/actors/exchange-time.ts';

function createClock(wallMs: number) {
  const times = { wallMs, monotonicMs: 0 };
  return {
    clock: { nowMs: () => times.wallMs, monotonicMs: () => times.monotonicMs },
    pass: (ms: number) => {
      times.wallMs += ms;
      times.monotonicMs += ms;
    },
    jump: (ms: number) => {
      times.wallMs += ms;
    },
  };
}

describe('the time at an exchange', () => {
  it('is unknown before the first event', () => {
    expect(new ExchangeTime(createClock(1_000).clock).read()).toBeUndefined();
  });

  it('goes on from the newest event as time passes', () => {
    const { clock, pass } = createClock(10_000);
    const time = new ExchangeTime(clock);
    time.note(9_900);
    pass(250);
    time.note(9_000);
    expect(time.read()).toBe(10_150);
  });

  it('does not follow a wall clock that jumps hours ahead', () => {
    const { clock, pass, jump } = createClock(10_000);
    const time = new ExchangeTime(clock);
    time.note(9_990);
    jump(30 * 3_600_000);
    pass(1_000);
    expect(time.read()).toBe(10_990);
  });

  it('is never ahead of the wall clock, whatever an event says', () => {
    const { clock, pass } = createClock(10_000);
    const time = new ExchangeTime(clock);
    time.note(50_000);
    pass(1_000);
    expect(time.read()).toBe(11_000);
  });
});
