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

  it('falls behind with what is heard where more comes than is taken', () => {
    const { clock, pass } = createClock(100_000);
    const time = new ExchangeTime(clock);
    let eventTimeMs = 100_000;
    for (let second = 0; second < 60; second++) {
      time.note(eventTimeMs);
      pass(1_000);
      eventTimeMs += 100;
    }
    // Sixty seconds passed, and six of the exchange's were heard: no more than ten seconds of ours tell of earlier ones.
    expect(time.read()).toBeLessThan(eventTimeMs + 10_000);
  });

  it('is that of the newest event for as long as nothing is heard', () => {
    const { clock, pass } = createClock(100_000);
    const time = new ExchangeTime(clock);
    time.note(99_900);
    pass(50_000);
    expect(time.read()).toBe(149_900);
  });

  it('is unknown after nobody listened, until something is heard', () => {
    const { clock, pass } = createClock(100_000);
    const time = new ExchangeTime(clock);
    time.note(99_900);
    pass(70_000);
    time.forget();
    expect(time.read()).toBeUndefined();
    time.note(100_000);
    expect(time.read()).toBe(100_000);
  });
});
