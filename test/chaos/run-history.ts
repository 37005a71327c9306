/** Gathers the history of a run slice by slice, feeds it to the checkers, and keeps no more of it than they still need. */
import type { ChaosMarkets } from './chaos-markets.ts';
import { JournalCheck } from './checks/journal-check.ts';
import type { Publication } from './checks/publish-check.ts';
import { PublishCheck } from './checks/publish-check.ts';
import { HistoryCollector } from './history/history-collector.ts';
import { RedisWitness } from './history/redis-witness.ts';
import type { Violation } from './violation.ts';

const SLICE_MS = 1_000;
/** Books are remembered for this long beyond the oldest publication that waits for its check. */
const TRUTH_KEPT_MS = 180_000;

type Pending = Publication | 'redis emptied';

export class RunHistory {
  readonly journal = new JournalCheck();
  readonly publications: PublishCheck;
  readonly #markets: ChaosMarkets;
  readonly #collector: HistoryCollector;
  readonly #witness: RedisWitness;
  #pending: Pending[] = [];
  #slicing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: {
    markets: ChaosMarkets;
    postgresUrl: string;
    schema: string;
    redisPort: number;
    liveAgeMaxMs: number;
    leaseMs: number;
  }) {
    this.#markets = options.markets;
    this.publications = new PublishCheck({
      journal: this.journal,
      truths: options.markets.truths,
      liveAgeMaxMs: () => options.liveAgeMaxMs,
      leaseMs: options.leaseMs,
    });
    this.#collector = new HistoryCollector({
      url: options.postgresUrl,
      schema: options.schema,
      onRow: (row) => this.journal.add(row),
    });
    this.#witness = new RedisWitness(options.redisPort, (publication) => {
      this.#pending.push(publication);
    });
  }

  get violations(): readonly Violation[] {
    return [...this.journal.violations, ...this.publications.violations];
  }

  async start(): Promise<void> {
    await this.#witness.start();
    this.#timer = setInterval(() => {
      this.#slicing = this.#slicing.then(() => this.#slice());
    }, SLICE_MS);
  }

  /** Redis is down and will come back with nothing. */
  redisEmptied(): void {
    this.#pending.push('redis emptied');
  }

  /** Checks all that is there. Postgres must answer. */
  async finish(): Promise<void> {
    clearInterval(this.#timer);
    await this.#slicing;
    this.#witness.close();
    await this.#slice();
    if (this.#pending.length > 0)
      throw new Error('The history could not be read to its end: Postgres is away');
    this.#collector.close();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#witness.close();
    this.#collector.close();
  }

  /** A publication is checked once all rows are known that were committed when it was heard. */
  async #slice(): Promise<void> {
    const count = this.#pending.length;
    if (!(await this.#collector.sweep())) return;
    for (const pending of this.#pending.slice(0, count)) {
      if (pending === 'redis emptied') this.publications.redisEmptied();
      else this.publications.add(pending);
    }
    this.#pending = this.#pending.slice(count);
    this.#markets.truths.forget(Date.now() - TRUTH_KEPT_MS);
  }
}
