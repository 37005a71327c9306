import { describe, expect, it } from 'vitest';
import { ANSWER_WITHIN_MS, LineProbe, PROBE_AFTER_MS } from '../../src/actors/line-probe.ts';

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

  it('never calls a side dead that never answered a ping', () => {
    const probe = new LineProbe(0);
    expect(run(probe, 0, 100 * PROBE_AFTER_MS)).toEqual([[0, 'ask']]);
  });

  it('calls nobody silent while it does not listen, nor for what arrived while it stood still', () => {
    const probe = answering();
    expect(run(probe, TICK_MS, 10 * PROBE_AFTER_MS, true)).toEqual([]);
    expect(run(probe, 20 * PROBE_AFTER_MS, 20 * PROBE_AFTER_MS + TICK_MS)).toEqual([]);
  });
});
