/** A whole node under the load of an exchange in a process of its own, Kraken's protocol on loopback. */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TampinesNode } from '../../src/main.ts';
import { startNode } from '../../src/main.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { loadSettings } from '../../src/settings.ts';
import type {
  ExchangeOrder,
  ExchangeReport,
  QuietTradesOrder,
  SendOrder,
} from '../feeds/exchange-process.ts';
import type { MarketPace } from '../feeds/market-moments.ts';
import type { Benchmark } from '../harness/benchmark.ts';
import { benchLog } from '../harness/services.ts';

const SEED = 21;
const POLL_MS = 2;
const GIVE_UP_MS = 120_000;

/** Symbols on its one connection, where nothing else is said. */
export const SYMBOL_COUNT = 8;

export type LoadedNodeOptions = {
  readonly title: string;
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly framesPerRun: number;
  readonly pace: MarketPace;
  readonly runsMax: number;
  readonly symbolCount?: number;
  /** Instruments beside them that have a book and no frames, on further connections. */
  readonly quietCount?: number;
  /** `name=value`, beside the node's own. */
  readonly settings?: readonly string[];
};

export class LoadedNode {
  readonly node: TampinesNode;
  readonly #options: LoadedNodeOptions;
  readonly #exchange: ChildProcess;
  readonly #folder: string;
  #deltas = 0;
  #trades = 0;
  #levels = 0;
  #frames = 0;

  private constructor(
    options: LoadedNodeOptions,
    exchange: ChildProcess,
    node: TampinesNode,
    folder: string,
  ) {
    this.#options = options;
    this.#exchange = exchange;
    this.node = node;
    this.#folder = folder;
  }

  static async start(options: LoadedNodeOptions): Promise<LoadedNode> {
    const { postgresUrl, redisUrl, framesPerRun, runsMax, pace, settings: more = [] } = options;
    const { symbolCount = SYMBOL_COUNT, quietCount = 0 } = options;
    // All its frames are made before anyone connects.
    const exchange = fork(join(import.meta.dirname, '../feeds/exchange-process.js'), {
      execArgv: ['--max-old-space-size=8192'],
    });
    const order: ExchangeOrder = {
      symbolCount,
      quietCount,
      frameCount: framesPerRun * runsMax,
      seed: SEED,
      pace,
    };
    exchange.send(order);
    const { port } = await nextReport(exchange, 'listening');
    const folder = mkdtempSync(join(tmpdir(), 'tampines-bench-'));
    const { settings, origins } = loadSettings({
      environment: { TAMPINES_POSTGRES_URL: postgresUrl, TAMPINES_REDIS_URL: redisUrl },
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
        `instruments=${[...names('C', symbolCount), ...names('Q', quietCount)].join(',')}`,
        ...more,
      ],
    });
    const subscribed = nextReport(exchange, 'subscribed');
    const node = await startNode({ settings, origins, log: benchLog });
    await subscribed;
    return new LoadedNode(options, exchange, node, folder);
  }

  benchmark(): Benchmark {
    return {
      name: this.#options.title,
      unit: 'frames',
      operationCount: this.#options.framesPerRun,
      runsMax: this.#options.runsMax,
      run: () => this.run(),
    };
  }

  /** Sends one trade of each quiet symbol that is on a connection of quiet ones, and resolves when they are with the socket. */
  async tradeQuietOnes(withinMs: number): Promise<void> {
    const sent = nextReport(this.#exchange, 'sent');
    this.#exchange.send({ quietTradesWithinMs: withinMs } satisfies QuietTradesOrder);
    await sent;
  }

  /** Sends frames and resolves with the checksums verified so far when all that was sent is durable and folded. */
  async run(order: SendOrder = { frameCount: this.#options.framesPerRun }): Promise<number> {
    this.#frames += order.frameCount;
    const sent = nextReport(this.#exchange, 'sent');
    this.#exchange.send(order);
    const { deltas, trades, levels } = await sent;
    this.#deltas += deltas;
    this.#trades += trades;
    this.#levels += levels;
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
    const { instruments } = this.node;
    const counts = { deltas: 0, trades: 0, checksums: 0 };
    for (const name of names('C', this.#options.symbolCount ?? SYMBOL_COUNT)) {
      await instruments.view(name, ({ state: { counters } }) => {
        counts.deltas += counters.deltasApplied;
        counts.trades += counters.tradesLive;
        counts.checksums += counters.checksumsOk;
      });
    }
    return counts;
  }

  summary(): string {
    const { published, closedPublished, conflated, latenessMaxMs } = this.node.publisher.metrics;
    return `${this.#options.title}: ${this.#frames.toLocaleString('en-US')} frames with ${this.#levels.toLocaleString('en-US')} levels and ${this.#trades.toLocaleString('en-US')} trades in all, ${published} values published (${conflated} replaced by newer ones before), ${closedPublished} closed candles, longest wait ${latenessMaxMs.toFixed(0)} ms`;
  }

  async close(): Promise<void> {
    await this.node.stop();
    this.#exchange.kill();
    await once(this.#exchange, 'exit');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function names(prefix: string, count: number): InstrumentKey[] {
  return Array.from({ length: count }, (_, index) => `kraken:${prefix}${index}-USD` as InstrumentKey);
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
