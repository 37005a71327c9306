/**
 * The connection actor: one connection to an exchange, from opening to the next opening. It owns the socket, hands what arrives to the pure
 * `FeedSession` in the order of arrival, carries out what the session asks for, and delivers events to the symbol actors.
 * It never looks into frames or books.
 */
import type { BackoffPolicy } from '../base/backoff.ts';
import { momentOf } from '../base/clock.ts';
import type { BookSyncCounters } from '../exchanges/book-sync.ts';
import { FeedPaces } from '../exchanges/feed-pace.ts';
import type { FeedSession } from '../exchanges/feed-session.ts';
import { recordedMoment, type Moment } from '../exchanges/moment.ts';
import type { MarketEvent } from '../market/events.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import type { RestartStrategy } from '../supervision/strategy.ts';
import type { ConnectionStatus } from './connection-status.ts';
import { CLOSED_STATUS } from './connection-status.ts';
import { toDeadLetterText } from './dead-letter-text.ts';
import type { FeedBudget } from './feed-budget.ts';
import type { FeedLine, LineItem } from './feed-line.ts';
import type { FeedOpening, FeedOpeningOptions } from './feed-opening.ts';
import { openFeed } from './feed-opening.ts';
import type { HeartbeatPace, RouteRequest, SymbolMetadata } from './feed-routes.ts';
import { FeedRoutes } from './feed-routes.ts';
import { FeedValve } from './feed-valve.ts';
import type { ActorContext, ActorSpec } from './kernel/actor-types.ts';
import { PlannedLeave } from './planned-leave.ts';
import type { OperationsRecords } from './ports.ts';
import { ReconnectPace } from './reconnect-pace.ts';
import type { FeedReply } from './symbol-protocol.ts';
import { HEARD_WITHIN_MS, TradeCatchUps } from './trade-catch-ups.ts';

/**
 * Carry these channels of a symbol to a symbol actor. `instrument` is the key of that actor's instrument. `metadata` is told to it before anything
 * else; `undefined` when the exchange's list does not have it.
 */
export type WatchRequest = { readonly type: 'Watch' } & Omit<RouteRequest, 'timeMs'>;

export type ConnectionMessage =
  | WatchRequest
  /** The exchange's list has come: tell the instrument its tick and lot size. */
  | { readonly type: 'Describe'; readonly nativeSymbol: NativeSymbol; readonly metadata: SymbolMetadata }
  | { readonly type: 'Unwatch'; readonly nativeSymbol: NativeSymbol }
  | { readonly type: 'Resync'; readonly nativeSymbol: NativeSymbol; readonly reason: string }
  | { readonly type: 'GetStatus'; readonly reply: (status: ConnectionStatus) => void }
  | {
      readonly type: 'GetCounters';
      readonly nativeSymbol: NativeSymbol;
      readonly reply: (counters: BookSyncCounters | undefined) => void;
    }
  /** Something lies in the inbox. */
  | { readonly type: 'InboxReady' }
  | { readonly type: 'Tick' }
  | FeedReply;

export type ConnectionOptions = FeedOpeningOptions & {
  readonly name: string;
  /** From the start of a life to its first tick. Default: a period. */
  readonly firstTickMs?: number | undefined;
  readonly records: OperationsRecords;
  /** Names this connection to symbol actors; a name that was used before means the same events again, under the same ordinals. */
  readonly source: string;
  readonly strategy: RestartStrategy;
  readonly reconnect: BackoffPolicy;
  /** Time entries for quiet symbols; `undefined`: none (recordings bring their own time). */
  readonly heartbeats: HeartbeatPace | undefined;
  /** Limits of what may wait here, and what all connections of the node may hold together. */
  readonly budget: FeedBudget;
  /**
   * A recording can be had only as it is: it opens even where nothing of it is wanted, nothing is fetched or opened again, a full queue pauses it
   * instead of dropping books, time is what the frames say, and its end says nothing about the feed.
   */
  readonly isRecording: boolean;
  /** What it watches from the first moment of each life on. */
  readonly watched: () => Iterable<WatchRequest>;
};

