import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { binanceSpotAdapter } from '../../src/exchanges/binance-spot.ts';
import { binanceUsdmAdapter } from '../../src/exchanges/binance-usdm.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';
import { SessionHarness } from '../support/session-harness.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/binance');

function spotDelta(first: number, last: number) {
  return { e: 'depthUpdate', E: 1000, s: 'ETHUSDT', U: first, u: last, b: [['10.5', '1']], a: [['11', '0']] };
}

function futuresDelta(previous: number, first: number, last: number) {
  return { ...spotDelta(first, last), pu: previous, T: 999 };
}

function depth(lastUpdateId: number) {
  return { lastUpdateId, bids: [['10.5', '2']], asks: [['11', '3']] };
}

function opened(adapter = binanceSpotAdapter): SessionHarness {
  const harness = new SessionHarness(adapter, ['ETHUSDT']);
  harness.opened(0);
  return harness;
}

describe('a Binance spot book', () => {
  it('asks for the snapshot when the first event is there, drops what it contains and applies the rest', () => {
    const harness = opened();
    expect(harness.fetches).toEqual([]);
    harness.frame(spotDelta(95, 98), 100);
    expect(harness.fetches).toEqual(['https://api.binance.com/api/v3/depth?symbol=ETHUSDT&limit=1000']);
    harness.frame(spotDelta(99, 103), 200);
    harness.frame(spotDelta(104, 104), 300);
    harness.answer('ETHUSDT', depth(101), 350);
    harness.frame(spotDelta(105, 109), 400);
    expect(harness.story()).toEqual(['connected', 'snapshot 101', 'delta 103', 'delta 104', 'delta 109']);
    expect(harness.session.counters(toNativeSymbol('ETHUSDT'))).toEqual({
      snapshots: 1,
      updates: 4,
      applied: 3,
      ignoredStale: 1,
      buffered: 3,
      sequenceChecksOk: 3,
      gapCount: 0,
      gaps: [],
      finalSequence: 109,
    });
  });

  it('accepts an event that begins right after the snapshot, and one that ends right at it is dropped', () => {
    const harness = opened();
    harness.frame(spotDelta(90, 100), 100);
    harness.frame(spotDelta(101, 101), 110);
    harness.answer('ETHUSDT', depth(100), 120);
    expect(harness.story()).toEqual(['connected', 'snapshot 100', 'delta 101']);
  });

  it('fetches again when the snapshot ends before the first held event begins', () => {
    const harness = opened();
    harness.frame(spotDelta(102, 105), 100);
    harness.answer('ETHUSDT', depth(100), 150);
    expect(harness.story()).toEqual(['connected']);
    expect(harness.fetches).toHaveLength(2);
    harness.answer('ETHUSDT', depth(104), 250);
    expect(harness.story()).toEqual(['connected', 'snapshot 104', 'delta 105']);
  });

  it('asks ever more slowly while snapshots stay too old', () => {
    const harness = opened();
    harness.frame(spotDelta(102, 105), 0);
    const waitsMs: number[] = [];
    let nowMs = 0;
    for (let attempt = 0; attempt < 6; attempt++) {
      harness.answer('ETHUSDT', depth(1), nowMs);
      const before = harness.fetches.length;
      const askedAtMs = nowMs;
      while (attempt > 0 && harness.fetches.length === before) {
        nowMs += 100;
        harness.tick(nowMs);
      }
      waitsMs.push(nowMs - askedAtMs);
    }
    expect(waitsMs).toEqual([0, 500, 1000, 2000, 4000, 8000]);
  });

  it('is stale from a left-out event on, and comes back with a new snapshot', () => {
    const harness = opened();
    harness.frame(spotDelta(100, 101), 100);
    harness.answer('ETHUSDT', depth(100), 150);
    harness.frame(spotDelta(104, 105), 200);
    expect(harness.story().at(-1)).toBe('stale: sequence gap: expected 102, was 104');
    expect(harness.fetches).toHaveLength(2);
    harness.frame(spotDelta(106, 107), 300);
    harness.answer('ETHUSDT', depth(105), 350);
    expect(harness.story().slice(-2)).toEqual(['snapshot 105', 'delta 107']);
    expect(harness.session.counters(toNativeSymbol('ETHUSDT'))?.gaps).toEqual([
      { atMs: 200, expected: 102, was: 104 },
    ]);
  });

  it('fetches without an event when the symbol is quiet', () => {
    const harness = opened();
    harness.tick(900);
    expect(harness.fetches).toEqual([]);
    harness.tick(1000);
    expect(harness.fetches).toHaveLength(1);
  });

  it('tries again after a failed fetch, and tells a refusal', () => {
    const harness = opened();
    harness.frame(spotDelta(100, 101), 0);
    const symbol = toNativeSymbol('ETHUSDT');
    harness.answerAs(symbol, { ok: false, reason: 'timed out' }, 100);
    expect(harness.fetches).toHaveLength(2);
    harness.answerAs(symbol, { ok: true, status: 400, body: '{"code":-1121,"msg":"Invalid symbol."}' }, 200);
    expect(harness.refusals.map(({ code }) => code)).toEqual(['HTTP 400']);
    harness.tick(800);
    expect(harness.fetches).toHaveLength(3);
    harness.answer('ETHUSDT', { lastUpdateId: -1, bids: [], asks: [] }, 900);
    expect(harness.rejections[0]?.detail).toContain('lastUpdateId');
    expect(harness.story()).toEqual(['connected']);
  });

  it('is stale as soon as a level can not be read', () => {
    const harness = opened();
    harness.frame(spotDelta(100, 101), 100);
    harness.answer('ETHUSDT', depth(100), 150);
    harness.frame({ ...spotDelta(102, 102), b: [['10.5', 'many']] }, 200);
    expect(harness.story().at(-1)).toMatch(/^stale: lost a part of the book/);
    expect(harness.rejections).toHaveLength(1);
  });
});

