/** The same changes of a book through three books: ours from decimal text, those of the peers from the numbers that they take. */
import { crc32 } from 'node:zlib';
import type { BookDelta } from '../../src/market/events.ts';
import { OrderBook } from '../../src/market/order-book.ts';
import type { LevelsReading, WireLevel } from '../../src/market/scale-memory.ts';
import { ScaleMemory } from '../../src/market/scale-memory.ts';
import { formatUnits } from '../../src/market/units.ts';
import type { Ccxt, CcxtBook, CcxtSide, Tardis, TardisBook, TardisLevel } from './peer-packages.ts';
import type { BookWorkload, LevelChange } from './seeded-books.ts';
import { DELTAS_PER_READ, LEVELS_PER_READ, PRICE_DECIMALS, QUANTITY_DECIMALS } from './seeded-books.ts';
import type { Subject } from './side-by-side.ts';

/** `checksum` is over all levels that the last run left; `run` returns the sum of the quantities that were read, in units or as a float. */
export type BookSubject = Subject & { readonly checksum: () => number };

const TIMES = { eventTimeMs: 0, receiveTimeMs: 0, sequence: undefined, checksum: undefined };

/** From decimal text, as an adapter does it: `ScaleMemory` parses and checks, the book takes the event. */
export function ourBook(workload: BookWorkload): BookSubject {
  const snapshot = toWire(workload.snapshot);
  const deltas = workload.deltas.map(toWire);
  let book = new OrderBook();
  let scales = new ScaleMemory({ keepTrailingZeros: false });
  const read = ({ bids, asks }: WireSides): LevelsReading => scales.readLevels(bids, asks, refuse);
  return {
    name: 'ours',
    operationCount: workload.changeCount,
    prepare() {
      book = new OrderBook();
      scales = new ScaleMemory({ keepTrailingZeros: false });
      book.applySnapshot({ type: 'BookSnapshot', ...TIMES, ...read(snapshot), depth: undefined });
    },
    run() {
      let sum = 0;
      for (let index = 0; index < deltas.length; index++) {
        const levels = read(deltas[index]!);
        const delta: BookDelta = {
          type: 'BookDelta',
          eventTimeMs: 0,
          receiveTimeMs: 0,
          scales: levels.scales,
          bids: levels.bids,
          asks: levels.asks,
          sequence: undefined,
          checksum: undefined,
        };
        book.applyDelta(delta);
        if (index % DELTAS_PER_READ !== DELTAS_PER_READ - 1) continue;
        const { bids, asks } = book.top(LEVELS_PER_READ);
        for (let at = 1; at < bids.length; at += 2) sum += Number(bids[at]);
        for (let at = 1; at < asks.length; at += 2) sum += Number(asks[at]);
      }
      return sum / 10 ** QUANTITY_DECIMALS;
    },
    checksum() {
      const { bids, asks } = book.snapshot();
      return crc32([...bids, ...asks].join(' '));
    },
  };
}

function refuse(reason: string): void {
  throw new Error(reason);
}

type WireSides = { readonly bids: readonly WireLevel[]; readonly asks: readonly WireLevel[] };

/** Levels as JSON gives them, with all their decimals as most exchanges write them. */
function toWire(changes: readonly LevelChange[]): WireSides {
  const side = (isBid: boolean): (readonly [string, string])[] =>
    changes
      .filter((change) => change.isBid === isBid)
      .map(({ price, quantity }) => [
        fixedText(price, PRICE_DECIMALS),
        fixedText(quantity, QUANTITY_DECIMALS),
      ]);
  return JSON.parse(JSON.stringify({ bids: side(true), asks: side(false) })) as WireSides;
}

