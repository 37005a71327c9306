/**
 * Frames per second through a whole node: an exchange in a process of its own, real WebSockets on loopback, checksums verified, every batch
 * durable before it is folded, trades and candles in their tables, books, tickers and candles to Redis on their intervals.
 */
import { LoadedNode, SYMBOL_COUNT } from './end-to-end/loaded-node.ts';
import { MUCH_TRADED } from './feeds/market-moments.ts';
import type { BenchmarkGroup } from './harness/benchmark.ts';
import { embeddedRedis, realPostgres, realRedis } from './harness/services.ts';

const INPUT = { framesPerRun: 6_000, runsMax: 16, pace: MUCH_TRADED };

export const endToEnd: BenchmarkGroup = {
  name: 'end-to-end',
  title: 'End to end: sockets, checksums, durable journal, tables, Redis',
  async open() {
    const notes: string[] = [];
    const runs: LoadedNode[] = [];
    const redis = await embeddedRedis();
    const title = 'embedded Postgres and Redis';
    runs.push(await LoadedNode.start({ title, postgresUrl: '', redisUrl: redis.location, ...INPUT }));
    const postgres = await realPostgres(notes);
    const server = await realRedis(notes);
    if (postgres !== undefined && server !== undefined && 'url' in postgres.location) {
      runs.push(
        await LoadedNode.start({
          title: `${postgres.title}, ${server.title}`,
          postgresUrl: postgres.location.url,
          redisUrl: server.location,
          ...INPUT,
        }),
      );
    }
    notes.push(
      `${SYMBOL_COUNT} symbols on one connection, Kraken v2 frames of about ten levels and their trades, as fast as they are taken; a run ends when all is durable and folded.`,
    );
    return {
      benchmarks: runs.map((run) => run.benchmark()),
      notes,
      close: async () => {
        for (const run of runs) {
          notes.push(run.summary());
          await run.close();
        }
        for (const service of [redis, postgres, server]) await service?.close();
      },
    };
  },
};
