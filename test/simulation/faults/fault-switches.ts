/** What is broken right now, and how likely what goes wrong: read by the models, switched by the plan of the seed. Also counts what happened. */
import type { RandomSource } from '../../../src/base/clock.ts';

export type FaultRates = {
  /** Share of statements whose answer is lost. */
  commitUnknownRate: number;
  /** Share of statements that are slow, by up to seconds. */
  slowStatementRate: number;
  /** Share of Redis calls whose answer is lost after they were done. */
  redisLostRate: number;
  /** Usual time between a process and Postgres, each way. */
  postgresMs: number;
  redisMs: number;
  /** Usual time between a process and an exchange, each way. */
  networkMs: number;
  /** Share of REST requests that get no answer at all. */
  restLostRate: number;
};

export class FaultSwitches {
  isPostgresAway = false;
  isRedisAway = false;
  readonly rates: FaultRates = {
    commitUnknownRate: 0,
    slowStatementRate: 0,
    redisLostRate: 0,
    postgresMs: 1,
    redisMs: 1,
    networkMs: 8,
    restLostRate: 0,
  };
  readonly counts = new Map<string, number>();
  readonly reached = new Map<string, number>();
  readonly #random: RandomSource;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  count(fault: string): void {
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
  }

  /** A fact that should be reached now and then, or the simulation does not look where it should. */
  sometimes(fact: string): void {
    this.reached.set(fact, (this.reached.get(fact) ?? 0) + 1);
  }

  takeSlowStatementMs(): number {
    if (this.rates.slowStatementRate === 0 || this.#random() >= this.rates.slowStatementRate) return 0;
    this.count('slow statement');
    return this.#random() ** 3 * 6_000;
  }

  postgresDelayMs(random: RandomSource): number {
    return this.rates.postgresMs * (0.3 + 1.4 * random());
  }

  /** Nothing goes wrong any more. */
  heal(): void {
    this.isPostgresAway = false;
    this.isRedisAway = false;
    Object.assign(this.rates, {
      commitUnknownRate: 0,
      slowStatementRate: 0,
      redisLostRate: 0,
      restLostRate: 0,
    });
  }
}
