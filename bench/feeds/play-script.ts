/**
 * Plays a feed from raw text to state: decoder and feed session, then decide and evolve, one delivery per frame and symbol. What a symbol
 * actor does, without the actor, the journal and the publishing.
 */
import { decide } from '../../src/market/decide.ts';
import type { EventBatch, LogEntry, MarketEvent } from '../../src/market/events.ts';
import { evolve } from '../../src/market/evolve.ts';
import type { InstrumentPolicy, InstrumentState } from '../../src/market/instrument-state.ts';
import { createInstrumentState, DEFAULT_MAX_FUTURE_MS } from '../../src/market/instrument-state.ts';
import { loadSettings } from '../../src/settings.ts';
import type { FeedScript } from './feed-script.ts';
import { playFrames } from './play-frames.ts';

const { candles } = loadSettings({}).settings;

export type PlayedSymbol = {
  readonly conn: number;
  readonly nativeSymbol: string;
  readonly policy: InstrumentPolicy;
  readonly state: InstrumentState;
  pending: MarketEvent[];
  ordinal: number;
};

export type PlayedScript = {
  readonly symbols: readonly PlayedSymbol[];
  readonly eventCount: number;
  readonly rejectedCount: number;
  /** Follows from every book and every trade. */
  readonly result: number;
};

/** `onBatch` and `onEntry` are told what came between, `onFolded` whose state just moved; without them nothing is kept. */
export function playScript(
  script: FeedScript,
  told: {
    onBatch?: (batch: EventBatch) => void;
    onEntry?: (entry: LogEntry) => void;
    onFolded?: (symbol: PlayedSymbol) => void;
  } = {},
): PlayedScript {
  const symbols: PlayedSymbol[] = [];
  const dirty: PlayedSymbol[] = [];
  let eventCount = 0;
  let rejectedCount = 0;
  let result = 0;
  const outputs = {
    onTrade: countOutput,
    onCandleClosed: countOutput,
    onLateTrade: countOutput,
    onCandlesSkipped: countOutput,
    onBookUnsure: countRejected,
    onBookStatus: () => undefined,
  };

  playFrames(script, {
    connect: ({ conn, adapter, nativeSymbols }) => {
      const held = new Map<string, PlayedSymbol>();
      for (const nativeSymbol of nativeSymbols) {
        const policy = { checksum: adapter.checksum, candles, maxFutureMs: DEFAULT_MAX_FUTURE_MS };
        const state = createInstrumentState(policy);
        const symbol = { conn, nativeSymbol, policy, state, pending: [], ordinal: 1 };
        held.set(nativeSymbol, symbol);
        symbols.push(symbol);
      }
      return (nativeSymbol, event) => {
        const symbol = held.get(nativeSymbol)!;
        if (symbol.pending.length === 0) dirty.push(symbol);
        symbol.pending.push(event);
      };
    },
    reject: countRejected,
    lineEnds: () => {
      for (const symbol of dirty) apply(symbol);
      dirty.length = 0;
    },
  });
  for (const { state } of symbols) {
    result += state.position + state.book.bidCount + state.book.askCount + state.counters.checksumsOk;
  }
  return { symbols, eventCount, rejectedCount, result };

  function countOutput(): void {
    result++;
  }

  function countRejected(): void {
    rejectedCount++;
  }

  function apply(symbol: PlayedSymbol): void {
    const batch = { source: 'bench', firstOrdinal: symbol.ordinal, events: symbol.pending };
    symbol.ordinal += batch.events.length;
    symbol.pending = [];
    eventCount += batch.events.length;
    told.onBatch?.(batch);
    const { entry, rejected } = decide(symbol.state, batch, symbol.policy);
    rejectedCount += rejected.length;
    if (entry === undefined) return;
    told.onEntry?.(entry);
    evolve(symbol.state, entry, symbol.policy, outputs);
    told.onFolded?.(symbol);
  }
}
