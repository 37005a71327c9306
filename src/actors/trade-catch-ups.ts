/**
 * The trades of one connection on their way to the instruments: for each symbol a `TradeCatchUp`, which lets them pass or holds them until those
 * before them are there. Here its questions become messages and requests, and what it declares becomes a record and a log line.
 */
import type { Clock } from '../base/clock.ts';
import { momentOf } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Endpoints, ExchangeAdapter, HttpRequest, MissingTrades } from '../exchanges/adapter.ts';
import type { SnapshotAnswer } from '../exchanges/feed-session.ts';
import type { Moment } from '../exchanges/moment.ts';
import type { PageAnswer, TradeGap } from '../exchanges/trade-catch-up.ts';
import { TRADE_CATCH_UP_LIMITS, TradeCatchUp } from '../exchanges/trade-catch-up.ts';
import type { Trade } from '../market/events.ts';
import type { KnownTrades } from '../market/instrument-state.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import type { ExchangeGate } from './exchange-gate.ts';
import type { FeedLine, LineItem } from './feed-line.ts';
import type { FeedRoutes } from './feed-routes.ts';
import type { ActorRef } from './kernel/actor-types.ts';
import { requestInto } from './line-requests.ts';
import type { OperationsRecords } from './ports.ts';
import type { FeedMessage } from './symbol-protocol.ts';

/** Trades that all symbols of a connection keep in memory together; beyond it the one that keeps most gives up. */
export const KEPT_TRADES_MAX = 100_000;
/**
 * A connection that said nothing for longer may be dead: no time passes for its instruments, for that would make the trades late that were missed
 * meanwhile.
 */
export const HEARD_WITHIN_MS = 20_000;
/**
 * An instrument that more trades wait for is asked later: it would not tell of them, so they would be fetched, and counted twice where they are more
 * than it remembers (`MAX_OTHER_IDS`).
 */
const ASK_BEHIND_MAX = 1_000;
const REQUEST_TIMEOUT_MS = 15_000;
/** A thousand trades have some hundred kilobytes. */
const BODY_MAX_BYTES = 4 * 1024 * 1024;

export type TradeCatchUpsOptions = {
  readonly adapter: ExchangeAdapter;
  readonly endpoints: Endpoints;
  readonly name: string;
  readonly gate: ExchangeGate;
  readonly records: OperationsRecords;
  readonly routes: FeedRoutes;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the symbols are subscribed. Never so for a recording: it holds all there is. */
  readonly isOpen: () => boolean;
  /** Whether the frame that subscribes the symbol has left. */
  readonly isSubscribed: (nativeSymbol: NativeSymbol) => boolean;
  /** The line that is open now: answers come in by its inbox, those to an earlier one are dropped with it. */
  readonly line: () => FeedLine | undefined;
  /** Sends `GetKnownTrades`; the answer comes by `known`. */
  readonly ask: (target: ActorRef<FeedMessage>) => void;
};

type Entry = {
  readonly catchUp: TradeCatchUp;
  /** The question that is open; an answer to an earlier one says nothing about what is missing now. */
  asked: MissingTrades | undefined;
};

type PastTrades = Extract<LineItem, { readonly type: 'pastTrades' }>;

export class TradeCatchUps {
  readonly #options: TradeCatchUpsOptions;
  readonly #entries = new Map<NativeSymbol, Entry>();
  /** Those that time may change: of many symbols nearly none. */
  readonly #unsettled = new Map<NativeSymbol, Entry>();

  constructor(options: TradeCatchUpsOptions) {
    this.#options = options;
  }