describe('a Binance USD-M book', () => {
  it('starts with an event that contains the snapshot, though the snapshot lies inside it', () => {
    const harness = opened(binanceUsdmAdapter);
    harness.frame(futuresDelta(80, 85, 99), 100);
    harness.frame(futuresDelta(99, 100, 110), 200);
    harness.answer('ETHUSDT', depth(105), 250);
    harness.frame(futuresDelta(110, 140, 150), 300);
    expect(harness.story()).toEqual(['connected', 'snapshot 105', 'delta 110', 'delta 150']);
  });

  it('starts with an event whose pu is the snapshot, though it begins later', () => {
    const harness = opened(binanceUsdmAdapter);
    harness.frame(futuresDelta(105, 120, 130), 100);
    harness.answer('ETHUSDT', depth(105), 150);
    expect(harness.story()).toEqual(['connected', 'snapshot 105', 'delta 130']);
  });

  it('keeps an event that ends at the snapshot: it changes nothing and carries the chain on', () => {
    const harness = opened(binanceUsdmAdapter);
    harness.frame(futuresDelta(90, 95, 105), 100);
    harness.answer('ETHUSDT', depth(105), 150);
    harness.frame(futuresDelta(105, 120, 130), 200);
    expect(harness.story()).toEqual(['connected', 'snapshot 105', 'delta 105', 'delta 130']);
  });

  it('fetches again when the snapshot is older than what the first event follows', () => {
    const harness = opened(binanceUsdmAdapter);
    harness.frame(futuresDelta(105, 120, 130), 100);
    harness.answer('ETHUSDT', depth(104), 150);
    expect(harness.story()).toEqual(['connected']);
    expect(harness.fetches).toHaveLength(2);
  });

  it('is stale when pu is not the previous u, even if U would fit', () => {
    const harness = opened(binanceUsdmAdapter);
    harness.frame(futuresDelta(90, 95, 110), 100);
    harness.answer('ETHUSDT', depth(105), 150);
    harness.frame(futuresDelta(109, 111, 120), 200);
    expect(harness.story().at(-1)).toBe('stale: sequence gap: expected 110, was 109');
  });

  it('leaves out trades of the insurance fund and of deleveraging', () => {
    const harness = opened(binanceUsdmAdapter);
    const trade = { e: 'trade', E: 1, T: 1, s: 'ETHUSDT', p: '1', q: '2', m: false };
    harness.frame({ ...trade, t: 1, X: 'INSURANCE_FUND' }, 1);
    harness.frame({ ...trade, t: 2, X: 'MARKET' }, 1);
    expect(harness.story()).toEqual(['connected', 'trade 2']);
  });
});

