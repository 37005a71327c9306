/**
 * The state of an instrument made anew from an older one: what follows from trades (ticker, candles, which trades are known) as it was in a
 * savepoint, and every trade since folded into it again; what follows from anything else (book, sources, metadata) as it is now.
 */
import type { CandleOutputs } from './candle.ts';
import { Candles } from './candles.ts';
import type { Trade } from './events.ts';
import { foldStoredTrade } from './evolve.ts';
import type { InstrumentPolicy, InstrumentSnapshot, InstrumentState } from './instrument-state.ts';
import { TickerWindow } from './ticker-window.ts';
import { TradeIdentities } from './trade-identities.ts';

export class RebuiltState {
  readonly #state: InstrumentState;
  readonly #liveUntilMs: number | undefined;
  readonly #outputs: CandleOutputs;
  /** Trades with an earlier event time are in the savepoint, but for those that came later than candles wait for. */
  readonly tradesFromMs: number;

  /** `present` stays as it is, though what is not made anew is shared with it. */
  constructor(
    savepoint: InstrumentSnapshot,
    present: InstrumentState,
    { policy, outputs }: { policy: InstrumentPolicy; outputs: CandleOutputs },
  ) {
    const { tradesLive, tradesHistory, tradesLate } = savepoint.counters;
    const trades = TradeIdentities.restore(savepoint.trades);
    const ticker = TickerWindow.restore(savepoint.ticker);
    this.#state = {
      ...present,
      // Subscribers take what is said of it for newer than what they hold.
      position: present.position + 1,
      trades,
      ticker,
      candles: Candles.restore(savepoint.candles, policy.candles),
      counters: { ...present.counters, tradesLive, tradesHistory, tradesLate },
    };
    this.#liveUntilMs = present.ticker.endMs;
    this.#outputs = outputs;
    const { outOfOrdernessMs, allowedLatenessMs } = policy.candles;
    // Identities that may be forgotten can't tell what is in the savepoint: then only its time can.
    const lookBackMs = trades.spareCount > 0 ? outOfOrdernessMs + allowedLatenessMs : 0;
    this.tradesFromMs = ticker.endMs === undefined ? 0 : Math.max(0, ticker.endMs - lookBackMs);
  }

  /** In order of event time; one that is known changes nothing. */
  add(trade: Trade): void {
    foldStoredTrade(this.#state, trade, this.#outputs);
  }

  /** Moves time to where it was, and returns the state. */
  finish(): InstrumentState {
    const { ticker, candles } = this.#state;
    if (this.#liveUntilMs !== undefined) {
      ticker.advanceTo(this.#liveUntilMs);
      candles.advanceTo(this.#liveUntilMs, this.#outputs);
    }
    return this.#state;
  }
}