export const TICK_MS = 250;
/** After so many what symbol actors did not acknowledge is sent again (10 s, whatever the clock of a recording says). */
const RETRY_TICKS = 40;

/** Returns the spec of a connection actor. It starts opening as soon as it watches a symbol. */
export function connectionActor(options: ConnectionOptions): ActorSpec<ConnectionMessage, Connection> {
  return {
    name: options.name,
    strategy: options.strategy,
    initialState: (context) => new Connection(options, context),
    receive: (connection, message) => {
      connection.receive(message);
      return connection;
    },
    onStarted: (_connection, context) => {
      context.timers.every(TICK_MS, () => context.send(context.self, { type: 'Tick' }), options.firstTickMs);
    },
    onStop: (connection) => connection.end('the connection actor stopped'),
  };
}

/** The state of a connection actor. All that comes from outside passes the inbox of its line, so that frames and REST answers keep their order. */
class Connection {
  readonly #options: ConnectionOptions;
  readonly #context: ActorContext<ConnectionMessage>;
  readonly #routes: FeedRoutes;
  readonly #paces = new FeedPaces();
  readonly #valve: FeedValve;
  readonly #trades: TradeCatchUps;
  readonly #leave: PlannedLeave;
  #session: FeedSession | undefined;
  #line: FeedLine | undefined;
  readonly #pace: ReconnectPace;
  #reconnectCount = 0;
  #lastClosedReason: string | undefined;
  #tickCount = 0;

