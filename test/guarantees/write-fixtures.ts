/**
 * Makes the recordings of `test/fixtures/recordings`: `npx tsx test/guarantees/write-fixtures.ts`. A seeded market is written down as frames of two
 * exchanges, and what a reader must come to is kept on the way by `plain-oracle.ts`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, gzipSync } from 'node:zlib';
import { createSeededRandom } from '../../src/base/clock.ts';
import { BookWindow } from '../../src/feeds/simulators/book-window.ts';
import { fixedText } from '../../src/feeds/simulators/fixed-text.ts';
import type { SimulatedLevel, SimulatedSymbol } from '../../src/feeds/simulators/simulated-book.ts';
import type { SimulatedStep, SimulatedTrade } from '../../src/feeds/simulators/simulated-market.ts';
import { SimulatedMarket } from '../../src/feeds/simulators/simulated-market.ts';
import type { PlainLevel, PlainTrade } from '../support/plain-oracle.ts';
import { PlainBook, expectedTrades } from '../support/plain-oracle.ts';

const START_MS = Date.UTC(2026, 10, 20, 23, 59, 20);
const STEPS = 800;
const STEP_MS = 100;

class Recorder {
  readonly lines: object[] = [];
  readonly counts = { open: 0, out: 0, in: 0, http: 0 };

  add(line: { t: number; conn: number; dir: 'open' | 'in' | 'http'; url?: string; data?: string }): void {
    this.counts[line.dir]++;
    this.lines.push(line);
  }
}

type Clock = { nowMs: number };

function createMarket(symbols: readonly SimulatedSymbol[], seed: number, clock: Clock): SimulatedMarket {
  return new SimulatedMarket({
    symbols,
    random: createSeededRandom(seed),
    clock: { nowMs: () => clock.nowMs, monotonicMs: () => clock.nowMs },
    timers: { after: noTimer, every: noTimer, sleep: () => Promise.resolve() },
    tradeShare: 0.3,
    levelsPerSide: 60,
  });
}

function noTimer(): never {
  throw new Error('this market moves by steps only');
}

function write(name: string, recorder: Recorder, symbols: Record<string, object>): void {
  const folder = join(import.meta.dirname, '../fixtures/recordings');
  const text = recorder.lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  writeFileSync(join(folder, `${name}.jsonl.gz`), gzipSync(text, { level: 9 }));
  const expected = { recording: name, frames: recorder.counts, symbols };
  writeFileSync(join(folder, `${name}.expected.json`), `${JSON.stringify(expected, undefined, 1)}\n`);
}

const COUNTS_OF_A_SOUND_BOOK = { checksums_bad: 0, crossed_after_update: 0, gaps: [], in_sync_at_end: true };

// -------------------------------------------------------------------------------------------------------------- Binance

const BINANCE: readonly SimulatedSymbol[] = [
  {
    nativeSymbol: 'BTCUSDT',
    base: 'BTC',
    quote: 'USDT',
    priceDecimals: 2,
    quantityDecimals: 5,
    tickUnits: 1,
    startPriceUnits: 9_142_350,
    levelQuantityUnits: 40_000,
  },
  {
    nativeSymbol: 'SHIBUSDT',
    base: 'SHIB',
    quote: 'USDT',
    priceDecimals: 8,
    quantityDecimals: 2,
    tickUnits: 1,
    startPriceUnits: 1_234,
    levelQuantityUnits: 90_000_000_000,
  },
];

/** Books and trades on connections of their own; the first depth events are older than the snapshot or contain it. */
function writeBinance(): void {
  const clock = { nowMs: START_MS };
  const recorder = new Recorder();
  const market = createMarket(BINANCE, 20_261_121, clock);
  const streams = (suffix: string): string =>
    BINANCE.map(({ nativeSymbol }) => `${nativeSymbol.toLowerCase()}@${suffix}`).join('/');
  const address = 'wss://stream.binance.com:9443/stream?streams=';
  recorder.add({ t: START_MS, conn: 1, dir: 'open', url: `${address}${streams('depth@100ms')}` });
  recorder.add({ t: START_MS, conn: 2, dir: 'open', url: `${address}${streams('trade')}` });

  const told = new Map<string, PlainTrade[]>(BINANCE.map(({ nativeSymbol }) => [nativeSymbol, []]));
  market.onStep(({ symbol, trades }: SimulatedStep) => {
    for (const trade of trades) {
      const frame = binanceTrade(symbol, trade, clock.nowMs);
      told.get(symbol.nativeSymbol)!.push(toPlainTrade(symbol, trade));
      // Every fortieth comes twice.
      for (let count = trade.tradeId % 40 === 0 ? 2 : 1; count > 0; count--) {
        recorder.add({ t: clock.nowMs + 2, conn: 2, dir: 'in', data: frame });
      }
    }
  });

  const held = new Map(
    BINANCE.map(({ nativeSymbol }) => [nativeSymbol, new BinanceBook(market, nativeSymbol)]),
  );
  for (let step = 0; step < STEPS; step++) {
    clock.nowMs += STEP_MS;
    for (const symbol of BINANCE) {
      const book = held.get(symbol.nativeSymbol)!;
      book.beginStep();
      market.step(symbol.nativeSymbol);
      const frame = book.depthFrame(clock.nowMs);
      if (frame !== undefined) recorder.add({ t: clock.nowMs + 5.25, conn: 1, dir: 'in', data: frame });
    }
    if (step === 2) for (const book of held.values()) book.keepForSnapshot();
    if (step === 4) {
      for (const [nativeSymbol, book] of held) {
        const url = `https://api.binance.com/api/v3/depth?symbol=${nativeSymbol}&limit=1000`;
        recorder.add({ t: clock.nowMs + 50, conn: 0, dir: 'http', url, data: book.snapshotBody() });
      }
    }
  }
  write(
    'own-binance-spot',
    recorder,
    Object.fromEntries(
      BINANCE.map(({ nativeSymbol }) => {
        const trades = expectedTrades(told.get(nativeSymbol)!);
        return [
          nativeSymbol,
          { book: held.get(nativeSymbol)!.expected(), trades: { live: trades, all: trades } },
        ];
      }),
    ),
  );
}

