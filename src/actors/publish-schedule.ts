/**
 * Wakes symbol actors when something of theirs is due: one timer for all, instruments spread evenly over the period, and only those with
 * something to tell. An actor that has not worked off its last wake-up gets no second one.
 */
import type { TimerHandle, Timers } from '../base/clock.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import type { ChangeFlags } from './change-flags.ts';
import type { ActorRef } from './kernel/actor-types.ts';
import type { InstrumentSettings } from './ports.ts';
import type { SymbolMessage } from './symbol-protocol.ts';

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
  readonly slot: Slot;
  /** Rounds that it is ahead of its slot. */
  readonly aheadRounds: number;
  /** Its actor did not take the last wake-up (parked, mailbox full): it is not tried again before a refresh is due. */
  isRefused: boolean;
};

/** Those whose turn comes at the same time in each round. Visited are those that changed or for which something rarer is due, and no others. */
type Slot = {
  roundCount: number;
  readonly changed: Set<Entry>;
  readonly refresh: Turns;
  readonly checkpoint: Turns;
};

/** Those whose turn comes once in so many rounds, by the round. Only rounds in which somebody's comes take memory: periods may be long. */
class Turns {
  readonly #roundCount: number;
  readonly #byRound = new Map<number, Set<Entry>>();

  constructor(roundCount: number) {
    this.#roundCount = roundCount;
  }

  in(round: number): Iterable<Entry> {
    return this.#byRound.get(round % this.#roundCount) ?? NOBODY;
  }

  add(entry: Entry): void {
    const round = this.#roundOf(entry);
    const known = this.#byRound.get(round);
    if (known === undefined) this.#byRound.set(round, new Set([entry]));
    else known.add(entry);
  }

  delete(entry: Entry): void {
    const round = this.#roundOf(entry);
    const known = this.#byRound.get(round);
    known?.delete(entry);
    if (known?.size === 0) this.#byRound.delete(round);
  }

  #roundOf({ aheadRounds }: Entry): number {
    return placeOf(-aheadRounds, this.#roundCount);
  }
}

const NOBODY: readonly Entry[] = [];

export class PublishSchedule {
  readonly #options: PublishScheduleOptions;
  /** For all that want nothing else. */
  readonly #every: Rounds;
  readonly #slots: readonly Slot[];
  readonly #entries = new Map<InstrumentKey, Entry>();
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
    this.#slots = Array.from({ length: SLOT_COUNT }, () => ({
      roundCount: 0,
      changed: new Set<Entry>(),
      refresh: new Turns(this.#every.refresh),
      checkpoint: new Turns(this.#every.checkpoint),
    }));
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
    const aheadRounds = Math.floor(this.#addedCount / SLOT_COUNT) - slot.roundCount;
    this.#addedCount++;
    const every = this.#everyFor(scheduled.intervals);
    const entry = { scheduled, every, slot, aheadRounds, isRefused: false };
    slot.refresh.add(entry);
    slot.checkpoint.add(entry);
    const { changes } = scheduled;
    changes.onMarked = () => slot.changed.add(entry);
    slot.changed.add(entry);
    this.#entries.set(scheduled.instrument, entry);
  }

  remove(instrument: InstrumentKey): void {
    const entry = this.#entries.get(instrument);
    if (entry === undefined) return;
    entry.scheduled.changes.onMarked = undefined;
    entry.slot.changed.delete(entry);
    entry.slot.refresh.delete(entry);
    entry.slot.checkpoint.delete(entry);
    this.#entries.delete(instrument);
  }

  #tick(): void {
    const slot = this.#slots[this.#slotIndex]!;
    this.#slotIndex = (this.#slotIndex + 1) % SLOT_COUNT;
    const round = slot.roundCount++;
    for (const entry of slot.checkpoint.in(round)) {
      this.#checkpoint(entry.scheduled, round + entry.aheadRounds);
    }
    for (const entry of slot.refresh.in(round)) this.#wake(entry, round, true);
    for (const entry of slot.changed) this.#wakeChanged(entry, round);
  }

  #wakeChanged(entry: Entry, round: number): void {
    const { changes } = entry.scheduled;
    if (changes.hasAny) {
      this.#wake(entry, round, false);
      return;
    }
    entry.slot.changed.delete(entry);
    changes.forgetMark();
  }

  #wake(entry: Entry, slotRound: number, refresh: boolean): void {
    const { scheduled, every, aheadRounds } = entry;
    const { changes } = scheduled;
    const round = slotRound + aheadRounds;
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

/** Returns the remainder that is not negative. */
function placeOf(round: number, length: number): number {
  return ((round % length) + length) % length;
}
