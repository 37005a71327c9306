/**
 * Frames per second through a whole node: an exchange in a process of its own, real WebSockets on loopback, checksums verified, every batch
 * durable before it is folded, trades and candles in their tables, books, tickers and candles to Redis on their intervals.
 */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TampinesNode } from '../src/main.ts';
import { startNode } from '../src/main.ts';
import { loadSettings } from '../src/settings.ts';
import type { ExchangeOrder, ExchangeReport, SendOrder } from './feeds/exchange-process.ts';
import type { Benchmark, BenchmarkGroup } from './harness/benchmark.ts';
import { benchLog, embeddedRedis, realPostgres, realRedis } from './harness/services.ts';

const SYMBOL_COUNT = 8;
const FRAMES_PER_RUN = 6_000;
const RUNS_MAX = 16;
const SEED = 21;
const POLL_MS = 2;
const GIVE_UP_MS = 20_000;

export const endToEnd: BenchmarkGroup = {
  name: 'end-to-end',
  title: 'End to end: sockets, checksums, durable journal, tables, Redis',
  async open() {
    const notes: string[] = [];
    const runs: Run[] = [];
    const redis = await embeddedRedis();
    runs.push(await Run.start('embedded Postgres and Redis', { postgresUrl: '', redisUrl: redis.location }));
    const postgres = await realPostgres(notes);
    const server = await realRedis(notes);
    if (postgres !== undefined && server !== undefined && 'url' in postgres.location) {
      runs.push(
        await Run.start(`${postgres.title}, ${server.title}`, {
          postgresUrl: postgres.location.url,
          redisUrl: server.location,
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

class Run {
  readonly #title: string;
  readonly #exchange: ChildProcess;
  readonly #node: TampinesNode;
  readonly #folder: string;
  #deltas = 0;
  #trades = 0;
  #runCount = 0;

  private constructor(title: string, exchange: ChildProcess, node: TampinesNode, folder: string) {
    this.#title = title;
    this.#exchange = exchange;
    this.#node = node;
    this.#folder = folder;
  }

  static async start(title: string, urls: { postgresUrl: string; redisUrl: string }): Promise<Run> {
    const exchange = fork(join(import.meta.dirname, 'feeds/exchange-process.js'), { execArgv: [] });
    const order: ExchangeOrder = {
      symbolCount: SYMBOL_COUNT,
      frameCount: FRAMES_PER_RUN * RUNS_MAX,
      seed: SEED,
    };
    exchange.send(order);
    const { port } = await nextReport(exchange, 'listening');
    const folder = mkdtempSync(join(tmpdir(), 'tampines-bench-'));
    const { settings, origins } = loadSettings({
      environment: { TAMPINES_POSTGRES_URL: urls.postgresUrl, TAMPINES_REDIS_URL: urls.redisUrl },
      assignments: [
        `node.dataDirectory=${folder}`,
        `postgres.schema=bench_${process.pid}`,
        'admin.port=0',
        'log.level=error',
        'shutdown.deadlineMs=20000',
        // Event times run ahead of the clock here when the machine is slower than the market: time must not be pushed past them.
        'feed.heartbeatMs=60000',
        `exchanges.kraken.wsUrl=ws://127.0.0.1:${port}`,
        `exchanges.kraken.restUrl=http://127.0.0.1:${port}`,
        'exchanges.kraken.depth=100',
        `instruments=${Array.from({ length: SYMBOL_COUNT }, (_, index) => `kraken:C${index}-USD`).join(',')}`,
      ],
    });
    const subscribed = nextReport(exchange, 'subscribed');
    const node = await startNode({ settings, origins, log: benchLog });
    await subscribed;
    return new Run(title, exchange, node, folder);
  }

  benchmark(): Benchmark {
    return {
      name: this.#title,
      unit: 'frames',
      operationCount: FRAMES_PER_RUN,
      runsMax: RUNS_MAX,
      run: () => this.#run(),
    };
  }

  async #run(): Promise<number> {
    this.#runCount++;
    const order: SendOrder = { frameCount: FRAMES_PER_RUN };
    const sent = nextReport(this.#exchange, 'sent');
    this.#exchange.send(order);
    const { deltas, trades } = await sent;
    this.#deltas += deltas;
    this.#trades += trades;
    const giveUpMs = performance.now() + GIVE_UP_MS;
    while (performance.now() < giveUpMs) {
      const folded = await this.#readCounts();
      if (folded.deltas === this.#deltas && folded.trades === this.#trades) return folded.checksums;
      await sleep(POLL_MS);
    }
    const was = await this.#readCounts();
    throw new Error(
      `Not everything arrived: wanted ${this.#deltas} deltas and ${this.#trades} trades, was ${was.deltas} and ${was.trades}`,
    );
  }

  async #readCounts(): Promise<{ deltas: number; trades: number; checksums: number }> {
    const { instruments } = this.#node;
    const counts = { deltas: 0, trades: 0, checksums: 0 };
    for (const { instrument } of instruments.list()) {
      await instruments.view(instrument.instrument, ({ state: { counters } }) => {
        counts.deltas += counters.deltasApplied;
        counts.trades += counters.tradesLive;
        counts.checksums += counters.checksumsOk;
      });
    }
    return counts;
  }

  summary(): string {
    const { published, closedPublished, conflated, latenessMaxMs } = this.#node.publisher.metrics;
    return `${this.#title}: ${(this.#runCount * FRAMES_PER_RUN).toLocaleString('en-US')} frames in all, ${published} values published (${conflated} replaced by newer ones before), ${closedPublished} closed candles, longest wait ${latenessMaxMs} ms`;
  }

  async close(): Promise<void> {
    await this.#node.stop();
    this.#exchange.kill();
    await once(this.#exchange, 'exit');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function nextReport<Type extends ExchangeReport['type']>(
  exchange: ChildProcess,
  type: Type,
): Promise<Extract<ExchangeReport, { type: Type }>> {
  for (;;) {
    const [report] = (await once(exchange, 'message')) as [ExchangeReport];
    if (report.type === type) return report as Extract<ExchangeReport, { type: Type }>;
  }
}
