/** What every simulated exchange offers to demos and tests: addresses, the truth, and faults that are switched on while it runs. */
import type { Clock, RandomSource, Timers } from '../../base/clock.ts';
import type { LoopbackExchange } from './loopback-exchange.ts';
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

export type SimulatedFaults = {
  /** The next book change of the symbol is made but not sent. */
  readonly dropNextDelta: (nativeSymbol: string) => void;
  /** The next trade of the symbol is sent twice. */
  readonly duplicateTrade: (nativeSymbol: string) => void;
  /** The next book change carries a bid at the best ask, which never was in the book. */
  readonly crossedBook: (nativeSymbol: string) => void;
  /** The next frame with market data, on any connection, ends in the middle. */
  readonly corruptFrame: () => void;
  /** All connections break at once, without a close frame. */
  readonly disconnect: () => void;
  /** Connections stay open and dead for so long; what would have been sent is lost. */
  readonly silence: (durationMs: number) => void;
  /** From now on book snapshots come this much later than usual. */
  readonly slowSnapshot: (extraMs: number) => void;
  /** The next requests are answered with 429. */
  readonly refuseRest: (options: { count: number; retryAfterSeconds: number }) => void;
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

export type SymbolFault = 'dropDelta' | 'duplicateTrade' | 'crossedBook' | 'wrongChecksum';

/** Faults that wait for the next frame of their symbol, and the extra delay of snapshots. */
export class ArmedFaults {
  readonly #armed = new Set<string>();
  snapshotExtraMs = 0;

  arm(fault: SymbolFault, nativeSymbol: string): void {
    this.#armed.add(`${fault} ${nativeSymbol}`);
  }

  /** Whether the fault is armed; it is used up by asking. */
  take(fault: SymbolFault, nativeSymbol: string): boolean {
    return this.#armed.delete(`${fault} ${nativeSymbol}`);
  }

  /** The switches as tests and demos see them. */
  switches(server: LoopbackExchange): SimulatedFaults {
    return {
      dropNextDelta: (nativeSymbol) => this.arm('dropDelta', nativeSymbol),
      duplicateTrade: (nativeSymbol) => this.arm('duplicateTrade', nativeSymbol),
      crossedBook: (nativeSymbol) => this.arm('crossedBook', nativeSymbol),
      corruptFrame: () => server.corruptNext(),
      disconnect: () => server.disconnectAll(),
      silence: (durationMs) => server.fallSilent(durationMs),
      slowSnapshot: (extraMs) => (this.snapshotExtraMs = extraMs),
      refuseRest: ({ count, retryAfterSeconds }) => server.refuseRest(count, retryAfterSeconds),
    };
  }
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
