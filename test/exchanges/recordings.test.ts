/** Whole recordings through feed sessions: every count, every final level and every trade as the separate reader found them. */
import { Decimal } from 'decimal.js';
import { describe, expect, it } from 'vitest';
import type { ExchangeAdapter } from '../../src/exchanges/adapter.ts';
import { binanceSpotAdapter } from '../../src/exchanges/binance-spot.ts';
import { binanceUsdmAdapter } from '../../src/exchanges/binance-usdm.ts';
import { findAdapterForUrl } from '../../src/exchanges/registry.ts';
import type { Trade } from '../../src/market/events.ts';
import { formatUnits } from '../../src/market/units.ts';
import type { ExpectedResults, ExpectedTrades } from '../support/recordings.ts';
import { readExpectedResults, readRecordingLines, sharedDataPath } from '../support/recordings.ts';
import type { RunSession } from '../support/run-recording.ts';
import { runRecording } from '../support/run-recording.ts';

type Case = {
  readonly path: string;
  /** Where the address alone does not find the adapter: another house of the same protocol. */
  readonly adapter?: ExchangeAdapter;
  /** Prefix of the names in the expected results. */
  readonly bookPrefix?: (conn: number, url: string) => string;
  readonly tradePrefix?: (conn: number, url: string) => string;
  readonly sideName?: (takerSide: string) => string;
};

const bybitPrefix = (_conn: number, url: string): string => (url.endsWith('/spot') ? 'spot:' : 'linear:');

const CASES: readonly Case[] = [
  { path: 'recordings/binance-spot-20210405' },
  { path: 'recordings/binance-spot-20211012' },
  { path: 'recordings/binance-spot-20240808-btcusdt' },
  { path: 'recordings/binance-us-20211012', adapter: binanceSpotAdapter },
  { path: 'recordings/binance-tr-20230410', adapter: binanceSpotAdapter },
  { path: 'recordings/binance-usdm-20210722' },
  { path: 'recordings/binance-usdm-20240808-btcusdt' },
  { path: 'recordings/binance-coinm-20210722', adapter: binanceUsdmAdapter },
  { path: 'recordings/cryptocom-20211123' },
  { path: 'derived/cryptocom-v1-20211123' },
  { path: 'derived/cryptocom-v1-20211123-gap' },
  { path: 'recordings/kraken-20210405' },
  { path: 'recordings/kraken-20210417' },
  { path: 'recordings/kraken-v2-20260818-minagbp-resync' },
  { path: 'recordings/kraken-v2-20260824-btcusd' },
  { path: 'recordings/okx-20220513' },
  { path: 'recordings/okx-20210722-3feeds', bookPrefix: (conn) => `conn${conn}:` },
  { path: 'recordings/bybit-v5-20241201-xrpusdt', bookPrefix: bybitPrefix, tradePrefix: bybitPrefix },
  { path: 'recordings/bybit-v5-20260809', bookPrefix: bybitPrefix, tradePrefix: bybitPrefix },
  {
    path: 'recordings/coinbase-exchange-20210417',
    sideName: (takerSide) => (takerSide === 'buy' ? 'maker-sell' : 'maker-buy'),
  },
  {
    path: 'recordings/coinbase-advanced-20260809',
    sideName: (takerSide) => (takerSide === 'buy' ? 'maker-sell' : 'maker-buy'),
  },
];

