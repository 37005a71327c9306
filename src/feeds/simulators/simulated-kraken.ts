/**
 * Kraken's WebSocket v2 as its clients see it:
 * 1. `status` comes first; each symbol of a request is acknowledged or refused alone; the book's snapshot follows its acknowledgement.
 * 2. Updates carry the checksum of the book after them. No delete is sent for a level that better ones pushed out of the window.
 * 3. `heartbeat` comes each second in which nothing else was sent, once anything is subscribed; `ping` is answered with `pong`.
 */
import { BookWindow } from './book-window.ts';
import type {
  ClientConnection,
  ConnectionHandlers,
  ExchangeProtocol,
  RestAnswer,
} from './exchange-protocol.ts';
import { answerKraken } from './kraken-rest.ts';
import { bookChecksum, bookFrame, instrumentFrame, isoMicros, tradeFrame } from './kraken-text.ts';
import { serveOnLoopback } from './loopback-exchange.ts';
import type { BookSides, SimulatedSymbol } from './simulated-book.ts';
import type { SimulatedExchange, SimulatedExchangeOptions } from './simulated-exchange.ts';
import { createMarket, parseRequest, textsOf } from './simulated-exchange.ts';
import type { SimulatedFaults } from './simulated-faults.ts';
import { ArmedFaults } from './simulated-faults.ts';
import type { SimulatedMarket, SimulatedStep } from './simulated-market.ts';

export type SimulatedKrakenOptions = SimulatedExchangeOptions & {
  /** Default 1000. */
  readonly heartbeatMs?: number;
};

export type SimulatedKraken = Omit<SimulatedExchange, 'faults'> & {
  readonly faults: SimulatedFaults & {
    /** The next book frame of the symbol carries a checksum that is not its book's. */
    readonly wrongChecksum: (nativeSymbol: string) => void;
  };
};

const DEPTHS = [10, 25, 100, 500, 1000];
const HISTORY_MAX = 50;

/** Creates and starts the exchange; it lives until `close`. */
export async function createSimulatedKraken(options: SimulatedKrakenOptions): Promise<SimulatedKraken> {
  const protocol = new KrakenProtocol(options);
  const { port, faults, close } = await serveOnLoopback(protocol, options);
  return {
    endpoints: { ws: `ws://127.0.0.1:${port}/v2`, rest: `http://127.0.0.1:${port}/0/public` },
    faults: {
      ...faults,
      wrongChecksum: (nativeSymbol) => protocol.faults.arm('wrongChecksum', nativeSymbol),
    },
    market: protocol.market,
    close,
  };
}

type BookChannel = {
  readonly symbol: SimulatedSymbol;
  readonly depth: number;
  readonly window: BookWindow;
  /** `waiting`: subscribed, but its snapshot is not sent yet. */
  readonly subscribers: Map<Session, 'waiting' | 'live'>;
};

/** One client and what it subscribed to: `<channel> <symbol>` → depth (0 for trades). */
class Session {
  readonly subscriptions = new Map<string, number>();
  readonly #connection: ClientConnection;
  hasSpoken = true;

  constructor(connection: ClientConnection) {
    this.#connection = connection;
  }

  send(text: string): void {
    this.hasSpoken = true;
    this.#connection.send(text);
  }

  sendMarketData(text: string): void {
    this.hasSpoken = true;
    this.#connection.sendMarketData(text);
  }
}

export class KrakenProtocol implements ExchangeProtocol {
  readonly market: SimulatedMarket;
  readonly faults = new ArmedFaults();
  readonly #options: SimulatedKrakenOptions;
  readonly #books = new Map<string, BookChannel>();
  readonly #sessions = new Set<Session>();
  readonly #timers: readonly { cancel(): void }[];

