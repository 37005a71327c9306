/**
 * Keeps what waits on one connection within its limits: drops the books that have to start again, stops the socket when that does not do, and lets
 * it go on when there is room. Trades are never dropped, but for actors that take nothing: they must not hold up the others.
 */
import type { Log } from '../base/log.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import type { FeedBudget, FeedLoad, FeedShare } from './feed-budget.ts';
import type { FeedLine } from './feed-line.ts';
import type { FeedRoutes } from './feed-routes.ts';

export type FeedValveOptions = {
  readonly routes: FeedRoutes;
  readonly budget: FeedBudget;
  readonly log: Log;
  /** Of the connection, for the log. */
  readonly name: string;
  /** A recording drops nothing: a full queue pauses it, whoever is behind. */
  readonly isRecording: boolean;
  /** The connection's, and that of its successor while it is left for one. */
  readonly lines: () => readonly FeedLine[];
  /** Bytes of deltas held for snapshots, on each line. */
  readonly heldDeltaBytes: () => readonly number[];
  /** Gives the book a fresh start. */
  readonly resync: (nativeSymbol: NativeSymbol, reason: string) => void;
};

/** Limits at which reading goes on, as a part of those at which it stopped. */
const RESUME_PART = 0.5;

export class FeedValve {
  readonly #options: FeedValveOptions;
  readonly #share: FeedShare;

  constructor(options: FeedValveOptions) {
    this.#options = options;
    this.#share = options.budget.join(() => this.#read());
  }

  /** To be called after each message of the connection, when everything is flushed. */
  regulate(nowMs: number): void {
    const { routes, isRecording, heldDeltaBytes } = this.#options;
    if (!isRecording) this.#drop(nowMs);
    const lines = this.#options.lines();
    this.#share.hold(
      routes.pressure.bytes + sumOf(lines.map(({ inboxBytes }) => inboxBytes)) + sumOf(heldDeltaBytes()),
    );
    for (const line of lines) {
      if (!line.isPaused) this.#pauseWhereNeeded(line);
      else if (line.inboxCount === 0 && this.#mayResume()) line.resume();
    }
  }

  /** The connection is no more. */
  end(): void {
    this.#share.leave();
  }

  #drop(nowMs: number): void {
    const { routes, budget, log, name } = this.#options;
    const allDropped = routes.dropPending(nowMs);
    for (const { instrument, droppedCount, isRefused, books } of allDropped) {
      const fields = { connection: name, instrument, droppedCount };
      if (isRefused) {
        budget.fullCounts.shed++;
        log.warn(fields, 'events dropped, the actor of the instrument takes none');
        continue;
      }
      budget.fullCounts.book++;
      log.warn(fields, 'book events dropped, the book starts again');
      const reason = `${droppedCount} book events were dropped: the instrument's actor is too slow`;
      for (const nativeSymbol of books) this.#options.resync(nativeSymbol, reason);
    }
    if (allDropped.length > 0) routes.flush();
  }

  #pauseWhereNeeded(line: FeedLine): void {
    const { routes, budget, isRecording } = this.#options;
    const isTooMuch = isRecording ? routes.pressure.over.size > 0 : routes.pressure.isTooMuch();
    if (!isTooMuch && !this.#share.mustPause) return;
    if (isTooMuch) budget.fullCounts.pending++;
    else budget.fullCounts.node++;
    line.pause();
  }

  #mayResume(): boolean {
    return this.#share.mayResume && !this.#options.routes.pressure.isTooMuch(RESUME_PART);
  }

  #read(): FeedLoad {
    const lines = this.#options.lines();
    return {
      ...this.#options.routes.pressure.fullest(),
      inboxFrames: Math.max(0, ...lines.map(({ inboxCount }) => inboxCount)),
      inboxBytes: Math.max(0, ...lines.map(({ inboxBytes }) => inboxBytes)),
      heldDeltaBytes: Math.max(0, ...this.#options.heldDeltaBytes()),
      isPaused: lines.some((line) => line.isPaused),
    };
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
