/**
 * The symbol actor: the one owner of an instrument's state. It decides what of a delivery enters the log, waits until that is durable,
 * folds it, and only then tells anyone. `delivery.ts` is the other half of its protocol with the feeds.
 */
import { decide } from '../market/decide.ts';
import type { EventBatch, LogEntry } from '../market/events.ts';
import { evolve } from '../market/evolve.ts';
import type { InstrumentPolicy, InstrumentSnapshot, InstrumentState } from '../market/instrument-state.ts';
import {
  createInstrumentState,
  readKnownTrades,
  readTimeWanted,
  restoreInstrument,
} from '../market/instrument-state.ts';
import { feedsOf } from '../market/standby-book.ts';
import { tornLogEntries } from '../market/torn-log.ts';
import { classifyError } from '../supervision/failure.ts';
import type { RestartStrategy } from '../supervision/strategy.ts';
import type { Rejection } from './dead-letter-text.ts';
import { toDeadLetter } from './dead-letter-text.ts';
import { BookGaps } from './book-gaps.ts';
import { Checkpoints } from './checkpoints.ts';
import type { DeliveryFailure } from './delivery.ts';
import type { InstrumentPulse } from './instrument-pulse.ts';
import type { ActorRef, PersistentActorContext, PersistentActorSpec } from './kernel/actor-types.ts';
import type {
  DesiredInstrument,
  Journal,
  MarketTables,
  OperationsRecords,
  PublishLease,
  ShardClaim,
} from './ports.ts';
import { restoreSavepoint } from './savepoint-restore.ts';
import type { PublishedStatus, SymbolPublications } from './symbol-publications.ts';
import { DerivedRows } from './derived-rows.ts';
import { RecoveredBook } from './recovered-book.ts';
import { CATCHING_UP_REASON, ShownBook } from './shown-book.ts';
import type { StandbyReadings } from './standby-readings.ts';
import { journalEngine, sharedLogEngine } from './symbol-log.ts';
import type { FeedReply, SymbolMessage } from './symbol-protocol.ts';

export type SymbolActorOptions = {
  readonly instrument: DesiredInstrument;
  readonly policy: InstrumentPolicy;
  readonly claim: ShardClaim;
  /** While it is not held no book is shown as live. Without one it always is. */
  readonly lease?: PublishLease | undefined;
  /** Where it may be fed twice. */
  readonly standbys?: StandbyReadings | undefined;
  readonly journal: Journal;
  readonly tables: MarketTables;
  readonly records: OperationsRecords;
  readonly publications: SymbolPublications;
  readonly pulse: InstrumentPulse;
  readonly strategy: RestartStrategy;
  /** Its feeds are recordings: when an event was received says nothing about now. */
  readonly isRecording?: boolean | undefined;
  /** Entries folded since the last checkpoint after which the actor takes one by itself. */
  readonly checkpointEveryEntries: number;
  /**
   * Its log is one that others read and deliver from: batch numbers are places in it, and until it has `CaughtUp` the actor is recovering and publishes
   * nothing. Told how far in the log the saved state is.
   */
  readonly sharedLog?: { readonly onSaved: (place: number) => void } | undefined;
  /** The wake-up of the publish schedule was taken up. */
  readonly onWakeUpTaken: () => void;
  /** Told once per life what the recovery came to. */
  readonly onReady: (ready: {
    instrument: DesiredInstrument;
    position: number;
    batchNumber: number;
    /** Number of the life. */
    life: number;
    /** A newer state could not be read, so a shared log is needed from `batchNumber` on, however long ago that was. */
    fellBack: boolean;
  }) => void;
};

type Deliver = Extract<SymbolMessage, { type: 'Deliver' }>;
type Context = PersistentActorContext<SymbolMessage, InstrumentState, LogEntry>;
type Spec = PersistentActorSpec<SymbolMessage, InstrumentState, LogEntry, InstrumentSnapshot>;

/** Returns the spec of the symbol actor of one instrument; its name is the symbol, its key the instrument's. */
export function symbolActor(options: SymbolActorOptions): Spec {
  const actor = new SymbolActor(options);
  return {
    name: options.instrument.instrument,
    key: options.instrument.instrument,
    engine:
      options.sharedLog === undefined
        ? journalEngine(options, () => actor.handOverRows())
        : sharedLogEngine(options, ({ fellBack }) => void (actor.fellBack = fellBack)),
    strategy: options.strategy,
    initialState: () => actor.begin(),
    restore: (snapshot) => actor.restore(snapshot),
    evolve: (state, entry) => actor.fold(state, entry),
    receive: (state, message, context) => actor.receive(state, message, context),
    onRecovered: (state, context, recovery) => actor.recovered(state, context, recovery),
    onStop: (state, context, reason) => (reason === 'stop' ? actor.stop(state, context) : undefined),
    positionOf: (state) => state.position,
    describe: describeMessage,
  };
}

