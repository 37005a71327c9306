/**
 * Binance spot as its clients see it:
 * 1. Streams are named in the address or by SUBSCRIBE; a name is acknowledged whether or not such a symbol exists. On `/stream` events are wrapped.
 * 2. `@depth@100ms` sends what changed, from update id `U` to `u`; the next event's `U` is `u` + 1.
 * 3. The book itself comes by REST and lags the stream. Weights are counted: 429, then 418.
 * 4. The server pings each 20 s and cuts a client that left the pings of a minute unanswered; more than five messages within a second close
 *    the connection; a connection lives 24 h. Before a server stops it says `serverShutdown`.
 */
import {
  RequestWeights,
  SHOWN_DECIMALS,
  depthBody,
  depthLimit,
  exchangeInfoBody,
  tradesBody,
  weightOf,
} from './binance-rest.ts';
import type {
  ClientConnection,
  ConnectionHandlers,
  ExchangeProtocol,
  RestAnswer,
} from './exchange-protocol.ts';
import { paddedText } from './fixed-text.ts';
import { serveOnLoopback } from './loopback-exchange.ts';
import type { SimulatedSymbol } from './simulated-book.ts';
import type { SimulatedExchange, SimulatedExchangeOptions } from './simulated-exchange.ts';
import { createMarket, parseRequest, textsOf } from './simulated-exchange.ts';
import type { SimulatedFaults } from './simulated-faults.ts';
import { ArmedFaults } from './simulated-faults.ts';
import type { BookTruth, SimulatedMarket, SimulatedStep } from './simulated-market.ts';

export type SimulatedBinanceOptions = SimulatedExchangeOptions & {
  /** Default 20 000. */
  readonly pingMs?: number;
  /** Default 24 h. */
  readonly connectionLifeMs?: number;
  /** Age of the books that REST gives, at most about twice this. Default 250. */
  readonly restLagMs?: number;
  /** Weight within a minute. Default 6000. */
  readonly weightLimit?: number;
};

export type SimulatedBinance = Omit<SimulatedExchange, 'faults'> & {
  readonly faults: SimulatedFaults & {
    /** Says `serverShutdown` on all connections and closes those that are still there after `graceMs`. */
    readonly shutDown: (graceMs: number) => void;
  };
};

const PONG_TIMEOUT_MS = 60_000;
const DAY_MS = 86_400_000;
const MESSAGES_PER_SECOND_MAX = 5;
const STREAMS_MAX = 1024;
/** Events of one symbol on all depth streams: each 100 ms or, for plain `@depth`, slower; one speed serves both here. */
const DEPTH_STREAM = /^(.+)@depth(?:@100ms|@1000ms)?$/;

/** Creates and starts the exchange; it lives until `close`. */
export async function createSimulatedBinance(options: SimulatedBinanceOptions): Promise<SimulatedBinance> {
  const protocol = new BinanceProtocol(options);
  const { port, faults, close } = await serveOnLoopback(protocol, options);
  return {
    endpoints: { ws: `ws://127.0.0.1:${port}`, rest: `http://127.0.0.1:${port}` },
    faults: {
      ...faults,
      shutDown: (graceMs) => void options.timers.after(graceMs, protocol.announceClose()),
    },
    market: protocol.market,
    close,
  };
}

type Session = {
  readonly connection: ClientConnection;
  readonly streams: Set<string>;
  readonly isCombined: boolean;
  readonly heardMs: number[];
  pongMs: number;
};

/** What changed in a symbol's book since its last event. */
type PendingDepth = {
  readonly bids: Map<number, number>;
  readonly asks: Map<number, number>;
  firstUpdateId: number;
  /** The book that REST gives, and when it was taken. */
  restBook: BookTruth;
  restTakenMs: number;
};

export class BinanceProtocol implements ExchangeProtocol {
  readonly market: SimulatedMarket;
  readonly faults = new ArmedFaults();
  readonly #options: SimulatedBinanceOptions;
  readonly #sessions = new Set<Session>();
  readonly #depths = new Map<string, PendingDepth>();
  readonly #weights: RequestWeights;
  readonly #timers: readonly { cancel(): void }[];

