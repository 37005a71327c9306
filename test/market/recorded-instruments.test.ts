/** Instruments fed from whole recordings come to the counts, levels and sums that a separate reader found in them. */
import { Decimal } from 'decimal.js';
import { describe, expect, it } from 'vitest';
import type { ExchangeAdapter, FrameDecoder } from '../../src/exchanges/adapter.ts';
import { coinbaseExchangeAdapter } from '../../src/exchanges/coinbase-exchange.ts';
import { krakenV1Adapter } from '../../src/exchanges/kraken-v1.ts';
import { krakenAdapter } from '../../src/exchanges/kraken.ts';
import { okxChecksumAdapter } from '../../src/exchanges/okx.ts';
import type { Levels } from '../../src/market/events.ts';
import { formatTicker } from '../../src/market/ticker.ts';
import { formatUnits } from '../../src/market/units.ts';
import type { Scales } from '../../src/market/units.ts';
import { InstrumentRun, TEST_POLICY, toBytes } from '../support/instrument-runs.ts';
import type { ExpectedSymbol } from '../support/recordings.ts';
import { readExpectedResults, readRecordingLines, sharedDataPath } from '../support/recordings.ts';

const CASES: readonly { id: string; adapter: ExchangeAdapter }[] = [
  { id: 'kraken-20210405', adapter: krakenV1Adapter },
  { id: 'kraken-v2-20260818-minagbp-resync', adapter: krakenAdapter },
  { id: 'okx-20220513', adapter: okxChecksumAdapter },
  { id: 'coinbase-exchange-20210417', adapter: coinbaseExchangeAdapter },
];

/** Runs every symbol of a recording; `restartEvery` puts a restart from a state snapshot between deliveries. */
function runRecording(
  path: string,
  adapter: ExchangeAdapter,
  restartEvery: number,
): Map<string, InstrumentRun> {
  const policy = { ...TEST_POLICY, checksum: adapter.checksum };
  const runs = new Map<string, InstrumentRun>();
  const decoders = new Map<number, FrameDecoder>();
  const nextOrdinals = new Map<string, number>();
  let deliveryCount = 0;
  for (const line of readRecordingLines(path)) {
    if (line.dir !== 'in') continue;
    let decoder = decoders.get(line.conn);
    if (decoder === undefined) {
      decoder = adapter.createDecoder({ depth: undefined });
      decoders.set(line.conn, decoder);
    }
    for (const message of decoder.decode(line.data, Math.floor(line.t))) {
      if (message.type !== 'book' && message.type !== 'delta' && message.type !== 'trade') continue;
      const run = runs.get(message.nativeSymbol) ?? new InstrumentRun(policy);
      runs.set(message.nativeSymbol, run);
      const source = `conn-${line.conn}`;
      const firstOrdinal = nextOrdinals.get(`${source} ${message.nativeSymbol}`) ?? 0;
      nextOrdinals.set(`${source} ${message.nativeSymbol}`, firstOrdinal + 1);
      expect(run.deliver({ source, firstOrdinal, events: [message.event] }).rejected).toEqual([]);
      if (++deliveryCount % restartEvery === 0) run.restart();
    }
  }
  return runs;
}

describe.each(CASES)('the recording $id', ({ id, adapter }) => {
  const recordingPath = sharedDataPath(`recordings/${id}.jsonl.gz`);
  const expectedPath = sharedDataPath(`recordings/${id}.expected.json`);
  if (recordingPath === undefined || expectedPath === undefined) {
    it.skip('is not here');
    return;
  }
  const { symbols } = readExpectedResults(expectedPath);
  const runs = runRecording(recordingPath, adapter, Infinity);

  it('gives every book its counts and its final levels, live to the end', () => {
    const books = Object.entries(symbols).filter(([, { book }]) => book !== undefined);
    expect(books.length).toBeGreaterThan(0);
    for (const [symbol, { book }] of books) {
      expect([symbol, summariseBook(runs.get(symbol)!)]).toEqual([symbol, wantedBook(book!)]);
    }
  });

  it('gives the ticker the sums of all trades', () => {
    const traded = Object.entries(symbols).filter(([, { trades }]) => (trades?.all?.count ?? 0) > 0);
    const withTrades = [...runs].filter(([, run]) => (run.state.ticker.read()?.tradeCount ?? 0) > 0);
    expect(withTrades.map(([symbol]) => symbol).sort()).toEqual(traded.map(([symbol]) => symbol).sort());
    for (const [symbol, { trades }] of traded) {
      const { count, volume, quote_volume: quoteVolume, high, low } = trades!.all!;
      const ticker = formatTicker(runs.get(symbol)!.state.ticker.read()!);
      expect(ticker).toMatchObject({ tradeCount: count, volume, quoteVolume, high, low });
      expect(ticker.vwap).toBe(
        new (Decimal.clone({ precision: 20, rounding: Decimal.ROUND_HALF_EVEN }))(quoteVolume)
          .div(volume)
          .toFixed(),
      );
    }
  });

  it('gives the same bytes when restarted on the way', () => {
    const restarted = runRecording(recordingPath, adapter, 97);
    for (const [symbol, run] of runs) {
      expect(toBytes(restarted.get(symbol)!.snapshot)).toBe(toBytes(run.snapshot));
    }
  });
});

function summariseBook(run: InstrumentRun): object {
  const { counters, bookStatus } = run.snapshot;
  const { book } = run.state;
  const { bids, asks } = book.top(20);
  return {
    status: bookStatus.status,
    snapshots: counters.bookSnapshots,
    applied: counters.deltasApplied,
    checksumsOk: counters.checksumsOk,
    checksumsBad: counters.checksumsBad,
    crossed: counters.crossedAfterUpdate,
    deletesOfUnknownLevel: counters.deletesOfUnknownLevel,
    levels: { bids: book.bidCount, asks: book.askCount },
    top20: { bids: toText(bids, book.scales), asks: toText(asks, book.scales) },
  };
}

function wantedBook(book: NonNullable<ExpectedSymbol['book']>): object {
  return {
    status: 'live',
    snapshots: book.snapshots,
    applied: book.applied,
    checksumsOk: book.checksums_ok,
    checksumsBad: book.checksums_bad,
    crossed: book.crossed_after_update,
    deletesOfUnknownLevel: book.deletes_of_unknown_level,
    levels: book.levels,
    top20: book.final_top20,
  };
}

function toText(levels: Levels, scales: Scales): string[][] {
  return Array.from({ length: levels.length / 2 }, (_, index) => [
    formatUnits(levels[index * 2]!, scales.price),
    formatUnits(levels[index * 2 + 1]!, scales.quantity),
  ]);
}
