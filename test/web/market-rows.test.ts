/** Rows of the overview: which of two words on an instrument counts, and in which order they stand. */
import { describe, expect, it } from 'vitest';
import type { Ticker } from '../../src/client/documents.ts';
import type { Arrangement } from '../../web/src/overview/arrange-rows.ts';
import { arrangeRows, isLive } from '../../web/src/overview/arrange-rows.ts';
import type { MarketRow } from '../../web/src/overview/market-rows.ts';
import { rowsOf, withTicker } from '../../web/src/overview/market-rows.ts';

const NOW_MS = 1_790_000_000_000;

const market = {
  status: 'live' as const,
  reason: '',
  bid: '100',
  ask: '100.1',
  spread: '0.1',
  last: '100.05',
  changePercent: '1.5',
  volume: '3',
  position: 10,
  eventTimeMs: NOW_MS - 5,
  lagMs: 5,
};

function listed(symbol: string, changes: Partial<typeof market> | null = {}) {
  return {
    instrumentId: 1,
    exchange: 'binance',
    symbol,
    nativeSymbol: symbol,
    actorStatus: changes === null ? 'parked' : 'running',
    restarts: 0,
    lastFailure: null,
    version: '1.1.1',
    market: changes === null ? null : { ...market, ...changes },
  };
}

function rowOf(symbol = 'BTC-USDT', changes: Partial<typeof market> | null = {}): MarketRow {
  const rows = rowsOf({ timeMs: NOW_MS, instruments: [listed(symbol, changes)] }, new Map());
  return rows.get(`binance:${symbol}`)!;
}

const ticker = (changes: Partial<Ticker>): Ticker =>
  ({
    status: 'live',
    reason: '',
    last: '101',
    changePercent: '2',
    volume: '4',
    receiveTimeMs: NOW_MS,
    ...changes,
  }) as Ticker;

describe('a row', () => {
  it('takes a newer ticker, and passes over one that is older than the list', () => {
    expect(withTicker(rowOf(), ticker({ seq: 11 }))).toMatchObject({ last: '101', position: 11, bid: '100' });
    const row = rowOf();
    expect(withTicker(row, ticker({ seq: 9 }))).toBe(row);
  });

  it('takes a ticker of the same position whose book is not what it was', () => {
    const doubted = withTicker(rowOf(), ticker({ seq: 10, status: 'stale', reason: 'a gap' }));
    expect(doubted).toMatchObject({ status: 'stale', reason: 'a gap' });
    expect(isLive(doubted)).toBe(false);
  });

  it('keeps of a ticker that is newer than the next list its price, and what it says of the book', () => {
    const ahead = withTicker(rowOf(), ticker({ seq: 20, last: '105', status: 'stale', reason: 'a gap' }));
    const next = rowsOf(
      {
        timeMs: NOW_MS + 2_000,
        instruments: [listed('BTC-USDT', { position: 15, bid: '104', last: '103' })],
      },
      new Map([[ahead.key, ahead]]),
    );
    expect(next.get(ahead.key)).toMatchObject({ last: '105', position: 20, bid: '104', status: 'stale' });
  });

  it('says why its actor is parked, and of one that is busy that it can not be asked', () => {
    const parked = { ...listed('BTC-USDT', null), whyParked: 'asked for over REST' };
    const reasons = [parked, listed('BTC-USDT', null)].map(
      (each) => rowsOf({ timeMs: NOW_MS, instruments: [each] }, new Map()).get('binance:BTC-USDT')!.reason,
    );
    expect(reasons).toEqual(['asked for over REST', 'its actor can’t be asked']);
  });

  it('is not live while the stream is in doubt, until the next ticker', () => {
    const doubted = { ...rowOf(), doubt: 'its instrument can’t be asked' };
    expect(isLive(doubted)).toBe(false);
    expect(isLive(withTicker(doubted, ticker({ seq: 9 })))).toBe(true);
  });

  it('whose actor can’t be asked keeps its numbers and is not live', () => {
    const live = rowOf();
    const parked = rowsOf(
      { timeMs: NOW_MS, instruments: [listed('BTC-USDT', null)] },
      new Map([[live.key, live]]),
    );
    expect(parked.get(live.key)).toMatchObject({ last: '100.05', status: 'stale', actorStatus: 'parked' });
    expect(isLive(parked.get(live.key)!)).toBe(false);
    expect(isLive(rowOf('ETH-USDT', null))).toBe(false);
  });

  it('goes when the instrument is not on the list any more', () => {
    const row = rowOf();
    expect(rowsOf({ timeMs: NOW_MS, instruments: [] }, new Map([[row.key, row]])).size).toBe(0);
  });
});

describe('rows', () => {
  const all: Arrangement = { contains: '', exchange: '', trust: '', sort: 'instrument', isDescending: false };
  const order = (arrangement: Partial<Arrangement>): string[] =>
    arrangeRows(
      [
        rowOf('BTC-USDT', { last: '9' }),
        rowOf('ETH-USDT', { last: '100' }),
        rowOf('SOL-USDT', { last: '20.5', status: 'stale' as 'live' }),
        rowOf('XRP-USDT', null),
      ],
      { ...all, ...arrangement },
    ).map(({ symbol }) => symbol.slice(0, 3));

  it('stand by value and not by text, with what is unknown last either way', () => {
    expect(order({ sort: 'last' })).toEqual(['BTC', 'SOL', 'ETH', 'XRP']);
    expect(order({ sort: 'last', isDescending: true })).toEqual(['ETH', 'SOL', 'BTC', 'XRP']);
  });

  it('are found by words in any case, and by whether they are live', () => {
    expect(order({ contains: 'Binance eTh' })).toEqual(['ETH']);
    expect(order({ trust: 'live' })).toEqual(['BTC', 'ETH']);
    expect(order({ trust: 'not-live' })).toEqual(['SOL', 'XRP']);
  });
});
