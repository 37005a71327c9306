/** A short run of `npm run chaos`: real nodes are killed, frozen and cut off, and the history of it breaks no promise. */
import { beforeAll, describe, expect, it } from 'vitest';
import { noteServiceUse } from '../support/services.ts';
import { runChaos } from './chaos-run.ts';
import type { ChaosReport } from './report.ts';
import { describeViolation } from './violation.ts';

/** One whose first faults of the process are kills and a freeze. */
const SEED = 12;
const MINUTES = 0.6;

describe('real nodes under destruction', () => {
  let report: ChaosReport;

  beforeAll(async () => {
    noteServiceUse('Nodes, Postgres and Redis that are killed');
    report = await runChaos({
      minutes: MINUTES,
      seed: SEED,
      say: () => undefined,
      stop: new AbortController().signal,
    });
  }, 170_000);

  it('were killed and frozen, and the freeze ended as fenced', () => {
    expect(report.faults['kill']).toBeGreaterThan(0);
    expect(report.faults['zombie freeze']).toBeGreaterThan(0);
    expect(report.faults['zombie ended as fenced']).toBe(report.faults['zombie freeze']);
  });

  it('left a history worth checking', () => {
    expect(report.historyRows).toBeGreaterThan(100);
    expect(report.liveBooks).toBeGreaterThan(100);
    expect(report.tradesStored).toBeGreaterThan(300);
  });

  it('broke no promise', () => {
    expect(report.violations.map(describeViolation)).toEqual([]);
  });
});
