/**
 * Reads a value from Redis and follows it, never backwards in time.
 *   npx tsx examples/redis-subscriber.ts redis://127.0.0.1:6380 ticker:binance:BTC-USDT
 */
import { Redis } from 'ioredis';

const [url = 'redis://127.0.0.1:6380', key = 'ticker:binance:BTC-USDT'] = process.argv.slice(2);

let held = { epoch: 0, seq: 0 };

function show(text: string): void {
  const value = JSON.parse(text) as { epoch: number; seq: number; status: string; last?: string };
  const isOlder = value.epoch === held.epoch ? value.seq < held.seq : value.epoch < held.epoch;
  if (isOlder) return;
  held = value;
  // Prices are exact decimal text: keep them so, or use a decimal library.
  console.log(key, value.status, value.last ?? text);
}

// `… | head` reads no further.
process.stdout.once('error', () => process.exit());

const reader = new Redis(url);
const subscriber = new Redis(url);
subscriber.on('message', (_channel, text) => show(text));

// Subscribe first, then read: what changes in between comes twice, and is not missed.
await subscriber.subscribe(key);
const value = await reader.get(key);
if (value === null) console.log(key, 'nothing is published there (yet)');
else show(value);

process.once('SIGINT', () => {
  reader.disconnect();
  subscriber.disconnect();
});