function binanceTrade(symbol: SimulatedSymbol, trade: SimulatedTrade, nowMs: number): string {
  const { price, quantity } = toPlainTrade(symbol, trade);
  const data = {
    e: 'trade',
    E: nowMs,
    s: symbol.nativeSymbol,
    t: trade.tradeId,
    p: price,
    q: quantity,
    T: trade.timeMs,
  };
  return JSON.stringify({
    stream: `${symbol.nativeSymbol.toLowerCase()}@trade`,
    data: { ...data, m: trade.takerSide === 'sell', M: true },
  });
}

class BinanceBook {
  readonly #market: SimulatedMarket;
  readonly #symbol: SimulatedSymbol;
  readonly #plain = new PlainBook(Number.MAX_SAFE_INTEGER);
  #changed = new Map<string, SimulatedLevel & { side: 'bid' | 'ask' }>();
  #firstId = 0;
  #snapshot: { id: number; bids: PlainLevel[]; asks: PlainLevel[] } | undefined;
  #events: { id: number; bids: PlainLevel[]; asks: PlainLevel[]; isBuffered: boolean }[] = [];
  #isSnapshotSent = false;

  constructor(market: SimulatedMarket, nativeSymbol: string) {
    this.#market = market;
    this.#symbol = market.symbolOf(nativeSymbol);
    market.onStep(({ symbol, changes }) => {
      if (symbol.nativeSymbol !== nativeSymbol) return;
      for (const change of changes) this.#changed.set(`${change.side} ${change.priceUnits}`, change);
    });
  }

  beginStep(): void {
    this.#changed = new Map();
    this.#firstId = this.#market.updateIdOf(this.#symbol.nativeSymbol) + 1;
  }

