/** The faults of simulated exchanges: those that spoil what a protocol says, and those of the connections that carry it. */

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

/** The faults that belong to the carrier and not to a protocol. */
export interface CarrierFaults {
  /** The next frame with market data, on any connection, ends in the middle. */
  corruptNext(): void;
  /** All connections break at once, without a close frame. */
  disconnectAll(): void;
  /** Connections stay open and dead for so long; what would have been sent is lost. */
  fallSilent(durationMs: number): void;
  /** The next requests are answered with 429. */
  refuseRest(count: number, retryAfterSeconds: number): void;
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
  switches(carrier: CarrierFaults): SimulatedFaults {
    return {
      dropNextDelta: (nativeSymbol) => this.arm('dropDelta', nativeSymbol),
      duplicateTrade: (nativeSymbol) => this.arm('duplicateTrade', nativeSymbol),
      crossedBook: (nativeSymbol) => this.arm('crossedBook', nativeSymbol),
      corruptFrame: () => carrier.corruptNext(),
      disconnect: () => carrier.disconnectAll(),
      silence: (durationMs) => carrier.fallSilent(durationMs),
      slowSnapshot: (extraMs) => (this.snapshotExtraMs = extraMs),
      refuseRest: ({ count, retryAfterSeconds }) => carrier.refuseRest(count, retryAfterSeconds),
    };
  }
}
