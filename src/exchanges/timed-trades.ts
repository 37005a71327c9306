/**
 * Trades whose ids say nothing about a loss: only their times, and trades that come both ways, tell where pages of the past meet what the
 * instrument has and what the stream brings. Pages come newest first, so nothing can be delivered before the hole is filled.
 */
import type { Trade } from '../market/events.ts';
import type { MissingTrades, NewestTrade, TradePage } from './adapter.ts';
import type { PageOutcome, TradeHole } from './trade-hole.ts';

/** Trades of the overlap that are fetched again: only as many as the instrument surely remembers (`MAX_OTHER_IDS`), else one would count twice. */
const OVERLAP_TRADES_MAX = 2_000;

export class TimedTrades implements TradeHole {
  #newest: NewestTrade | undefined;
  /** Not after #newest; what lies between them is the overlap. */
  #from: NewestTrade | undefined;
  /** Of the stream, in order of arrival. */
  #held: Trade[] = [];
  /** Index in #held of the first trade since the stream was opened last. */
  #liveIndex = 0;
  readonly #fetched = new Map<string, Trade>();
  #cursor: string | undefined;
  refetchedCount = 0;

  get keptCount(): number {
    return this.#held.length + this.#fetched.size;
  }

  get hasLiveTrade(): boolean {
    return this.#held.length > this.#liveIndex;
  }

  reopen(): void {
    this.#liveIndex = this.#held.length;
  }

  hold(trade: Trade): void {
    this.#held.push(trade);
  }

  begin(newest: NewestTrade | undefined, from?: NewestTrade): boolean {
    // Where the instrument has none yet, its history begins with the first that an earlier connection brought.
    this.#newest = newest ?? (this.#liveIndex > 0 ? this.#held[0] : undefined);
    this.#from = from ?? this.#newest;
    this.#fetched.clear();
    this.#cursor = undefined;
    this.refetchedCount = 0;
    return this.#newest !== undefined;
  }

  /** The stream began with history that reaches back far enough and holds the newest trade: nothing lies between. */
  isFilled(): boolean {
    const live = this.#held.slice(this.#liveIndex);
    if (!live.some(({ tradeId }) => tradeId === this.#newest!.tradeId)) return false;
    const hasOverlap = this.#from!.eventTimeMs < this.#newest!.eventTimeMs;
    return !hasOverlap || live[0]!.eventTimeMs <= this.#from!.eventTimeMs;
  }

  missing(): MissingTrades {
    const { tradeId, eventTimeMs } = this.#from!;
    return { after: { tradeId, eventTimeMs }, cursor: this.#cursor };
  }

  /**
   * Pages overlap by the trades of the time that they meet in. One that does not join the page before it comes from a server that knows less than
   * the one before: it is all asked for again.
   */
  take(page: TradePage): PageOutcome {
    const joins = this.#cursor === undefined || page.trades.some(({ tradeId }) => this.#fetched.has(tradeId));
    if (!joins) {
      this.#cursor = undefined;
      return 'behind';
    }
    for (const trade of page.trades) this.#fetched.set(trade.tradeId, trade);
    this.#cursor = page.next;
    if (page.next !== undefined) return 'more';
    if (!page.reachesBack) return 'unreachable';
    const live = this.#held[this.#liveIndex];
    if (live !== undefined && !this.#isCovered(live)) return 'behind';
    return this.#isOverlapSafe() ? 'filled' : 'crowded';
  }

  takeReady(): readonly Trade[] {
    return [];
  }

  /** In order of time up to the first trade of the stream: what is newer than that, the stream brings itself. */
  takeAll(): readonly Trade[] {
    const live = this.#held.slice(this.#liveIndex);
    const streamed = new Set(this.#held.map(({ tradeId }) => tradeId));
    const untilMs = live[0]?.eventTimeMs ?? Number.POSITIVE_INFINITY;
    const isOverlapSafe = this.#isOverlapSafe();
    const fetched = [...this.#fetched.values()].filter(
      (trade) =>
        !streamed.has(trade.tradeId) &&
        trade.eventTimeMs <= untilMs &&
        (this.#isNew(trade) || (isOverlapSafe && this.#isOverlap(trade))),
    );
    this.refetchedCount += fetched.filter((trade) => this.#isNew(trade)).length;
    // Stable: trades of one time keep the order of their page.
    const before = [...this.#held.slice(0, this.#liveIndex), ...fetched].sort(
      (a, b) => a.eventTimeMs - b.eventTimeMs,
    );
    this.#held = [];
    this.#liveIndex = 0;
    this.#fetched.clear();
    this.#cursor = undefined;
    return [...before, ...live];
  }

  #isCovered({ tradeId, eventTimeMs }: Trade): boolean {
    if (this.#fetched.has(tradeId)) return true;
    for (const trade of this.#fetched.values()) if (trade.eventTimeMs > eventTimeMs) return true;
    return false;
  }

  #isOverlapSafe(): boolean {
    let count = 0;
    for (const trade of this.#fetched.values()) if (this.#isOverlap(trade)) count++;
    return count <= OVERLAP_TRADES_MAX;
  }

  #isOverlap({ eventTimeMs }: Trade): boolean {
    const newest = this.#newest;
    return newest !== undefined && eventTimeMs >= this.#from!.eventTimeMs && eventTimeMs < newest.eventTimeMs;
  }

  /** What is older than the newest trade was there before it; of its own time some may be missing. */
  #isNew({ tradeId, eventTimeMs }: Trade): boolean {
    const newest = this.#newest;
    return newest === undefined || (eventTimeMs >= newest.eventTimeMs && tradeId !== newest.tradeId);
  }
}
