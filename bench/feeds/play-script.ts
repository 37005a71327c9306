/**
 * Plays a feed from raw text to state: decoder and feed session, then decide and evolve, one delivery per frame and symbol. What a symbol
 * actor does, without the actor, the journal and the publishing.
 */
import { FeedSession } from '../../src/exchanges/feed-session.ts';
import { recordedMoment } from '../../src/exchanges/moment.ts';
import { decide } from '../../src/market/decide.ts';
import type { EventBatch, LogEntry, MarketEvent } from '../../src/market/events.ts';
import { evolve } from '../../src/market/evolve.ts';
import type { InstrumentPolicy, InstrumentState } from '../../src/market/instrument-state.ts';
import { createInstrumentState, DEFAULT_MAX_FUTURE_MS } from '../../src/market/instrument-state.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';
import { loadSettings } from '../../src/settings.ts';
import type { FeedScript } from './feed-script.ts';

const { candles } = loadSettings({}).settings;

export type PlayedSymbol = {
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

/** `onBatch` and `onEntry` are told what came between; without them nothing is kept. */
export function playScript(
  script: FeedScript,
  told: { onBatch?: (batch: EventBatch) => void; onEntry?: (entry: LogEntry) => void } = {},
): PlayedScript {
  const symbols: PlayedSymbol[] = [];
  const dirty: PlayedSymbol[] = [];
  const sessions = new Map<number, FeedSession>();
  const answers = new Map<string, string[]>();
  const asked = new Map<string, FeedSession>();
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

  for (const { conn, adapter, nativeSymbols } of script.connections) {
    const held = new Map<string, PlayedSymbol>();
    for (const nativeSymbol of nativeSymbols) {
      const policy = { checksum: adapter.checksum, candles, maxFutureMs: DEFAULT_MAX_FUTURE_MS };
      const symbol = { policy, state: createInstrumentState(policy), pending: [], ordinal: 1 };
      held.set(nativeSymbol, symbol);
      symbols.push(symbol);
    }
    const session: FeedSession = new FeedSession({
      adapter,
      connectionKind: { name: 'bench', channels: ['book', 'trades'], url: ({ ws }) => ws },
      options: { depth: script.depth },
      endpoints: adapter.defaultEndpoints,
      symbols: nativeSymbols.map(toNativeSymbol),
      effects: {
        deliver: (nativeSymbol, event) => {
          const symbol = held.get(nativeSymbol)!;
          if (symbol.pending.length === 0) dirty.push(symbol);
          symbol.pending.push(event);
        },
        send: () => undefined,
        fetchSnapshot: (nativeSymbol) => asked.set(nativeSymbol, session),
        reconnect: () => undefined,
        refuse: () => undefined,
        reject: countRejected,
        suspectTrades: () => undefined,
      },
    });
    sessions.set(conn, session);
    session.opened(recordedMoment(script.lines[0]!.timeMs));
  }

  for (const line of script.lines) {
    if (line.type === 'frame') sessions.get(line.conn)!.frame(line.text, recordedMoment(line.timeMs));
    else answers.set(line.nativeSymbol, [...(answers.get(line.nativeSymbol) ?? []), line.text]);
    for (const [nativeSymbol, session] of asked) {
      const body = answers.get(nativeSymbol)?.shift();
      if (body === undefined) continue;
      asked.delete(nativeSymbol);
      session.snapshotAnswered(
        toNativeSymbol(nativeSymbol),
        { ok: true, status: 200, body },
        recordedMoment(line.timeMs),
      );
    }
    for (const symbol of dirty) apply(symbol);
    dirty.length = 0;
  }
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
  }
}
