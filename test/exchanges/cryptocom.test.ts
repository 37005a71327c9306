import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cryptocom2021Adapter } from '../../src/exchanges/cryptocom-2021.ts';
import { cryptocomAdapter } from '../../src/exchanges/cryptocom.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';
import { formatUnits } from '../../src/market/units.ts';
import { SessionHarness } from '../support/session-harness.ts';

const SYMBOL = 'ETHUSD-PERP';
const FIXTURES = join(import.meta.dirname, '../fixtures/cryptocom');

function result(channel: string, data: unknown[], id = -1) {
  return {
    id,
    method: 'subscribe',
    code: 0,
    result: { instrument_name: SYMBOL, subscription: `${channel}.${SYMBOL}`, channel, depth: 50, data },
  };
}

function snapshot(u: number) {
  return result('book', [
    { asks: [['2749.62', '0.2', '2']], bids: [['2749.61', '0.07', '2']], t: 10, tt: 9, u, cs: -1 },
  ]);
}

function delta(pu: number, u: number, bids: string[][] = [['2749.50', '1', '1']]) {
  return result('book.update', [{ update: { asks: [], bids }, t: 20, tt: 19, u, pu, cs: 5 }]);
}

function fill(d: string, q: string, more: object = {}) {
  return { d, t: 15, p: '2749.6', q, s: 'SELL', i: SYMBOL, ...more };
}

function opened(adapter = cryptocomAdapter): SessionHarness {
  const harness = new SessionHarness(adapter, [SYMBOL]);
  harness.opened(0);
  harness.tick(1000);
  return harness;
}

describe('a Crypto.com book', () => {
  it('follows pu and u, whatever the steps, and takes idle updates for life', () => {
    const harness = opened();
    harness.frame(delta(1, 2), 1100);
    harness.frame(snapshot(1000), 2000);
    harness.frame(delta(1000, 91_000), 2100);
    harness.frame(delta(91_000, 91_000, []), 2200);
    harness.frame(delta(91_000, 91_001), 2300);
    expect(harness.story()).toEqual([
      'connected',
      'snapshot 1000',
      'delta 91000',
      'delta 91000',
      'delta 91001',
    ]);
    expect(harness.session.counters(toNativeSymbol(SYMBOL))).toMatchObject({
      ignoredStale: 1,
      sequenceChecksOk: 3,
    });
  });

  it('is stale after a left-out update, ignores updates meanwhile, and resubscribes for a snapshot', () => {
    const harness = opened();
    harness.frame(snapshot(1000), 2000);
    harness.frame(delta(1500, 2000), 2100);
    harness.frame(delta(2000, 2500), 2200);
    expect(harness.story()).toEqual([
      'connected',
      'snapshot 1000',
      'stale: sequence gap: expected 1000, was 1500',
    ]);
    expect(
      harness.sent.slice(1).map((frame) => JSON.parse(frame) as { method: string; params: object }),
    ).toMatchObject([
      { method: 'unsubscribe', params: { channels: [`book.${SYMBOL}.50`] } },
      { method: 'subscribe', params: { channels: [`book.${SYMBOL}.50`] } },
    ]);
    harness.frame(snapshot(3000), 3000);
    expect(harness.story().at(-1)).toBe('snapshot 3000');
    expect(harness.session.counters(toNativeSymbol(SYMBOL))).toMatchObject({ ignoredStale: 1, gapCount: 1 });
  });

  it('keeps update ids beyond 2^53 apart, as numbers and as text', () => {
    const harness = opened();
    const big = (text: string, u: number) => text.replace(`"u":${u}`, '"u":9007199254740993');
    harness.frame(big(JSON.stringify(snapshot(7)), 7), 2000);
    harness.frame(JSON.stringify(delta(5, 8)).replace('"pu":5', '"pu":"9007199254740993"'), 2100);
    expect(harness.story()).toEqual(['connected', 'snapshot 9007199254740993', 'delta 8']);
    harness.frame(big(JSON.stringify(snapshot(7)), 7), 2200);
    harness.frame(JSON.stringify(delta(5, 8)).replace('"pu":5', '"pu":9007199254740992'), 2300);
    expect(harness.story().at(-1)).toBe(
      'stale: sequence gap: expected 9007199254740993, was 9007199254740992',
    );
  });

  it('that never starts is said to be stale and asked for again after 15 s', () => {
    const harness = opened();
    harness.frame({ id: 1, method: 'subscribe', code: 0, channel: `book.${SYMBOL}.50` }, 1100);
    // Four times a second, as a connection does: who was away may have the snapshot lying unread.
    for (let nowMs = 1_250; nowMs < 16_000; nowMs += 250) harness.tick(nowMs);
    expect(harness.sent).toHaveLength(1);
    harness.tick(16_000);
    expect(harness.story().at(-1)).toBe('stale: no book snapshot within 15000 ms');
    expect(harness.sent).toHaveLength(3);
  });
});

