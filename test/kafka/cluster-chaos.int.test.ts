/** A short run of `npm run chaos -- --cluster`: nodes are killed and frozen, the broker goes, connections break, and no promise is broken. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { ClusterReport } from '../chaos/cluster/cluster-report.ts';
import { runClusterChaos } from '../chaos/cluster/cluster-run.ts';
import { describeViolation } from '../chaos/violation.ts';
import { noteServiceUse } from '../support/services.ts';

const FAULTS = 12;
/** One that draws kills, freezes, a SIGTERM and a death of the broker within few faults. */
const SEED = 27;

describe('a cluster under destruction', () => {
  let report: ClusterReport;

  beforeAll(async () => {
    noteServiceUse('Nodes, Kafka, Postgres and Redis that are killed');
    report = await runClusterChaos({
      faults: FAULTS,
      seed: SEED,
      say: () => undefined,
      onProgress: () => undefined,
      stop: new AbortController().signal,
    });
  }, 170_000);

  it('bore a kill, a freeze and the death of its broker', () => {
    expect(report.faults).toMatchObject({
      kill: expect.any(Number) as number,
      freeze: expect.any(Number) as number,
      'broker killed': expect.any(Number) as number,
    });
    expect(Object.values(report.faults).reduce((sum, count) => sum + count, 0)).toBe(FAULTS);
  });

  it('left enough to be checked', () => {
    expect(report.calms).toBeGreaterThanOrEqual(FAULTS / 3);
    expect(report.publications).toBeGreaterThan(200);
    expect(report.tradesStored).toBeGreaterThan(200);
    expect(report.candles).toBeGreaterThan(100);
  });

  it('broke no promise', () => {
    expect(report.violations.map(describeViolation)).toEqual([]);
  });
});
