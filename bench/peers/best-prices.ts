/** The best bid and ask that a reader of books asks for after every frame: read into one place, and traced where two readers are compared. */
import type { OrderBook } from '../../src/market/order-book.ts';
import type { Units } from '../../src/market/units.ts';
import { formatUnits } from '../../src/market/units.ts';
import type { TardisBook } from './peer-packages.ts';

/** What was read last, and how often: somebody has to look at it, so that reading can't be left out. */
export class BestPrices {
  bidPrice: Units | undefined;
  bidQuantity: Units | undefined;
  askPrice: Units | undefined;
  askQuantity: Units | undefined;
  readCount = 0;

  readOurs(book: OrderBook): void {
    this.bidPrice = book.bestBid;
    this.bidQuantity = book.bidCount === 0 ? undefined : book.bidQuantity(0);
    this.askPrice = book.bestAsk;
    this.askQuantity = book.askCount === 0 ? undefined : book.askQuantity(0);
    this.readCount++;
  }

  readTardis(book: TardisBook): void {
    const bid = book.bestBid();
    const ask = book.bestAsk();
    this.bidPrice = bid?.price;
    this.bidQuantity = bid?.amount;
    this.askPrice = ask?.price;
    this.askQuantity = ask?.amount;
    this.readCount++;
  }

  /** As floats, which is all that both sides can say: the same text gives the same float. */
  describeOurs({ scales }: OrderBook): string {
    const toFloat = (units: Units | undefined, scale: number): number | undefined =>
      units === undefined ? undefined : Number(formatUnits(units, scale));
    return [
      toFloat(this.bidPrice, scales.price),
      toFloat(this.bidQuantity, scales.quantity),
      toFloat(this.askPrice, scales.price),
      toFloat(this.askQuantity, scales.quantity),
    ].join(' ');
  }

  describeTardis(): string {
    return [this.bidPrice, this.bidQuantity, this.askPrice, this.askQuantity].join(' ');
  }
}

/** The best prices of each symbol, as often as they changed. */
export class BestPriceTrace {
  readonly #changes = new Map<string, string[]>();

  note(symbol: string, best: string): void {
    const changes = this.#changes.get(symbol);
    if (changes === undefined) this.#changes.set(symbol, [best]);
    else if (changes.at(-1) !== best) changes.push(best);
  }

  get changeCount(): number {
    return [...this.#changes.values()].reduce((count, changes) => count + changes.length, 0);
  }

  get symbolCount(): number {
    return this.#changes.size;
  }

  /** Where this trace leaves the other first; `undefined` when they are the same. */
  findDifference(other: BestPriceTrace): string | undefined {
    for (const symbol of new Set([...this.#changes.keys(), ...other.#changes.keys()])) {
      const own = this.#changes.get(symbol) ?? [];
      const others = other.#changes.get(symbol) ?? [];
      const length = Math.max(own.length, others.length);
      for (let index = 0; index < length; index++) {
        if (own[index] === others[index]) continue;
        return `${symbol}, change ${index + 1} of ${length}: ${own[index] ?? 'none'} against ${others[index] ?? 'none'}`;
      }
    }
    return undefined;
  }
}
