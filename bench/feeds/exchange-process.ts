/**
 * An exchange that can't be outrun, in a process of its own: Kraken's protocol on loopback, frames made before anyone connects, sent as fast as
 * the client takes them whenever the parent asks for some.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import { assetPair, tradeFrame } from '../../src/feeds/simulators/kraken-text.ts';
import type { MarketPace } from './market-moments.ts';
import { SeededMarket, benchSymbol } from './market-moments.ts';
import { createWire } from './wires.ts';

/** First word of the parent: what to make. */
export type ExchangeOrder = {
  readonly symbolCount: number;
  /** Symbols beside them that have a book and no frames, `Q0/USD` and on. */
  readonly quietCount?: number;
  readonly frameCount: number;
  readonly seed: number;
  readonly pace: MarketPace;
};

/** Later words: send so many frames more, as fast as they are taken or at this rate. */
export type SendOrder = { readonly frameCount: number; readonly framesPerSecond?: number };

/** Or: send one trade of each quiet symbol that shares its connection with quiet ones only, spread over this time. */
export type QuietTradesOrder = { readonly quietTradesWithinMs: number };

export type ExchangeReport =
  | { readonly type: 'listening'; readonly port: number }
  /** All symbols are subscribed. */
  | { readonly type: 'subscribed' }
  /** What was sent for the last order: all of it is with the socket. */
  | { readonly type: 'sent'; readonly deltas: number; readonly trades: number; readonly levels: number };

/** Either trades or changed levels. */
type Frame = {
  readonly nativeSymbol: string;
  readonly text: string;
  readonly tradeCount: number;
  readonly levelCount: number;
};

/** What may wait in a socket; enough to keep a client busy, and little enough that it is under way soon after it was made. */
const BUFFERED_MAX_BYTES = 1024 * 1024;
const MS_PER_MOMENT = 20;
/** As Kraken does. */
const HEARTBEAT_MS = 1_000;
const HEARTBEAT = '{"channel":"heartbeat"}';

process.once('message', (order: ExchangeOrder) => void serve(order));
process.once('disconnect', () => process.exit());

async function serve(order: ExchangeOrder): Promise<void> {
  const { books, frames, startMs } = makeFrames(order);
  const sockets = new Map<string, WebSocket>();
  const server = http.createServer((_request, response) => {
    const result = Object.fromEntries(Array.from(books.keys(), (name) => assetPair(benchSymbol(name))));
    response.end(JSON.stringify({ error: [], result }));
  });
  new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) => {
    const heartbeats = setInterval(() => socket.send(HEARTBEAT), HEARTBEAT_MS);
    socket.on('close', () => clearInterval(heartbeats));
    socket.on('message', (bytes: Buffer) => {
      const { method, params } = JSON.parse(bytes.toString()) as {
        method: string;
        params?: { channel: string; symbol: string[] };
      };
      if (method !== 'subscribe' || params?.channel !== 'book') return;
      for (const nativeSymbol of params.symbol) {
        sockets.set(nativeSymbol, socket);
        socket.send(books.get(nativeSymbol)!);
      }
      if (sockets.size === books.size) report({ type: 'subscribed' });
    });
  });
  let sentCount = 0;
  let quietRound = 0;
  const servedMs = Date.now();
  process.on('message', (word: SendOrder | QuietTradesOrder) => {
    if ('quietTradesWithinMs' in word) {
      const trades = makeQuietTrades(sockets, {
        tradeId: ++quietRound,
        timeMs: startMs + Date.now() - servedMs,
      });
      const framesPerSecond = (1_000 * trades.length) / word.quietTradesWithinMs;
      void sendFrames(trades, sockets, framesPerSecond).then(report);
      return;
    }
    const { frameCount, framesPerSecond } = word;
    const wanted = frames.slice(sentCount, sentCount + frameCount);
    sentCount += frameCount;
    void sendFrames(wanted, sockets, framesPerSecond).then(report);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  report({ type: 'listening', port: (server.address() as AddressInfo).port });
}

async function sendFrames(
  frames: readonly Frame[],
  sockets: ReadonlyMap<string, WebSocket>,
  framesPerSecond = Infinity,
): Promise<ExchangeReport> {
  let deltas = 0;
  let trades = 0;
  let levels = 0;
  const startMs = performance.now();
  for (const [index, { nativeSymbol, text, tradeCount, levelCount }] of frames.entries()) {
    while (performance.now() < startMs + (index / framesPerSecond) * 1_000) await sleep(1);
    const socket = sockets.get(nativeSymbol)!;
    socket.send(text);
    if (tradeCount === 0) deltas++;
    trades += tradeCount;
    levels += levelCount;
    while (socket.bufferedAmount > BUFFERED_MAX_BYTES) await new Promise((resolve) => setImmediate(resolve));
  }
  return { type: 'sent', deltas, trades, levels };
}

function makeQuietTrades(
  sockets: ReadonlyMap<string, WebSocket>,
  named: { readonly tradeId: number; readonly timeMs: number },
): Frame[] {
  const isQuiet = (nativeSymbol: string): boolean => nativeSymbol.startsWith('Q');
  const loaded = new Set([...sockets].filter(([name]) => !isQuiet(name)).map(([, socket]) => socket));
  const side = { takerSide: 'buy', priceUnits: 9_142_350, quantityUnits: 40_000_000 } as const;
  const trade = { ...side, ...named };
  return Array.from(sockets)
    .filter(([, socket]) => !loaded.has(socket))
    .map(([nativeSymbol]) => ({
      nativeSymbol,
      text: tradeFrame('update', benchSymbol(nativeSymbol), [trade]),
      tradeCount: 1,
      levelCount: 0,
    }));
}

/** Returns the first book of each symbol, and the frames after it, the symbols taking turns. */
function makeFrames({ symbolCount, quietCount = 0, frameCount, seed, pace }: ExchangeOrder): {
  books: Map<string, string>;
  frames: Frame[];
  startMs: number;
} {
  const wire = createWire('kraken');
  const books = new Map<string, string>();
  // A client that is quicker than this market must not meet times that are yet to come.
  const startMs = Date.now() - frameCount * MS_PER_MOMENT;
  const markets = Array.from({ length: symbolCount }, (_, index) => {
    const symbol = benchSymbol(`C${index}/USD`);
    const { depth, tellPushedOut } = wire;
    const market = new SeededMarket({
      ...{ symbol, depth, tellPushedOut },
      startMs,
      seed: seed + index,
      pace,
      msPerMoment: MS_PER_MOMENT,
    });
    books.set(symbol.nativeSymbol, wire.book(market.now()));
    return market;
  });
  // All books of quiet symbols are alike: the checksum is over levels alone.
  const [book = ''] = books.values();
  for (let index = 0; index < quietCount; index++) {
    books.set(`Q${index}/USD`, book.replace('C0/USD', `Q${index}/USD`));
  }
  const frames: Frame[] = [];
  while (frames.length < frameCount) {
    for (const market of markets) {
      const moment = market.next();
      const { nativeSymbol } = moment.symbol;
      for (const text of wire.trades(moment)) {
        frames.push({ nativeSymbol, text, tradeCount: moment.trades.length, levelCount: 0 });
      }
      const text = wire.delta(moment);
      frames.push({ nativeSymbol, text, tradeCount: 0, levelCount: text.split('"price"').length - 1 });
    }
  }
  return { books, frames, startMs };
}

function report(message: ExchangeReport): void {
  process.send!(message);
}
