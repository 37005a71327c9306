/** A whole node under the load of an exchange in a process of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TampinesNode } from '../../src/main.ts';
import { startNode } from '../../src/main.ts';
import { loadSettings } from '../../src/settings.ts';
import type { SendOrder } from '../feeds/exchange-process.ts';
import type { MarketPace } from '../feeds/market-moments.ts';
import type { Benchmark } from '../harness/benchmark.ts';
import { benchLog } from '../harness/services.ts';
import { countFolded } from './folded-counts.ts';
import { LoadingExchange, instrumentNames } from './loading-exchange.ts';

const SEED = 21;

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
  readonly #exchange: LoadingExchange;
  readonly #folder: string;

  private constructor(
    options: LoadedNodeOptions,
    exchange: LoadingExchange,
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
    const exchange = await LoadingExchange.start({
      symbolCount,
      quietCount,
      frameCount: framesPerRun * runsMax,
      seed: SEED,
      pace,
    });
    const folder = mkdtempSync(join(tmpdir(), 'tampines-bench-'));
    const { settings, origins } = loadSettings({
      environment: { TAMPINES_POSTGRES_URL: postgresUrl, TAMPINES_REDIS_URL: redisUrl },
      assignments: [
        `node.dataDirectory=${folder}`,
        `postgres.schema=bench_${process.pid}`,
        'admin.port=0',
        'log.level=error',
        'shutdown.deadlineMs=20000',
        ...exchange.assignments,
        `instruments=${[...instrumentNames('C', symbolCount), ...instrumentNames('Q', quietCount)].join(',')}`,
        ...more,
      ],
    });
    const node = await startNode({ settings, origins, log: benchLog });
    await exchange.subscribed;
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
  tradeQuietOnes(withinMs: number): Promise<void> {
    return this.#exchange.tradeQuietOnes(withinMs);
  }

  /** Sends frames and resolves with the checksums verified so far when all that was sent is durable and folded. */
  async run(order: SendOrder = { frameCount: this.#options.framesPerRun }): Promise<number> {
    const busy = instrumentNames('C', this.#options.symbolCount ?? SYMBOL_COUNT);
    const { checksums } = await this.#exchange.send(order, () => countFolded(this.node, busy));
    return checksums;
  }

  summary(): string {
    const { published, closedPublished, conflated, latenessMaxMs } = this.node.publisher.metrics;
    const { frames, levels, trades } = this.#exchange.sent;
    return `${this.#options.title}: ${frames.toLocaleString('en-US')} frames with ${levels.toLocaleString('en-US')} levels and ${trades.toLocaleString('en-US')} trades in all, ${published} values published (${conflated} replaced by newer ones before), ${closedPublished} closed candles, longest wait ${latenessMaxMs.toFixed(0)} ms`;
  }

  async close(): Promise<void> {
    await this.node.stop();
    await this.#exchange.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
