/** What every simulated exchange offers to demos and tests: addresses, the truth, and faults that are switched on while it runs. */
import type { Clock, RandomSource, Timers } from '../../base/clock.ts';
import type { SimulatedFaults } from './simulated-faults.ts';
import type { SimulatedSymbol } from './simulated-book.ts';
import { SimulatedMarket } from './simulated-market.ts';

export type SimulatedExchangeOptions = {
  readonly symbols: readonly SimulatedSymbol[];
  readonly random: RandomSource;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Loopback port; 0 or absent: any free one. */
  readonly port?: number;
  /** Events a second and symbol. */
  readonly stepsPerSecond?: number;
  readonly tradeShare?: number;
  readonly levelsPerSide?: number;
  /** How often book changes are sent. Default 100. */
  readonly publishMs?: number;
  /** `false`: the market moves only by `market.start()` or `market.step()`. Default `true`. */
  readonly isRunning?: boolean;
};

export type SimulatedExchange = {
  /** As the adapter of the exchange expects them. */
  readonly endpoints: { readonly ws: string; readonly rest: string };
  readonly faults: SimulatedFaults;
  readonly market: SimulatedMarket;
  close(): Promise<void>;
};

export function createMarket(options: SimulatedExchangeOptions): SimulatedMarket {
  const { symbols, random, clock, timers, stepsPerSecond, tradeShare, levelsPerSide } = options;
  return new SimulatedMarket({
    symbols,
    random,
    clock,
    timers,
    ...(stepsPerSecond === undefined ? {} : { stepsPerSecond }),
    ...(tradeShare === undefined ? {} : { tradeShare }),
    ...(levelsPerSide === undefined ? {} : { levelsPerSide }),
  });
}

/** Returns a frame of a client as an object; `undefined` when it is none. */
export function parseRequest(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the texts of an array, `[]` for anything else. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];
}
