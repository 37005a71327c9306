/**
 * What a recording's reader must come to, kept by whoever makes the recording: a side is a map from price text to quantity text, a sum is
 * a Decimal. Knows no exchange, and shares nothing with the code that it is to check.
 */
import { Decimal } from 'decimal.js';

const Exact = Decimal.clone({ precision: 200, toExpNeg: -100, toExpPos: 100 });

export type PlainLevel = readonly [price: string, quantity: string];

export class PlainBook {
  readonly #sides = { bids: new Map<string, string>(), asks: new Map<string, string>() };
  readonly #depth: number;
  deletesOfUnknownLevel = 0;

  constructor(depth: number) {
    this.#depth = depth;
  }

  set(side: 'bids' | 'asks', levels: readonly PlainLevel[]): void {
    const held = this.#sides[side];
    for (const [price, quantity] of levels) {
      const key = canonical(price);
      if (!new Exact(quantity).isZero()) held.set(key, canonical(quantity));
      else if (!held.delete(key)) this.deletesOfUnknownLevel++;
    }
    for (const [price] of this.#sorted(side).slice(this.#depth)) held.delete(price);
  }

  expected() {
    const [bids, asks] = [this.#sorted('bids'), this.#sorted('asks')];
    return {
      levels: { bids: bids.length, asks: asks.length },
      final_top20: { bids: bids.slice(0, 20), asks: asks.slice(0, 20) },
      deletes_of_unknown_level: this.deletesOfUnknownLevel,
    };
  }

  #sorted(side: 'bids' | 'asks'): [string, string][] {
    const sign = side === 'bids' ? -1 : 1;
    return [...this.#sides[side]].sort(([a], [b]) => sign * new Exact(a).cmp(b));
  }
}

export type PlainTrade = {
  readonly id: string;
  readonly price: string;
  readonly quantity: string;
  readonly takerSide: 'buy' | 'sell';
};

/** The `live` or `all` part of the expected trades; each id counts once. */
export function expectedTrades(given: readonly PlainTrade[]) {
  const trades = [...new Map(given.map((trade) => [trade.id, trade])).values()];
  const sum = (of: readonly PlainTrade[], value: (trade: PlainTrade) => Decimal): Decimal =>
    of.reduce((total, trade) => total.plus(value(trade)), new Exact(0));
  const quantity = (trade: PlainTrade): Decimal => new Exact(trade.quantity);
  const volume = sum(trades, quantity);
  const quoteVolume = sum(trades, (trade) => quantity(trade).mul(trade.price));
  const prices = trades.map(({ price }) => new Exact(price));
  const sides = [...new Set(trades.map(({ takerSide }) => takerSide))].sort();
  return {
    count: trades.length,
    volume: volume.toString(),
    quote_volume: quoteVolume.toString(),
    vwap: quoteVolume.div(volume).toSignificantDigits(20, Decimal.ROUND_HALF_EVEN).toString(),
    high: Exact.max(...prices).toString(),
    low: Exact.min(...prices).toString(),
    by_side: Object.fromEntries(
      sides.map((side) => {
        const ofSide = trades.filter(({ takerSide }) => takerSide === side);
        return [side, { count: ofSide.length, volume: sum(ofSide, quantity).toString() }];
      }),
    ),
  };
}

function canonical(text: string): string {
  return new Exact(text).toString();
}
