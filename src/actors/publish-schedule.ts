/**
 * Wakes symbol actors when something of theirs is due: one timer for all, instruments spread evenly over the period, and only those with
 * something to tell. An actor that has not worked off its last wake-up gets no second one.
 */
import type { TimerHandle, Timers } from '../base/clock.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import type { InstrumentSettings } from './ports.ts';
import type { ActorRef } from './kernel/actor-types.ts';
import type { SymbolMessage } from './symbol-protocol.ts';
import type { ChangeFlags } from './symbol-publications.ts';

/** Parts of the book interval that instruments are spread over. */
const SLOT_COUNT = 10;

/** Checkpoint periods after which one is due where nothing but time was told: of many instruments nearly all are quiet, and time is replayed in no time. */
const TIME_ALONE_FACTOR = 10;

export type PublishScheduleOptions = {
  readonly timers: Timers;
  readonly bookIntervalMs: number;
  readonly tickerIntervalMs: number;
  readonly candleIntervalMs: number;
  /** How often unchanged keys are kept alive. */
  readonly refreshIntervalMs: number;
  readonly checkpointIntervalMs: number;
  /** Returns false when the target does not take the message. */
  readonly send: (target: ActorRef<SymbolMessage>, message: SymbolMessage) => boolean;
};

export type ScheduledInstrument = {
  readonly instrument: InstrumentKey;
  readonly target: ActorRef<SymbolMessage>;
  readonly changes: ChangeFlags;
  readonly wakeUp: WakeUp;
  /** Otherwise than for all. */
  readonly intervals?: InstrumentSettings | undefined;
};

/** `isPending` is cleared, and `takenCount` grows, when the actor takes the wake-up. */
export type WakeUp = { isPending: boolean; takenCount: number };

/** Rounds, one in each book interval, from one time that something is due to the next. */
type Rounds = Readonly<Record<'book' | 'ticker' | 'candles' | 'refresh' | 'checkpoint', number>>;

type Entry = {
  readonly scheduled: ScheduledInstrument;
  readonly every: Rounds;
  roundCount: number;
  /** Its actor did not take the last wake-up (parked, mailbox full): it is not tried again before a refresh is due. */
  isRefused: boolean;
};

export class PublishSchedule {
  readonly #options: PublishScheduleOptions;
  /** For all that want nothing else. */
  readonly #every: Rounds;
  readonly #slots: Set<Entry>[] = Array.from({ length: SLOT_COUNT }, () => new Set());
  readonly #entries = new Map<InstrumentKey, { entry: Entry; slot: Set<Entry> }>();
  #slotIndex = 0;
  #addedCount = 0;
  #timer: TimerHandle | undefined;

  constructor(options: PublishScheduleOptions) {
    this.#options = options;
    this.#every = {
      book: 1,
      ticker: this.#rounds(options.tickerIntervalMs),
      candles: this.#rounds(options.candleIntervalMs),
      refresh: this.#rounds(options.refreshIntervalMs),
      checkpoint: this.#rounds(options.checkpointIntervalMs),
    };
  }

  #rounds(intervalMs: number): number {
    return Math.max(1, Math.round(intervalMs / this.#options.bookIntervalMs));
  }

  #everyFor(intervals: InstrumentSettings | undefined): Rounds {
    const { bookIntervalMs, tickerIntervalMs, candleIntervalMs } = intervals ?? {};
    // Of thousands nearly all want nothing else: they share the rounds of all.
    if ((bookIntervalMs ?? tickerIntervalMs ?? candleIntervalMs) === undefined) return this.#every;
    const { book, ticker, candles } = this.#every;
    return {
      ...this.#every,
      book: bookIntervalMs === undefined ? book : this.#rounds(bookIntervalMs),
      ticker: tickerIntervalMs === undefined ? ticker : this.#rounds(tickerIntervalMs),
      candles: candleIntervalMs === undefined ? candles : this.#rounds(candleIntervalMs),
    };
  }

  start(): void {
    const slotMs = Math.max(1, Math.round(this.#options.bookIntervalMs / SLOT_COUNT));
    this.#timer = this.#options.timers.every(slotMs, () => this.#tick());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  add(scheduled: ScheduledInstrument): void {
    this.remove(scheduled.instrument);
    const slot = this.#slots[this.#addedCount % SLOT_COUNT]!;
    // The rarer things are spread over their own periods too, not only over the slots of the book's.
    const roundCount = Math.floor(this.#addedCount / SLOT_COUNT);
    const every = this.#everyFor(scheduled.intervals);
    const entry = { scheduled, every, roundCount, isRefused: false };
    this.#addedCount++;
    slot.add(entry);
    this.#entries.set(scheduled.instrument, { entry, slot });
  }

  remove(instrument: InstrumentKey): void {
    const held = this.#entries.get(instrument);
    if (held === undefined) return;
    held.slot.delete(held.entry);
    this.#entries.delete(instrument);
  }

  #tick(): void {
    for (const entry of this.#slots[this.#slotIndex]!) this.#wake(entry);
    this.#slotIndex = (this.#slotIndex + 1) % SLOT_COUNT;
  }

  #wake(entry: Entry): void {
    const { scheduled, every } = entry;
    const { changes } = scheduled;
    const round = entry.roundCount++;
    if (round % every.checkpoint === 0) this.#checkpoint(scheduled, round);
    const refresh = round % every.refresh === 0;
    // Of many instruments nearly all have nothing to tell in nearly all rounds.
    if (!changes.book && !changes.ticker && !changes.candles && !refresh) return;
    if (scheduled.wakeUp.isPending && !(entry.isRefused && refresh)) return;
    const isBookDue = round % every.book === 0;
    const ticker = changes.ticker && round % every.ticker === 0;
    const candles = changes.candles && round % every.candles === 0;
    if (!(changes.book && isBookDue) && !ticker && !candles && !refresh) return;
    scheduled.wakeUp.isPending = true;
    const message = { type: 'PublishDue', book: isBookDue, ticker, candles, refresh } as const;
    entry.isRefused = !this.#options.send(scheduled.target, message);
  }

  #checkpoint({ target, changes }: ScheduledInstrument, round: number): void {
    const isDue = changes.state || round % (TIME_ALONE_FACTOR * this.#every.checkpoint) === 0;
    if (isDue && this.#options.send(target, { type: 'CheckpointDue' })) changes.state = false;
  }
}
