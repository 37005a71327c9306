import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shardOf } from '../../src/market/shards.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';

const key = (text: string): InstrumentKey => text as InstrumentKey;

describe('the shard of an instrument', () => {
  it('is the CRC-32 of its key modulo the number of shards, whatever script the key is in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 1_024 }), (text, count) => {
        expect(shardOf(key(text), count)).toBe(crc32(text) % count);
      }),
      { seed: 5 },
    );
  });

  it('never changes: logs are laid out by it', () => {
    const keys = ['binance:BTC-USDT', 'kraken:XRP-USD', 'cryptocom:ETH-USDT', 'okx:币-USDT'];
    expect(keys.map((each) => shardOf(key(each), 16))).toEqual([14, 1, 3, 5]);
  });

  it.each([7, 16, 48, 100])('spreads instruments evenly over %i shards', (shardCount) => {
    const counts = new Array<number>(shardCount).fill(0);
    const perShard = 200;
    for (let index = 0; index < shardCount * perShard; index++) {
      const exchange = ['binance', 'bybit', 'kraken', 'okx'][index % 4]!;
      counts[shardOf(key(`${exchange}:COIN${index}-USDT`), shardCount)]!++;
    }
    // Five standard deviations of a fair draw.
    const tolerance = 5 * Math.sqrt(perShard);
    expect(Math.min(...counts)).toBeGreaterThan(perShard - tolerance);
    expect(Math.max(...counts)).toBeLessThan(perShard + tolerance);
  });
});
