/** Trades whose ids count up by one: a hole shows by itself, and a page of past trades is in its place at once, whatever is still missing behind it. */
import type { Trade } from '../market/events.ts';
import type { MissingTrades, NewestTrade, TradePage } from './adapter.ts';
import type { PageOutcome, TradeHole } from './trade-hole.ts';

type Numbered = { readonly number: number; readonly trade: Trade };

export class NumberedTrades implements TradeHole {
  /** Everything up to this number is delivered, or known to be the instrument's already. */
  #newest: { number: number; eventTimeMs: number } | undefined;
  // Ascending, each number once, all above #newest once that is known.
  #held: Numbered[] = [];
  #ready: Trade[] = [];
  /** Some were held already when the stream was opened last. */
  #hasOlder = false;
  /** Greatest number of the stream since it was opened last. */
  #liveNumber: number | undefined;
  #cursor: string | undefined;
  refetchedCount = 0;

  get keptCount(): number {
    return this.#held.length + this.#ready.length;
  }

  get hasLiveTrade(): boolean {
    return this.#liveNumber !== undefined;
  }

  /** Number of the trade that must come next; `undefined` before the first trade of all. */
  get expectedNumber(): number | undefined {
    return this.#newest === undefined ? undefined : this.#newest.number + 1;
  }

  /** Takes note of a trade of the stream; returns false when trades before it are missing. */
  follows(trade: Trade): boolean {
    const number = numberOf(trade.tradeId);
    // No exchange that counts sends anything else; were it to, its ids say nothing about a loss.
    if (number === undefined) return true;
    const newest = this.#newest;
    if (newest !== undefined && number > newest.number + 1) return false;
    if (newest === undefined || number > newest.number) {
      this.#newest = { number, eventTimeMs: trade.eventTimeMs };
    }
    return true;
  }

  reopen(): void {
    this.#liveNumber = undefined;
    this.#hasOlder = this.#held.length > 0;
  }

  hold(trade: Trade): void {
    const number = numberOf(trade.tradeId);
    if (number === undefined) {
      this.#ready.push(trade);
      return;
    }
    this.#liveNumber = Math.max(this.#liveNumber ?? number, number);
    this.#insert({ number, trade });
    this.#settle();
  }

  begin(newest: NewestTrade | undefined): boolean {
    const number = newest === undefined ? undefined : numberOf(newest.tradeId);
    const [first] = this.#held;
    if (newest !== undefined && number !== undefined) {
      this.#newest = { number, eventTimeMs: newest.eventTimeMs };
    }
    const isKnown = this.#newest !== undefined;
    // Where the instrument has none yet, its history begins with the first that came.
    if (!isKnown && first !== undefined) {
      this.#newest = { number: first.number - 1, eventTimeMs: first.trade.eventTimeMs };
    }
    this.#cursor = undefined;
    this.refetchedCount = 0;
    this.#settle();
    return isKnown || this.#hasOlder || this.#held.length > 0;
  }

  isFilled(): boolean {
    return this.#held.length === 0;
  }

  missing(): MissingTrades {
    const { number, eventTimeMs } = this.#newest!;
    return { after: { tradeId: String(number), eventTimeMs }, cursor: this.#cursor };
  }

  /** The exchange knows best which numbers there are: what a page leaves out between two trades does not exist. */
  take(page: TradePage): PageOutcome {
    let heldIndex = 0;
    for (const trade of page.trades) {
      const number = numberOf(trade.tradeId);
      if (number === undefined || number <= this.#newest!.number) continue;
      for (; heldIndex < this.#held.length && this.#held[heldIndex]!.number < number; heldIndex++) {
        this.#release(this.#held[heldIndex]!);
      }
      // It came both ways: the one of the stream is delivered, now or with the next step of this loop.
      if (this.#held[heldIndex]?.number === number) continue;
      this.#release({ number, trade });
      this.refetchedCount++;
    }
    this.#held.splice(0, heldIndex);
    this.#settle();
    this.#cursor = page.next;
    if (this.#liveNumber !== undefined && this.#newest!.number >= this.#liveNumber) return 'filled';
    if (page.next !== undefined) return 'more';
    return this.#held.length === 0 ? 'filled' : 'behind';
  }

  takeReady(): readonly Trade[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  takeAll(): readonly Trade[] {
    for (const held of this.#held) this.#release(held);
    this.#held = [];
    return this.takeReady();
  }

  /** Trades come nearly in order, so the place is near the end; each number is held once. */
  #insert(added: Numbered): void {
    let index = this.#held.length;
    while (index > 0 && this.#held[index - 1]!.number > added.number) index--;
    if (this.#held[index - 1]?.number !== added.number) this.#held.splice(index, 0, added);
  }

  /** Releases what follows on the newest trade without a hole, and what the instrument has already (it counts once). */
  #settle(): void {
    if (this.#newest === undefined) return;
    let count = 0;
    for (; count < this.#held.length && this.#held[count]!.number <= this.#newest.number + 1; count++) {
      this.#release(this.#held[count]!);
    }
    this.#held.splice(0, count);
  }

  #release({ number, trade }: Numbered): void {
    this.#ready.push(trade);
    if (this.#newest === undefined || number > this.#newest.number) {
      this.#newest = { number, eventTimeMs: trade.eventTimeMs };
    }
  }
}

/** The id as a number that a double holds exactly; `undefined` for every other text. */
function numberOf(tradeId: string): number | undefined {
  if (!/^(?:0|[1-9]\d{0,15})$/.test(tradeId)) return undefined;
  const number = Number.parseInt(tradeId, 10);
  return Number.isSafeInteger(number) ? number : undefined;
}
