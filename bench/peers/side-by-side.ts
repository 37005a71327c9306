/**
 * Measures things that do the same work, in rounds in which each has its turn, so that whatever else the machine does hits all of them alike.
 * What is compared is each round's pair: the median of these ratios.
 */

export type Subject = {
  readonly name: string;
  /** Operations in one `run`. */
  readonly operationCount: number;
  /** What comes before each run and is not measured. */
  readonly prepare?: () => void;
  /** What it returns must follow from the work and be the same each time. */
  readonly run: () => number;
};

export type Timing = {
  /** Nanoseconds per operation, by round. */
  readonly ns: readonly number[];
  /** The same of processor time, all threads of the process, collection of garbage among them. */
  readonly cpuNs: readonly number[];
  /** The same of the quickest single run: what a busy machine leaves least of a mark on. */
  readonly quickestNs: number;
};

const WARM_UP_MS = 1_000;
const WARM_UP_RUNS_MIN = 3;
/** A subject's turn lasts at least this long, in as many runs as that takes. */
const TURN_MS = 30;

/** Returns the timings of the subjects, in their order. */
export function measureSideBySide(subjects: readonly Subject[], rounds: number): Timing[] {
  const turns = subjects.map((subject) => new Turn(subject));
  for (const turn of turns) turn.warmUp();
  for (let round = 0; round < rounds; round++) {
    // Each is first once, and comes after another one each time.
    for (let place = 0; place < turns.length; place++) turns[(round + place) % turns.length]!.take();
  }
  return turns.map(({ ns, cpuNs, quickestNs }) => ({ ns, cpuNs, quickestNs }));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

class Turn {
  readonly ns: number[] = [];
  readonly cpuNs: number[] = [];
  quickestNs = Infinity;
  readonly #subject: Subject;
  #runsPerTurn = 1;
  #result: number | undefined;

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  warmUp(): void {
    const endMs = performance.now() + WARM_UP_MS;
    let quickestMs = Infinity;
    for (let runs = 0; runs < WARM_UP_RUNS_MIN || performance.now() < endMs; runs++) {
      quickestMs = Math.min(quickestMs, this.#runOnce().ms);
    }
    this.#runsPerTurn = Math.max(1, Math.ceil(TURN_MS / quickestMs));
  }

  take(): void {
    // So that nobody collects the garbage of the one before. Young objects only: a full collection forgets the shapes of objects that are not
    // alive just then, and with them the compiled code of everyone.
    globalThis.gc?.({ type: 'minor' });
    let ms = 0;
    let cpuMs = 0;
    for (let run = 0; run < this.#runsPerTurn; run++) {
      const once = this.#runOnce();
      ms += once.ms;
      cpuMs += once.cpuMs;
    }
    const operationCount = this.#subject.operationCount * this.#runsPerTurn;
    this.ns.push((ms * 1e6) / operationCount);
    this.cpuNs.push((cpuMs * 1e6) / operationCount);
  }

  #runOnce(): { readonly ms: number; readonly cpuMs: number } {
    const { name, operationCount, prepare, run } = this.#subject;
    prepare?.();
    const startCpu = process.cpuUsage();
    const startMs = performance.now();
    const result = run();
    const ms = performance.now() - startMs;
    const { user, system } = process.cpuUsage(startCpu);
    if (this.#result !== undefined && this.#result !== result) {
      throw new Error(`${name} came to ${result}, before to ${this.#result}`);
    }
    this.#result = result;
    this.quickestNs = Math.min(this.quickestNs, (ms * 1e6) / operationCount);
    return { ms, cpuMs: (user + system) / 1_000 };
  }
}
