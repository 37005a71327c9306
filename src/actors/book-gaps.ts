/** Declares each interval in which an instrument's book was not sure: one record and one log line, when it is sure again. */
import type { Log } from '../base/log.ts';
import type { BookStatusChange } from '../market/evolve.ts';
import type { InstrumentState } from '../market/instrument-state.ts';
import type { DesiredInstrument, FeedGap, OperationsRecords } from './ports.ts';

type OpenGap = Pick<FeedGap, 'fromMs' | 'reason'>;

export class BookGaps {
  readonly #instrument: DesiredInstrument;
  readonly #records: OperationsRecords;
  #open: OpenGap | undefined;
  #ended: FeedGap[] = [];

  constructor(instrument: DesiredInstrument, records: OperationsRecords) {
    this.#instrument = instrument;
    this.#records = records;
  }

  /** A life begins: what is known comes from its log. */
  forget(): void {
    this.#open = undefined;
    this.#ended = [];
  }

  note(change: BookStatusChange): void {
    if (change.status === 'stale') {
      this.#open ??= { fromMs: change.lastSoundMs, reason: change.reason };
      return;
    }
    if (this.#open === undefined) return;
    const { exchange, instrument } = this.#instrument;
    this.#ended.push({
      exchange,
      instrument,
      channel: 'book',
      ...this.#open,
      // By the clock of another node, where the book was handed over.
      toMs: Math.max(this.#open.fromMs, change.sinceMs),
      repair: 'snapshot',
      tradesRefetched: 0,
    });
    this.#open = undefined;
  }

  /**
   * The log was read: gaps that ended in it were told before. One that began before the state snapshot goes on; so does one that begins with
   * the actor's absence (`isUnsure`), from the last book event that it had.
   */
  recovered({ bookStatus, lastBookEvent }: InstrumentState, { isUnsure }: { isUnsure: boolean }): void {
    this.#ended = [];
    if (isUnsure && lastBookEvent !== undefined) {
      this.#open = { fromMs: lastBookEvent.receiveTimeMs, reason: 'its actor was away' };
    } else if (bookStatus.status === 'stale') {
      const { reason, sinceMs = 0 } = bookStatus;
      this.#open ??= { fromMs: Math.min(sinceMs, lastBookEvent?.receiveTimeMs ?? sinceMs), reason };
    }
  }

  /** The feed goes on where the recovered log ends. */
  missedNothing(): void {
    this.#open = undefined;
  }

  /** Tells the gaps that ended since the last call. */
  tellEnded(log: Log): void {
    for (const gap of this.#ended.splice(0)) {
      this.#records.recordFeedGap(gap);
      const { instrument, fromMs, toMs, reason } = gap;
      log.info(
        { instrument, fromMs, toMs, durationMs: toMs - fromMs, cause: reason },
        'the book was not sure for a while and is again',
      );
    }
  }
}
