/**
 * What Kraken, OKX, Bybit and Coinbase say of their own recorded books, against the books that come of the decoded frames: checksums, sequences,
 * no crossed book. Levels, trades and the synchroniser's counts are compared in `recordings.test.ts`.
 */
import { describe, expect, it } from 'vitest';
import { findAdapterForUrl } from '../../src/exchanges/registry.ts';
import type { DecodedBook } from '../support/decode-frames.ts';
import { decodeFrames } from '../support/decode-frames.ts';
import type { ExpectedSymbol } from '../support/recordings.ts';
import { readExpectedResults, readRecordingLines, sharedDataPath } from '../support/recordings.ts';

type Case = {
  readonly id: string;
  readonly bookName?: (conn: number, url: string, symbol: string) => string;
};

const bybitName = (_conn: number, url: string, symbol: string): string =>
  `${url.endsWith('/spot') ? 'spot' : 'linear'}:${symbol}`;

const CASES: readonly Case[] = [
  { id: 'kraken-20210405' },
  { id: 'kraken-20210417' },
  { id: 'kraken-v2-20260818-minagbp-resync' },
  { id: 'kraken-v2-20260824-btcusd' },
  { id: 'okx-20210722-3feeds', bookName: (conn, _url, symbol) => `conn${conn}:${symbol}` },
  { id: 'okx-20220513' },
  { id: 'bybit-v5-20241201-xrpusdt', bookName: bybitName },
  { id: 'bybit-v5-20260809', bookName: bybitName },
  { id: 'coinbase-exchange-20210417' },
  { id: 'coinbase-advanced-20260809' },
];

describe.each(CASES)('the recording $id', ({ id, bookName }) => {
  const recordingPath = sharedDataPath(`recordings/${id}.jsonl.gz`);
  const expectedPath = sharedDataPath(`recordings/${id}.expected.json`);
  if (recordingPath === undefined || expectedPath === undefined) {
    it.skip('needs the recorded data', () => undefined);
    return;
  }
  const lines = readRecordingLines(recordingPath);
  const expected = readExpectedResults(expectedPath);
  const urls = new Map(
    lines.filter((line) => line.dir === 'open').map((line) => [line.conn, line.url ?? '']),
  );
  const frames = lines
    .filter((line) => line.dir === 'in')
    .map((line) => ({ conn: line.conn, frame: line.data, receiveTimeMs: Math.floor(line.t) }));
  const firstFrames = frames.slice(0, 1000).map(({ frame }) => frame);
  const decoded = decodeFrames(frames, (conn) => findAdapterForUrl(urls.get(conn)!, firstFrames)!);

  it('is understood without a rejected part', () => {
    expect(frames.length).toBeGreaterThan(0);
    expect(decoded.others.filter((message) => message.type === 'rejected')).toEqual([]);
  });

  it('holds every proof that the exchange gave of its books', () => {
    const found = [...decoded.books].map(([key, book]) => {
      const [conn, symbol] = key.split(/\/(.*)/s) as [string, string];
      const connNumber = Number.parseInt(conn, 10);
      return [bookName?.(connNumber, urls.get(connNumber)!, symbol) ?? symbol, proofsOf(book)] as const;
    });
    const wanted = Object.entries(expected.symbols).flatMap(([name, { book }]) =>
      book === undefined ? [] : [[name, wantedProofs(book)] as const],
    );
    expect(wanted.length).toBeGreaterThan(0);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(wanted));
  });

  it('holds the counter of the connection where there is one', () => {
    const ok = expected.connection_checks?.['sequence_num_checks_ok'] ?? 0;
    expect({ ok: decoded.connectionChecksOk, gaps: decoded.connectionGaps }).toEqual({ ok, gaps: 0 });
  });

  it('names the same trade alike on every connection', () => {
    const seen = new Set<string>();
    let duplicates = 0;
    for (const { conn, nativeSymbol, trade } of decoded.trades) {
      const symbol = bookName === bybitName ? bybitName(conn, urls.get(conn)!, nativeSymbol) : nativeSymbol;
      const identity = `${symbol} ${trade.tradeId}`;
      if (seen.has(identity)) duplicates++;
      seen.add(identity);
    }
    const trades = Object.values(expected.symbols).flatMap((symbol) => symbol.trades ?? []);
    expect({ trades: seen.size, duplicates }).toEqual({
      trades: trades.reduce((sum, { all }) => sum + (all?.count ?? 0), 0),
      duplicates: trades.reduce((sum, symbol) => sum + symbol.duplicates, 0),
    });
  });
});

function proofsOf(book: DecodedBook) {
  const { levels } = book;
  return {
    updates: book.updates,
    applied: book.applied,
    sequenceChecksOk: book.sequenceChecksOk,
    gaps: book.gaps,
    checksumsOk: book.checksumsOk,
    checksumsBad: book.checksumsBad,
    crossedAfterUpdate: book.crossedAfterUpdate,
    deletesOfUnknownLevel: levels.deletesOfUnknownLevel,
    levels: { bids: levels.bidCount, asks: levels.askCount },
    top20: { bids: levels.top('bids', 20), asks: levels.top('asks', 20) },
  };
}

function wantedProofs(book: NonNullable<ExpectedSymbol['book']>): ReturnType<typeof proofsOf> {
  return {
    updates: book.updates,
    applied: book.applied,
    sequenceChecksOk: book.sequence_checks_ok,
    gaps: book.gaps.length,
    checksumsOk: book.checksums_ok,
    checksumsBad: book.checksums_bad,
    crossedAfterUpdate: book.crossed_after_update,
    deletesOfUnknownLevel: book.deletes_of_unknown_level,
    levels: book.levels,
    top20: { bids: [...book.final_top20.bids], asks: [...book.final_top20.asks] },
  };
}

describe.each(['kraken-20210417', 'okx-20220513', 'bybit-v5-20260809', 'coinbase-advanced-20260809'])(
  'the lists of instruments in %s',
  (id) => {
    const path = sharedDataPath(`recordings/${id}.jsonl.gz`);
    it.skipIf(path === undefined)('name every symbol whose book was recorded, with its steps', () => {
      const lines = readRecordingLines(path!);
      const firstFrames = lines.filter((line) => line.dir === 'in').map((line) => line.data);
      const sockets = lines.filter((line) => line.dir === 'open').map((line) => line.url!);
      const expected = readExpectedResults(sharedDataPath(`recordings/${id}.expected.json`)!);
      const listed = new Map<string, string>();
      for (const socket of sockets) {
        const adapter = findAdapterForUrl(socket, firstFrames)!;
        const category = id.startsWith('bybit') ? bybitName(0, socket, '').replace(':', '') : '';
        for (const { url, data } of lines.filter(({ dir }) => dir === 'http')) {
          if (category !== '' && !url!.includes(`category=${category}&`)) continue;
          const reading = adapter.readInstruments(data);
          if (!reading.ok) throw new Error(`${url} can not be read: ${reading.reason}`);
          for (const { nativeSymbol, symbol, tickSize, lotSize } of reading.listings) {
            const name = category === '' ? nativeSymbol : `${category}:${nativeSymbol}`;
            listed.set(name, `${symbol} ${tickSize} ${lotSize}`);
          }
        }
      }
      const symbols = Object.keys(expected.symbols);
      expect(symbols.length).toBeGreaterThan(0);
      for (const symbol of symbols) {
        expect([symbol, listed.get(symbol)]).toEqual([
          symbol,
          expect.stringMatching(/^[A-Z0-9]+-[A-Z0-9]+(-PERP|-\d{6})? [\d.]+ [\d.]+$/),
        ]);
      }
    });
  },
);