describe('Binance trades', () => {
  const trade = { e: 'trade', E: 9, s: 'ETHUSDT', t: 7, p: '0.10', q: '3', T: 8, m: true, M: true };

  it('are sold by the taker when the buyer was the maker', () => {
    const harness = opened();
    harness.frame({ stream: 'ethusdt@trade', data: trade }, 10);
    harness.frame({ ...trade, t: 8, m: false }, 11);
    expect(harness.events.slice(1).map(({ event }) => event)).toMatchObject([
      {
        type: 'Trade',
        takerSide: 'sell',
        tradeId: '7',
        eventTimeMs: 8,
        receiveTimeMs: 10,
        price: 1,
        quantity: 3,
      },
      { type: 'Trade', takerSide: 'buy', tradeId: '8', scales: { price: 1, quantity: 0 } },
    ]);
  });

  it('of the two series never mix for one symbol', () => {
    const harness = opened();
    harness.frame(trade, 10);
    harness.frame(
      { e: 'aggTrade', E: 9, s: 'ETHUSDT', a: 3, p: '0.1', q: '3', f: 7, l: 7, T: 8, m: true },
      11,
    );
    expect(harness.story()).toEqual(['connected', 'trade 7']);
  });
});

describe('the Binance connection', () => {
  it('subscribes both streams of its symbols in one frame', () => {
    const harness = new SessionHarness(binanceSpotAdapter, ['ETHUSDT', 'BTCUSDT']);
    harness.opened(5);
    expect(harness.sent).toEqual([
      '{"method":"SUBSCRIBE","params":["ethusdt@depth@100ms","ethusdt@trade","btcusdt@depth@100ms","btcusdt@trade"],"id":5}',
    ]);
  });

  it('carries USD-M books and trades apart', () => {
    const { connectionKinds, defaultEndpoints } = binanceUsdmAdapter;
    expect(connectionKinds.map((kind) => [kind.url(defaultEndpoints), kind.channels])).toEqual([
      ['wss://fstream.binance.com/public/stream', ['book']],
      ['wss://fstream.binance.com/market/stream', ['trades']],
    ]);
    const trades = new SessionHarness(binanceUsdmAdapter, ['ETHUSDT'], ['trades']);
    trades.opened(5);
    expect(trades.sent).toEqual(['{"method":"SUBSCRIBE","params":["ethusdt@aggTrade"],"id":5}']);
    // It says nothing of the book, which lives on the other connection.
    trades.closed('gone', 6);
    expect(trades.story()).toEqual([]);
  });

  it('is replaced in time when the server announces its shutdown', () => {
    const harness = opened();
    harness.frame({ stream: '!serverShutdown', data: { e: 'serverShutdown', E: 1 } }, 10);
    expect(harness.reconnects.map(({ urgency }) => urgency)).toEqual(['afterReplacement']);
  });

  it('tells refusals, plain and wrapped', () => {
    const harness = opened();
    harness.frame({ code: 2, msg: 'Invalid request' }, 1);
    harness.frame({ error: { code: 3, msg: 'Invalid JSON' }, id: 1 }, 2);
    expect(harness.refusals.map(({ code, message }) => [code, message])).toEqual([
      ['2', 'Invalid request'],
      ['3', 'Invalid JSON'],
    ]);
  });
});

describe('Binance instruments', () => {
  it('are named by base and quote, with canonical steps and no step where the filter is off', () => {
    const reading = binanceSpotAdapter.readInstruments(
      readFileSync(join(FIXTURES, 'spot-exchange-info.json'), 'utf8'),
    );
    expect(reading).toEqual({
      ok: true,
      listings: [
        { nativeSymbol: 'ETHUSDT', symbol: 'ETH-USDT', tickSize: '0.01', lotSize: '0.0001', isTrading: true },
        {
          nativeSymbol: 'OLDBTC',
          symbol: 'OLD-BTC',
          tickSize: undefined,
          lotSize: undefined,
          isTrading: false,
        },
      ],
    });
  });

  it('of USD-M are perpetuals and dated futures', () => {
    const reading = binanceUsdmAdapter.readInstruments(
      readFileSync(join(FIXTURES, 'usdm-exchange-info.json'), 'utf8'),
    );
    expect(reading.ok && reading.listings.map(({ symbol }) => symbol)).toEqual([
      'ETH-USDT-PERP',
      'BTC-USDT-261225',
    ]);
  });

  it('cost the weight that the exchange counts', () => {
    const weights = [5, 100, 101, 500, 1000, 5000].map((limit) =>
      binanceSpotAdapter.limits.requests.weightOf({ url: `https://x/api/v3/depth?symbol=A&limit=${limit}` }),
    );
    expect(weights).toEqual([5, 5, 25, 25, 50, 250]);
  });
});
