/**
 * The relay actor: in a cluster the receiver of an instrument's feeds. What they deliver it writes to the log, and acknowledges when that is durable;
 * whose node the instrument itself is on is not its business.
 */
import { TampinesError } from '../../base/errors.ts';
import { sourceUnderLease } from '../../market/book-sources.ts';
import type { EventBatch, FeedStatus } from '../../market/events.ts';
import type { KnownTrades } from '../../market/instrument-state.ts';
import { describeCause } from '../../supervision/failure.ts';
import { restartWithBackoff } from '../../supervision/strategy.ts';
import type { ActorContext, ActorRef, ActorSpec } from '../kernel/actor-types.ts';
import { isBookEvent } from '../pending-events.ts';
import type { DesiredInstrument } from '../ports.ts';
import type { FeedMessage, FeedReply } from '../symbol-protocol.ts';
import type { LogOutlet, OutletListener } from './log-outlet.ts';

export type RelayMessage =
  | FeedMessage
  | { readonly type: 'Durable'; readonly source: string; readonly lastOrdinal: number }
  | { readonly type: 'RoomAgain' }
  | { readonly type: 'WriterReplaced'; readonly cause: string };

export type RelayOptions = {
  readonly instrument: DesiredInstrument;
  readonly outlet: LogOutlet;
  /** Under which this node may feed the instrument now; asked right before each write. What may not be written yet waits, as what there is no room for does. */
  readonly lease: () => { readonly epoch: number; readonly replica: number } | undefined;
  /** Asks the node that owns the instrument. Rejects while that can't be found out. */
  readonly readKnownTrades: () => Promise<KnownTrades | undefined>;
};

/** Sources of which is remembered how far they have come; each reconnect makes a new one. */
const SOURCES_MAX = 16;
const ASK_AGAIN_MS = 1_000;
/** It does not see the instrument's state, so it can't tell when time next changes something. */
const TIME_WANTED = { atMs: -Infinity, emptyAtMs: -Infinity };

export function relayActor(options: RelayOptions): ActorSpec<RelayMessage, Relay> {
  return {
    name: options.instrument.instrument,
    strategy: restartWithBackoff({ initialMs: 100, maxMs: 10_000, jitter: 0.2 }),
    initialState: (context) => new Relay(options, context),
    receive: (relay, message) => {
      relay.receive(message);
      return relay;
    },
    onStop: (relay, _context, reason) => relay.stop(reason === 'stop'),
  };
}

type Source = {
  feed: ActorRef<FeedReply>;
  /** Ordinals up to which events were offered to the log, and up to which they are in it. */
  offeredTo: number;
  durableTo: number;
  hasBook: boolean;
};

class Relay implements OutletListener {
  readonly #options: RelayOptions;
  readonly #context: ActorContext<RelayMessage>;
  /** In order of use, the most recent last. */
  readonly #sources = new Map<string, Source>();
  /** What the log had no room for, or what may not be written yet, in order. */
  #refused: EventBatch[] = [];
  readonly #asking = new Set<string>();
  /** Under which it writes; `undefined` before it may. */
  #lease: { readonly epoch: number; readonly replica: number } | undefined;

  constructor(options: RelayOptions, context: ActorContext<RelayMessage>) {
    this.#options = options;
    this.#context = context;
    options.outlet.join(options.instrument.instrument, this);
  }

  receive(message: RelayMessage): void {
    switch (message.type) {
      case 'Deliver':
        this.#deliver(message.batch, message.feed);
        return;
      case 'GetKnownTrades':
        this.#askKnownTrades(message.feed);
        return;
      case 'Durable':
        this.#noteDurable(message.source, message.lastOrdinal);
        return;
      case 'RoomAgain':
        this.#offerRefused();
        return;
      case 'WriterReplaced':
        this.#beginAnew(message.cause);
        return;
      default:
        message satisfies never;
    }
  }

  /** Where it may, it says that nothing follows: the book is not known to be right until another feed has spoken. */
  stop(isOrdered: boolean): void {
    const { outlet, instrument } = this.#options;
    if (isOrdered && this.#mayWrite()) {
      const nowMs = this.#context.clock.nowMs();
      const last: FeedStatus = {
        type: 'FeedStatus',
        status: 'disconnected',
        reason: 'this node feeds the instrument no longer',
        eventTimeMs: nowMs,
        receiveTimeMs: nowMs,
      };
      for (const [source, { offeredTo, hasBook }] of this.#sources) {
        if (hasBook)
          outlet.offer(instrument.instrument, {
            source: this.#inLog(source),
            firstOrdinal: offeredTo + 1,
            events: [last],
          });
      }
    }
    outlet.leave(instrument.instrument, this);
  }

  durable(source: string, lastOrdinal: number): void {
    this.#context.send(this.#context.self, { type: 'Durable', source, lastOrdinal });
  }

  roomAgain(): void {
    this.#context.send(this.#context.self, { type: 'RoomAgain' });
  }

  writerReplaced(cause: string): void {
    this.#context.send(this.#context.self, { type: 'WriterReplaced', cause });
  }

