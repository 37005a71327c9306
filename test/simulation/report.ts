/** What a run of seeds tells: violations as they are found, and at the end what was injected and reached. */
import type { Violation } from './checks/violation.ts';
import type { SeedResult } from './simulate.ts';

/** A result as it crosses from one process to another. */
export type SeedSummary = {
  readonly seed: number;
  readonly traceHash: string;
  readonly violations: readonly Violation[];
  readonly faults: Readonly<Record<string, number>>;
  readonly reached: Readonly<Record<string, number>>;
  readonly simulatedMs: number;
  readonly stepCount: number;
  readonly processorMs: number;
};

/** Violations of one rule that are told of one seed. */
const SAME_RULE_MAX = 2;
const TEXT_MAX = 1_200;
/** In a run of so many seeds each kind of fault happens. */
const ENOUGH_SEEDS = 30;

/** What a run of many seeds has to bring about, or it holds less than it says. */
export type WantedFaults = { readonly faults: readonly string[]; readonly facts: readonly string[] };

export function summarizeSeed(result: SeedResult): SeedSummary {
  return {
    ...result,
    faults: Object.fromEntries(result.faults),
    reached: Object.fromEntries(result.reached),
  };
}

export class Report {
  failedCount = 0;
  readonly #seedCount: number;
  readonly #withHashes: boolean;
  readonly #isCluster: boolean;
  readonly #wanted: WantedFaults;
  readonly #faults = new Map<string, number>();
  readonly #reached = new Map<string, number>();
  readonly #startedMs = performance.now();
  #doneCount = 0;
  #simulatedMs = 0;
  #stepCount = 0;
  #processorMs = 0;

  constructor(seedCount: number, options: { withHashes: boolean; isCluster: boolean; wanted: WantedFaults }) {
    this.#wanted = options.wanted;
    this.#seedCount = seedCount;
    this.#isCluster = options.isCluster;
    this.#withHashes = options.withHashes;
  }

  add(summary: SeedSummary): void {
    this.#doneCount++;
    this.#simulatedMs += summary.simulatedMs;
    this.#stepCount += summary.stepCount;
    this.#processorMs += summary.processorMs;
    addAll(this.#faults, summary.faults);
    addAll(this.#reached, summary.reached);
    if (this.#withHashes) print(`${summary.seed} ${summary.traceHash}`);
    if (summary.violations.length > 0) this.#tell(summary);
    if (process.stderr.isTTY)
      process.stderr.write(`\r${this.#doneCount} of ${this.#seedCount} seeds, ${this.failedCount} failed `);
  }

  fail(message: string): void {
    this.failedCount++;
    print(message);
  }

  end(): void {
    const seconds = (performance.now() - this.#startedMs) / 1_000;
    const minutes = this.#simulatedMs / 60_000;
    const each = this.#processorMs / 1_000 / Math.max(1, this.#doneCount);
    print(
      `\n${this.#doneCount} seeds, ${this.failedCount} failed: ${minutes.toFixed(1)} simulated minutes, ${this.#stepCount} steps, ${seconds.toFixed(1)} s, ${each.toFixed(3)} s of processor a seed`,
    );
    print(`injected: ${listOf(this.#faults)}`);
    print(`reached: ${listOf(this.#reached)}`);
    if (this.#doneCount < ENOUGH_SEEDS) return;
    const missing = [
      ...this.#wanted.faults.filter((kind) => !this.#faults.has(kind)),
      ...this.#wanted.facts.filter((fact) => !this.#reached.has(fact)),
    ];
    if (missing.length > 0) this.fail(`never happened, so that nothing holds it: ${missing.join(', ')}`);
  }

  #tell({ seed, violations }: SeedSummary): void {
    this.failedCount++;
    print(`\nseed ${seed}: ${violations.length} violations`);
    const told = new Map<string, number>();
    for (const { rule, instrument, expected, was } of violations) {
      const times = (told.get(rule) ?? 0) + 1;
      told.set(rule, times);
      if (times > SAME_RULE_MAX) continue;
      print(`  ${rule}: ${instrument}`);
      print(`    expected ${expected.slice(0, TEXT_MAX)}`);
      print(`    was      ${was.slice(0, TEXT_MAX)}`);
    }
    print(`  again: npm run sim --${this.#isCluster ? ' --cluster' : ''} --from ${seed} --seeds 1 --trace`);
  }
}

function addAll(sums: Map<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, times] of Object.entries(more)) sums.set(name, (sums.get(name) ?? 0) + times);
}

function listOf(counts: ReadonlyMap<string, number>): string {
  return (
    [...counts]
      .sort()
      .map(([name, times]) => `${name} ${times}`)
      .join(', ') || 'nothing'
  );
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