/** After a recovery; a book whose feed has not spoken until then is published as it was left. */
const FEED_SPEAKS_WITHIN_MS = 2_000;
/**
 * After a recovery the ticker and the candles, which subscribers hold as they were, and rows, which are mostly in their tables, give way for this long
 * to the books of all who recover.
 */
const BOOKS_FIRST_MS = 5_000;

/** What outlives a single life of the actor: its feeds, and why the last life ended. */
class SymbolActor {
  readonly #options: SymbolActorOptions;
  readonly #rows: DerivedRows;
  readonly #gaps: BookGaps;
  readonly #recoveredBook: RecoveredBook;
  readonly #shownBook: ShownBook;
  /** By path: a feed that was made anew under its old path is the same receiver. */
  readonly #feeds = new Map<string, ActorRef<FeedReply>>();
  #injectedFailure: string | undefined;
  #unsureReason: string | undefined;
  /** The delivery that was in hand when the last life ended. */
  #deliveryFailure: DeliveryFailure | undefined;
  #isRecovering = true;
  #hasLived = false;
  /** The state snapshot is not the newest: that one can not be read. */
  fellBack = false;
  /** Of the life that was recovered last. */
  #checkpoints: Checkpoints;

  constructor(options: SymbolActorOptions) {
    this.#options = options;
    this.#rows = new DerivedRows(options.instrument.instrument, options.tables);
    this.#gaps = new BookGaps(options.instrument, options.records);
    this.#recoveredBook = new RecoveredBook({ isRecording: options.isRecording ?? false });
    this.#shownBook = new ShownBook(options);
    this.#checkpoints = this.#checkpointsFrom(0);
  }