  #deliver(batch: EventBatch, feed: ActorRef<FeedReply>): void {
    const source = this.#sourceOf(batch, feed);
    const lastOrdinal = lastOrdinalOf(batch);
    if (lastOrdinal <= source.durableTo) {
      this.#acknowledge(batch.source, source);
      return;
    }
    // On its way already: a feed sends again what it has waited for.
    if (lastOrdinal <= source.offeredTo) return;
    source.hasBook ||= batch.events.some((event) => isBookEvent(event) || event.type === 'FeedStatus');
    // The lease may be held again, of which nobody tells.
    if (this.#refused.length > 0) this.#offerRefused();
    if (lastOrdinal <= source.offeredTo) return;
    if (this.#refused.length > 0 || !this.#offer(batch, source)) this.#refuse(batch);
  }

  #sourceOf({ source: name, firstOrdinal }: EventBatch, feed: ActorRef<FeedReply>): Source {
    const known = this.#sources.get(name);
    const source = known ?? {
      feed,
      offeredTo: firstOrdinal - 1,
      durableTo: firstOrdinal - 1,
      hasBook: false,
    };
    source.feed = feed;
    this.#sources.delete(name);
    this.#sources.set(name, source);
    if (this.#sources.size > SOURCES_MAX) this.#sources.delete(this.#sources.keys().next().value!);
    return source;
  }

  /** Returns false when there is no room; what can't be written at all is told to its feed, which finds out what is to blame. */
  #offer(batch: EventBatch, source: Source): boolean {
    const { outlet, instrument } = this.#options;
    if (!this.#mayWrite()) return false;
    try {
      if (!outlet.offer(instrument.instrument, { ...batch, source: this.#inLog(batch.source) })) return false;
      source.offeredTo = lastOrdinalOf(batch);
    } catch (error) {
      if (!(error instanceof TampinesError)) throw error;
      const { firstOrdinal, events } = batch;
      this.#tellFailure(source.feed, describeCause(error), {
        batch: { source: batch.source, firstOrdinal, eventCount: events.length },
        isTransient: false,
      });
    }
    return true;
  }

  /** Kept until there is room, once: a feed that grows impatient sends it again. */
  #refuse(batch: EventBatch): void {
    const isKept = this.#refused.some(
      ({ source, firstOrdinal }) => source === batch.source && firstOrdinal === batch.firstOrdinal,
    );
    if (!isKept) this.#refused.push(batch);
  }

  #offerRefused(): void {
    const refused = this.#refused;
    this.#refused = [];
    for (const batch of refused) {
      const source = this.#sources.get(batch.source);
      if (source === undefined || lastOrdinalOf(batch) <= source.offeredTo) continue;
      if (this.#refused.length > 0 || !this.#offer(batch, source)) this.#refused.push(batch);
    }
  }

  #mayWrite(): boolean {
    const lease = this.#options.lease();
    if (lease !== undefined) this.#lease = lease;
    return lease !== undefined;
  }

  /** As the log names a source: whoever folds it knows by the lease what is late. */
  #inLog(source: string): string {
    const { epoch, replica } = this.#lease!;
    return sourceUnderLease(epoch, source, replica);
  }

  #noteDurable(inLog: string, lastOrdinal: number): void {
    // Of an earlier life of this actor.
    if (this.#lease === undefined) return;
    const name = inLog.slice(this.#inLog('').length);
    const source = this.#sources.get(name);
    if (source === undefined) return;
    source.durableTo = Math.max(source.durableTo, lastOrdinal);
    this.#acknowledge(name, source);
  }

  #acknowledge(name: string, { feed, durableTo }: Source): void {
    this.#context.send(feed, {
      type: 'BatchAccepted',
      instrument: this.#options.instrument.instrument,
      source: name,
      lastOrdinal: durableTo,
      batchNumber: 0,
      timeWanted: TIME_WANTED,
    });
  }

  /** What was on its way may be lost: feeds still have it, and send it again. */
  #beginAnew(cause: string): void {
    this.#refused = [];
    for (const source of this.#sources.values()) {
      source.offeredTo = source.durableTo;
      this.#tellFailure(source.feed, cause, { batch: undefined, isTransient: true });
    }
  }

  #tellFailure(
    feed: ActorRef<FeedReply>,
    cause: string,
    failure: Pick<Extract<FeedReply, { type: 'SymbolRecovered' }>, 'batch' | 'isTransient'>,
  ): void {
    const { instrument } = this.#options.instrument;
    this.#context.send(feed, { type: 'SymbolRecovered', instrument, cause, ...failure });
  }

  #askKnownTrades(feed: ActorRef<FeedReply>): void {
    if (this.#asking.has(feed.path)) return;
    this.#asking.add(feed.path);
    const { instrument } = this.#options.instrument;
    this.#options.readKnownTrades().then(
      (known) => {
        this.#asking.delete(feed.path);
        this.#context.send(feed, { type: 'KnownTrades', instrument, known });
      },
      (error: unknown) => {
        const { log, timers } = this.#context;
        log.debug(
          { instrument, cause: describeCause(error) },
          'the newest trade is not known yet, will ask again',
        );
        timers.after(ASK_AGAIN_MS, () => {
          this.#asking.delete(feed.path);
          this.#askKnownTrades(feed);
        });
      },
    );
  }
}

function lastOrdinalOf({ firstOrdinal, events }: EventBatch): number {
  return firstOrdinal + events.length - 1;
}
