/** What the pages decide without a page: addresses, windows, trees, lists, candles, and how far a book is trusted. */
import { describe, expect, it } from 'vitest';
import type { Candle, Trade } from '../../src/client/documents.ts';
import { CandleHistory } from '../../web/src/instrument/candle-history.ts';
import { depthOf } from '../../web/src/instrument/depth-levels.ts';
import { TAPE_TRADES, withTrades } from '../../web/src/instrument/trade-tape.ts';
import { linkTo, parsePlace } from '../../web/src/navigation.ts';
import type { Actor, SupervisionEvent } from '../../web/src/node/rest-documents.ts';
import { rowsInSight } from '../../web/src/parts/row-window.ts';
import { judge } from '../../web/src/parts/trust.ts';
import { instrumentOf, linesOf } from '../../web/src/supervision/actor-tree.ts';
import { EVENTS_MAX, withEvents } from '../../web/src/supervision/event-list.ts';
import { ageText } from '../../web/src/text/time-text.ts';

describe('an address', () => {
  it.each([
    { page: 'instruments' },
    { page: 'instrument', exchange: 'binance', symbol: '币安人生-USDT' },
    { page: 'instrument', exchange: 'kraken', symbol: 'A/B:C' },
    { page: 'supervision' },
    { page: 'dead-letters' },
  ] as const)('leads back to its place: %j', (place) => {
    expect(parsePlace(linkTo(place))).toEqual(place);
  });

  it.each(['', '#', '#/nowhere', '#/instruments/binance', '#/instruments/binance/%', '#/instruments/a/b/c'])(
    'of no place leads to the instruments: %s',
    (hash) => {
      expect(parsePlace(hash)).toEqual({ page: 'instruments' });
    },
  );
});

describe('a window of rows', () => {
  const of = { viewHeight: 320, rowHeight: 32, rowCount: 1_000 };

  it('holds what is in sight and a margin, and never more', () => {
    expect(rowsInSight({ ...of, scrollTop: 0 })).toEqual({ first: 0, end: 18 });
    expect(rowsInSight({ ...of, scrollTop: 16_000 })).toEqual({ first: 492, end: 518 });
    expect(rowsInSight({ ...of, scrollTop: 31_680 })).toEqual({ first: 982, end: 1_000 });
  });

  it('of a list that became shorter than it was scrolled is empty, and not wrong', () => {
    expect(rowsInSight({ ...of, rowCount: 3, scrollTop: 16_000 })).toEqual({ first: 3, end: 3 });
  });
});

describe('trust', () => {
  const live = {
    lostReason: undefined,
    actorStatus: 'running',
    status: 'live' as const,
    reason: '',
    doubt: undefined,
  };

  it('is there only where everything says so', () => {
    expect(judge(live)).toEqual({ level: 'live', reason: '' });
    expect(judge({ ...live, status: undefined }).level).toBe('waiting');
    expect(judge({ ...live, status: 'stale', reason: 'a gap' })).toEqual({ level: 'stale', reason: 'a gap' });
    expect(judge({ ...live, doubt: 'held up' })).toEqual({ level: 'stale', reason: 'held up' });
    expect(judge({ ...live, actorStatus: 'recovering' }).level).toBe('stale');
    expect(judge({ ...live, actorStatus: 'parked' }).level).toBe('parked');
    expect(judge({ ...live, lostReason: 'gone' }).level).toBe('lost');
    expect(judge({ ...live, status: 'empty' }).level).toBe('empty');
  });

  it('is never withheld without a reason', () => {
    for (const facts of [
      { ...live, status: 'stale' as const },
      { ...live, status: 'empty' as const },
      { ...live, actorStatus: 'parked' },
      { ...live, actorStatus: 'restarting' },
      { ...live, status: undefined },
    ]) {
      expect(judge(facts).reason.length).toBeGreaterThan(5);
    }
  });
});

