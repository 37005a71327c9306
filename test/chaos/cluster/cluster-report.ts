/** What a run against a cluster comes to, as values and in words. */
import { tableLines } from '../report.ts';
import type { Violation } from '../violation.ts';
import { describeViolation } from '../violation.ts';

export type ClusterReport = {
  readonly seed: number;
  readonly tookSeconds: number;
  /** How often each fault ran. */
  readonly faults: Readonly<Record<string, number>>;
  readonly nodeStarts: number;
  /** Lines of nodes at `warn` and above, by what they say and the code of their error. */
  readonly warnings: Readonly<Record<string, number>>;
  /** How often calm returned, and every book was live and true. */
  readonly calms: number;
  /** How long that took: the longest. */
  readonly healedWithinMs: number;
  readonly publications: number;
  readonly tradesMade: number;
  readonly tradesStored: number;
  readonly candles: number;
  readonly violations: readonly Violation[];
};

/** Returns the report as lines for people. */
export function describeClusterReport(report: ClusterReport): string {
  return [
    ...tableLines('faults', report.faults),
    ...tableLines('warnings in the logs of nodes', report.warnings),
    ...tableLines('checked', {
      'times that every book was live and true': report.calms,
      publications: report.publications,
      'trades made': report.tradesMade,
      'trades stored': report.tradesStored,
      candles: report.candles,
    }),
    `longest healing ${report.healedWithinMs} ms`,
    `${report.nodeStarts} starts of nodes in ${report.tookSeconds} s, seed ${report.seed}`,
    ...report.violations.map((violation) => `✗ ${describeViolation(violation)} (seed ${report.seed})`),
    `${report.violations.length} violations`,
  ].join('\n');
}
