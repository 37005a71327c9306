import { expect, it, vi } from 'vitest';
import { Report } from './report.ts';

/** Of a run of so many seeds, each of which injected one crash and nothing else. */
function failuresOf(seedCount: number): { count: number; text: string } {
  let text = '';
  const output = vi.spyOn(process.stdout, 'write').mockImplementation((line) => {
    text += String(line);
    return true;
  });
  const report = new Report(seedCount, {
    withHashes: false,
    isCluster: true,
    wanted: { faults: ['crash', 'freeze'], facts: ['two claimers'] },
  });
  for (let seed = 1; seed <= seedCount; seed++)
    report.add({
      ...{ seed, traceHash: '', violations: [], faults: { crash: 1 }, reached: {} },
      ...{ simulatedMs: 1, stepCount: 1, processorMs: 1 },
    });
  report.end();
  output.mockRestore();
  return { count: report.failedCount, text };
}

it('a run of many seeds fails where a kind of fault or a fact never came about, and names it', () => {
  const { count, text } = failuresOf(30);
  expect(count).toBe(1);
  expect(text).toContain('never happened, so that nothing holds it: freeze, two claimers');
  expect(text).toContain('injected: crash 30');
});

it('a run of few seeds has no need of every kind', () => {
  expect(failuresOf(29).count).toBe(0);
});
