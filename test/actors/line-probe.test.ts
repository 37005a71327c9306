import { describe, expect, it } from 'vitest';
import {
  ANSWER_WITHIN_MS,
  FIRST_ANSWER_WITHIN_MS,
  LineProbe,
  PROBE_AFTER_MS,
} from '../../src/actors/line-probe.ts';

const TICK_MS = 250;

/** Ticks until `untilMs`; returns what the probe wanted, with the time. */
function run(probe: LineProbe, fromMs: number, untilMs: number, isPaused = false): [number, string][] {
  const wanted: [number, string][] = [];
  for (let nowMs = fromMs; nowMs <= untilMs; nowMs += TICK_MS) {
    const verdict = probe.tick(nowMs, isPaused);
    if (verdict !== undefined) wanted.push([nowMs, verdict]);
  }
  return wanted;
}

function answering(): LineProbe {
  const probe = new LineProbe(0);
  expect(probe.tick(0, false)).toBe('ask');
  probe.answered(0);
  return probe;
}

describe('a line probe', () => {
  it('asks a side that fell silent, and calls it dead when it does not answer', () => {
    const askedMs = PROBE_AFTER_MS;
    expect(run(answering(), TICK_MS, askedMs + ANSWER_WITHIN_MS)).toEqual([
      [askedMs, 'ask'],
      [askedMs + ANSWER_WITHIN_MS, 'dead'],
    ]);
  });

  it('asks again and again, as long as there are answers or anything else is heard', () => {
    const probe = answering();
    expect(run(probe, TICK_MS, PROBE_AFTER_MS)).toEqual([[PROBE_AFTER_MS, 'ask']]);
    probe.answered(PROBE_AFTER_MS + 10);
    expect(run(probe, PROBE_AFTER_MS + TICK_MS, 2 * PROBE_AFTER_MS)).toEqual([]);
    probe.heard(2 * PROBE_AFTER_MS);
    expect(run(probe, 2 * PROBE_AFTER_MS + TICK_MS, 3 * PROBE_AFTER_MS)).toEqual([
      [3 * PROBE_AFTER_MS, 'ask'],
    ]);
    probe.heard(3 * PROBE_AFTER_MS + 10);
    expect(run(probe, 3 * PROBE_AFTER_MS + TICK_MS, 3 * PROBE_AFTER_MS + 2 * ANSWER_WITHIN_MS)).toEqual([]);
  });

  it('gives a side that has not answered yet more time, then calls its silence dead', () => {
    const probe = new LineProbe(0);
    probe.tick(0, false);
    const heardMs = ANSWER_WITHIN_MS - 1;
    probe.heard(heardMs);
    const deadMs = TICK_MS * Math.ceil((heardMs + FIRST_ANSWER_WITHIN_MS) / TICK_MS);
    expect(run(probe, TICK_MS, deadMs)).toEqual([[deadMs, 'dead']]);
  });

  it('never calls a side dead that spoke and did not answer', () => {
    const probe = new LineProbe(0);
    probe.tick(0, false);
    probe.heard(ANSWER_WITHIN_MS);
    expect(run(probe, ANSWER_WITHIN_MS + TICK_MS, 100 * FIRST_ANSWER_WITHIN_MS)).toEqual([]);
  });

  it('takes no pause for a sign that a side ignores pings', () => {
    const probe = new LineProbe(0);
    expect(run(probe, 0, FIRST_ANSWER_WITHIN_MS, true)).toEqual([[0, 'ask']]);
    const fromMs = FIRST_ANSWER_WITHIN_MS + TICK_MS;
    expect(run(probe, fromMs, 2 * FIRST_ANSWER_WITHIN_MS)).toEqual([[2 * FIRST_ANSWER_WITHIN_MS, 'dead']]);
  });

  it('calls nobody silent while it does not listen, nor for what arrived while it stood still', () => {
    const probe = answering();
    expect(run(probe, TICK_MS, 10 * PROBE_AFTER_MS, true)).toEqual([]);
    expect(run(probe, 20 * PROBE_AFTER_MS, 20 * PROBE_AFTER_MS + TICK_MS)).toEqual([]);
  });
});
