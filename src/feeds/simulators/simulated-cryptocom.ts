/**
 * Crypto.com Exchange v1 as its clients see it:
 * 1. Each book channel is acknowledged alone; about a second later comes one snapshot, then updates whose `pu` is the last `u`. `u` jumps.
 * 2. A level that leaves the window is sent with quantity 0. A quiet book sends an empty update with `u` = `pu` every 5 s.
 * 3. Trades are not acknowledged: the first frame carries the request's id and the last fifty trades, newest first.
 * 4. Heartbeats ask each 30 s; a connection that left two without an answer is closed with 1000 instead of a third.
 */
import type { RandomSource } from '../../base/clock.ts';
import { createSeededRandom } from '../../base/clock.ts';
import { BookWindow } from './book-window.ts';
import { chooseTrades, listing, tradeFrame, tradesText } from './cryptocom-text.ts';
import type {
  ClientConnection,
  ConnectionHandlers,
  ExchangeProtocol,
  RestAnswer,
} from './exchange-protocol.ts';
import { fixedText } from './fixed-text.ts';
import { serveOnLoopback } from './loopback-exchange.ts';
import type { SimulatedLevel, SimulatedSymbol } from './simulated-book.ts';
import type { SimulatedExchange, SimulatedExchangeOptions } from './simulated-exchange.ts';
import { createMarket, parseRequest, textsOf } from './simulated-exchange.ts';
import { ArmedFaults } from './simulated-faults.ts';
import type { SimulatedMarket, SimulatedStep } from './simulated-market.ts';

export type SimulatedCryptocomOptions = SimulatedExchangeOptions & {
  /** Default 30 000. */
  readonly heartbeatMs?: number;
  /** From the acknowledgement to the snapshot. Default 1000. */
  readonly snapshotDelayMs?: number;
  /** Default 5000. */
  readonly idleUpdateMs?: number;
};

const SUBSCRIPTIONS_MAX = 400;
const UNANSWERED_HEARTBEATS_MAX = 2;
const SOCKET_PING_MS = 5_000;
const HISTORY_MAX = 50;
const DEPTHS = ['10', '50'];

/** Creates and starts the exchange; it lives until `close`. */
export async function createSimulatedCryptocom(
  options: SimulatedCryptocomOptions,
): Promise<SimulatedExchange> {
  const protocol = new CryptocomProtocol(options);
  const { port, faults, close } = await serveOnLoopback(protocol, options);
  return {
    endpoints: {
      ws: `ws://127.0.0.1:${port}/exchange/v1/market`,
      rest: `http://127.0.0.1:${port}/exchange/v1`,
    },
    faults,
    market: protocol.market,
    close,
  };
}

type BookChannel = {
  readonly name: string;
  readonly symbol: SimulatedSymbol;
  readonly depth: number;
  readonly window: BookWindow;
  /** `waiting`: subscribed, but its snapshot is not sent yet. */
  readonly subscribers: Map<ClientConnection, 'waiting' | 'live'>;
  updateId: number;
  changedMs: number;
  sentMs: number;
};

type Session = { readonly channels: Set<string>; unanswered: number; heartbeatId: number };

export class CryptocomProtocol implements ExchangeProtocol {
  readonly market: SimulatedMarket;
  readonly faults = new ArmedFaults();
  readonly #options: SimulatedCryptocomOptions;
  readonly #random: RandomSource;
  readonly #books = new Map<string, BookChannel>();
  readonly #tradeSubscribers = new Map<string, Set<ClientConnection>>();
  readonly #publisher: { cancel(): void };

  constructor(options: SimulatedCryptocomOptions) {
    this.#options = options;
    this.market = createMarket(options);
    // Its own numbers, so that who subscribes when does not change the market.
    this.#random = createSeededRandom(Math.floor(options.random() * 2 ** 32));
    this.market.onStep((step) => this.#sendTrades(step));
    this.#publisher = options.timers.every(options.publishMs ?? 100, () => {
      for (const channel of this.#books.values()) this.#publish(channel);
    });
    if (options.isRunning !== false) this.market.start();
  }

  stop(): void {
    this.market.stop();
    this.#publisher.cancel();
  }

