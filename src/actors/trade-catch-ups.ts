/**
 * The trades of one connection on their way to the instruments: for each symbol a `TradeCatchUp`, which lets them pass or holds them until those
 * before them are there. Here its questions become messages and requests, and what it declares becomes a record and a log line.
 */
import type { Log } from '../base/log.ts';
import type { Endpoints, ExchangeAdapter, HttpRequest, MissingTrades } from '../exchanges/adapter.ts';
import type { SnapshotAnswer } from '../exchanges/feed-session.ts';
import type { PageAnswer, TradeGap } from '../exchanges/trade-catch-up.ts';
import { TRADE_CATCH_UP_LIMITS, TradeCatchUp } from '../exchanges/trade-catch-up.ts';
import type { Trade } from '../market/events.ts';
import type { KnownTrades } from '../market/instrument-state.ts';
import type { NativeSymbol } from '../market/symbols.ts';

/** Trades that all symbols of a connection keep in memory together; beyond it the one that keeps most gives up. */
export const KEPT_TRADES_MAX = 100_000;

export type TradeCatchUpsOptions = {
  readonly adapter: ExchangeAdapter;
  readonly endpoints: Endpoints;
  readonly connection: string;
  readonly log: Log;
  readonly deliver: (nativeSymbol: NativeSymbol, trade: Trade) => void;
  /** Asks the instrument of the symbol's trades what it has; the answer comes by `known`. */
  readonly ask: (nativeSymbol: NativeSymbol) => void;
  /** Sends the request when its turn comes; the answer comes by `answered`. */
  readonly request: (nativeSymbol: NativeSymbol, request: HttpRequest) => void;
  readonly declare: (nativeSymbol: NativeSymbol, gap: TradeGap) => void;
};

type Entry = { readonly catchUp: TradeCatchUp; asked: MissingTrades | undefined };

export class TradeCatchUps {
  readonly #options: TradeCatchUpsOptions;
  readonly #entries = new Map<NativeSymbol, Entry>();

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

  /** The symbol is subscribed, or lost trades another way: it has to be seen what it misses. */
  open(nativeSymbol: NativeSymbol, reason: string, nowMs: number): void {
    let entry = this.#entries.get(nativeSymbol);
    if (entry === undefined) {
      entry = this.#create(nativeSymbol);
      this.#entries.set(nativeSymbol, entry);
    }
    entry.catchUp.opened(reason, nowMs);
  }

  /** What is held of the symbol is dropped: nobody saw it, and the next opening fetches it. */
  remove(nativeSymbol: NativeSymbol): void {
    this.#entries.delete(nativeSymbol);
  }

  closed(reason: string, wholeUntilMs: number): void {
    for (const { catchUp } of this.#entries.values()) catchUp.closed(reason, wholeUntilMs);
  }

  take(nativeSymbol: NativeSymbol, trade: Trade, nowMs: number): void {
    const entry = this.#entries.get(nativeSymbol);
    if (entry === undefined) this.#options.deliver(nativeSymbol, trade);
    else entry.catchUp.trade(trade, nowMs);
  }

  known(nativeSymbol: NativeSymbol, known: KnownTrades | undefined, nowMs: number): void {
    this.#entries.get(nativeSymbol)?.catchUp.known(known, nowMs);
  }

  answered(nativeSymbol: NativeSymbol, answer: SnapshotAnswer, receiveTimeMs: number, nowMs: number): void {
    const entry = this.#entries.get(nativeSymbol);
    const missing = entry?.asked;
    if (entry === undefined || missing === undefined) return;
    entry.asked = undefined;
    entry.catchUp.answered(this.#read(nativeSymbol, answer, receiveTimeMs, missing), nowMs);
    entry.catchUp.tick(nowMs);
  }

  tick(nowMs: number): void {
    let keptCount = 0;
    let largest: TradeCatchUp | undefined;
    for (const { catchUp } of this.#entries.values()) {
      catchUp.tick(nowMs);
      keptCount += catchUp.keptCount;
      if (catchUp.keptCount > (largest?.keptCount ?? 0)) largest = catchUp;
    }
    if (keptCount > KEPT_TRADES_MAX) {
      largest?.giveUp(`more than ${KEPT_TRADES_MAX} trades are held on the connection`, nowMs);
    }
  }

  #create(nativeSymbol: NativeSymbol): Entry {
    const { adapter, endpoints, deliver, ask, request } = this.#options;
    const history = adapter.tradeHistory;
    const entry: Entry = {
      asked: undefined,
      catchUp: new TradeCatchUp({
        history,
        limits: TRADE_CATCH_UP_LIMITS,
        effects: {
          deliver: (trade) => deliver(nativeSymbol, trade),
          ask: () => ask(nativeSymbol),
          fetch: (missing) => {
            if (history.identity === 'none') return;
            entry.asked = missing;
            request(nativeSymbol, history.request(endpoints, nativeSymbol, missing));
          },
          gap: (gap) => this.#declare(nativeSymbol, gap),
        },
      }),
    };
    return entry;
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
    const { connection, adapter, log, declare } = this.#options;
    const fields = { connection, exchange: adapter.exchange, nativeSymbol, ...gap };
    if (gap.repair === 'incomplete') log.warn(fields, 'trades are missing for good');
    else log.info(fields, 'caught up on trades');
    declare(nativeSymbol, gap);
  }
}

/** Too many requests, a ban and a slow server pass; any other 4xx is an answer for good. */
function isRefusal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 418 && status !== 429;
}