  begin(): InstrumentState {
    this.#forgetLastLife();
    return createInstrumentState(this.#options.policy);
  }

  restore(snapshot: InstrumentSnapshot): InstrumentState {
    this.#forgetLastLife();
    return restoreInstrument(snapshot, this.#options.policy);
  }

  #forgetLastLife(): void {
    this.#isRecovering = true;
    this.#rows.forget();
    this.#gaps.forget();
  }

  fold(state: InstrumentState, entry: LogEntry): InstrumentState {
    this.#options.publications.noteTimes(entry);
    this.#recoveredBook.noteFolded(entry);
    const positionBefore = state.position;
    evolve(state, entry, this.#options.policy, {
      onTrade: (trade) => this.#options.publications.noteTrade(this.#rows.addTrade(trade)),
      onCandleClosed: (candle) => {
        const text = this.#rows.addCandle(candle);
        if (this.#isRecovering) this.#options.publications.candleReplayed(state, text);
        else this.#options.publications.candleClosed(state, this.#statusOf(state), text);
      },
      onLateTrade: (trade) => {
        // What is read of a shared log nobody may have seen before.
        if (this.#isRecovering && this.#options.sharedLog === undefined) return;
        this.#reject(trade, {
          reason: 'late-trade',
          detail: 'the trade is later than the allowed lateness and counts in no candle',
          name: `${trade.eventTimeMs} ${trade.tradeId}`,
        });
      },
      onCandlesSkipped: () => undefined,
      onBookUnsure: (reason) => {
        this.#unsureReason = reason;
      },
      onBookStatus: (change) => this.#gaps.note(change),
    });
    if (this.#isRecovering) this.#options.publications.tradesReplayed(state);
    else this.#options.publications.entryFolded(state, this.#statusOf(state), positionBefore);
    return state;
  }

  /** A long log makes more rows than memory should hold: they are handed over on the way. */
  handOverRows(): Promise<void> | undefined {
    return this.#rows.isMany ? this.#rows.writeWithBackpressure() : undefined;
  }

  async recovered(
    state: InstrumentState,
    context: Context,
    recovery: { snapshotBatchNumber: number; batchNumber: number; entriesReplayed: number; tookMs: number },
  ): Promise<void> {
    this.#unsureReason = undefined;
    this.#options.pulse.bookStatus = state.bookStatus.status;
    this.#checkpoints = this.#checkpointsFrom(state.position);
    this.#recoveredBook.recovered(state, { clock: context.clock, isFirstLife: !this.#hasLived });
    this.#gaps.recovered(state, this.#recoveredBook);
    // Rows of what was replayed may or may not have been written before; writing them again changes nothing.
    this.#rows.holdBack();
    await this.#rows.writeWithBackpressure();
    // A later life is told by its supervisor already, who bounds how many lines a storm of restarts may write.
    context.log[this.#hasLived ? 'debug' : 'info'](
      {
        instrument: this.#options.instrument.instrument,
        position: state.position,
        snapshotBatchNumber: recovery.snapshotBatchNumber,
        entriesReplayed: recovery.entriesReplayed,
        tookMs: Math.round(recovery.tookMs),
      },
      'instrument recovered',
    );
    if (this.#hasLived) this.#tellFeeds(state, context);
    this.#hasLived = true;
    const { publications, sharedLog, instrument, onReady } = this.#options;
    if (sharedLog === undefined) this.#endRecovery(state, context);
    else publications.markStale(CATCHING_UP_REASON);
    const { batchNumber, incarnation: life } = context;
    onReady({ instrument, position: state.position, batchNumber, life, fellBack: this.fellBack });
  }

  #endRecovery(state: InstrumentState, context: Context): void {
    this.#isRecovering = false;
    const { publications } = this.#options;
    publications.recovered(this.#statusOf(state));
    publications.replayEnded(this.#statusOf(state));
    context.timers.after(FEED_SPEAKS_WITHIN_MS, () => publications.releaseBook());
    context.timers.after(BOOKS_FIRST_MS, () => {
      publications.releaseRest();
      this.#rows.release();
    });
  }

  #catchUp(
    state: InstrumentState,
    { life, isWhole }: Extract<SymbolMessage, { type: 'CaughtUp' }>,
    context: Context,
  ): InstrumentState {
    if (!this.#isRecovering || life !== context.incarnation) return state;
    if (isWhole && this.#recoveredBook.isUnsure) {
      this.#recoveredBook.missedNothing();
      this.#gaps.missedNothing();
    }
    this.#endRecovery(state, context);
    return state;
  }

  #tellFeeds(state: InstrumentState, context: Context): void {
    const { instrument } = this.#options.instrument;
    const failure = this.#deliveryFailure ?? {
      cause: 'the actor was restarted',
      batch: undefined,
      isTransient: true,
    };
    this.#deliveryFailure = undefined;
    for (const feed of this.#feeds.values()) {
      context.send(feed, { type: 'SymbolRecovered', instrument, ...failure });
      // The last life may have ended between finding a book wrong and saying so. A feed that knows already takes no notice.
      for (const { status, reason, source } of feedsOf(state)) {
        if (status === 'stale') context.send(feed, { type: 'ResyncBook', instrument, reason, source });
      }
    }
  }

  receive(
    state: InstrumentState,
    message: SymbolMessage,
    context: Context,
  ): InstrumentState | Promise<InstrumentState> {
    switch (message.type) {
      case 'Deliver':
        return this.#deliver(state, message, context);
      case 'FeedSilent':
        this.#shownBook.noteSilence(message.reason);
        this.#options.publications.changes.book = true;
        return state;
      case 'LogTorn':
        this.#options.publications.changes.book = true;
        return tornLogEntries(state, message, context.clock).reduce(
          (_state, entry) => context.advance(entry, context.batchNumber),
          state,
        );
      case 'CaughtUp':
        return this.#catchUp(state, message, context);
      case 'PublishDue':
        this.#options.onWakeUpTaken();
        if (!this.#isRecovering) this.#options.publications.publish(state, this.#statusOf(state), message);
        return state;
      case 'CheckpointDue':
        this.#checkpoints.begin(state, context);
        return state;
      case 'TakeSavepoint':
        return this.#checkpoints.takeSavepoint(state, context, message.reply);
      case 'RestoreSavepoint':
        return restoreSavepoint(
          {
            ...this.#options,
            rows: this.#rows,
            checkpoints: this.#checkpoints,
            statusOf: (restored) => this.#statusOf(restored),
          },
          message,
          { state, context },
        );
      case 'GetKnownTrades': {
        const { instrument } = this.#options.instrument;
        context.send(message.feed, { type: 'KnownTrades', instrument, known: readKnownTrades(state) });
        return state;
      }
      case 'GetView':
        message.read({ state, ...this.#statusOf(state), lastTimes: this.#options.publications.lastTimes });
        return state;
      case 'FailNextDelivery':
        this.#injectedFailure = message.message;
        return state;
      default:
        return message satisfies never;
    }
  }

  async stop(state: InstrumentState, context: Context): Promise<void> {
    this.#shownBook.end();
    // The last word to subscribers: from here on nobody knows whether the book is still right. It wants no database, so it does not wait for one.
    const status = this.#statusOf(state);
    const last: PublishedStatus =
      status.status === 'live' ? { status: 'stale', reason: 'the instrument was stopped' } : status;
    const { publications } = this.#options;
    // While it recovers its state is older than what subscribers hold.
    if (this.#isRecovering) publications.markStale(last.reason);
    else publications.publishLast(state, last);
    await this.#checkpoints.takeNow(state, context);
  }

  async #deliver(state: InstrumentState, delivery: Deliver, context: Context): Promise<InstrumentState> {
    this.#feeds.set(delivery.feed.path, delivery.feed);
    try {
      return await this.#accept(state, delivery, context);
    } catch (error) {
      const { source, firstOrdinal, events } = delivery.batch;
      this.#deliveryFailure = {
        cause: error instanceof Error ? error.message : String(error),
        batch: { source, firstOrdinal, eventCount: events.length },
        isTransient: classifyError(error) === 'transient',
      };
      throw error;
    }
  }

  async #accept(
    state: InstrumentState,
    { batch, feed, logged }: Deliver,
    context: Context,
  ): Promise<InstrumentState> {
    const { instrument } = this.#options.instrument;
    // Sent to the life before, which stood elsewhere in the log: what this one lacks comes again.
    if (logged !== undefined && logged.life !== context.incarnation) return state;
    // Sent twice: what it has is acknowledged once more.
    if (logged !== undefined && logged.after !== context.batchNumber) {
      if (logged.to <= context.batchNumber) this.#acknowledge(state, batch, feed, context);
      return state;
    }
    this.#throwInjectedFailure();
    const decision = decide(state, batch, this.#options.policy);
    for (const { event, reason, detail } of decision.rejected) {
      const ordinal = batch.firstOrdinal + batch.events.indexOf(event);
      this.#reject(event, { reason, detail, name: `${batch.source} ${ordinal} ${event.receiveTimeMs}` });
    }
    let next = state;
    if (decision.entry !== undefined) {
      next =
        logged === undefined
          ? await context.persist(decision.entry)
          : context.advance(decision.entry, logged.to);
      if (this.#recoveredBook.isUnsure) this.#reassure(next, decision.entry, context);
      this.#gaps.tellEnded(context.log);
      if (!this.#recoveredBook.isUnsure) this.#options.publications.releaseBook();
      const book = this.#shownBook.noteFolded(next, batch.source, context.log);
      this.#options.publications.folded(decision.entry, book);
      this.#options.pulse.noteDelivery(next, decision.entry, context.clock.nowMs());
      await this.#rows.writeWithBackpressure();
    } else if (logged !== undefined) context.advance(undefined, logged.to);
    this.#acknowledge(next, batch, feed, context);
    const unsureReason = this.#unsureReason ?? decision.resyncReason;
    this.#unsureReason = undefined;
    if (unsureReason !== undefined)
      context.send(feed, { type: 'ResyncBook', instrument, reason: unsureReason, source: batch.source });
    if (this.#checkpoints.isDue(next)) this.#checkpoints.begin(next, context);
    return next;
  }

  #acknowledge(
    state: InstrumentState,
    { source, firstOrdinal, events }: EventBatch,
    feed: ActorRef<FeedReply>,
    context: Context,
  ): void {
    const { instrument } = this.#options.instrument;
    const { batchNumber } = context;
    const lastOrdinal = firstOrdinal + events.length - 1;
    const timeWanted = readTimeWanted(state);
    context.send(feed, { type: 'BatchAccepted', instrument, source, lastOrdinal, batchNumber, timeWanted });
  }

  #reassure({ bookSources }: InstrumentState, entry: LogEntry, { clock }: Context): void {
    const hearing = this.#recoveredBook.hear(entry, clock, bookSources.follows(entry.source));
    if (hearing === 'unsure') return;
    if (hearing === 'missedNothing') this.#gaps.missedNothing();
    this.#options.publications.changes.book = true;
  }

  #checkpointsFrom(position: number): Checkpoints {
    const { publications, sharedLog, checkpointEveryEntries: everyEntries } = this.#options;
    const onSaving = (): void => publications.publishReplayed();
    const onSaved = sharedLog?.onSaved;
    return new Checkpoints({ ...this.#options, rows: this.#rows, everyEntries, onSaving, onSaved }, position);
  }

  #statusOf(state: InstrumentState): PublishedStatus {
    const { isUnsure } = this.#recoveredBook;
    return this.#shownBook.statusOf(state, { isRecovering: this.#isRecovering, isUnsure });
  }

  #reject(event: { readonly eventTimeMs: number }, rejection: Rejection): void {
    this.#options.records.recordDeadLetter(toDeadLetter(this.#options.instrument, event, rejection));
  }

  #throwInjectedFailure(): void {
    const message = this.#injectedFailure;
    if (message === undefined) return;
    this.#injectedFailure = undefined;
    throw new Error(message);
  }
}

function describeMessage(message: SymbolMessage): string {
  if (message.type !== 'Deliver') return message.type;
  const { source, firstOrdinal, events } = message.batch;
  return `Deliver of ${events.length} events from ordinal ${firstOrdinal} of ${source}`;
}
