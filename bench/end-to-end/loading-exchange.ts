/** The handle of an exchange in a process of its own, Kraken's protocol on loopback, and what it has sent so far. */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import type {
  ExchangeOrder,
  ExchangeReport,
  QuietTradesOrder,
  SendOrder,
} from '../feeds/exchange-process.ts';

const POLL_MS = 2;
const GIVE_UP_MS = 120_000;

/** What instruments have folded, all together. */
export type FoldedCounts = { readonly deltas: number; readonly trades: number };

export class LoadingExchange {
  readonly #exchange: ChildProcess;
  readonly #port: number;
  /** Resolves when every symbol is subscribed. */
  readonly subscribed: Promise<unknown>;
  #deltas = 0;
  #trades = 0;
  #levels = 0;
  #frames = 0;

  private constructor(exchange: ChildProcess, port: number) {
    this.#exchange = exchange;
    this.#port = port;
    this.subscribed = nextReport(exchange, 'subscribed');
  }

  /** All its frames are made before anyone connects. */
  static async start(order: ExchangeOrder): Promise<LoadingExchange> {
    const exchange = fork(join(import.meta.dirname, '../feeds/exchange-process.js'), {
      execArgv: ['--max-old-space-size=8192'],
    });
    exchange.send(order);
    const { port } = await nextReport(exchange, 'listening');
    return new LoadingExchange(exchange, port);
  }

  /** Of a node that is to connect here. */
  get assignments(): string[] {
    return [
      // Event times run ahead of the clock here when the machine is slower than the market: time must not be pushed past them.
      'feed.heartbeatMs=60000',
      `exchanges.kraken.wsUrl=ws://127.0.0.1:${this.#port}`,
      `exchanges.kraken.restUrl=http://127.0.0.1:${this.#port}`,
      'exchanges.kraken.depth=100',
    ];
  }

  get sent(): { readonly frames: number; readonly trades: number; readonly levels: number } {
    return { frames: this.#frames, trades: this.#trades, levels: this.#levels };
  }

  /** Sends frames and resolves with the last counts when all that was ever sent is durable and folded. */
  async send<Counts extends FoldedCounts>(
    order: SendOrder,
    readCounts: () => Promise<Counts>,
  ): Promise<Counts> {
    this.#frames += order.frameCount;
    const sent = nextReport(this.#exchange, 'sent');
    this.#exchange.send(order);
    const { deltas, trades, levels } = await sent;
    this.#deltas += deltas;
    this.#trades += trades;
    this.#levels += levels;
    const giveUpMs = performance.now() + GIVE_UP_MS;
    for (;;) {
      const folded = await readCounts();
      if (folded.deltas === this.#deltas && folded.trades === this.#trades) return folded;
      if (performance.now() > giveUpMs) {
        throw new Error(
          `Not everything arrived: wanted ${this.#deltas} deltas and ${this.#trades} trades, was ${folded.deltas} and ${folded.trades}`,
        );
      }
      await sleep(POLL_MS);
    }
  }

  /** Sends one trade of each quiet symbol that is on a connection of quiet ones, and resolves when they are with the socket. */
  async tradeQuietOnes(withinMs: number): Promise<void> {
    const sent = nextReport(this.#exchange, 'sent');
    this.#exchange.send({ quietTradesWithinMs: withinMs } satisfies QuietTradesOrder);
    await sent;
  }

  async close(): Promise<void> {
    this.#exchange.kill();
    await once(this.#exchange, 'exit');
  }
}

/** Its symbols are named `C0/USD` and on where they are busy, `Q0/USD` and on where they are quiet. */
export function instrumentNames(prefix: 'C' | 'Q', count: number): InstrumentKey[] {
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