function fixedText(units: number, decimals: number): string {
  const digits = units.toString().padStart(decimals + 1, '0');
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

export function tardisBook(workload: BookWorkload, { OrderBook: Book }: Tardis): BookSubject {
  const toChange = (changes: readonly LevelChange[], isSnapshot: boolean) => {
    const { bids, asks } = toNumbers(changes);
    const toLevel = ([price, amount]: NumberLevel): TardisLevel => ({ price, amount });
    const date = new Date(0);
    return {
      type: 'book_change',
      symbol: 'BTCUSDT',
      exchange: 'binance',
      isSnapshot,
      bids: bids.map(toLevel),
      asks: asks.map(toLevel),
      timestamp: date,
      localTimestamp: date,
    } as const;
  };
  const snapshot = toChange(workload.snapshot, true);
  const deltas = workload.deltas.map((changes) => toChange(changes, false));
  let book: TardisBook = new Book();
  return {
    name: 'tardis-dev',
    operationCount: workload.changeCount,
    prepare() {
      book = new Book();
      book.update(snapshot);
    },
    run() {
      let sum = 0;
      for (let index = 0; index < deltas.length; index++) {
        book.update(deltas[index]!);
        if (index % DELTAS_PER_READ !== DELTAS_PER_READ - 1) continue;
        sum += sumBest(book.bids()) + sumBest(book.asks());
      }
      return sum;
    },
    checksum: () =>
      checksumOfNumbers([...book.bids(), ...book.asks()].map(({ price, amount }) => [price, amount])),
  };
}

function sumBest(levels: Iterable<TardisLevel>): number {
  let sum = 0;
  let count = 0;
  for (const { amount } of levels) {
    sum += amount;
    count++;
    if (count === LEVELS_PER_READ) break;
  }
  return sum;
}

/** From numbers: what its exchanges do first, text to number through `safeFloat`, is left out. */
export function ccxtBook(workload: BookWorkload, { OrderBook: Book }: Ccxt): BookSubject {
  const snapshot = toNumbers(workload.snapshot);
  const deltas = workload.deltas.map(toNumbers);
  let book: CcxtBook = new Book();
  return {
    name: 'ccxt',
    operationCount: workload.changeCount,
    prepare() {
      book = new Book();
      // It keeps the arrays it is given as its levels.
      const { bids, asks } = snapshot;
      book.reset({ bids: bids.map((level) => [...level]), asks: asks.map((level) => [...level]) });
    },
    run() {
      let sum = 0;
      for (let index = 0; index < deltas.length; index++) {
        const { bids, asks } = deltas[index]!;
        for (const [price, quantity] of asks) book.asks.store(price, quantity);
        for (const [price, quantity] of bids) book.bids.store(price, quantity);
        if (index % DELTAS_PER_READ !== DELTAS_PER_READ - 1) continue;
        sum += sumFirst(book.bids) + sumFirst(book.asks);
      }
      return sum;
    },
    checksum: () => checksumOfNumbers([book.bids, book.asks].flatMap((side) => Array.from(side))),
  };
}

function sumFirst(side: CcxtSide): number {
  const count = Math.min(LEVELS_PER_READ, side.length);
  let sum = 0;
  for (let index = 0; index < count; index++) sum += side[index]![1];
  return sum;
}

type NumberLevel = readonly [price: number, quantity: number];

/** The floats that the text stands for. */
function toNumbers(changes: readonly LevelChange[]): {
  readonly bids: readonly NumberLevel[];
  readonly asks: readonly NumberLevel[];
} {
  const side = (isBid: boolean): NumberLevel[] =>
    changes
      .filter((change) => change.isBid === isBid)
      .map(({ price, quantity }) => [
        Number(formatUnits(price, PRICE_DECIMALS)),
        Number(formatUnits(quantity, QUANTITY_DECIMALS)),
      ]);
  return { bids: side(true), asks: side(false) };
}

/** The same sum as over ours: at these sizes a rounded float is the units that it came from. */
function checksumOfNumbers(levels: readonly NumberLevel[]): number {
  return crc32(
    levels
      .flatMap(([price, quantity]) => [
        Math.round(price * 10 ** PRICE_DECIMALS),
        Math.round(quantity * 10 ** QUANTITY_DECIMALS),
      ])
      .join(' '),
  );
}