describe.each(CASES)('$path through feed sessions', (testCase) => {
  const recordingPath = sharedDataPath(`${testCase.path}.jsonl.gz`);
  const expectedPath = sharedDataPath(`${testCase.path}.expected.json`);
  if (recordingPath === undefined || expectedPath === undefined) {
    it.skip('needs the recorded data', () => undefined);
    return;
  }
  const lines = readRecordingLines(recordingPath);
  const expected = readExpectedResults(expectedPath);
  const firstFrames = lines
    .filter((line) => line.dir === 'in')
    .slice(0, 1000)
    .map((line) => line.data);
  const prefixOf = testCase.bookPrefix ?? (() => '');
  const sessions = runRecording(lines, {
    adapterOf: (url) => testCase.adapter ?? findAdapterForUrl(url, firstFrames)!,
    symbolsOf: (conn, url) =>
      nativeSymbols(expected, [prefixOf(conn, url), testCase.tradePrefix?.(conn, url) ?? '']),
  });

  it('understands every frame', () => {
    expect(sessions.flatMap((session) => session.rejections)).toEqual([]);
    expect(sessions.flatMap((session) => session.refusals)).toEqual([]);
    expect(sessions.flatMap((session) => session.reconnects)).toEqual([]);
  });

  it('brings every book to its counts, its sequence and its levels', () => {
    const wanted = Object.entries(expected.symbols).filter(([, { book }]) => (book?.snapshots ?? 0) > 0);
    expect(wanted.length).toBeGreaterThan(0);
    for (const [name, { book, stream }] of wanted) {
      const { session, symbol } = findBook(sessions, name, prefixOf);
      const counters = session.countersOf(symbol);
      const held = session.books.get(symbol)!;
      expect({
        name,
        snapshots: counters.snapshots,
        updates: counters.updates,
        applied: counters.applied,
        ignoredStale: counters.ignoredStale,
        buffered: counters.buffered,
        // Derived results count them over all books together.
        sequenceChecksOk: stream === undefined ? counters.sequenceChecksOk : 0,
        gaps: counters.gaps.map((gap) => [gap.atMs, gap.expected, gap.was]),
        isSure: held.isSure,
        finalSequence: counters.finalSequence ?? null,
        levels: held.book.levelCounts,
        top20: held.book.top(20),
      }).toEqual({
        name,
        snapshots: book!.snapshots,
        // Derived results give what came apart from what was used.
        updates: stream?.deltas ?? book!.updates,
        applied: book!.applied,
        ignoredStale: book!.ignored_stale,
        buffered: book!.buffered,
        sequenceChecksOk: book!.sequence_checks_ok,
        gaps: book!.gaps.map((gap) => [Math.floor(gap.t), gap.expected, gap.got]),
        isSure: book!.in_sync_at_end,
        finalSequence: book!.final_sequence,
        levels: book!.levels,
        top20: book!.final_top20,
      });
    }
    const { chain } = expected;
    if (chain === undefined) return;
    const all = sessions.flatMap((session) =>
      [...session.books.keys()].map((symbol) => session.countersOf(symbol)),
    );
    expect(all.reduce((sum, counters) => sum + counters.sequenceChecksOk, 0)).toBe(chain.ok);
    expect(all.reduce((sum, counters) => sum + counters.gapCount, 0)).toBe(chain.broken);
  });

  it('gives every trade once, with exact sums', () => {
    const trades = new Map<string, Map<string, Trade>>();
    for (const { conn, url, trades: came } of sessions) {
      for (const { symbol, trade } of came) {
        const name = `${testCase.tradePrefix?.(conn, url) ?? ''}${symbol}`;
        const ofName = trades.get(name) ?? new Map<string, Trade>();
        trades.set(name, ofName);
        if (!ofName.has(trade.tradeId)) ofName.set(trade.tradeId, trade);
      }
    }
    const wanted = Object.entries(expected.symbols).filter(([, symbol]) => symbol.trades?.all !== undefined);
    expect([...trades.keys()].sort()).toEqual(wanted.map(([name]) => name).sort());
    for (const [name, symbol] of wanted) {
      const all = [...trades.get(name)!.values()];
      const live = all.filter((trade) => !trade.isHistory);
      const sideName = testCase.sideName ?? ((side) => side);
      expect([name, sumUp(all, sideName)]).toEqual([name, wantedSums(symbol.trades?.all)]);
      expect([name, sumUp(live, sideName)]).toEqual([name, wantedSums(symbol.trades?.live)]);
    }
  });
});

function nativeSymbols(expected: ExpectedResults, prefixes: readonly string[]): string[] {
  const names = Object.keys(expected.symbols).flatMap((name) =>
    prefixes.filter((prefix) => name.startsWith(prefix)).map((prefix) => name.slice(prefix.length)),
  );
  return [...new Set(names)];
}

function findBook(
  sessions: readonly RunSession[],
  name: string,
  prefixOf: (conn: number, url: string) => string,
): { session: RunSession; symbol: string } {
  for (const session of sessions) {
    const prefix = prefixOf(session.conn, session.url);
    const symbol = name.slice(prefix.length);
    if (!name.startsWith(prefix) || !session.books.has(symbol)) continue;
    if (session.countersOf(symbol).snapshots > 0) return { session, symbol };
  }
  throw new Error(`no session has the book ${name}`);
}

function sumUp(trades: readonly Trade[], sideName: (takerSide: string) => string) {
  if (trades.length === 0) return undefined;
  const rows = trades.map((trade) => ({
    price: new Decimal(formatUnits(trade.price, trade.scales.price)),
    quantity: new Decimal(formatUnits(trade.quantity, trade.scales.quantity)),
    side: sideName(trade.takerSide),
    timeMs: trade.eventTimeMs,
  }));
  const volumeOf = (of: typeof rows): string =>
    of.reduce((sum, row) => sum.plus(row.quantity), new Decimal(0)).toFixed();
  const sides = [...new Set(rows.map((row) => row.side))];
  return {
    count: rows.length,
    volume: volumeOf(rows),
    quoteVolume: rows.reduce((sum, row) => sum.plus(row.price.times(row.quantity)), new Decimal(0)).toFixed(),
    high: rows.reduce((high, row) => (row.price.gt(high) ? row.price : high), rows[0]!.price).toFixed(),
    low: rows.reduce((low, row) => (row.price.lt(low) ? row.price : low), rows[0]!.price).toFixed(),
    firstTimeMs: Math.min(...rows.map((row) => row.timeMs)),
    lastTimeMs: Math.max(...rows.map((row) => row.timeMs)),
    bySide: Object.fromEntries(
      sides.map((side) => {
        const ofSide = rows.filter((row) => row.side === side);
        return [side, { count: ofSide.length, volume: volumeOf(ofSide) }];
      }),
    ),
  };
}

function wantedSums(expected: ExpectedTrades | undefined) {
  if (expected === undefined || expected.count === 0) return undefined;
  return {
    count: expected.count,
    volume: expected.volume,
    quoteVolume: expected.quote_volume,
    high: expected.high,
    low: expected.low,
    firstTimeMs: Number.parseInt(expected.first_time_ms, 10),
    lastTimeMs: Number.parseInt(expected.last_time_ms, 10),
    bySide: expected.by_side,
  };
}
