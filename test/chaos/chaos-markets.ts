/** The three simulated exchanges of a run, two instruments each, every connection to them through a proxy; and the truth about their markets. */
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { demoSymbols } from '../../src/feeds/simulators/demo-symbols.ts';
import { fixedText } from '../../src/feeds/simulators/fixed-text.ts';
import { createSimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import type { SimulatedLevel, SimulatedSymbol } from '../../src/feeds/simulators/simulated-book.ts';
import { createSimulatedCryptocom } from '../../src/feeds/simulators/simulated-cryptocom.ts';
import type { SimulatedExchange } from '../../src/feeds/simulators/simulated-exchange.ts';
import { createSimulatedKraken } from '../../src/feeds/simulators/simulated-kraken.ts';
import type { SimulatedTrade } from '../../src/feeds/simulators/simulated-market.ts';
import { BookTruths } from './checks/book-truths.ts';
import { COMPARED_LEVELS, bookText } from './checks/book-text.ts';
import type { PlainTrade } from './checks/trade-check.ts';
import { FaultProxy } from './fault-proxy.ts';

const SYMBOLS_PER_EXCHANGE = 2;
const BURST_TICK_MS = 20;

export type ChaosExchange = {
  readonly name: string;
  readonly exchange: SimulatedExchange;
  /** Kraken alone has a checksum that can be wrong. */
  readonly wrongChecksum: ((nativeSymbol: string) => void) | undefined;
  readonly ws: FaultProxy;
  readonly rest: FaultProxy;
  readonly symbols: readonly SimulatedSymbol[];
};

export type ChaosInstrument = {
  /** `<exchange>:<symbol>`. */
  readonly key: string;
  readonly exchange: ChaosExchange;
  readonly symbol: SimulatedSymbol;
  /** Every trade that was made, those of before the start included, in order. */
  readonly trades: PlainTrade[];
};

export class ChaosMarkets {
  readonly exchanges: readonly ChaosExchange[];
  readonly instruments: readonly ChaosInstrument[];
  readonly truths = new BookTruths();
  readonly #stepsPerSecond: number;
  readonly #bursts = new Set<NodeJS.Timeout>();

  private constructor(exchanges: readonly ChaosExchange[], stepsPerSecond: number) {
    this.exchanges = exchanges;
    this.#stepsPerSecond = stepsPerSecond;
    this.instruments = exchanges.flatMap((exchange) =>
      exchange.symbols.map((symbol) => this.#follow(exchange, symbol)),
    );
  }

  static async start(options: { seed: number; stepsPerSecond: number }): Promise<ChaosMarkets> {
    const { seed, stepsPerSecond } = options;
    const surroundings = (offset: number) => ({
      random: createSeededRandom(seed + offset),
      clock: systemClock,
      timers: systemTimers,
      stepsPerSecond,
      isRunning: false,
    });
    const symbolsOf = (all: readonly SimulatedSymbol[]) => all.slice(0, SYMBOLS_PER_EXCHANGE);
    const binanceSymbols = symbolsOf(demoSymbols.binance);
    const krakenSymbols = symbolsOf(demoSymbols.kraken);
    const cryptocomSymbols = symbolsOf(demoSymbols.cryptocom);
    const binance = await createSimulatedBinance({ ...surroundings(1), symbols: binanceSymbols });
    const kraken = await createSimulatedKraken({ ...surroundings(2), symbols: krakenSymbols });
    const cryptocom = await createSimulatedCryptocom({
      ...surroundings(3),
      symbols: cryptocomSymbols,
      snapshotDelayMs: 300,
    });
    const exchanges = [
      await behindProxies('binance', binance, binanceSymbols),
      await behindProxies('kraken', kraken, krakenSymbols, (symbol) => kraken.faults.wrongChecksum(symbol)),
      await behindProxies('cryptocom', cryptocom, cryptocomSymbols),
    ];
    return new ChaosMarkets(exchanges, stepsPerSecond);
  }

  /** Settings that point a node at the proxies. */
  get assignments(): string[] {
    return this.exchanges.flatMap(({ name, exchange: { endpoints }, ws, rest }) => [
      `exchanges.${name}.wsUrl=${throughPort(endpoints.ws, ws.port)}`,
      `exchanges.${name}.restUrl=${throughPort(endpoints.rest, rest.port)}`,
    ]);
  }

  get tradeCount(): number {
    return this.instruments.reduce((count, { trades }) => count + trades.length, 0);
  }

  startMoving(): void {
    for (const { exchange } of this.exchanges) exchange.market.start();
  }

  /** No market moves any more, bursts end too. */
  standStill(): void {
    for (const burst of this.#bursts) clearInterval(burst);
    this.#bursts.clear();
    for (const { exchange } of this.exchanges) exchange.market.stop();
  }

  /** All symbols of the exchange move so many times faster for a while. */
  burst({ exchange, symbols }: ChaosExchange, options: { factor: number; durationMs: number }): void {
    const perTick = ((options.factor - 1) * this.#stepsPerSecond * BURST_TICK_MS) / 1000;
    let owed = 0;
    const timer = setInterval(() => {
      for (owed += perTick; owed >= 1; owed--)
        for (const { nativeSymbol } of symbols) exchange.market.step(nativeSymbol);
    }, BURST_TICK_MS);
    this.#bursts.add(timer);
    setTimeout(() => {
      clearInterval(timer);
      this.#bursts.delete(timer);
    }, options.durationMs).unref();
  }

  /** The best levels as they truly are now. */
  bookOf({ exchange, symbol }: ChaosInstrument): string {
    const { bids, asks } = exchange.exchange.market.sidesOf(symbol.nativeSymbol);
    return bookText(texts(bids, symbol), texts(asks, symbol));
  }

  async close(): Promise<void> {
    this.standStill();
    await Promise.all(
      this.exchanges.map(async ({ exchange, ws, rest }) => {
        await Promise.all([ws.close(), rest.close()]);
        await exchange.close();
      }),
    );
  }

  #follow(exchange: ChaosExchange, symbol: SimulatedSymbol): ChaosInstrument {
    const { market } = exchange.exchange;
    const key = `${exchange.name}:${symbol.base}-${symbol.quote}`;
    const trades = market
      .tradesOf(symbol.nativeSymbol)
      .map((trade) => toPlainTrade(exchange.name, symbol, trade));
    const instrument = { key, exchange, symbol, trades };
    this.truths.note(key, this.bookOf(instrument), Date.now());
    market.onStep((step) => {
      if (step.symbol !== symbol) return;
      for (const trade of step.trades) trades.push(toPlainTrade(exchange.name, symbol, trade));
      this.truths.note(key, this.bookOf(instrument), Date.now());
    });
    return instrument;
  }
}

async function behindProxies(
  name: string,
  exchange: SimulatedExchange,
  symbols: readonly SimulatedSymbol[],
  wrongChecksum?: (nativeSymbol: string) => void,
): Promise<ChaosExchange> {
  const port = Number.parseInt(new URL(exchange.endpoints.rest).port, 10);
  const [ws, rest] = await Promise.all([FaultProxy.start(port), FaultProxy.start(port)]);
  return { name, exchange, symbols, wrongChecksum, ws, rest };
}

function throughPort(address: string, port: number): string {
  const url = new URL(address);
  const path = url.pathname === '/' ? '' : url.pathname;
  return `${url.protocol}//127.0.0.1:${port}${path}`;
}

function texts(levels: readonly SimulatedLevel[], symbol: SimulatedSymbol): [string, string][] {
  return levels
    .slice(0, COMPARED_LEVELS)
    .map(({ priceUnits, quantityUnits }) => [
      fixedText(priceUnits, symbol.priceDecimals),
      fixedText(quantityUnits, symbol.quantityDecimals),
    ]);
}

function toPlainTrade(exchange: string, symbol: SimulatedSymbol, trade: SimulatedTrade): PlainTrade {
  return {
    tradeId: exchange === 'cryptocom' ? cryptocomIdentity(trade.tradeId) : String(trade.tradeId),
    timeMs: trade.timeMs,
    price: fixedText(trade.priceUnits, symbol.priceDecimals),
    quantity: fixedText(trade.quantityUnits, symbol.quantityDecimals),
    takerSide: trade.takerSide,
  };
}

/** Both of its ids, as the adapter joins them. */
function cryptocomIdentity(tradeId: number): string {
  return `4611686018${String(tradeId).padStart(9, '0')}-${tradeId}`;
}
