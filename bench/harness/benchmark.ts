/** What a benchmark is, and how it is measured: warmed up, in rounds, every result kept. */

/** One thing to measure. What `run` returns must follow from the work, so that none of the work can be left out. */
export type Benchmark = {
  readonly name: string;
  /** What is counted, in the plural: `frames`, `updates`. */
  readonly unit: string;
  /** Operations in one `run`. */
  readonly operationCount: number;
  /** Runs that there is input for, where that is limited. */
  readonly runsMax?: number;
  /** What comes before each run and is not measured. */
  readonly prepare?: () => Promise<void>;
  readonly run: () => number | Promise<number>;
  /** What comes after the last run. */
  readonly finish?: () => Promise<void>;
};

/** Benchmarks that share what has to be made or started for them. */
export type BenchmarkGroup = {
  readonly name: string;
  readonly title: string;
  /** Makes the inputs and starts what is needed. */
  readonly open: () => Promise<OpenGroup>;
};

export type OpenGroup = {
  readonly benchmarks: readonly Benchmark[];
  /** What a reader of the figures has to know. */
  readonly notes: readonly string[];
  readonly close: () => Promise<void>;
};

export type Measurement = {
  readonly group: string;
  readonly name: string;
  readonly unit: string;
  readonly rounds: number;
  readonly operationsPerRound: number;
  /** Nanoseconds per operation: the quickest round, the mean of all, and their standard deviation. */
  readonly minNs: number;
  readonly meanNs: number;
  readonly deviationNs: number;
  /** Processor time of the process per operation in the round that took least, all its threads: says more than time where others are at work. */
  readonly cpuMinNs: number;
  /** Sum of what the runs returned; the same seed and number of rounds gives the same for pure work. */
  readonly result: number;
};

const WARM_UP_MS = 400;
const WARM_UP_RUNS_MAX = 20;
const MEASURE_MS = 900;
const ROUNDS_MIN = 5;
const ROUNDS_MAX = 40;

/** Runs the benchmark until it is warm, then in rounds of one run each. */
export async function measure(group: string, benchmark: Benchmark): Promise<Measurement> {
  const runsMax = benchmark.runsMax ?? WARM_UP_RUNS_MAX + ROUNDS_MAX;
  const warmRunsMax = Math.min(WARM_UP_RUNS_MAX, runsMax - ROUNDS_MIN);
  let runCount = 0;
  let result = 0;
  const warmEndMs = performance.now() + WARM_UP_MS;
  while (runCount < warmRunsMax) {
    runCount++;
    await benchmark.prepare?.();
    result += await benchmark.run();
    if (performance.now() >= warmEndMs) break;
  }
  const nsPerOperation: number[] = [];
  let cpuMinNs = Number.POSITIVE_INFINITY;
  const endMs = performance.now() + MEASURE_MS;
  while (
    nsPerOperation.length < ROUNDS_MIN ||
    (performance.now() < endMs && nsPerOperation.length < ROUNDS_MAX && runCount < runsMax)
  ) {
    runCount++;
    await benchmark.prepare?.();
    const startCpu = process.cpuUsage();
    const startMs = performance.now();
    const outcome = benchmark.run();
    result += typeof outcome === 'number' ? outcome : await outcome;
    nsPerOperation.push(((performance.now() - startMs) * 1e6) / benchmark.operationCount);
    const { user, system } = process.cpuUsage(startCpu);
    cpuMinNs = Math.min(cpuMinNs, ((user + system) * 1_000) / benchmark.operationCount);
  }
  await benchmark.finish?.();
  const meanNs = nsPerOperation.reduce((sum, ns) => sum + ns, 0) / nsPerOperation.length;
  const variance =
    nsPerOperation.reduce((sum, ns) => sum + (ns - meanNs) ** 2, 0) / (nsPerOperation.length - 1);
  return {
    group,
    name: benchmark.name,
    unit: benchmark.unit,
    rounds: nsPerOperation.length,
    operationsPerRound: benchmark.operationCount,
    minNs: Math.min(...nsPerOperation),
    meanNs,
    deviationNs: Math.sqrt(variance),
    cpuMinNs,
    result,
  };
}
