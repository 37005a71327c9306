/**
 * Trades whose ids count up by one: a hole shows by itself, and a page of past trades is in its place at once, whatever is still missing behind it.
 *
 * A number that can't be of the same count as the newest (a stray) is passed on and counts for nothing, but that trades may be missing is said. Where
 * the next one follows on the stray, the exchange counts anew: what was missing before can't be told any more, and later holes are seen in the
 * new count.
 */
import type { Trade } from '../market/events.ts';
import type { KnownTrades } from '../market/instrument-state.ts';
import type { MissingTrades, NewestTrade, TradePage } from './adapter.ts';
import type { PageOutcome, TradeHole } from './trade-hole.ts';
import type { NumberedMoment } from './trade-numbering.ts';
import { isNeighbour, isSameNumbering } from './trade-numbering.ts';

type Numbered = { readonly number: number; readonly trade: Trade };

/** Why trades may be missing that no number tells of. */
export type NumberingDoubt = {
  readonly reason: string;
  /** The exchange counts anew: what was missing before can't be asked for. */
  readonly isRenumbered: boolean;
};

export class NumberedTrades implements TradeHole {
  /** Everything up to this number is delivered, or known to be the instrument's already. */
  #newest: NumberedMoment | undefined;
  /** The last number, where it can't be of one count with the newest. */
  #stray: NumberedMoment | undefined;
  #doubt: NumberingDoubt | undefined;
  /** Of the stream, in order of arrival, while it is not known yet what they follow on. */
  #unjudged: Numbered[] = [];
  #isBegun = false;
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
    return this.#unjudged.length + this.#held.length + this.#ready.length;
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
    if (number === undefined || !this.#isOfCount({ number, trade })) return true;
    const newest = this.#newest;
    if (newest !== undefined && number > newest.number + 1) return false;
    if (newest === undefined || number > newest.number) {
      this.#newest = { number, eventTimeMs: trade.eventTimeMs };
    }
    return true;
  }

  /** Takes out what was doubted since it was asked last. */
  takeDoubt(): NumberingDoubt | undefined {
    const doubt = this.#doubt;
    this.#doubt = undefined;
    return doubt;
  }

  reopen(): void {
    this.#holdUnjudged();
    this.#isBegun = false;
    this.#liveNumber = undefined;
    this.#hasOlder = this.#held.length > 0;
  }

  hold(trade: Trade): void {
    const number = numberOf(trade.tradeId);
    if (number === undefined) {
      this.#ready.push(trade);
      return;
    }
    if (!this.#isBegun) {
      this.#unjudged.push({ number, trade });
      return;
    }
    this.#place({ number, trade });
    this.#settle();
  }

  begin(newest: NewestTrade | undefined): boolean {
    const number = newest === undefined ? undefined : numberOf(newest.tradeId);
    if (newest !== undefined && number !== undefined) {
      this.#newest = { number, eventTimeMs: newest.eventTimeMs };
    }
    const isKnown = this.#newest !== undefined;
    // Where the instrument has none yet, its history begins with the first that came.
    if (!isKnown) this.#newest = beginningOf([...this.#held, ...this.#unjudged]);
    this.#isBegun = true;
    this.#stray = undefined;
    this.#cursor = undefined;
    this.refetchedCount = 0;
    const unjudged = this.#unjudged;
    this.#unjudged = [];
    for (const numbered of unjudged) this.#place(numbered);
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
    if (this.#takeOtherCount(page)) return 'renumbered';
    let heldIndex = 0;
    for (const trade of page.trades) {
      const number = numberOf(trade.tradeId);
      if (number === undefined || number <= this.#newest!.number) continue;
      if (!isSameNumbering(this.#newest!, momentOf({ number, trade }))) {
        this.#ready.push(trade);
        this.#doubtNumber(number);
        continue;
      }
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
    this.#holdUnjudged();
    for (const held of this.#held) this.#release(held);
    this.#held = [];
    return this.takeReady();
  }

  /** Whether the trade counts as the newest does; it does also where it follows on a stray, and the newest is that stray from then on. */
  #isOfCount(numbered: Numbered): boolean {
    const newest = this.#newest;
    const stray = this.#stray;
    const moment = momentOf(numbered);
    if (newest === undefined || isSameNumbering(newest, moment)) {
      this.#stray = undefined;
      return true;
    }
    if (stray?.number === moment.number) return false;
    if (stray !== undefined && isSameNumbering(stray, moment)) {
      this.#newest = stray;
      this.#stray = undefined;
      this.#doubt = { reason: `trade ids are counted anew from ${stray.number} on`, isRenumbered: true };
      return true;
    }
    this.#stray = moment;
    this.#doubtNumber(moment.number);
    return false;
  }

  #doubtNumber(number: number): void {
    const reason = `trade ids say nothing about a loss: expected ${this.expectedNumber}, was ${number}`;
    this.#doubt ??= { reason, isRenumbered: false };
  }

  #place(numbered: Numbered): void {
    if (!this.#isOfCount(numbered)) {
      this.#ready.push(numbered.trade);
      return;
    }
    this.#liveNumber = Math.max(this.#liveNumber ?? numbered.number, numbered.number);
    this.#insert(numbered);
  }

  /** The exchange knows none of the newest's count: it counts anew, and goes on from where the page ends. */
  #takeOtherCount(page: TradePage): boolean {
    const others = page.trades.flatMap((trade) => toNumbered(trade));
    const last = others.at(-1);
    const newest = this.#newest!;
    if (last === undefined || others.some((other) => isSameNumbering(newest, momentOf(other)))) return false;
    for (const { trade } of others) this.#ready.push(trade);
    this.refetchedCount += others.length;
    this.#newest = momentOf(last);
    this.#stray = undefined;
    return true;
  }

  #holdUnjudged(): void {
    for (const numbered of this.#unjudged) this.#insert(numbered);
    this.#unjudged = [];
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

/**
 * Returns the newest trade by its number. An id far from that of the latest trade was a lie, or of a count that is over: it would hide all that is
 * missing.
 */
export function newestNumbered({ newest, latestTradeId }: KnownTrades): NewestTrade {
  const latest = latestTradeId === undefined ? undefined : numberOf(latestTradeId);
  const greatest = numberOf(newest.tradeId);
  if (latest === undefined || (greatest !== undefined && isNeighbour(latest, greatest))) return newest;
  return { tradeId: String(latest), eventTimeMs: newest.eventTimeMs };
}

function beginningOf(trades: readonly Numbered[]): NumberedMoment | undefined {
  let first: Numbered | undefined;
  for (const numbered of trades) if (first === undefined || numbered.number < first.number) first = numbered;
  return first && { number: first.number - 1, eventTimeMs: first.trade.eventTimeMs };
}

function momentOf({ number, trade }: Numbered): NumberedMoment {
  return { number, eventTimeMs: trade.eventTimeMs };
}

function toNumbered(trade: Trade): readonly Numbered[] {
  const number = numberOf(trade.tradeId);
  return number === undefined ? [] : [{ number, trade }];
}

/** The id as a number that a double holds exactly; `undefined` for every other text. */
function numberOf(tradeId: string): number | undefined {
  if (!/^(?:0|[1-9]\d{0,15})$/.test(tradeId)) return undefined;
  const number = Number.parseInt(tradeId, 10);
  return Number.isSafeInteger(number) ? number : undefined;
}
