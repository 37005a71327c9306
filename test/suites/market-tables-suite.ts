/** What every implementation of the market tables promises. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CandleRow, MarketTables, TradeRow } from '../../src/actors/ports.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';

export type MarketTablesStore = { readonly tables: MarketTables; close(): Promise<void> };

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 1, 28, 23, 59, 0);

let instrumentCount = 0;
const freshInstrument = (): InstrumentKey => `tables:${++instrumentCount}-USD` as InstrumentKey;

function tradeOf(instrument: InstrumentKey, tradeId: string, changes: Partial<TradeRow> = {}): TradeRow {
  return {
    instrument,
    tradeId,
    eventTimeMs: START_MS,
    receiveTimeMs: START_MS + 3,
    price: '0.00000123',
    quantity: '1',
    takerSide: 'sell',
    isHistory: false,
    ...changes,
  };
}

function candleOf(instrument: InstrumentKey, changes: Partial<CandleRow> = {}): CandleRow {
  return {
    instrument,
    interval: '1m',
    openTimeMs: START_MS,
    revision: 0,
    open: '1.5',
    high: '2',
    low: '1',
    close: '1.75',
    volume: '10',
    quoteVolume: '17.5',
    takerBuyVolume: '4',
    tradeCount: 3,
    ...changes,
  };
}

export function describeMarketTables(name: string, open: () => Promise<MarketTablesStore>): void {
  describe(`market tables: ${name}`, () => {
    let store: MarketTablesStore;
    let tables: MarketTables;
    beforeAll(async () => {
      store = await open();
      tables = store.tables;
    });
    afterAll(() => store.close());

    const allTrades = (instrument: InstrumentKey): Promise<TradeRow[]> =>
      tables.readTrades({ instrument, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 1_000 });
    const allCandles = (instrument: InstrumentKey, interval = '1m'): Promise<CandleRow[]> =>
      tables.readCandles({ instrument, interval, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 1_000 });

    it('returns trades and candles as they were written', async () => {
      const instrument = freshInstrument();
      const trade = tradeOf(instrument, 'abc', { isHistory: true, takerSide: 'buy' });
      const candle = candleOf(instrument);
      await tables.write({ trades: [trade], candles: [candle] });
      expect(await allTrades(instrument)).toEqual([trade]);
      expect(await allCandles(instrument)).toEqual([candle]);
    });

    it('keeps decimals digit by digit, whatever their size', async () => {
      const instrument = freshInstrument();
      const price = '123456789012345678901234567890.000000000000000000000000000001';
      const trade = tradeOf(instrument, '1', { price, quantity: '0.10' });
      const candle = candleOf(instrument, { high: price, quoteVolume: '9007199254740993.1' });
      await tables.write({ trades: [trade], candles: [candle] });
      expect(await allTrades(instrument)).toEqual([trade]);
      expect(await allCandles(instrument)).toEqual([candle]);
    });

    it('keeps a candle without prices apart from one with zeros', async () => {
      const instrument = freshInstrument();
      const empty = candleOf(instrument, {
        open: undefined,
        high: undefined,
        low: undefined,
        close: undefined,
      });
      await tables.write({ trades: [], candles: [empty] });
      expect(await allCandles(instrument)).toEqual([empty]);
    });

    it('changes nothing when rows are written again', async () => {
      const instrument = freshInstrument();
      const rows = {
        trades: [tradeOf(instrument, '1'), tradeOf(instrument, '2'), tradeOf(instrument, '1')],
        candles: [candleOf(instrument)],
      };
      await tables.write(rows);
      await tables.write(rows);
      expect((await allTrades(instrument)).map(({ tradeId }) => tradeId)).toEqual(['1', '2']);
      expect(await allCandles(instrument)).toEqual(rows.candles);
    });

    it('lets a larger revision replace a smaller one, never the other way', async () => {
      const instrument = freshInstrument();
      await tables.write({ trades: [], candles: [candleOf(instrument, { revision: 1, volume: '11' })] });
      await tables.write({ trades: [], candles: [candleOf(instrument, { revision: 0, volume: '10' })] });
      expect((await allCandles(instrument))[0]?.volume).toBe('11');
      await tables.write({ trades: [], candles: [candleOf(instrument, { revision: 2, volume: '12' })] });
      expect((await allCandles(instrument))[0]?.volume).toBe('12');
    });

    it('keeps the largest of several revisions in one write', async () => {
      const instrument = freshInstrument();
      const revisions = [1, 3, 2].map((revision) =>
        candleOf(instrument, { revision, volume: String(revision) }),
      );
      await tables.write({ trades: [], candles: revisions });
      expect((await allCandles(instrument)).map(({ volume }) => volume)).toEqual(['3']);
    });

    it('orders trades of one millisecond by their numbers', async () => {
      const instrument = freshInstrument();
      await tables.write({ trades: ['10', '9', '100'].map((id) => tradeOf(instrument, id)), candles: [] });
      expect((await allTrades(instrument)).map(({ tradeId }) => tradeId)).toEqual(['9', '10', '100']);
    });

    it('reads from the first time on, up to but without the last, at most the limit', async () => {
      const instrument = freshInstrument();
      const times = [0, 1, 2, 3].map((day) => START_MS + day * DAY_MS);
      await tables.write({
        trades: times.map((eventTimeMs, index) => tradeOf(instrument, String(index), { eventTimeMs })),
        candles: times.map((openTimeMs) => candleOf(instrument, { openTimeMs })),
      });
      const range = { instrument, fromMs: times[1]!, toMs: times[3]! };
      const trades = await tables.readTrades({ ...range, limit: 10 });
      expect(trades.map(({ tradeId }) => tradeId)).toEqual(['1', '2']);
      const candles = await tables.readCandles({ ...range, interval: '1m', limit: 1 });
      expect(candles.map(({ openTimeMs }) => openTimeMs)).toEqual([times[1]]);
    });

    it('keeps instruments and intervals apart', async () => {
      const [one, other] = [freshInstrument(), freshInstrument()];
      await tables.write({
        trades: [tradeOf(one, '1')],
        candles: [candleOf(one), candleOf(one, { interval: '1h', volume: '99' })],
      });
      expect(await allTrades(other)).toEqual([]);
      expect(await allCandles(other)).toEqual([]);
      expect((await allCandles(one, '1h')).map(({ volume }) => volume)).toEqual(['99']);
    });

    it('takes times beyond all reason', async () => {
      const instrument = freshInstrument();
      const times = [1, 5, Date.UTC(2500, 0, 1)];
      const trades = times.map((eventTimeMs) => tradeOf(instrument, String(eventTimeMs), { eventTimeMs }));
      await tables.write({ trades, candles: [] });
      expect(await allTrades(instrument)).toEqual(trades);
    });

    it('takes many writes at once', async () => {
      const instruments = Array.from({ length: 50 }, freshInstrument);
      await Promise.all(
        instruments.flatMap((instrument) =>
          ['1', '2', '3'].map((id) =>
            tables.write({ trades: [tradeOf(instrument, id)], candles: [candleOf(instrument)] }),
          ),
        ),
      );
      for (const instrument of instruments) expect(await allTrades(instrument)).toHaveLength(3);
    });
  });
}
