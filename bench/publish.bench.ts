/** Values per second to Redis, set and published in one step where newer: books of 50 levels a side, as many keys as 100 instruments have. */
import { systemClock, systemTimers } from '../src/base/clock.ts';
import type { Publication } from '../src/actors/ports.ts';
import { toExchangeId, toUnifiedSymbol } from '../src/market/symbols.ts';
import { redisDocuments } from '../src/publishing/redis-documents.ts';
import { RedisPublisher } from '../src/publishing/redis-publisher.ts';
import type { Benchmark, BenchmarkGroup } from './harness/benchmark.ts';
import type { Service } from './harness/services.ts';
import { benchLog, embeddedRedis, realRedis } from './harness/services.ts';

const KEY_COUNT = 400;
const ROUNDS_PER_RUN = 10;
const LEVELS_PER_SIDE = 50;
const FLUSH_MS = 30_000;
/** Newer than that of any run before on a Redis that was given. */
const EPOCH = Math.floor(Date.now() / 1_000);

export const publish: BenchmarkGroup = {
  name: 'publish',
  title: 'Publishing: set and publish, only where newer',
  async open() {
    const notes: string[] = [];
    const services = [await embeddedRedis(), await realRedis(notes)].filter(
      (service): service is Service<string> => service !== undefined,
    );
    const publishers: RedisPublisher[] = [];
    const benchmarks = services.map(({ title, location }): Benchmark => {
      const publisher = createPublisher(location);
      publishers.push(publisher);
      let seq = 0;
      return {
        name: title,
        unit: 'values',
        operationCount: KEY_COUNT * ROUNDS_PER_RUN,
        run: async () => {
          for (let round = 0; round < ROUNDS_PER_RUN; round++) {
            publisher.publish(publications(++seq));
            await publisher.flush(FLUSH_MS);
          }
          const { published, failedRounds } = publisher.metrics;
          if (published !== seq * KEY_COUNT || failedRounds > 0) {
            throw new Error(
              `Published ${published} of ${seq * KEY_COUNT} values, ${failedRounds} failed rounds`,
            );
          }
          return published;
        },
      };
    });
    notes.push(
      `${KEY_COUNT} keys, values of ${publications(1)[0]!.value.length.toLocaleString('en-US')} characters, nobody subscribed; the embedded server has a thread of its own.`,
    );
    return {
      benchmarks,
      notes,
      close: async () => {
        for (const publisher of publishers) publisher.close();
        for (const service of services) await service.close();
      },
    };
  },
};

function createPublisher(url: string): RedisPublisher {
  return new RedisPublisher({
    url,
    clock: systemClock,
    timers: systemTimers,
    random: Math.random,
    log: benchLog,
    keyTtlMs: 60_000,
    closedCandlesMax: 500,
  });
}

function publications(seq: number): Publication[] {
  const levels = (first: number, step: number): number[] =>
    Array.from({ length: LEVELS_PER_SIDE }, (_, index) => [
      (first + index * step) * 100 + 25,
      12_345_678,
    ]).flat();
  const value = redisDocuments.book({
    epoch: EPOCH,
    seq,
    exchange: toExchangeId('bench'),
    symbol: toUnifiedSymbol('BTC-USDT'),
    eventTimeMs: 1_767_614_400_000,
    receiveTimeMs: 1_767_614_400_005,
    status: 'live',
    reason: '',
    resolution: 1,
    scales: { price: 2, quantity: 8 },
    bids: levels(91_423, -1),
    asks: levels(91_424, 1),
  });
  return Array.from({ length: KEY_COUNT }, (_, index) => ({
    key: `orderbook:bench:S${index}-USDT:1`,
    epoch: EPOCH,
    seq,
    value,
    kind: 'latest',
  }));
}