describe('candles', () => {
  const candle = (changes: Partial<Candle>): Candle =>
    ({
      openTimeMs: 60_000,
      isClosed: false,
      revision: 0,
      epoch: 1,
      seq: 5,
      close: '1',
      ...changes,
    }) as Candle;

  it('grow while they are open, never back, and close for good but for revisions', () => {
    const history = new CandleHistory();
    expect(history.take(candle({ seq: 5, close: '1' }))).toBe(true);
    expect(history.take(candle({ seq: 4, close: '2' }))).toBe(false);
    expect(history.take(candle({ seq: 1, epoch: 2, close: '3' }))).toBe(true);
    expect(history.take(candle({ isClosed: true, revision: 0, close: '4' }))).toBe(true);
    expect(history.take(candle({ seq: 99, epoch: 3, close: '5' }))).toBe(false);
    expect(history.take(candle({ isClosed: true, revision: 2, close: '6' }))).toBe(true);
    expect(history.take(candle({ isClosed: true, revision: 1, close: '7' }))).toBe(false);
    expect(history.at(60_000)!.close).toBe('6');
  });

  it('stand in the order of their times, however they come', () => {
    const history = new CandleHistory();
    for (const openTimeMs of [120_000, 60_000, 180_000]) history.take(candle({ openTimeMs }));
    expect(history.list().map(({ openTimeMs }) => openTimeMs)).toEqual([60_000, 120_000, 180_000]);
    expect(history.newest!.openTimeMs).toBe(180_000);
  });
});

it('depth adds up exactly', () => {
  const levels = depthOf([['3', '0.1'], ['2', '0.2'], ['1', '9007199254740993']]); // prettier-ignore
  expect(levels.map(({ total }) => total)).toEqual(['0.1', '0.3', '9007199254740993.3']);
});

it('the tape holds each trade once, newest first, and no more than it shows', () => {
  const trade = (number: number): Trade => ({ tradeId: String(number), eventTimeMs: number }) as Trade;
  const first = withTrades([], [trade(1), trade(2)]);
  const second = withTrades(first, [trade(2), trade(3)]);
  expect(second.map(({ tradeId }) => tradeId)).toEqual(['3', '2', '1']);
  expect(withTrades(second, [trade(1)])).toBe(second);
  const many = Array.from({ length: 200 }, (_, number) => trade(number + 10));
  expect(withTrades(second, many)).toHaveLength(TAPE_TRADES);
});

it('of events each is held once, newest first, and not without end', () => {
  const event = (timeMs: number, kind = 'restarted'): SupervisionEvent =>
    ({ timeMs, kind, path: 'shards/0/x', attempt: 1 }) as SupervisionEvent;
  const list = withEvents([event(2)], [event(1), event(2), event(2, 'recovered'), event(3)]);
  expect(list.map(({ timeMs }) => timeMs)).toEqual([3, 2, 2, 1]);
  const many = Array.from({ length: 2 * EVENTS_MAX }, (_, timeMs) => event(timeMs));
  expect(withEvents(list, many)).toHaveLength(EVENTS_MAX);
});

describe('the tree of actors', () => {
  const actor = (path: string, changes: Partial<Actor> = {}): Actor => {
    const parentPath = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
    const rest = { status: 'running', mailboxCount: 0, restarts: 0, lastFailure: null, ...changes };
    return { path, parentPath, kind: path.includes(':') ? 'persistent' : 'plain', ...rest };
  };
  const actors = [
    actor('shards'),
    actor('shards/0'),
    actor('shards/0/kraken:BTC-USD'),
    actor('shards/0/kraken:ETH-USD', { status: 'parked' }),
    actor('exchanges'),
    actor('exchanges/kraken', { restarts: 2 }),
  ];
  const view = { contains: '', isTroubleOnly: false, closed: new Set<string>() };
  const paths = (changes: Partial<typeof view>): string[] =>
    linesOf(actors, { ...view, ...changes }).map(({ actor: { path } }) => path);

  it('shows children below their parents, and none below a closed one', () => {
    expect(paths({})).toEqual(actors.map(({ path }) => path));
    expect(paths({ closed: new Set(['shards']) })).toEqual(['shards', 'exchanges', 'exchanges/kraken']);
  });

  it('shows what was sought with all that is above it, closed or not', () => {
    expect(paths({ contains: 'btc', closed: new Set(['shards']) })).toEqual([
      'shards',
      'shards/0',
      'shards/0/kraken:BTC-USD',
    ]);
    expect(paths({ isTroubleOnly: true })).toEqual([
      'shards',
      'shards/0',
      'shards/0/kraken:ETH-USD',
      'exchanges',
      'exchanges/kraken',
    ]);
  });

  it('knows which actors are of instruments', () => {
    expect(actors.map(instrumentOf)).toEqual([
      undefined,
      undefined,
      { exchange: 'kraken', symbol: 'BTC-USD' },
      { exchange: 'kraken', symbol: 'ETH-USD' },
      undefined,
      undefined,
    ]);
  });
});

it.each([
  [-50, '0.0 s'],
  [9_940, '9.9 s'],
  [12_000, '12 s'],
  [600_000, '10 min'],
  [10_800_000, '3 h'],
  [864_000_000, '10 d'],
])('%i ms are %s', (ageMs, text) => {
  expect(ageText(ageMs)).toBe(text);
});
