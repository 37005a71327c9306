/** Kraken's protocol without sockets: a book for each symbol that is subscribed, heartbeats, and a trade of each when it is asked for. */
import type {
  FeedSocket,
  FeedSocketHandlers,
  FeedTransport,
  HttpAnswer,
} from '../../src/actors/feed-ports.ts';
import type { Clock, Timers } from '../../src/base/clock.ts';
import { assetPair, tradeFrame } from '../../src/feeds/simulators/kraken-text.ts';
import { MUCH_TRADED, SeededMarket, benchSymbol } from '../feeds/market-moments.ts';
import { createWire } from '../feeds/wires.ts';

const HEARTBEAT_MS = 1_000;
const HEARTBEAT = '{"channel":"heartbeat"}';
const MODEL = 'MODEL/USD';

export class QuietExchange implements FeedTransport {
  readonly #time: Clock & Timers;
  readonly #symbols: readonly string[];
  /** All books are alike: the checksum is over levels alone. */
  readonly #book: string;
  /** Of the connection that each symbol is subscribed on. */
  readonly #handlers = new Map<string, FeedSocketHandlers>();
  #tradeCount = 0;

  constructor(time: Clock & Timers, symbols: readonly string[]) {
    this.#time = time;
    this.#symbols = symbols;
    const wire = createWire('kraken');
    const { depth, tellPushedOut } = wire;
    const market = new SeededMarket({
      ...{ symbol: benchSymbol(MODEL), depth, tellPushedOut, seed: 21, pace: MUCH_TRADED },
      ...{ startMs: time.nowMs(), msPerMoment: 20 },
    });
    this.#book = wire.book(market.now());
  }

  get subscribedCount(): number {
    return this.#handlers.size;
  }

  open(_options: unknown, handlers: FeedSocketHandlers): FeedSocket {
    this.#time.after(1, handlers.onOpen);
    const heartbeats = this.#time.every(HEARTBEAT_MS, () => handlers.onFrame(HEARTBEAT, this.#time.nowMs()));
    return {
      send: (frame) => this.#take(frame, handlers),
      pause: () => undefined,
      resume: () => undefined,
      close: (reason) => {
        heartbeats.cancel();
        this.#time.after(1, () => handlers.onClosed(reason));
      },
    };
  }

  request(): Promise<HttpAnswer> {
    const result = Object.fromEntries(this.#symbols.map((name) => assetPair(benchSymbol(name))));
    const body = JSON.stringify({ error: [], result });
    return Promise.resolve({
      status: 200,
      body,
      receiveTimeMs: this.#time.nowMs(),
      retryAfterMs: undefined,
    });
  }

  /** Sends one trade of each symbol. */
  tradeAll(): void {
    const timeMs = this.#time.nowMs();
    const side = { takerSide: 'buy', priceUnits: 9_142_350, quantityUnits: 40_000_000 } as const;
    this.#tradeCount++;
    for (const [symbol, { onFrame }] of this.#handlers) {
      const trade = { ...side, tradeId: this.#tradeCount, timeMs };
      onFrame(tradeFrame('update', benchSymbol(symbol), [trade]), timeMs);
    }
  }

  #take(frame: string, handlers: FeedSocketHandlers): void {
    const { method, params } = JSON.parse(frame) as {
      method: string;
      params?: { channel: string; symbol: string[] };
    };
    if (method !== 'subscribe' || params?.channel !== 'book') return;
    for (const symbol of params.symbol) {
      this.#handlers.set(symbol, handlers);
      const book = this.#book.replace(MODEL, symbol);
      this.#time.after(1, () => handlers.onFrame(book, this.#time.nowMs()));
    }
  }
}