  depthFrame(nowMs: number): string | undefined {
    if (this.#changed.size === 0) return undefined;
    const id = this.#market.updateIdOf(this.#symbol.nativeSymbol);
    const levels = (side: 'bid' | 'ask'): PlainLevel[] =>
      toPlainLevels(
        this.#symbol,
        [...this.#changed.values()].filter((change) => change.side === side),
      );
    const [bids, asks] = [levels('bid'), levels('ask')];
    this.#events.push({ id, bids, asks, isBuffered: !this.#isSnapshotSent });
    const { nativeSymbol } = this.#symbol;
    const data = { e: 'depthUpdate', E: nowMs, s: nativeSymbol, U: this.#firstId, u: id, b: bids, a: asks };
    return JSON.stringify({ stream: `${nativeSymbol.toLowerCase()}@depth@100ms`, data });
  }

  keepForSnapshot(): void {
    const { bids, asks } = this.#market.sidesOf(this.#symbol.nativeSymbol);
    const id = this.#market.updateIdOf(this.#symbol.nativeSymbol);
    this.#snapshot = { id, bids: toPlainLevels(this.#symbol, bids), asks: toPlainLevels(this.#symbol, asks) };
  }

  snapshotBody(): string {
    this.#isSnapshotSent = true;
    const { id, bids, asks } = this.#snapshot!;
    return JSON.stringify({ lastUpdateId: id, bids, asks });
  }

  expected(): object {
    const snapshot = this.#snapshot!;
    this.#plain.set('bids', snapshot.bids);
    this.#plain.set('asks', snapshot.asks);
    const applied = this.#events.filter(({ id }) => id > snapshot.id);
    for (const { bids, asks } of applied) {
      this.#plain.set('bids', bids);
      this.#plain.set('asks', asks);
    }
    return {
      snapshots: 1,
      updates: this.#events.length,
      applied: applied.length,
      ignored_stale: this.#events.length - applied.length,
      buffered: this.#events.filter(({ isBuffered }) => isBuffered).length,
      sequence_checks_ok: applied.length,
      checksums_ok: 0,
      ...COUNTS_OF_A_SOUND_BOOK,
      final_sequence: this.#events.at(-1)!.id,
      ...this.#plain.expected(),
    };
  }
}

// --------------------------------------------------------------------------------------------------------------- Kraken

const KRAKEN: readonly SimulatedSymbol[] = [
  {
    nativeSymbol: 'BTC/USD',
    base: 'BTC',
    quote: 'USD',
    priceDecimals: 1,
    quantityDecimals: 8,
    tickUnits: 1,
    startPriceUnits: 914_235,
    levelQuantityUnits: 40_000_000,
  },
  {
    nativeSymbol: 'ADA/EUR',
    base: 'ADA',
    quote: 'EUR',
    priceDecimals: 6,
    quantityDecimals: 8,
    tickUnits: 1,
    startPriceUnits: 412_345,
    levelQuantityUnits: 200_000_000_000,
  },
];
const KRAKEN_DEPTH = 25;

/** Books with checksums, levels that are pushed out of the window, and trades, all on one connection. */
function writeKraken(): void {
  const clock = { nowMs: START_MS };
  const recorder = new Recorder();
  const market = createMarket(KRAKEN, 20_261_122, clock);
  const hear = (data: string): void => recorder.add({ t: clock.nowMs + 4.5, conn: 1, dir: 'in', data });
  recorder.add({ t: START_MS, conn: 1, dir: 'open', url: 'wss://ws.kraken.com/v2' });
  hear(
    '{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":14798778926437777420}]}',
  );

  const told = new Map<string, PlainTrade[]>(KRAKEN.map(({ nativeSymbol }) => [nativeSymbol, []]));
  market.onStep(({ symbol, trades }) => {
    if (trades.length === 0) return;
    told.get(symbol.nativeSymbol)!.push(...trades.map((trade) => toPlainTrade(symbol, trade)));
    const frame = krakenTrades(symbol, trades);
    for (let count = trades[0]!.tradeId % 40 === 0 ? 2 : 1; count > 0; count--) hear(frame);
  });

  const books = KRAKEN.map((symbol) => {
    const window = new BookWindow(market.sidesOf(symbol.nativeSymbol), KRAKEN_DEPTH);
    hear(
      `{"method":"subscribe","result":{"channel":"book","depth":${KRAKEN_DEPTH},"snapshot":true,"symbol":"${symbol.nativeSymbol}"},"success":true,"time_in":"2026-11-20T23:59:20.000001Z","time_out":"2026-11-20T23:59:20.000060Z"}`,
    );
    hear(krakenBook('snapshot', symbol, window, window, clock.nowMs));
    const plain = new PlainBook(KRAKEN_DEPTH);
    plain.set('bids', toPlainLevels(symbol, window.bids));
    plain.set('asks', toPlainLevels(symbol, window.asks));
    return { symbol, window, plain, updates: 0 };
  });
  for (let step = 0; step < STEPS; step++) {
    clock.nowMs += STEP_MS;
    for (const book of books) {
      const { symbol, window, plain } = book;
      market.step(symbol.nativeSymbol);
      const change = window.moveTo(market.sidesOf(symbol.nativeSymbol), { tellPushedOut: false });
      if (change.bids.length + change.asks.length === 0) continue;
      book.updates++;
      plain.set('bids', toPlainLevels(symbol, change.bids));
      plain.set('asks', toPlainLevels(symbol, change.asks));
      hear(krakenBook('update', symbol, change, window, clock.nowMs));
    }
    if (step % 10 === 0) hear('{"channel":"heartbeat"}');
  }
  write(
    'own-kraken-v2',
    recorder,
    Object.fromEntries(
      books.map(({ symbol, plain, updates }) => {
        const trades = expectedTrades(told.get(symbol.nativeSymbol)!);
        const counts = { snapshots: 1, updates, applied: updates, ignored_stale: 0, buffered: 0 };
        const book = {
          ...counts,
          sequence_checks_ok: 0,
          checksums_ok: updates + 1,
          ...COUNTS_OF_A_SOUND_BOOK,
          final_sequence: null,
          ...plain.expected(),
        };
        return [symbol.nativeSymbol, { book, trades: { live: trades, all: trades } }];
      }),
    ),
  );
}

type Sides = { readonly bids: readonly SimulatedLevel[]; readonly asks: readonly SimulatedLevel[] };

/** Written by hand: Kraken's numbers are JSON numbers with all their zeros. The checksum is zlib's over the digits of the ten best. */
function krakenBook(type: string, symbol: SimulatedSymbol, sent: Sides, after: Sides, nowMs: number): string {
  const digits = [...after.asks.slice(0, 10), ...after.bids.slice(0, 10)]
    .map(({ priceUnits, quantityUnits }) => `${priceUnits}${quantityUnits}`)
    .join('');
  const levels = (side: readonly SimulatedLevel[]): string =>
    toPlainLevels(symbol, side)
      .map(([price, quantity]) => `{"price":${price},"qty":${quantity}}`)
      .join(',');
  const time = new Date(nowMs).toISOString().replace('Z', '123Z');
  return `{"channel":"book","type":"${type}","data":[{"symbol":"${symbol.nativeSymbol}","bids":[${levels(sent.bids)}],"asks":[${levels(sent.asks)}],"checksum":${crc32(digits)},"timestamp":"${time}"}]}`;
}

function krakenTrades(symbol: SimulatedSymbol, trades: readonly SimulatedTrade[]): string {
  const texts = trades.map((trade) => {
    const { price, quantity } = toPlainTrade(symbol, trade);
    const time = new Date(trade.timeMs).toISOString().replace('Z', '000Z');
    return `{"symbol":"${symbol.nativeSymbol}","side":"${trade.takerSide}","price":${price},"qty":${quantity},"ord_type":"market","trade_id":${trade.tradeId},"timestamp":"${time}"}`;
  });
  return `{"channel":"trade","type":"update","data":[${texts.join(',')}]}`;
}

// ------------------------------------------------------------------------------------------------------------------ both

function toPlainLevels(symbol: SimulatedSymbol, levels: readonly SimulatedLevel[]): PlainLevel[] {
  return levels.map(({ priceUnits, quantityUnits }) => [
    fixedText(priceUnits, symbol.priceDecimals),
    fixedText(quantityUnits, symbol.quantityDecimals),
  ]);
}

function toPlainTrade(symbol: SimulatedSymbol, trade: SimulatedTrade): PlainTrade {
  return {
    id: String(trade.tradeId),
    price: fixedText(trade.priceUnits, symbol.priceDecimals),
    quantity: fixedText(trade.quantityUnits, symbol.quantityDecimals),
    takerSide: trade.takerSide,
  };
}

writeBinance();
writeKraken();