  constructor(options: SimulatedBinanceOptions) {
    this.#options = options;
    this.#weights = new RequestWeights(options.weightLimit ?? 6000);
    this.market = createMarket(options);
    for (const { nativeSymbol } of options.symbols) {
      this.#depths.set(nativeSymbol, {
        bids: new Map(),
        asks: new Map(),
        firstUpdateId: this.market.updateIdOf(nativeSymbol) + 1,
        restBook: this.market.bookOf(nativeSymbol),
        restTakenMs: this.#nowMs(),
      });
    }
    this.market.onStep((step) => this.#take(step));
    const pingMs = options.pingMs ?? 20_000;
    this.#timers = [
      options.timers.every(options.publishMs ?? 100, () => {
        for (const symbol of options.symbols) this.#publishDepth(symbol);
      }),
      options.timers.every(pingMs, () => {
        for (const { connection, pongMs } of this.#sessions) {
          if (this.#nowMs() - pongMs > PONG_TIMEOUT_MS) connection.terminate();
          else connection.ping();
        }
      }),
    ];
    if (options.isRunning !== false) this.market.start();
  }

  announceClose(): () => void {
    const event = JSON.stringify({ e: 'serverShutdown', E: this.#nowMs() });
    const leaving = [...this.#sessions];
    for (const session of leaving) {
      session.connection.send(wrap(session, '!serverShutdown', event));
    }
    return () => {
      for (const { connection } of leaving) connection.close(1001);
    };
  }

  stop(): void {
    this.market.stop();
    for (const timer of this.#timers) timer.cancel();
  }

  accept(connection: ClientConnection, url: URL): ConnectionHandlers {
    const named = url.searchParams.get('streams') ?? url.pathname.split('/ws/')[1] ?? '';
    const session: Session = {
      connection,
      streams: new Set(named.split('/').filter((stream) => stream !== '')),
      isCombined: url.pathname.endsWith('/stream'),
      heardMs: [],
      pongMs: this.#nowMs(),
    };
    this.#sessions.add(session);
    const life = this.#options.timers.after(this.#options.connectionLifeMs ?? DAY_MS, () =>
      connection.close(1001, 'lived 24 hours'),
    );
    return {
      onText: (text) => this.#hear(session, text),
      onPong: () => (session.pongMs = this.#nowMs()),
      onClosed: () => {
        life.cancel();
        this.#sessions.delete(session);
      },
    };
  }

  #hear(session: Session, text: string): void {
    const { connection, heardMs, streams } = session;
    heardMs.push(this.#nowMs());
    while (heardMs[0]! <= this.#nowMs() - 1000) heardMs.shift();
    if (heardMs.length > MESSAGES_PER_SECOND_MAX) {
      connection.close(1008, 'Too many requests');
      return;
    }
    const request = parseRequest(text);
    if (request === undefined) {
      connection.send('{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}');
      return;
    }
    const id = request['id'] ?? null;
    const names = textsOf(request['params']);
    const fail = (msg: string) => connection.send(JSON.stringify({ error: { code: 2, msg }, id }));
    switch (request['method']) {
      case 'SUBSCRIBE':
        if (streams.size + names.length > STREAMS_MAX) {
          fail('Invalid request: too many streams');
          return;
        }
        for (const name of names) streams.add(name);
        break;
      case 'UNSUBSCRIBE':
        for (const name of names) streams.delete(name);
        break;
      case 'LIST_SUBSCRIPTIONS':
        connection.send(JSON.stringify({ result: [...streams], id }));
        return;
      default: {
        fail('Invalid request: unknown variant');
        return;
      }
    }
    connection.send(JSON.stringify({ result: null, id }));
  }

  #take({ symbol, changes, trades }: SimulatedStep): void {
    const depth = this.#depths.get(symbol.nativeSymbol)!;
    for (const { side, priceUnits, quantityUnits } of changes) {
      depth[side === 'bid' ? 'bids' : 'asks'].set(priceUnits, quantityUnits);
    }
    for (const { tradeId, timeMs, priceUnits, quantityUnits, takerSide } of trades) {
      const event = JSON.stringify({
        e: 'trade',
        E: this.#nowMs(),
        s: symbol.nativeSymbol,
        t: tradeId,
        p: paddedText(priceUnits, symbol.priceDecimals, SHOWN_DECIMALS),
        q: paddedText(quantityUnits, symbol.quantityDecimals, SHOWN_DECIMALS),
        T: timeMs,
        m: takerSide === 'sell',
        M: true,
      });
      const times = this.faults.take('duplicateTrade', symbol.nativeSymbol) ? 2 : 1;
      for (let count = 0; count < times; count++) {
        this.#broadcast((stream) => stream === `${symbol.nativeSymbol.toLowerCase()}@trade`, event);
      }
    }
  }

  #publishDepth(symbol: SimulatedSymbol): void {
    const { nativeSymbol, priceDecimals, quantityDecimals } = symbol;
    const depth = this.#depths.get(nativeSymbol)!;
    if (depth.bids.size + depth.asks.size === 0) return;
    const lastUpdateId = this.market.updateIdOf(nativeSymbol);
    const firstUpdateId = depth.firstUpdateId;
    depth.firstUpdateId = lastUpdateId + 1;
    if (this.faults.take('crossedBook', nativeSymbol)) {
      depth.bids.set(this.market.sidesOf(nativeSymbol).asks[0]!.priceUnits, 1);
    }
    const levels = (side: ReadonlyMap<number, number>) =>
      [...side]
        .map(
          ([priceUnits, quantityUnits]) =>
            `["${paddedText(priceUnits, priceDecimals, SHOWN_DECIMALS)}","${paddedText(quantityUnits, quantityDecimals, SHOWN_DECIMALS)}"]`,
        )
        .join(',');
    const event = `{"e":"depthUpdate","E":${this.#nowMs()},"s":"${nativeSymbol}","U":${firstUpdateId},"u":${lastUpdateId},"b":[${levels(depth.bids)}],"a":[${levels(depth.asks)}]}`;
    depth.bids.clear();
    depth.asks.clear();
    if (this.#nowMs() - depth.restTakenMs >= (this.#options.restLagMs ?? 250))
      this.#takeRestBook(nativeSymbol);
    if (this.faults.take('dropDelta', nativeSymbol)) return;
    const name = nativeSymbol.toLowerCase();
    this.#broadcast((stream) => DEPTH_STREAM.exec(stream)?.[1] === name, event);
  }

  #takeRestBook(nativeSymbol: string): PendingDepth {
    const depth = this.#depths.get(nativeSymbol)!;
    depth.restBook = this.market.bookOf(nativeSymbol);
    depth.restTakenMs = this.#nowMs();
    return depth;
  }

  #broadcast(isMeant: (stream: string) => boolean, event: string): void {
    for (const session of this.#sessions) {
      for (const stream of session.streams) {
        if (isMeant(stream)) session.connection.sendMarketData(wrap(session, stream, event));
      }
    }
  }

  answer(url: URL): RestAnswer {
    const { used, refusal } = this.#weights.spend(weightOf(url), this.#nowMs());
    if (refusal !== undefined) return refusal;
    const headers = { 'x-mbx-used-weight-1m': String(used) };
    const succeed = (body: string): RestAnswer => ({ status: 200, body, headers });
    const path = url.pathname.split('/').at(-1);
    if (path === 'exchangeInfo') return succeed(exchangeInfoBody(this.market, this.#nowMs()));
    const nativeSymbol = url.searchParams.get('symbol') ?? '';
    if (!this.market.has(nativeSymbol)) {
      return { status: 400, body: '{"code":-1121,"msg":"Invalid symbol."}', headers };
    }
    const symbol = this.market.symbolOf(nativeSymbol);
    if (path === 'trades' || path === 'historicalTrades') {
      return succeed(tradesBody(url, symbol, this.market.tradesOf(nativeSymbol)));
    }
    if (path !== 'depth') return { status: 404, body: '{"code":-1000,"msg":"Not found."}', headers };
    const limit = depthLimit(url);
    const held = this.#depths.get(nativeSymbol)!;
    const isOld = this.#nowMs() - held.restTakenMs > 2 * (this.#options.restLagMs ?? 250);
    const { restBook } = isOld ? this.#takeRestBook(nativeSymbol) : held;
    const cut = { ...restBook, bids: restBook.bids.slice(0, limit), asks: restBook.asks.slice(0, limit) };
    return { ...succeed(depthBody(symbol, cut)), delayMs: this.faults.snapshotExtraMs };
  }

  #nowMs(): number {
    return this.#options.clock.nowMs();
  }
}

function wrap(session: Session, stream: string, event: string): string {
  return session.isCombined ? `{"stream":"${stream}","data":${event}}` : event;
}
