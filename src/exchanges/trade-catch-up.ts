/**
 * Catching up on the trades of one symbol on one connection. From the opening on, live trades are held until those before them are known to be
 * there: asked from the instrument, fetched from the exchange, delivered first. No time passes for the instrument meanwhile, so nothing that was
 * fetched comes late. What can't be had is declared. Time and answers come in by methods, all else goes out by `TradeCatchUpEffects`.
 */
import type { Trade } from '../market/events.ts';
import type { KnownTrades } from '../market/instrument-state.ts';
import type { MissingTrades, NewestTrade, NoTradeHistory, TradeHistory, TradePage } from './adapter.ts';
import type { Moment } from './moment.ts';
import { NumberedTrades, newestNumbered } from './numbered-trades.ts';
import { TimedTrades } from './timed-trades.ts';

export type TradeGap = {
  /** By our clock; after a restart the event time up to which the instrument had lived. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly reason: string;
  readonly repair: 'refetched' | 'incomplete';
  readonly tradesRefetched: number;
};

export interface TradeCatchUpEffects {
  deliver(trade: Trade): void;
  /** Asks the instrument what it has; `known` brings the answer. One that does not come is asked for again. */
  ask(): void;
  /** Asks the exchange for a page; `answered` brings the answer. */
  request(missing: MissingTrades): void;
  gap(gap: TradeGap): void;
}

export type PageAnswer =
  | { readonly type: 'page'; readonly page: TradePage }
  /** `isFinal`: asking again would not help. */
  | { readonly type: 'failed'; readonly reason: string; readonly isFinal: boolean };

export type TradeCatchUpLimits = {
  /** Trades kept in memory for one symbol. */
  readonly keptMax: number;
  /** How long trades are held at most. */
  readonly deadlineMs: number;
  /** Without a live trade it can't be told that nothing is missing: after this long the exchange is asked all the same. */
  readonly quietMs: number;
  /** An instrument that did not answer is asked again. */
  readonly askAgainMs: number;
  /** Delay after a failed or useless request; doubles with each one in a row. */
  readonly retryMs: number;
  readonly failuresMax: number;
  /** Frames that can't be read make it look for lost trades at most this often, so that an exchange that sends nothing else is not asked without end. */
  readonly suspectEveryMs: number;
};

export const TRADE_CATCH_UP_LIMITS: TradeCatchUpLimits = {
  keptMax: 20_000,
  deadlineMs: 300_000,
  quietMs: 3_000,
  askAgainMs: 5_000,
  retryMs: 1_000,
  failuresMax: 6,
  suspectEveryMs: 10_000,
};

/**
 * A process that ended may have suspected, and not looked into it yet, that it had lost trades older than the newest that it had: the next one
 * fetches so much once more, and the instrument drops what it knows.
 */
const RESTART_OVERLAP_MS = 15_000;

/** `after`: the newest trade that came before it. `fromMs`: when, by our clock, nothing was lost yet. */
type Suspicion = {
  readonly reason: string;
  readonly after: NewestTrade | undefined;
  readonly fromMs: number;
};

/**
 * `closed`: no connection. `live`: trades pass. All others hold them: `asking` the instrument, `watching` for the first live trade, wanting a page
 * (`due`), waiting for one (`asked`).
 */
type Phase = 'closed' | 'live' | 'asking' | 'watching' | 'due' | 'asked';

export class TradeCatchUp {
  readonly #history: TradeHistory | NoTradeHistory;
  readonly #effects: TradeCatchUpEffects;
  readonly #limits: TradeCatchUpLimits;
  readonly #numbered: NumberedTrades | undefined;
  readonly #hole: NumberedTrades | TimedTrades;
  #phase: Phase = 'closed';
  #hasBeenLive = false;
  /** What was found first; it stays open until the trades are whole again. */
  #gap: { fromMs: number | undefined; reason: string } | undefined;
  #started: Moment = { wallMs: 0, monotonicMs: 0 };
  /** Until then no trade of the stream tells what came after a page of past ones. */
  #isSubscribed = false;
  /** When the phase has something to do. */
  #dueMs = 0;
  #lastLiveMs = 0;
  /** Up to when a number showed that nothing is missing; an exchange that knows no later trade shows nothing. */
  #provenMs: number | undefined;
  /** When the last trade came that was held. */
  #heldMs = 0;
  /** Why the hole can't be known to be filled. */
  #doubt: string | undefined;
  #failures = 0;
  #pages = 0;
  /** Why trades may be missing that no later trade would tell of; looked into with the next hole, at the latest as soon as trades are not held. */
  #suspicion: Suspicion | undefined;
  /** The hole reaches back to it: a trade that comes again does not prove that none was lost. */
  #lookedInto: Suspicion | undefined;
  #lastSuspectedMs: number | undefined;
  /** Newest trade that the instrument has, is being given, or will be given of those held. */
  #newest: NewestTrade | undefined;

