/**
 * Keeps the log readable, and the process from drowning in it, when very many actors fail at once: of each kind of line so many are written in a
 * window, the others are counted, and the window ends with one line that says how many and why.
 */
import type { Clock, TimerHandle, Timers } from '../../base/clock.ts';

const WINDOW_MS = 10_000;
export const LINES_PER_WINDOW = 50;
/** Causes told apart in one window; what has another one is counted without it. */
const CAUSES_MAX = 20;
const CAUSES_SHOWN = 3;

export type LeftOutLines = {
  /** Of supervision event, or `dead letter: <reason>`. */
  readonly kind: string;
  readonly leftOutCount: number;
  readonly windowMs: number;
  /** The most frequent causes of what was left out. */
  readonly causes: readonly { readonly cause: string; readonly count: number }[];
};

type Window = {
  readonly startMs: number;
  lineCount: number;
  leftOutCount: number;
  readonly causes: Map<string, number>;
  /** Set with the first line that is left out. */
  end: TimerHandle | undefined;
};

export class LineLimit {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #onLeftOut: (lines: LeftOutLines) => void;
  readonly #windows = new Map<string, Window>();

  constructor(options: { clock: Clock; timers: Timers; onLeftOut: (lines: LeftOutLines) => void }) {
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#onLeftOut = options.onLeftOut;
  }

  /** Whether one more line of this kind may be written; one that may not is counted. */
  admits(kind: string, cause: string): boolean {
    const window = this.#windowOf(kind);
    if (window.lineCount < LINES_PER_WINDOW) {
      window.lineCount++;
      return true;
    }
    window.leftOutCount++;
    const count = window.causes.get(cause);
    if (count !== undefined || window.causes.size < CAUSES_MAX) window.causes.set(cause, (count ?? 0) + 1);
    window.end ??= this.#timers.after(window.startMs + WINDOW_MS - this.#clock.monotonicMs(), () =>
      this.#end(kind),
    );
    return false;
  }

  /** Tells what is left out so far, at the end of the system. */
  close(): void {
    for (const kind of [...this.#windows.keys()]) this.#end(kind);
  }

  #windowOf(kind: string): Window {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#windows.get(kind);
    // One that left something out ends by its timer, so that this is told first.
    if (known !== undefined && (known.end !== undefined || nowMs - known.startMs < WINDOW_MS)) return known;
    const window = { startMs: nowMs, lineCount: 0, leftOutCount: 0, causes: new Map(), end: undefined };
    this.#windows.set(kind, window);
    return window;
  }

  #end(kind: string): void {
    const window = this.#windows.get(kind);
    this.#windows.delete(kind);
    window?.end?.cancel();
    if (window === undefined || window.leftOutCount === 0) return;
    const causes = [...window.causes]
      .map(([cause, count]) => ({ cause, count }))
      .sort((a, b) => b.count - a.count)
      .slice(0, CAUSES_SHOWN);
    this.#onLeftOut({ kind, leftOutCount: window.leftOutCount, windowMs: WINDOW_MS, causes });
  }
}