  constructor(options: SimulatedKrakenOptions) {
    this.#options = options;
    this.market = createMarket(options);
    this.market.onStep((step) => this.#sendTrades(step));
    this.#timers = [
      options.timers.every(options.publishMs ?? 100, () => {
        for (const channel of this.#books.values()) this.#publish(channel);
      }),
      options.timers.every(options.heartbeatMs ?? 1_000, () => {
        for (const session of this.#sessions) {
          if (!session.hasSpoken && session.subscriptions.size > 0) session.send('{"channel":"heartbeat"}');
          session.hasSpoken = false;
        }
      }),
    ];
    if (options.isRunning !== false) this.market.start();
  }

  stop(): void {
    this.market.stop();
    for (const timer of this.#timers) timer.cancel();
  }

  accept(connection: ClientConnection): ConnectionHandlers {
    const session = new Session(connection);
    this.#sessions.add(session);
    session.send(
      // The id is above 2^53, as it is live.
      '{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":14798778926437777420}]}',
    );
    return {
      onText: (text) => this.#hear(session, text),
      onClosed: () => {
        this.#sessions.delete(session);
        for (const channel of this.#books.values()) channel.subscribers.delete(session);
      },
    };
  }

  #hear(session: Session, text: string): void {
    const request = parseRequest(text);
    const method = request?.['method'];
    const requestId = typeof request?.['req_id'] === 'number' ? request['req_id'] : undefined;
    if (method === 'ping') {
      session.send(JSON.stringify({ method: 'pong', req_id: requestId, ...this.#times() }));
      return;
    }
    const params = request?.['params'];
    if (
      (method !== 'subscribe' && method !== 'unsubscribe') ||
      typeof params !== 'object' ||
      params === null
    ) {
      session.send(JSON.stringify({ error: 'Malformed request', success: false, ...this.#times() }));
      return;
    }
    const { channel, symbol, depth, snapshot } = params as Record<string, unknown>;
    if (channel === 'instrument') {
      session.send(this.#acknowledgement(method, requestId, { channel }));
      if (method === 'subscribe') session.sendMarketData(instrumentFrame(this.market.symbols));
      return;
    }
    for (const nativeSymbol of textsOf(symbol)) {
      const refusal =
        channel !== 'book' && channel !== 'trade'
          ? 'Subscription name invalid'
          : this.market.has(nativeSymbol)
            ? undefined
            : `Currency pair not supported ${nativeSymbol}`;
      const problem =
        refusal ?? this.#problemOf(session, method, `${String(channel)} ${nativeSymbol}`, depth);
      if (problem !== undefined) {
        session.send(
          JSON.stringify({
            error: problem,
            method,
            req_id: requestId,
            success: false,
            symbol: nativeSymbol,
            ...this.#times(),
          }),
        );
        continue;
      }
      const bookDepth = channel === 'book' ? (typeof depth === 'number' ? depth : 10) : 0;
      const result = {
        channel,
        symbol: nativeSymbol,
        ...(channel === 'book' ? { depth: bookDepth } : {}),
        ...(method === 'subscribe' ? { snapshot: snapshot !== false } : {}),
      };
      session.send(this.#acknowledgement(method, requestId, result));
      if (method === 'unsubscribe') this.#leave(session, String(channel), nativeSymbol);
      else this.#join(session, String(channel), nativeSymbol, bookDepth, snapshot);
    }
  }

  #problemOf(session: Session, method: string, subscription: string, depth: unknown): string | undefined {
    const isHeld = session.subscriptions.has(subscription);
    if (method === 'unsubscribe') return isHeld ? undefined : 'Subscription Not Found';
    if (isHeld) return `Already subscribed to ${subscription}`;
    const isBook = subscription.startsWith('book ');
    if (!isBook || depth === undefined) return undefined;
    return typeof depth === 'number' && DEPTHS.includes(depth)
      ? undefined
      : 'Subscription depth not supported';
  }

  #join(session: Session, channel: string, nativeSymbol: string, depth: number, snapshot: unknown): void {
    session.subscriptions.set(`${channel} ${nativeSymbol}`, depth);
    const symbol = this.market.symbolOf(nativeSymbol);
    if (channel === 'trade') {
      // Kraken sends no trades of the past unless asked.
      if (snapshot === true) {
        const trades = this.market.tradesOf(nativeSymbol).slice(-HISTORY_MAX);
        session.sendMarketData(tradeFrame('snapshot', symbol, trades));
      }
      return;
    }
    const name = `${nativeSymbol} ${depth}`;
    let book = this.#books.get(name);
    if (book === undefined) {
      const window = new BookWindow(this.market.sidesOf(nativeSymbol), depth);
      book = { symbol, depth, window, subscribers: new Map() };
      this.#books.set(name, book);
    }
    const joined = book;
    joined.subscribers.set(session, 'waiting');
    const sendSnapshot = () => {
      if (joined.subscribers.get(session) !== 'waiting') return;
      joined.subscribers.set(session, 'live');
      const checksum = this.#checksum(symbol, joined.window);
      session.sendMarketData(bookFrame('snapshot', symbol, joined.window, checksum, this.#nowMs()));
    };
    if (this.faults.snapshotExtraMs === 0) sendSnapshot();
    else this.#options.timers.after(this.faults.snapshotExtraMs, sendSnapshot);
  }

  #leave(session: Session, channel: string, nativeSymbol: string): void {
    const subscription = `${channel} ${nativeSymbol}`;
    const depth = session.subscriptions.get(subscription) ?? 0;
    session.subscriptions.delete(subscription);
    this.#books.get(`${nativeSymbol} ${depth}`)?.subscribers.delete(session);
  }

  #publish({ symbol, window, subscribers }: BookChannel): void {
    const { nativeSymbol } = symbol;
    const change = window.moveTo(this.market.sidesOf(nativeSymbol), { tellPushedOut: false });
    if (change.bids.length + change.asks.length === 0) return;
    if (this.faults.take('dropDelta', nativeSymbol)) return;
    let sent: BookSides = change;
    let after: BookSides = window;
    if (this.faults.take('crossedBook', nativeSymbol)) {
      // The checksum is right for the crossed book: only the crossing itself gives it away.
      const crossing = { priceUnits: window.asks[0]!.priceUnits, quantityUnits: 1, orderCount: 1 };
      sent = { bids: [...change.bids, crossing], asks: change.asks };
      after = { bids: [crossing, ...window.bids], asks: window.asks };
    }
    const frame = bookFrame('update', symbol, sent, this.#checksum(symbol, after), this.#nowMs());
    for (const [session, state] of subscribers) {
      if (state === 'live') session.sendMarketData(frame);
    }
  }

  #checksum(symbol: SimulatedSymbol, sides: BookSides): number {
    const checksum = bookChecksum(sides);
    return this.faults.take('wrongChecksum', symbol.nativeSymbol) ? (checksum ^ 1) >>> 0 : checksum;
  }

  #sendTrades({ symbol, trades }: SimulatedStep): void {
    if (trades.length === 0) return;
    const subscription = `trade ${symbol.nativeSymbol}`;
    const subscribers = [...this.#sessions].filter((session) => session.subscriptions.has(subscription));
    if (subscribers.length === 0) return;
    const isTwice = this.faults.take('duplicateTrade', symbol.nativeSymbol);
    const frame = tradeFrame('update', symbol, trades);
    for (const session of subscribers) {
      session.sendMarketData(frame);
      if (isTwice) session.sendMarketData(frame);
    }
  }

  #acknowledgement(method: string, requestId: number | undefined, result: object): string {
    return JSON.stringify({ method, req_id: requestId, result, success: true, ...this.#times() });
  }

  answer(url: URL): RestAnswer {
    return answerKraken(url, this.market);
  }

  #times(): { time_in: string; time_out: string } {
    const now = isoMicros(this.#nowMs());
    return { time_in: now, time_out: now };
  }

  #nowMs(): number {
    return this.#options.clock.nowMs();
  }
}