  constructor(options: {
    history: TradeHistory | NoTradeHistory;
    effects: TradeCatchUpEffects;
    limits?: TradeCatchUpLimits;
  }) {
    this.#history = options.history;
    this.#effects = options.effects;
    this.#limits = options.limits ?? TRADE_CATCH_UP_LIMITS;
    this.#numbered = options.history.identity === 'consecutive' ? new NumberedTrades() : undefined;
    this.#hole = this.#numbered ?? new TimedTrades();
  }

  /** Trades are held: no time may pass for the instrument. */
  get isHolding(): boolean {
    return this.#phase !== 'live' && this.#history.identity !== 'none';
  }

  /** Trades pass, and neither time nor a subscription that holds changes anything. */
  get isSettled(): boolean {
    return this.#phase === 'live' && this.#isSubscribed && this.#suspicion === undefined;
  }

  get keptCount(): number {
    return this.#hole.keptCount;
  }

  /**
   * The symbol is being subscribed on a new connection. `reason` is why trades may be missing, unless the end of the last connection told it.
   * `isSubscribed`: the frame has left; else `subscribed` tells when.
   */
  opened(reason: string, now: Moment, { isSubscribed } = { isSubscribed: true }): void {
    this.#isSubscribed = isSubscribed;
    this.#gap ??= { fromMs: undefined, reason };
    this.#openHole(now);
    this.#ask(now);
  }

