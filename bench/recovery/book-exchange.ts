/**
 * An exchange in a process of its own whose books come in the stream (Bybit's protocol on loopback): the levels of its
 * frames are made once, so that it costs next to nothing to be asked for all of them at once.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { symbolNames } from './symbol-names.ts';

/** Word of the parent: what to list. */
export type BookExchangeOrder = { readonly symbolCount: number };
/** Answer, once it listens. */
export type BookExchangeReport = { readonly port: number };

/** Word of the parent before each start: by symbol what is answered when past trades are asked for. Nothing was traded since. */
export type BookExchangeTrades = { readonly recentTrades: Readonly<Record<string, string>> };

let recentTrades: BookExchangeTrades['recentTrades'] = {};
process.on('message', (word: BookExchangeOrder | BookExchangeTrades) => {
  if ('recentTrades' in word) recentTrades = word.recentTrades;
  else void serve(word);
});
process.once('disconnect', () => process.exit());

async function serve({ symbolCount }: BookExchangeOrder): Promise<void> {
  const listing = JSON.stringify({
    retCode: 0,
    result: { list: Array.from({ length: symbolCount }, (_, index) => listed(index)) },
  });
  const sidesByDepth = new Map<string, string>();
  const sidesOf = (depth: string): string => {
    const sides = sidesByDepth.get(depth) ?? bookSides(Number(depth));
    sidesByDepth.set(depth, sides);
    return sides;
  };
  const server = http.createServer(({ url = '' }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://exchange');
    response.end(
      pathname === '/v5/market/recent-trade' ? recentTrades[searchParams.get('symbol') ?? ''] : listing,
    );
  });
  new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) => {
    socket.on('message', (bytes: Buffer) => {
      const { op, args = [] } = JSON.parse(bytes.toString()) as { op: string; args?: string[] };
      socket.send(`{"success":true,"ret_msg":"","op":"${op}"}`);
      if (op !== 'subscribe') return;
      for (const topic of args) {
        const [channel, depth = ''] = topic.split('.');
        if (channel === 'orderbook') socket.send(bookFrame(topic, sidesOf(depth)));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send!({ port: (server.address() as AddressInfo).port } satisfies BookExchangeReport);
}

function listed(index: number): object {
  const { native, unified } = symbolNames(index);
  const [baseCoin, quoteCoin] = unified.split('-');
  return {
    ...{ symbol: native, baseCoin, quoteCoin, status: 'Trading' },
    priceFilter: { tickSize: '0.01' },
    lotSizeFilter: { basePrecision: '0.000001' },
  };
}

/** All books are alike; only the name and the time in their frames differ. */
function bookSides(levelsPerSide: number): string {
  const side = (sign: number): string =>
    Array.from({ length: levelsPerSide }, (_, index) => {
      const price = (50_000 + sign * (1 + index * 3) * 0.01).toFixed(2);
      return `["${price}","${(((index * 7_919) % 90_000) / 1_000 + 0.000_001).toFixed(6)}"]`;
    }).join(',');
  return `"b":[${side(-1)}],"a":[${side(1)}]`;
}

function bookFrame(topic: string, sides: string): string {
  const symbol = topic.slice(topic.lastIndexOf('.') + 1);
  const nowMs = Date.now();
  return `{"topic":"${topic}","type":"snapshot","ts":${nowMs},"data":{"s":"${symbol}",${sides},"u":18521288,"seq":7961638724},"cts":${nowMs - 3}}`;
}
