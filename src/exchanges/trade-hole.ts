/**
 * A hole in an instrument's trades, from the newest trade that it has to the first that is known to follow without loss. What the stream
 * brings meanwhile is held behind the hole; pages of past trades fill it. Two ways to tell when it is filled: by number and by time.
 */
import type { Trade } from '../market/events.ts';
import type { MissingTrades, NewestTrade, TradePage } from './adapter.ts';

/**
 * What a page came to. `more`: ask for the next one. `filled`: nothing is missing any more. `behind`: past trades do not reach those of the stream
 * yet, ask again later. `unreachable`: they do not go back as far as the hole. `crowded`: it can't be told which of them the instrument has. `renumbered`: the
 * exchange counts anew, so that nobody can tell what is missing.
 */
export type PageOutcome = 'more' | 'filled' | 'behind' | 'unreachable' | 'crowded' | 'renumbered';

export interface TradeHole {
  /** Trades kept in memory. */
  readonly keptCount: number;
  /** Whether something came on the stream since it was opened last: only then can it be told that nothing is missing. */
  readonly hasLiveTrade: boolean;
  /** A new subscription begins: what comes from now on need not follow on what came before. */
  reopen(): void;
  hold(trade: Trade): void;
  /**
   * The newest trade that the instrument has; the hole begins behind it. Returns whether any may be missing: not so before the first of all.
   * Where ids tell of no loss, what came after `from` is fetched once more: of that some may be missing.
   */
  begin(newest: NewestTrade | undefined, from?: NewestTrade): boolean;
  /** Whether what is held follows on what the instrument has. */
  isFilled(): boolean;
  /** What to ask for. */
  missing(): MissingTrades;
  take(page: TradePage): PageOutcome;
  /** Takes out what can be delivered while the hole is still open, in order. */
  takeReady(): readonly Trade[];
  /** Takes out everything, in order: the hole is filled, or given up. */
  takeAll(): readonly Trade[];
  /** Trades fetched that neither the instrument had nor the stream brought, since `begin`. */
  readonly refetchedCount: number;
}