  /** The frame that subscribes the symbol has left. Told again it means nothing. */
  subscribed(now: Moment): void {
    if (this.#isSubscribed) return;
    this.#isSubscribed = true;
    if (this.#phase === 'watching') this.#watch(now);
  }

  /** The connection ended. What is held stays so: the next connection will show what is missing on both sides of it. */
  closed(reason: string, wholeUntilMs: number): void {
    if (this.#phase === 'closed') return;
    this.#gap ??= { fromMs: wholeUntilMs, reason: `disconnected: ${reason}` };
    this.#phase = 'closed';
  }

  /** Something that may have held trades could not be read. A later trade would show it, where ids count by one: there may be none for long. */
  suspect(reason: string, now: Moment): void {
    if (this.#history.identity === 'none' || this.#phase === 'closed') return;
    // The oldest one reaches furthest back. One before the first trade of all reaches nowhere.
    if (this.#suspicion?.after === undefined) {
      const fromMs = this.#phase === 'live' ? this.#lastLiveMs : now.wallMs;
      this.#suspicion = { reason, after: this.#newest, fromMs };
    }
    this.#lookIntoSuspicion(now);
  }

  trade(trade: Trade, now: Moment): void {
    const numbered = this.#numbered;
    this.#note(trade);
    if (this.#phase === 'live' || this.#history.identity === 'none') {
      if (numbered === undefined || numbered.follows(trade)) {
        this.#heedDoubt(now);
        this.#lastLiveMs = now.wallMs;
        this.#provenMs = now.wallMs;
        this.#effects.deliver(trade);
        return;
      }
      this.#heedDoubt(now);
      const reason = `trades missing: expected ${numbered.expectedNumber}, was ${trade.tradeId}`;
      this.#gap = { fromMs: this.#lastLiveMs, reason };
      this.#openHole(now);
      numbered.begin(undefined);
      this.#await('due', now.monotonicMs);
    }
    this.#heldMs = now.wallMs;
    this.#hole.hold(trade);
    this.#deliver(this.#hole.takeReady());
    this.#heedDoubt(now);
    if (this.#hole.keptCount > this.#limits.keptMax) {
      this.giveUp(`more than ${this.#limits.keptMax} trades came meanwhile`, now);
    }
  }

  /** The instrument's answer; `undefined` while it has no trade. */
  known(known: KnownTrades | undefined, now: Moment): void {
    if (this.#phase !== 'asking') return;
    if (this.#gap !== undefined) this.#gap.fromMs ??= known?.timeMs;
    if (this.#history.identity === 'none') {
      if (known === undefined) this.#gap = undefined;
      else this.#end('incomplete', this.#history.reason, now);
      this.#phase = 'live';
      return;
    }
    const newest = known && this.#numbered !== undefined ? newestNumbered(known) : known?.newest;
    if (newest !== undefined) this.#note(newest);
    if (this.#hole.begin(newest, newest && this.#reachBack(newest))) {
      this.#deliver(this.#hole.takeReady());
      this.#watch(now);
      this.#heedDoubt(now);
      return;
    }
    // It has no trade yet, so none is missing: the first one is where its history begins.
    this.#gap = undefined;
    this.#provenMs = now.wallMs;
    this.#goLive(now);
    this.#heedDoubt(now);
  }

  answered(answer: PageAnswer, now: Moment): void {
    if (this.#phase !== 'asked') return;
    if (answer.type === 'failed') {
      this.#failures++;
      if (answer.isFinal || this.#failures > this.#limits.failuresMax) this.giveUp(answer.reason, now);
      else this.#await('due', now.monotonicMs + this.#delayMs());
      return;
    }
    this.#pages++;
    const outcome = this.#hole.take(answer.page);
    this.#deliver(this.#hole.takeReady());
    this.#heedDoubt(now);
    switch (outcome) {
      case 'filled':
        this.#finish(now);
        return;
      case 'unreachable':
        this.giveUp('the exchange gives no trades that old', now);
        return;
      case 'more':
        this.#failures = 0;
        if (this.#pages >= (this.#history.identity === 'none' ? 0 : this.#history.maxPages)) {
          this.giveUp(`more than ${this.#pages} pages of trades are missing`, now);
        } else this.#await('due', now.monotonicMs);
        return;
      case 'renumbered':
        this.giveUp('the exchange counts its trades anew', now);
        return;
      case 'crowded':
        this.giveUp('too many trades came since to tell which the instrument lacks', now);
        return;
      case 'behind':
        // Past trades lag behind the stream by a moment.
        this.#failures++;
        if (this.#failures > this.#limits.failuresMax) {
          this.giveUp('past trades do not reach those of the stream', now);
        } else this.#await('due', now.monotonicMs + this.#delayMs());
        return;
      default:
        outcome satisfies never;
    }
  }

  /** Lets time pass. */
  tick(now: Moment): void {
    this.#lookIntoSuspicion(now);
    if (this.#phase === 'live' || this.#phase === 'closed') return;
    if (this.isHolding && now.monotonicMs - this.#started.monotonicMs >= this.#limits.deadlineMs) {
      this.giveUp(`not fetched within ${this.#limits.deadlineMs} ms`, now);
      return;
    }
    if (this.#phase === 'asking' && now.monotonicMs >= this.#dueMs) this.#ask(now);
    if (this.#phase === 'watching') {
      const isProven = this.#numbered !== undefined || this.#lookedInto === undefined;
      if (isProven && this.#hole.hasLiveTrade && this.#hole.isFilled()) this.#finish(now);
      else if (this.#hole.hasLiveTrade || now.monotonicMs >= this.#dueMs) this.#await('due', now.monotonicMs);
    }
    if (this.#phase === 'due' && now.monotonicMs >= this.#dueMs) {
      this.#phase = 'asked';
      this.#effects.request(this.#hole.missing());
    }
  }

  /** Lets what is held go on and declares what is missing. */
  giveUp(why: string, now: Moment): void {
    if (!this.isHolding) return;
    this.#deliver(this.#hole.takeAll());
    this.#end('incomplete', why, now);
    this.#goLive(now);
  }

  /** A number that says nothing about a loss may hide one: it is declared, at once or with the hole that it came into. */
  #heedDoubt(now: Moment): void {
    const doubt = this.#numbered?.takeDoubt();
    if (doubt === undefined) return;
    if (this.isHolding) {
      this.#doubt ??= doubt.reason;
      if (doubt.isRenumbered) this.giveUp(doubt.reason, now);
      return;
    }
    // The stray that the count goes on from was declared when it came.
    if (doubt.isRenumbered) return;
    const gap = {
      fromMs: Math.min(this.#provenMs ?? now.wallMs, now.wallMs),
      toMs: now.wallMs,
      reason: doubt.reason,
    };
    this.#effects.gap({ ...gap, repair: 'incomplete', tradesRefetched: 0 });
  }

  #lookIntoSuspicion(now: Moment): void {
    const suspicion = this.#suspicion;
    if (suspicion === undefined || this.#phase !== 'live') return;
    const isTooSoon =
      this.#lastSuspectedMs !== undefined &&
      now.monotonicMs - this.#lastSuspectedMs < this.#limits.suspectEveryMs;
    if (isTooSoon) return;
    this.#lastSuspectedMs = now.monotonicMs;
    this.#gap = { fromMs: suspicion.fromMs, reason: suspicion.reason };
    this.#openHole(now);
    // All up to the newest was given to the instrument already; numbers know that by themselves.
    const newest = this.#numbered === undefined ? this.#newest : undefined;
    if (this.#hole.begin(newest, suspicion.after)) this.#watch(now);
    else this.#ask(now);
  }

  /** What was suspected until now lies before the trades that come from now on: the hole reaches back to the first of it, so it is fetched once. */
  #openHole(now: Moment): void {
    if (this.#lookedInto?.after === undefined) this.#lookedInto = this.#suspicion ?? this.#lookedInto;
    this.#suspicion = undefined;
    this.#started = now;
    this.#failures = 0;
    this.#pages = 0;
    this.#hole.reopen();
  }

  /** Where to begin to look, were it before the newest trade that the instrument has. */
  #reachBack({ tradeId, eventTimeMs }: NewestTrade): NewestTrade {
    const overlapMs = this.#hasBeenLive ? 0 : RESTART_OVERLAP_MS;
    const start = { tradeId, eventTimeMs: eventTimeMs - overlapMs };
    const suspected = this.#lookedInto?.after;
    return suspected !== undefined && suspected.eventTimeMs < start.eventTimeMs ? suspected : start;
  }

  #ask(now: Moment): void {
    this.#await('asking', now.monotonicMs + this.#limits.askAgainMs);
    this.#effects.ask();
  }

  #finish(now: Moment): void {
    this.#deliver(this.#hole.takeAll());
    this.#end(this.#doubt === undefined ? 'refetched' : 'incomplete', this.#doubt, now);
    this.#goLive(now);
  }

  #end(repair: TradeGap['repair'], why: string | undefined, { wallMs }: Moment): void {
    const gap = this.#gap;
    this.#doubt = undefined;
    if (gap === undefined) return;
    this.#gap = undefined;
    // Those right before it may have been lost as well; only a number that follows would have told.
    const provenMs = repair === 'incomplete' && this.#numbered !== undefined ? this.#provenMs : undefined;
    const fromMs = Math.min(
      gap.fromMs ?? this.#started.wallMs,
      this.#lookedInto?.fromMs ?? wallMs,
      provenMs ?? wallMs,
      wallMs,
    );
    this.#provenMs = this.#hole.hasLiveTrade ? this.#heldMs : Math.min(this.#provenMs ?? fromMs, fromMs);
    this.#effects.gap({
      fromMs,
      toMs: wallMs,
      reason: why === undefined ? gap.reason : `${gap.reason}; ${why}`,
      repair,
      tradesRefetched: this.#hole.refetchedCount,
    });
  }

  #goLive(now: Moment): void {
    this.#deliver(this.#hole.takeAll());
    this.#phase = 'live';
    this.#hasBeenLive = true;
    this.#lookedInto = undefined;
    this.#lastLiveMs = now.wallMs;
  }

  /** A page that comes before the subscription holds would end where the stream has not begun: what was traded between would be in neither. */
  #watch(now: Moment): void {
    this.#await('watching', this.#isSubscribed ? now.monotonicMs + this.#limits.quietMs : Infinity);
  }

  #await(phase: Phase, dueMs: number): void {
    this.#phase = phase;
    this.#dueMs = dueMs;
  }

  #delayMs(): number {
    return this.#limits.retryMs * 2 ** Math.min(this.#failures - 1, 5);
  }

  #deliver(trades: readonly Trade[]): void {
    for (const trade of trades) {
      this.#note(trade);
      this.#effects.deliver(trade);
    }
  }

  #note(trade: NewestTrade): void {
    if (this.#newest === undefined || trade.eventTimeMs >= this.#newest.eventTimeMs) this.#newest = trade;
  }
}
