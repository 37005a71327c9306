/**
 * Reads a book and the trades of an instrument from a node's stream.
 *   npx tsx examples/gateway-client.ts ws://127.0.0.1:8080/v1/stream binance:BTC-USDT
 */
import { GatewayClient } from 'tampines/client';
import { WebSocket } from 'ws';

const [url = 'ws://127.0.0.1:8080/v1/stream', instrument = 'binance:BTC-USDT'] = process.argv.slice(2);

// `… | head` reads no further.
process.stdout.once('error', () => process.exit());

// Browsers, and Node from 22 on, have a WebSocket of their own: leave it out there.
const client = new GatewayClient({ url, WebSocket, onStatus: (status) => console.log('connection', status) });

client.subscribe(`orderbook:${instrument}:1`, {
  onDocument: ({ status, reason, bids, asks }) => {
    if (status === 'live') console.log('book', bids[0], asks[0]);
    else console.log('book', status, reason);
  },
  onDoubt: (reason) => console.log('book in doubt:', reason),
  onRefused: ({ code, message }) => console.log('book refused:', code, message),
});

client.subscribe(`trades:${instrument}`, {
  onDocument: ({ trades }, { continuity }) => {
    if (continuity === 'skipped')
      console.log('trades are missing: read them with GET /v1/instruments/…/trades');
    for (const { takerSide, quantity, price } of trades) console.log('trade', takerSide, quantity, price);
  },
});

process.once('SIGINT', () => client.close());