  accept(connection: ClientConnection): ConnectionHandlers {
    const session: Session = { channels: new Set(), unanswered: 0, heartbeatId: 0 };
    const { timers } = this.#options;
    const heartbeat = timers.every(this.#options.heartbeatMs ?? 30_000, () => {
      if (session.unanswered >= UNANSWERED_HEARTBEATS_MAX) {
        connection.close(1000);
        return;
      }
      session.unanswered++;
      session.heartbeatId = this.#nowMs();
      connection.send(`{"id":${session.heartbeatId},"method":"public/heartbeat","code":0}`);
    });
    const pings = timers.every(SOCKET_PING_MS, () => connection.ping());
    return {
      onText: (text) => this.#hear(connection, session, text),
      onClosed: () => {
        heartbeat.cancel();
        pings.cancel();
        for (const channel of session.channels) this.#leave(connection, channel);
      },
    };
  }

  #hear(connection: ClientConnection, session: Session, text: string): void {
    const request = parseRequest(text);
    // Text that is not JSON gets no answer.
    if (request === undefined) return;
    const { id, method, params } = request;
    if (method === 'public/respond-heartbeat') {
      if (id === session.heartbeatId) session.unanswered = 0;
      return;
    }
    if (typeof method !== 'string' || typeof id !== 'number') {
      connection.send(
        JSON.stringify({ id: -1, method: 'ERROR', code: 10004, message: 'Bad request', original: text }),
      );
      return;
    }
    const channels =
      typeof params === 'object' && params !== null && 'channels' in params ? textsOf(params.channels) : [];
    if (method === 'subscribe') {
      for (const channel of channels) this.#subscribe(connection, session, id, channel);
    } else if (method === 'unsubscribe') {
      for (const channel of channels) {
        session.channels.delete(channel);
        this.#leave(connection, channel);
        connection.send(JSON.stringify({ id, method, code: 0, channel }));
      }
    } else {
      connection.send(JSON.stringify({ id, method, code: 40003, message: 'No such method' }));
    }
  }

  #subscribe(connection: ClientConnection, session: Session, id: number, channel: string): void {
    const refuse = (code: number, message: string) =>
      connection.send(JSON.stringify({ id, method: 'subscribe', code, channel, message }));
    const [kind, nativeSymbol = '', depth] = channel.split('.');
    if (kind !== 'book' && kind !== 'trade') {
      refuse(40003, 'Unrecognized channel');
      return;
    }
    if (!this.market.has(nativeSymbol)) {
      refuse(40003, 'Unknown symbol');
      return;
    }
    if (kind === 'book' && (depth === undefined || !DEPTHS.includes(depth))) {
      refuse(40004, 'Invalid depth');
      return;
    }
    const isNew = !session.channels.has(channel);
    if (isNew && session.channels.size >= SUBSCRIPTIONS_MAX) {
      connection.send(
        JSON.stringify({ id, method: 'subscribe', code: 40107, message: 'Maximum subscriptions exceeded' }),
      );
      return;
    }
    session.channels.add(channel);
    if (kind === 'book') {
      connection.send(JSON.stringify({ id, method: 'subscribe', code: 0, channel }));
      if (isNew) this.#joinBook(connection, channel, nativeSymbol, depth === '10' ? 10 : 50);
    } else if (isNew) {
      const trades = this.market.tradesOf(nativeSymbol).slice(-HISTORY_MAX);
      connection.sendMarketData(tradeFrame(id, this.market.symbolOf(nativeSymbol), trades));
      const subscribers = this.#tradeSubscribers.get(nativeSymbol) ?? new Set();
      this.#tradeSubscribers.set(nativeSymbol, subscribers.add(connection));
    }
  }

  #joinBook(connection: ClientConnection, name: string, nativeSymbol: string, depth: number): void {
    let channel = this.#books.get(name);
    if (channel === undefined) {
      channel = {
        name,
        symbol: this.market.symbolOf(nativeSymbol),
        depth,
        window: new BookWindow(this.market.sidesOf(nativeSymbol), depth),
        subscribers: new Map(),
        updateId: 375_000_000_000_000 + this.#jump(),
        changedMs: this.#nowMs(),
        sentMs: this.#nowMs(),
      };
      this.#books.set(name, channel);
    }
    const joined = channel;
    joined.subscribers.set(connection, 'waiting');
    const delayMs = (this.#options.snapshotDelayMs ?? 1000) + this.faults.snapshotExtraMs;
    this.#options.timers.after(delayMs, () => {
      if (joined.subscribers.get(connection) !== 'waiting') return;
      joined.subscribers.set(connection, 'live');
      const levels = this.#levelsText(joined, joined.window.bids, joined.window.asks);
      connection.sendMarketData(
        this.#bookFrame(joined, 'book', `${levels},${this.#tail(joined, undefined)}`),
      );
    });
  }

  #leave(connection: ClientConnection, channel: string): void {
    this.#books.get(channel)?.subscribers.delete(connection);
    if (channel.startsWith('trade.')) this.#tradeSubscribers.get(channel.slice(6))?.delete(connection);
  }

  #publish(channel: BookChannel): void {
    const { nativeSymbol } = channel.symbol;
    const { bids, asks } = channel.window.moveTo(this.market.sidesOf(nativeSymbol), { tellPushedOut: true });
    const hasChanged = bids.length + asks.length > 0;
    const isIdle = this.#nowMs() - channel.sentMs >= (this.#options.idleUpdateMs ?? 5_000);
    if (!hasChanged && !isIdle) return;
    const previous = channel.updateId;
    if (hasChanged) {
      channel.updateId += this.#jump();
      channel.changedMs = this.#nowMs();
    }
    channel.sentMs = this.#nowMs();
    if (hasChanged && this.faults.take('dropDelta', nativeSymbol)) return;
    const sentBids = [...bids];
    if (hasChanged && this.faults.take('crossedBook', nativeSymbol)) {
      sentBids.push({ ...channel.window.asks[0]!, quantityUnits: 1 });
    }
    const levels = this.#levelsText(channel, sentBids, asks);
    const frame = this.#bookFrame(
      channel,
      'book.update',
      `"update":{${levels}},${this.#tail(channel, previous)}`,
    );
    for (const [connection, state] of channel.subscribers) {
      if (state === 'live') connection.sendMarketData(frame);
    }
  }

  #bookFrame(channel: BookChannel, kind: 'book' | 'book.update', inner: string): string {
    const { name, depth, symbol } = channel;
    return `{"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":"${symbol.nativeSymbol}","subscription":"${name}","channel":"${kind}","depth":${depth},"data":[{${inner}}]}}`;
  }

  #levelsText(
    { symbol }: BookChannel,
    bids: readonly SimulatedLevel[],
    asks: readonly SimulatedLevel[],
  ): string {
    const text = ({ priceUnits, quantityUnits, orderCount }: SimulatedLevel) => {
      const quantity = quantityUnits === 0 ? '0' : fixedText(quantityUnits, symbol.quantityDecimals);
      return `["${fixedText(priceUnits, symbol.priceDecimals)}","${quantity}","${orderCount}"]`;
    };
    return `"asks":[${asks.map(text).join(',')}],"bids":[${bids.map(text).join(',')}]`;
  }

  #tail(channel: BookChannel, previous: number | undefined): string {
    const chain = previous === undefined ? '' : `,"pu":${previous}`;
    // The rule of `cs` is unpublished, so any signed 32-bit integer will do.
    const checksum = Math.floor(this.#random() * 2 ** 32) - 2 ** 31;
    return `"t":${this.#nowMs()},"tt":${channel.changedMs},"u":${channel.updateId}${chain},"cs":${checksum}`;
  }

  #sendTrades({ symbol, trades }: SimulatedStep): void {
    const subscribers = this.#tradeSubscribers.get(symbol.nativeSymbol);
    if (trades.length === 0 || subscribers === undefined || subscribers.size === 0) return;
    const isTwice = this.faults.take('duplicateTrade', symbol.nativeSymbol);
    const frame = tradeFrame(-1, symbol, trades);
    for (const connection of subscribers) {
      connection.sendMarketData(frame);
      if (isTwice) connection.sendMarketData(frame);
    }
  }

  answer(url: URL): RestAnswer {
    const method = url.pathname.split('/').slice(-2).join('/');
    const nativeSymbol = url.searchParams.get('instrument_name') ?? '';
    const succeed = (result: string): RestAnswer => ({
      status: 200,
      body: `{"id":-1,"method":"${method}","code":0,"result":${result}}`,
    });
    const refuse = (message: string): RestAnswer => ({
      status: 400,
      body: JSON.stringify({ id: -1, method, code: 40004, message }),
    });
    if (method === 'public/get-instruments') {
      return succeed(JSON.stringify({ data: this.market.symbols.map(listing) }));
    }
    if (method !== 'public/get-book' && method !== 'public/get-trades') return refuse('No such method');
    if (!this.market.has(nativeSymbol)) return refuse('Unknown symbol');
    if (method === 'public/get-trades') {
      const trades = chooseTrades(this.market.tradesOf(nativeSymbol), url.searchParams);
      return succeed(`{"data":[${tradesText(this.market.symbolOf(nativeSymbol), trades)}]}`);
    }
    const { bids, asks } = this.market.bookOf(nativeSymbol, 50);
    const data = [{ bids, asks, t: this.#nowMs() }];
    return succeed(JSON.stringify({ instrument_name: nativeSymbol, depth: 50, data }));
  }

  #jump(): number {
    return 10_000 + Math.floor(this.#random() * 990_000);
  }

  #nowMs(): number {
    return this.#options.clock.nowMs();
  }
}