  constructor(options: ConnectionOptions, context: ActorContext<ConnectionMessage>) {
    this.#options = options;
    this.#context = context;
    this.#pace = new ReconnectPace({
      policy: options.reconnect,
      random: options.random,
      connectWaitMs: () => options.gate.connectWaitMs(),
    });
    this.#routes = new FeedRoutes({
      clock: context.clock,
      // A restarted connection numbers its events anew, so it needs another name; where the frames come again, so do the ordinals.
      source: options.isRecording ? options.source : `${options.source}.${context.incarnation}`,
      limits: options.budget.limits,
      carriesBooks: options.kind.channels.includes('book'),
      deliver: (target, batch) => context.send(target, { type: 'Deliver', batch, feed: context.self }),
      onPoison: (instrument, event, cause) => {
        this.#reject(instrument, 'poison', `its actor failed on it twice: ${cause}`, toDeadLetterText(event));
        // The delivery has told the instrument that its book is no longer sure; the session does not know that yet.
        if (event.type === 'BookDelta' || event.type === 'BookSnapshot') {
          this.#resyncBooks(instrument, 'a book event was given up as poison');
        }
      },
    });
    this.#valve = new FeedValve({
      routes: this.#routes,
      budget: options.budget,
      log: context.log,
      name: options.name,
      isRecording: options.isRecording,
      lines: () => [this.#line, this.#leave.successor?.line].filter((line) => line !== undefined),
      heldDeltaBytes: () =>
        [this.#session, this.#leave.successor?.session].map((session) => session?.heldDeltas.bytes ?? 0),
      resync: (symbol, reason) => this.#resync(symbol, reason),
    });
    this.#trades = new TradeCatchUps({
      adapter: options.adapter,
      endpoints: options.endpoints,
      name: options.name,
      gate: options.gate,
      records: options.records,
      routes: this.#routes,
      clock: context.clock,
      log: context.log,
      isSubscribed: (nativeSymbol) => this.#session?.isSubscribed(nativeSymbol) === true,
      line: () => (context.isOver ? undefined : this.#line),
      isOpen: () => !options.isRecording && this.#session?.state === 'open',
      ask: (target) => context.send(target, { type: 'GetKnownTrades', feed: context.self }),
    });
    this.#leave = new PlannedLeave({
      name: options.name,
      log: context.log,
      connectWaitMs: () => options.gate.connectWaitMs(),
      open: () => this.#createOpening(),
      books: () => this.#routes.bookSymbols(),
      deliver: (nativeSymbol, event) => this.#pass(nativeSymbol, event),
      resyncOld: (symbol, reason) => this.#session?.resync(symbol, reason, momentOf(context.clock)),
      promote: (successor, { carriesTrades }) => this.#promote(successor, carriesTrades),
      giveUp: (reason) => this.#line?.hangUp(reason),
    });
    const { wallMs: timeMs, monotonicMs } = momentOf(context.clock);
    for (const request of options.watched()) this.#routes.add({ ...request, timeMs });
    if (options.isRecording || !this.#routes.isEmpty) this.#pace.openSoon(monotonicMs);
  }

  receive(message: ConnectionMessage): void {
    const now = momentOf(this.#context.clock);
    switch (message.type) {
      case 'InboxReady':
        this.#workOff();
        break;
      case 'BatchAccepted':
        this.#routes.acknowledge(message);
        break;
      case 'Tick':
        this.#tick(now);
        break;
      case 'Watch':
        if (!this.#routes.add({ ...message, timeMs: now.wallMs })) break;
        this.#leave.watch(message.nativeSymbol, now);
        if (this.#session !== undefined) this.#session.watch([message.nativeSymbol], now);
        else this.#pace.openSoon(now.monotonicMs);
        this.#trades.open([message.nativeSymbol], 'no connection carried its trades', now);
        break;
      case 'Unwatch':
        this.#session?.unwatch([message.nativeSymbol], now);
        this.#leave.unwatch(message.nativeSymbol, now);
        this.#routes.remove(message.nativeSymbol);
        this.#paces.forget(message.nativeSymbol);
        this.#trades.remove(message.nativeSymbol);
        if (this.#routes.isEmpty) this.close('nothing left to watch');
        break;
      case 'Describe':
        this.#routes.describe(message.nativeSymbol, message.metadata, now.wallMs);
        break;
      case 'Resync':
        this.#resync(message.nativeSymbol, message.reason);
        break;
      case 'ResyncBook':
        this.#resyncBooks(message.instrument, message.reason);
        break;
      case 'SymbolRecovered':
        this.#routes.redeliver(message.instrument, message);
        break;
      case 'KnownTrades':
        this.#trades.known(message.instrument, message.known, now);
        break;
      case 'GetStatus':
        message.reply(this.#status());
        break;
      case 'GetCounters':
        message.reply(this.#sessionOf(message.nativeSymbol)?.counters(message.nativeSymbol));
        break;
      default:
        message satisfies never;
    }
    this.#routes.flush();
    this.#valve.regulate(now.wallMs);
    this.#welcomeReturned(now);
    if (this.#pace.takeTurn(now.monotonicMs)) this.#become(this.#createOpening());
  }

  /** Ends the connection for good: nothing reconnects until something is watched again. */
  close(reason: string): void {
    this.#pace.cancel();
    this.#leave.end(reason);
    this.#endSession(reason, momentOf(this.#context.clock));
    this.#session = undefined;
    this.#line?.close(reason);
    this.#line = undefined;
    // A recording brings what was not acknowledged again. A live feed does not: this life's last words must not wait for an acknowledgement.
    if (!this.#options.isRecording) this.#routes.sendRest();
  }

  /** The actor's life is over. */
  end(reason: string): void {
    this.close(reason);
    this.#valve.end();
  }

  #createOpening(): FeedOpening {
    const { isRecording, name, budget } = this.#options;
    const paces = isRecording ? undefined : this.#paces;
    const { clock, log } = this.#context;
    const surroundings = { name, symbols: this.#routes.nativeSymbols(), paces, clock, log };
    return openFeed(this.#options, surroundings, {
      deliver: (opening, nativeSymbol, event) => {
        if (opening === this.#leave.successor) this.#leave.deliver(nativeSymbol, event);
        else if (event.type === 'Trade' || !this.#leave.hasMoved(nativeSymbol))
          this.#pass(nativeSymbol, event);
      },
      isWanted: ({ line }) =>
        !this.#context.isOver && (line === this.#line || line === this.#leave.successor?.line),
      reconnect: (opening, reason, urgency) => {
        const isPlanned = urgency === 'afterReplacement' && !isRecording && opening.line === this.#line;
        if (isPlanned) this.#leave.begin(reason, momentOf(this.#context.clock));
        else opening.line.hangUp(reason);
      },
      reject: (nativeSymbol, reason, detail, text) => this.#reject(nativeSymbol, reason, detail, text),
      suspectTrades: (nativeSymbol, reason) => this.#trades.suspect(nativeSymbol, reason),
      wakeUp: () => this.#context.send(this.#context.self, { type: 'InboxReady' }),
      inboxFull: () => {
        budget.fullCounts.inbox++;
      },
    });
  }

  #become({ session, line }: FeedOpening): void {
    this.#session = session;
    this.#line = line;
  }

  #pass(nativeSymbol: NativeSymbol, event: MarketEvent): void {
    if (event.type === 'Trade') this.#trades.take(nativeSymbol, event);
    else this.#routes.push(nativeSymbol, event);
  }

  /** The session that the symbol's book comes from. */
  #sessionOf(nativeSymbol: NativeSymbol): FeedSession | undefined {
    return this.#leave.hasMoved(nativeSymbol) ? this.#leave.successor?.session : this.#session;
  }

  #promote(successor: FeedOpening, carriesTrades: boolean): void {
    this.#line?.close('moved to another connection');
    this.#become(successor);
    const now = momentOf(this.#context.clock);
    this.#pace.opened(now.monotonicMs);
    this.#lookForTrades('its connection was left', carriesTrades, now);
  }

  /** The line is another: what is asked for was to come in by the one that is gone, and what the new one does not carry yet may come by neither. */
  #lookForTrades(reason: string, carriesTrades: boolean, now: Moment): void {
    const symbols = this.#routes.nativeSymbols();
    const unsure = symbols.filter((symbol) => !carriesTrades || this.#trades.isHolding(symbol));
    this.#trades.open(unsure, reason, now);
  }

  #workOff(): void {
    const line = this.#line;
    for (const item of line?.take() ?? []) if (line === this.#line) this.#take(item);
    this.#leave.workOff(momentOf(this.#context.clock));
  }

  #take(item: LineItem): void {
    const now = momentOf(this.#context.clock);
    switch (item.type) {
      case 'frame': {
        const received = this.#momentOf(item, now);
        // A recording opens with its first frame: only then is the time the same in each run.
        if (this.#options.isRecording) this.#session?.opened(received);
        this.#session?.frame(item.frame, received);
        if (this.#options.isRecording) this.#session?.tick(received);
        break;
      }
      case 'answer':
        this.#session?.snapshotAnswered(item.nativeSymbol, item.answer, this.#momentOf(item, now));
        break;
      case 'pastTrades':
        this.#trades.answered(item);
        break;
      case 'opened':
        this.#pace.opened(now.monotonicMs);
        if (!this.#options.isRecording) this.#session?.opened(now);
        this.#trades.open(this.#routes.nativeSymbols(), 'no connection carried its trades', now);
        this.#context.log.info(
          { connection: this.#options.name, exchange: this.#options.adapter.exchange },
          'connected',
        );
        break;
      case 'closed':
        this.#closed(item.reason);
        break;
      default:
        item satisfies never;
    }
  }

  /** What lay in the inbox counts as of now, but in a recording. */
  #momentOf({ receiveTimeMs }: { readonly receiveTimeMs: number }, now: Moment): Moment {
    return this.#options.isRecording ? recordedMoment(receiveTimeMs) : { ...now, wallMs: receiveTimeMs };
  }

  #closed(reason: string): void {
    const now = momentOf(this.#context.clock);
    this.#endSession(reason, now);
    this.#lastClosedReason = reason;
    this.#line = undefined;
    const carriesTrades = this.#leave.carriesTrades;
    const successor = this.#leave.takeSuccessor();
    if (successor !== undefined) {
      this.#become(successor);
      if (successor.session.state === 'open') this.#pace.opened(now.monotonicMs);
      this.#lookForTrades('no connection carried its trades', carriesTrades, now);
      const fields = { connection: this.#options.name, cause: reason };
      this.#context.log.warn(fields, 'connection closed before all had moved, its successor goes on');
      return;
    }
    // What a recording's session counted is asked for after its end.
    if (this.#options.isRecording) return;
    this.#session = undefined;
    if (this.#routes.isEmpty) return;
    const { delayMs, attempt } = this.#pace.closed(now.monotonicMs);
    this.#reconnectCount++;
    const { name, adapter } = this.#options;
    const fields = { connection: name, exchange: adapter.exchange, cause: reason, attempt, delayMs };
    this.#context.log.warn(fields, 'connection closed, will reconnect');
  }

  #endSession(reason: string, now: Moment): void {
    if (this.#options.isRecording) return;
    this.#session?.closed(reason, now);
    if (!this.#leave.carriesTrades) {
      this.#trades.closed(reason, (this.#session?.lastSound ?? now).wallMs);
    }
  }

  #tick(now: Moment): void {
    const { heartbeats, isRecording } = this.#options;
    // What lies unread is no silence.
    this.#workOff();
    const isPaused = this.#line?.isPaused ?? false;
    if (!isRecording) this.#session?.tick(now, { isPaused });
    this.#leave.tick(now);
    this.#line?.tick();
    if (++this.#tickCount % RETRY_TICKS === 0) this.#routes.retry();
    if (this.#session?.state !== 'open') return;
    this.#trades.tick(now);
    const { isDeaf, lastSound = now } = this.#session;
    if (isDeaf) {
      this.#routes.forgetTime();
      return;
    }
    if (heartbeats === undefined || now.monotonicMs - lastSound.monotonicMs > HEARD_WITHIN_MS) return;
    this.#routes.pushHeartbeats(heartbeats, (symbol) => this.#trades.isHolding(symbol));
  }

  #resync(nativeSymbol: NativeSymbol, reason: string): void {
    this.#sessionOf(nativeSymbol)?.resync(nativeSymbol, reason, momentOf(this.#context.clock));
  }

  #resyncBooks(instrument: string, reason: string): void {
    // A recording has no fresh book to give, and a status at some place among its events would number them anew in each run.
    if (this.#options.isRecording) return;
    for (const nativeSymbol of this.#routes.booksOf(instrument)) this.#resync(nativeSymbol, reason);
  }

  /** Books of actors that were away for long start again, and their trades are looked through. */
  #welcomeReturned(now: Moment): void {
    const returned = this.#routes.takeReturned();
    if (returned.length === 0) return;
    for (const symbol of returned) this.#resync(symbol, 'its actor is back after events were dropped');
    this.#trades.open(returned, 'its actor took nothing, so trades were dropped', now);
    this.#routes.flush();
  }

  #status(): ConnectionStatus {
    const { name, kind, endpoints } = this.#options;
    return {
      ...(this.#session?.status() ?? CLOSED_STATUS),
      subscriptions: this.#routes.nativeSymbols(),
      name,
      url: kind.url(endpoints),
      reconnects: this.#reconnectCount,
      lastClosedReason: this.#lastClosedReason,
      pendingEvents: this.#routes.pendingCount + (this.#line?.inboxCount ?? 0),
      isPaused: this.#line?.isPaused ?? false,
      isSocketOpen: this.#line !== undefined,
      catchingUpCount: this.#trades.holdingCount,
      keptTrades: this.#trades.keptCount,
    };
  }

  #reject(symbol: string | undefined, reason: string, detail: string, text: string): void {
    const { records, adapter } = this.#options;
    const origin = { timeMs: this.#context.clock.nowMs(), exchange: adapter.exchange, symbol };
    records.recordDeadLetter({ ...origin, reason, detail, text });
  }
}