  /** Trades kept in memory. */
  get keptCount(): number {
    let count = 0;
    for (const { catchUp } of this.#entries.values()) count += catchUp.keptCount;
    return count;
  }

  /** Symbols whose trades are held. */
  get holdingCount(): number {
    let count = 0;
    for (const { catchUp } of this.#entries.values()) if (catchUp.isHolding) count++;
    return count;
  }

  isHolding(nativeSymbol: NativeSymbol): boolean {
    return this.#entries.get(nativeSymbol)?.catchUp.isHolding ?? false;
  }

  /** The symbols are subscribed, or lost trades another way: it has to be seen what they miss. */
  open(nativeSymbols: readonly NativeSymbol[], reason: string, now: Moment): void {
    if (!this.#options.isOpen()) return;
    for (const nativeSymbol of nativeSymbols) {
      if (this.#options.routes.tradesTarget(nativeSymbol) === undefined) continue;
      let entry = this.#entries.get(nativeSymbol);
      if (entry === undefined) {
        entry = this.#create(nativeSymbol);
        this.#entries.set(nativeSymbol, entry);
      }
      entry.catchUp.opened(reason, now, { isSubscribed: this.#options.isSubscribed(nativeSymbol) });
      this.#noteUnsettled(nativeSymbol, entry);
    }
  }

  /** Trades of the symbol, or of any where it is `undefined`, may have been lost with a frame. */
  suspect(nativeSymbol: NativeSymbol | undefined, reason: string): void {
    if (!this.#options.isOpen()) return;
    const now = momentOf(this.#options.clock);
    const symbols = nativeSymbol === undefined ? [...this.#entries.keys()] : [nativeSymbol];
    for (const symbol of symbols) {
      const entry = this.#entries.get(symbol);
      if (entry === undefined) continue;
      entry.catchUp.suspect(reason, now);
      this.#noteUnsettled(symbol, entry);
    }
  }

  /** What is held of the symbol is dropped: nobody saw it, and the next opening finds it missing. */
  remove(nativeSymbol: NativeSymbol): void {
    this.#entries.delete(nativeSymbol);
    this.#unsettled.delete(nativeSymbol);
  }

  closed(reason: string, wholeUntilMs: number): void {
    for (const [nativeSymbol, entry] of this.#entries) {
      entry.catchUp.closed(reason, wholeUntilMs);
      this.#noteUnsettled(nativeSymbol, entry);
    }
  }

  take(nativeSymbol: NativeSymbol, trade: Trade): void {
    const entry = this.#entries.get(nativeSymbol);
    if (entry === undefined) {
      this.#options.routes.push(nativeSymbol, trade);
      return;
    }
    entry.catchUp.trade(trade, momentOf(this.#options.clock));
    this.#noteUnsettled(nativeSymbol, entry);
  }

  /** The answer of an instrument. */
  known(instrument: string, known: KnownTrades | undefined, now: Moment): void {
    for (const nativeSymbol of this.#options.routes.tradesOf(instrument)) {
      this.#entries.get(nativeSymbol)?.catchUp.known(known, now);
    }
  }

  answered({ nativeSymbol, missing, answer, receiveTimeMs }: PastTrades): void {
    const now = momentOf(this.#options.clock);
    const entry = this.#entries.get(nativeSymbol);
    if (entry?.asked !== missing) return;
    entry.asked = undefined;
    entry.catchUp.answered(this.#read(nativeSymbol, answer, receiveTimeMs, missing), now);
    entry.catchUp.tick(now);
  }

  tick(now: Moment): void {
    let keptCount = 0;
    let largest: TradeCatchUp | undefined;
    for (const [nativeSymbol, { catchUp }] of this.#unsettled) {
      if (catchUp.isSettled) {
        this.#unsettled.delete(nativeSymbol);
        continue;
      }
      if (this.#options.isSubscribed(nativeSymbol)) catchUp.subscribed(now);
      catchUp.tick(now);
      keptCount += catchUp.keptCount;
      if (catchUp.keptCount > (largest?.keptCount ?? 0)) largest = catchUp;
    }
    if (keptCount > KEPT_TRADES_MAX) {
      largest?.giveUp(`more than ${KEPT_TRADES_MAX} trades are held on the connection`, now);
    }
  }

  #noteUnsettled(nativeSymbol: NativeSymbol, entry: Entry): void {
    if (!entry.catchUp.isSettled) this.#unsettled.set(nativeSymbol, entry);
  }

  #create(nativeSymbol: NativeSymbol): Entry {
    const { adapter, endpoints, routes } = this.#options;
    const history = adapter.tradeHistory;
    const entry: Entry = {
      asked: undefined,
      catchUp: new TradeCatchUp({
        history,
        limits: TRADE_CATCH_UP_LIMITS,
        effects: {
          deliver: (trade) => routes.push(nativeSymbol, trade),
          ask: () => {
            const route = routes.tradesTarget(nativeSymbol);
            const isFarBehind = routes.pendingTradesOf(nativeSymbol) > ASK_BEHIND_MAX;
            if (route !== undefined && !isFarBehind) this.#options.ask(route.target);
          },
          request: (missing) => {
            if (history.identity === 'none') return;
            entry.asked = missing;
            this.#request(nativeSymbol, history.request(endpoints, nativeSymbol, missing), missing);
          },
          gap: (gap) => this.#declare(nativeSymbol, gap),
        },
      }),
    };
    return entry;
  }

  #request(nativeSymbol: NativeSymbol, request: HttpRequest, missing: MissingTrades): void {
    const { gate, clock } = this.#options;
    const line = this.#options.line();
    void requestInto(line, request, {
      toItem: (answer, receiveTimeMs) => ({
        type: 'pastTrades',
        nativeSymbol,
        missing,
        answer,
        receiveTimeMs,
      }),
      gate,
      clock,
      timeoutMs: REQUEST_TIMEOUT_MS,
      bodyMaxBytes: BODY_MAX_BYTES,
      turn: `trades ${nativeSymbol}`,
      isWanted: () =>
        line === this.#options.line() &&
        this.isHolding(nativeSymbol) &&
        this.#entries.get(nativeSymbol)?.asked === missing,
    });
  }

  #read(
    nativeSymbol: NativeSymbol,
    answer: SnapshotAnswer,
    receiveTimeMs: number,
    missing: MissingTrades,
  ): PageAnswer {
    const history = this.#options.adapter.tradeHistory;
    if (history.identity === 'none') return { type: 'failed', reason: history.reason, isFinal: true };
    if (!answer.ok) return { type: 'failed', reason: answer.reason, isFinal: false };
    if (answer.status !== 200) {
      const reason = `past trades answered with HTTP ${answer.status}: ${answer.body.slice(0, 200)}`;
      return { type: 'failed', reason, isFinal: isRefusal(answer.status) };
    }
    const reading = history.read(answer.body, nativeSymbol, receiveTimeMs, missing);
    return reading.ok
      ? { type: 'page', page: reading.page }
      : { type: 'failed', reason: reading.reason, isFinal: false };
  }

  #declare(nativeSymbol: NativeSymbol, gap: TradeGap): void {
    const { name, adapter, log, records, routes } = this.#options;
    const { exchange } = adapter;
    const instrument = routes.tradesTarget(nativeSymbol)?.instrument ?? nativeSymbol;
    const fields = { connection: name, exchange, instrument, ...gap };
    if (gap.repair === 'incomplete') log.warn(fields, 'trades are missing for good');
    else log.info(fields, 'caught up on trades');
    records.recordFeedGap({ exchange, instrument, channel: 'trades', ...gap });
  }
}

/** Too many requests, a ban and a slow server pass; any other 4xx is an answer for good. */
function isRefusal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 418 && status !== 429;
}
