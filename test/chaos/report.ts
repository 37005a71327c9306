/** What a run comes to: figures, violations in words, and the causes of trades that are missing. */
import type { FinalResult } from './checks/final-check.ts';
import { missingSpans } from './checks/trade-check.ts';
import type { FaultLanes, FaultSpan } from './fault-lanes.ts';
import type { RunHistory } from './run-history.ts';
import type { RunState } from './run-state.ts';
import type { Violation } from './violation.ts';
import { describeViolation } from './violation.ts';

export type ChaosReport = {
  readonly seed: number;
  readonly minutes: number;
  readonly tookSeconds: number;
  /** How often each fault ran. */
  readonly faults: Readonly<Record<string, number>>;
  readonly nodeStarts: number;
  /** Ends that nodes chose by themselves, by code. */
  readonly nodeEnds: Readonly<Record<string, number>>;
  /** Lines of nodes at `warn` and above, by what they say and the code of their error. */
  readonly warnings: Readonly<Record<string, number>>;
  readonly historyRows: number;
  readonly publications: number;
  readonly liveBooks: number;
  /** The oldest that a book shown as live was, by exchange, in ms. */
  readonly liveAgesMs: Readonly<Record<string, number>>;
  /** How long everything took to be live and true again once faults rested: the longest. */
  readonly healedWithinMs: number;
  readonly tradesMade: number;
  readonly tradesStored: number;
  readonly candles: number;
  /** Trades that the table lacks, by what went on when they were made. */
  readonly missingTrades: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
};

const SPAN_GAP_MS = 1_000;
/** Detection and repair take a moment before and after. */
const CAUSE_SLACK_MS = 500;

export function createReport(run: {
  seed: number;
  minutes: number;
  startMs: number;
  state: RunState;
  history: RunHistory;
  final: FinalResult;
  violations: readonly Violation[];
  warnings: ReadonlyMap<string, number>;
  lanes: FaultLanes;
}): ChaosReport {
  const { state, history, final } = run;
  const missingTrades: Record<string, number> = {};
  const missingViolations: Violation[] = [];
  for (const [instrument, missing] of final.missing) {
    const exchange = instrument.slice(0, instrument.indexOf(':'));
    for (const span of missingSpans(missing, SPAN_GAP_MS)) {
      const cause = causeOf(span, run.lanes.spans);
      missingTrades[`${exchange}: ${cause}`] = (missingTrades[`${exchange}: ${cause}`] ?? 0) + span.count;
      missingViolations.push({
        rule: 'trade-once',
        subject: instrument,
        expected: 'every trade from the first on',
        was: `${span.count} missing, made from ${new Date(span.fromMs).toISOString()} to ${new Date(span.toMs).toISOString()} (${cause})`,
      });
    }
  }
  return {
    seed: run.seed,
    minutes: run.minutes,
    tookSeconds: Math.round((Date.now() - run.startMs) / 1000),
    faults: sorted(state.counts),
    nodeStarts: state.nodes.startCount,
    nodeEnds: sorted(state.nodes.ends),
    warnings: sorted(run.warnings),
    historyRows: history.journal.rowCount,
    publications: history.publications.count,
    liveBooks: history.publications.liveBookCount,
    liveAgesMs: sorted(history.publications.liveAgesMs),
    healedWithinMs: Math.round(Math.max(0, ...run.lanes.healTimesMs)),
    tradesMade: state.markets.tradeCount,
    tradesStored: final.storedTrades,
    candles: final.candles,
    missingTrades,
    violations: [...run.violations, ...missingViolations],
  };
}

function causeOf(span: { fromMs: number; toMs: number }, faults: readonly FaultSpan[]): string {
  const names = faults
    .filter(
      ({ fromMs, toMs }) => fromMs - CAUSE_SLACK_MS <= span.toMs && toMs + CAUSE_SLACK_MS >= span.fromMs,
    )
    .map(({ name }) => name);
  return names.length === 0 ? 'no fault at work' : [...new Set(names)].sort().join(' + ');
}

/** Returns a title and a line for each figure. */
export function tableLines(title: string, rows: Readonly<Record<string, number>>): string[] {
  return [title, ...Object.entries(rows).map(([name, value]) => `  ${String(value).padStart(7)}  ${name}`)];
}

/** Returns the counts by name, rounded. */
export function sorted(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries(
    [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => [name, Math.round(value)]),
  );
}

/** What an hour must hold at least. */
const KILLS_PER_HOUR = 300;
const FREEZES_PER_HOUR = 60;

/** Returns how many kills and freezes there were against those that a run of its length must hold. */
export function describeBudget({ faults, minutes }: ChaosReport): string {
  const kills = (faults['kill'] ?? 0) + (faults['kill during recovery'] ?? 0);
  const part = (count: number, perHour: number, what: string): string =>
    `${count} of ${Math.ceil((perHour * minutes) / 60)} ${what}`;
  return `budget: ${part(kills, KILLS_PER_HOUR, 'kills')}, ${part(faults['zombie freeze'] ?? 0, FREEZES_PER_HOUR, 'zombie freezes')}`;
}

/** Returns the report as lines for people. */
export function describeReport(report: ChaosReport): string {
  const missing = Object.values(report.missingTrades).reduce((sum, count) => sum + count, 0);
  return [
    ...tableLines('faults', report.faults),
    ...tableLines('ends that nodes chose by themselves', report.nodeEnds),
    ...tableLines('warnings in the logs of nodes', report.warnings),
    ...tableLines('checked', {
      'rows of the history': report.historyRows,
      publications: report.publications,
      'live books against the truth': report.liveBooks,
      'trades made': report.tradesMade,
      'trades stored': report.tradesStored,
      candles: report.candles,
    }),
    ...tableLines('oldest book shown as live, ms', report.liveAgesMs),
    ...tableLines(`missing trades: ${missing}`, report.missingTrades),
    `longest healing ${report.healedWithinMs} ms`,
    `${report.nodeStarts} starts of nodes in ${report.tookSeconds} s, seed ${report.seed}`,
    ...report.violations
      .slice(0, 50)
      .map((violation) => `✗ ${describeViolation(violation)} (seed ${report.seed})`),
    `${report.violations.length} violations`,
  ].join('\n');
}