describe('Crypto.com trades', () => {
  it('come oldest first, the answer to the subscription as history', () => {
    const harness = opened();
    harness.frame(result('trade', [fill('3', '1'), fill('2', '1'), fill('1', '1')], 77), 2000);
    harness.frame(result('trade', [fill('5', '1'), fill('4', '1')]), 2100);
    expect(harness.story()).toEqual([
      'connected',
      'trade 1-1@2749.6 (history)',
      'trade 2-1@2749.6 (history)',
      'trade 3-1@2749.6 (history)',
      'trade 4-1@2749.6',
      'trade 5-1@2749.6',
    ]);
  });

  it('that share one d each count, and count once when history is sent again', () => {
    const fills = [fill('9', '0.5'), fill('9', '0.20'), fill('9', '0.2'), fill('8', '1')];
    const idsOf = (data: unknown[]): string[] => {
      const harness = opened();
      harness.frame(result('trade', data), 2000);
      return harness.events.flatMap(({ event }) => (event.type === 'Trade' ? [event.tradeId] : []));
    };
    const all = idsOf(fills);
    expect(new Set(all).size).toBe(4);
    expect(new Set(idsOf(fills))).toEqual(new Set(all));
    // Wherever a history is cut, and whatever of it came before: alike fills stand for one another, so nothing is lost or doubled.
    for (let cut = 1; cut <= fills.length; cut++) {
      expect(all).toEqual(expect.arrayContaining(idsOf(fills.slice(0, cut))));
    }
    expect(new Set([...idsOf([fills[2]]), ...idsOf(fills)]).size).toBe(4);
  });

  it('are told apart by their match id where there is one', () => {
    const harness = opened();
    harness.frame(result('trade', [fill('9', '1', { m: '71' }), fill('9', '1', { m: '70' })]), 2000);
    expect(harness.story().slice(1)).toEqual(['trade 9-70 (history)', 'trade 9-71 (history)']);
  });

  it('of a resubscription on the same connection are history again', () => {
    const harness = opened();
    harness.frame(result('trade', [fill('1', '1')]), 2000);
    harness.frame({ id: 5, method: 'unsubscribe', code: 0, channel: `trade.${SYMBOL}` }, 2100);
    harness.frame(result('trade', [fill('1', '1')]), 2200);
    expect(harness.story().at(-1)).toBe('trade 1-1@2749.6 (history)');
  });

  it('without a readable part are dead letters, and the rest goes on', () => {
    const harness = opened();
    harness.frame(
      result('trade', [fill('2', '1'), fill('1', '-1'), { d: '0' }, fill('3', '1', { s: 'HOLD' })]),
      2000,
    );
    expect(harness.story().slice(1)).toEqual(['trade 2-1@2749.6 (history)']);
    expect(harness.rejections).toHaveLength(3);
  });
});

describe('the Crypto.com connection', () => {
  it('waits a second, then subscribes books and trades in one frame', () => {
    const harness = new SessionHarness(cryptocomAdapter, ['BTC_USDT', SYMBOL]);
    harness.opened(0);
    harness.tick(999);
    expect(harness.sent).toEqual([]);
    harness.tick(1000);
    expect(harness.sent.map((frame) => JSON.parse(frame) as unknown)).toEqual([
      {
        id: 0,
        method: 'subscribe',
        params: {
          channels: ['book.BTC_USDT.50', 'trade.BTC_USDT', `book.${SYMBOL}.50`, `trade.${SYMBOL}`],
          book_subscription_type: 'SNAPSHOT_AND_UPDATE',
          book_update_frequency: 10,
        },
        nonce: 0,
      },
    ]);
  });

  it('answers a heartbeat with its own id, digit for digit', () => {
    const harness = opened();
    harness.frame('{"id":17901142915781234567,"method":"public/heartbeat","code":0}', 2000);
    expect(harness.sent.at(-1)).toBe('{"id":17901142915781234567,"method":"public/respond-heartbeat"}');
  });

  it('tells refusals with the symbol where they name one', () => {
    const harness = opened();
    harness.frame(
      { id: 11, method: 'subscribe', code: 40003, channel: 'book.NOPE.50', message: 'Unknown symbol' },
      1,
    );
    harness.frame({ id: 9, method: 'subscribe', code: 40107, message: 'Maximum subscriptions exceeded' }, 2);
    expect(harness.refusals).toEqual([
      { symbol: 'NOPE', code: '40003', message: 'Unknown symbol' },
      { symbol: undefined, code: '40107', message: 'Maximum subscriptions exceeded' },
    ]);
  });

  it('maps instruments by base and quote', () => {
    const reading = cryptocomAdapter.readInstruments(
      readFileSync(join(FIXTURES, 'v1-instruments.json'), 'utf8'),
    );
    expect(
      reading.ok && reading.listings.map((listing) => [listing.symbol, listing.tickSize, listing.isTrading]),
    ).toEqual([
      ['BTC-USDT', '0.01', true],
      ['BTC-USD-PERP', '0.1', true],
      ['BTC-USD-261225', '0.1', false],
    ]);
  });
});

describe('the Crypto.com stream of 2021', () => {
  it('replaces the book with each frame and reads bare numbers by their digits', () => {
    const harness = new SessionHarness(cryptocom2021Adapter, ['ONE_USDT']);
    harness.opened(0);
    const frames = readFileSync(join(FIXTURES, '2021-session.jsonl'), 'utf8').trim().split('\n');
    for (const frame of frames) harness.frame(frame, 2000);
    expect(harness.story()).toEqual([
      'connected',
      'trade 2008994817854822754-0.07@0.3279 (history)',
      'trade 2008994948736251682-39.82@0.3279 (history)',
      'snapshot -',
      'snapshot -',
    ]);
    const [, , , first] = harness.events;
    if (first?.event.type !== 'BookSnapshot') throw new Error('expected a book');
    const { scales, bids } = first.event;
    expect(
      bids.map((units, index) => formatUnits(units, index % 2 === 0 ? scales.price : scales.quantity)),
    ).toEqual(['0.3278', '32626', '0.3277', '100']);
  });
});
