/**
 * The one way of this node into the log of events: keeps a writer open, tells relays what is durable and when there is room, and opens another writer
 * when one is of no use any more. Then what was not durable is written again: readers know it by its ordinals.
 */
import type { BackoffPolicy } from '../../base/backoff.ts';
import { backoffDelayMs } from '../../base/backoff.ts';
import type { RandomSource, TimerHandle, Timers } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { QueueReading } from '../../base/queue-reading.ts';
import type { EventBatch } from '../../market/events.ts';
import type { InstrumentKey } from '../../market/symbols.ts';
import { describeCause } from '../../supervision/failure.ts';
import type { EventLogWriter, EventLogWriterEvents } from '../event-log.ts';

/** What is told to a relay of what it offered. */
export interface OutletListener {
  durable(source: string, lastOrdinal: number): void;
  /** What was refused may be offered again. */
  roomAgain(): void;
  /** What was offered and not told durable may not be in the log. */
  writerReplaced(cause: string): void;
}

export type LogOutletOptions = {
  readonly openWriter: (events: EventLogWriterEvents) => Promise<EventLogWriter>;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly log: Log;
};

const REOPEN: BackoffPolicy = { initialMs: 200, maxMs: 10_000, jitter: 0.2 };

export class LogOutlet {
  readonly #options: LogOutletOptions;
  readonly #listeners = new Map<InstrumentKey, OutletListener>();
  #writer: EventLogWriter | undefined;
  #retry: TimerHandle | undefined;
  #failuresInRow = 0;
  #cause = 'it is not open yet';
  #isClosed = false;

  constructor(options: LogOutletOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#writer !== undefined;
  }

  /** Why nothing can be written at present; empty while it can. */
  get trouble(): string {
    return this.isOpen ? '' : this.#cause;
  }

  get queue(): QueueReading | undefined {
    return this.#writer?.queue;
  }

  start(): void {
    void this.#open();
  }

  join(instrument: InstrumentKey, listener: OutletListener): void {
    this.#listeners.set(instrument, listener);
  }

  leave(instrument: InstrumentKey, listener: OutletListener): void {
    if (this.#listeners.get(instrument) === listener) this.#listeners.delete(instrument);
  }

  /** Returns false when it takes nothing now. @throws TampinesError `RECORD_TOO_LARGE` */
  offer(instrument: InstrumentKey, batch: EventBatch): boolean {
    return this.#writer?.offer(instrument, batch) ?? false;
  }

  /** Takes no more, and resolves when all is durable or `withinMs` are over. */
  async close(withinMs: number): Promise<void> {
    this.#isClosed = true;
    this.#retry?.cancel();
    await this.#writer?.close(withinMs);
  }

  async #open(): Promise<void> {
    const { openWriter, log } = this.#options;
    try {
      const writer = await openWriter({
        onDurable: ({ instrument, source, lastOrdinal }) =>
          this.#listeners.get(instrument)?.durable(source, lastOrdinal),
        onRoom: () => this.#tellAll((listener) => listener.roomAgain()),
        onFailed: (error) => this.#fail(writer, error),
      });
      if (this.#isClosed) {
        await writer.close(0);
        return;
      }
      this.#writer = writer;
      if (this.#failuresInRow > 0) log.info({}, 'the log of events can be written again');
      this.#failuresInRow = 0;
      this.#tellAll((listener) => listener.writerReplaced(this.#cause));
    } catch (error) {
      this.#openLater(error);
    }
  }

  #fail(writer: EventLogWriter, error: unknown): void {
    if (this.#writer !== writer) return;
    this.#writer = undefined;
    writer.close(0).catch((failure: unknown) => {
      this.#options.log.debug(
        { cause: describeCause(failure) },
        'a writer of no use was not closed in order',
      );
    });
    this.#openLater(error);
  }

  #openLater(error: unknown): void {
    if (this.#isClosed) return;
    const { timers, random, log } = this.#options;
    this.#cause = describeCause(error);
    const delayMs = backoffDelayMs(REOPEN, this.#failuresInRow++, random);
    log.warn(
      { cause: this.#cause, attempt: this.#failuresInRow, delayMs },
      'the log of events can not be written, will open another writer',
    );
    this.#retry = timers.after(delayMs, () => void this.#open());
  }

  #tellAll(tell: (listener: OutletListener) => void): void {
    for (const listener of [...this.#listeners.values()]) tell(listener);
  }
}
