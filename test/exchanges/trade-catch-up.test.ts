import { describe, expect, it } from 'vitest';
import type { NoTradeHistory, TradeHistory } from '../../src/exchanges/adapter.ts';
import type { TradeGap } from '../../src/exchanges/trade-catch-up.ts';
import { TradeCatchUp } from '../../src/exchanges/trade-catch-up.ts';
import { trade } from '../support/market-events.ts';
import type { WorldOptions } from './trade-world.ts';
import { TradeWorld } from './trade-world.ts';

const SEEDS = 60;

/** Trades, cuts and restarts at random, then a calm end; returns the world as it is when everything is settled. */
function live(options: WorldOptions): TradeWorld {
  const world = new TradeWorld(options);
  world.makeTrades(5);
  world.step();
  world.connect();
  for (let step = 0; step < 1_500; step++) {
    if (world.chance(0.3)) world.makeTrades(1 + (world.chance(0.2) ? 3 : 0));
    if (world.chance(0.01)) world.disconnect();
    if (world.chance(options.restartShare)) world.restart();
    if (world.chance(0.03)) world.connect();
    world.step();
  }
  world.connect();
  for (let step = 0; step < 4_000 && !(step > 200 && world.isSettled); step++) {
    if (step % 20 === 0) world.makeTrades(1);
    world.step();
  }
  expect(world.isSettled).toBe(true);
  return world;
}

const numbered: Omit<WorldOptions, 'seed'> = {
  identity: 'consecutive',
  pageSize: 7,
  maxPages: 10_000,
  historyCount: 0,
  lossShare: 0,
  isLossTold: false,
  restartShare: 0.002,
  failureShare: 0.2,
  lagMaxMs: 1_000,
};
const timed: Omit<WorldOptions, 'seed'> = { ...numbered, identity: 'other', pageSize: 15 };

/** From the first trade that the instrument knew on, all of them. */
function expectAll(world: TradeWorld): void {
  const firstIndex = world.made.findIndex(({ tradeId }) => world.known.has(tradeId));
  const missing = world.made.slice(firstIndex).filter(({ tradeId }) => !world.known.has(tradeId));
  expect(
    missing.map(({ tradeId }) => tradeId),
    `seed ${world.seed}`,
  ).toEqual([]);
}

describe.each([
  ['numbered trades', numbered],
  ['numbered trades behind a history of the stream', { ...numbered, historyCount: 10 }],
  ['timed trades', timed],
  ['timed trades behind a history of the stream', { ...timed, historyCount: 10 }],
])('catching up on %s', (_name, options) => {
  it('has every trade in the end, and none after its time, whatever is cut and when', () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = live({ ...options, seed });
      expect(world.gaps.map(({ repair }) => repair)).not.toContain('incomplete');
      // What is fetched once more after a restart may reach before the first that the instrument ever had.
      const [first] = world.known.keys();
      const since = world.made.slice(world.made.findIndex(({ tradeId }) => tradeId === first));
      const late = since.filter(({ tradeId }) => world.late.includes(tradeId));
      expect(late, `seed ${seed}`).toEqual([]);
      expectAll(world);
    }
  });

  it('has every trade, or says that it has not, when the exchange fails too often or keeps too little', () => {
    let incompleteCount = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = live({ ...options, seed, failureShare: 0.7, maxPages: 2 });
      const incomplete = world.gaps.filter(({ repair }) => repair === 'incomplete');
      incompleteCount += incomplete.length;
      if (incomplete.length === 0) expectAll(world);
    }
    expect(incompleteCount).toBeGreaterThan(10);
  });
});

describe('numbered trades that the stream loses without a word', () => {
  it('are found missing by the next one and fetched', () => {
    let holes = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = live({ ...numbered, seed, lossShare: 0.05 });
      holes += world.gaps.filter(({ reason }) => reason.startsWith('trades missing: expected ')).length;
      // The very last one may be lost, and nothing came after it.
      const lastKnown = world.made.findLastIndex(({ tradeId }) => world.known.has(tradeId));
      world.made.length = lastKnown + 1;
      expectAll(world);
    }
    expect(holes).toBeGreaterThan(100);
  });
});

describe.each([
  ['timed', timed],
  ['numbered', numbered],
])('%s trades in frames that can’t be read', (_name, options) => {
  it('are fetched, though no later trade tells of them', () => {
    let suspicions = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      // A process that ends before it has looked forgets what it suspected; the next one looks back only so far.
      const world = live({ ...options, seed, lossShare: 0.03, isLossTold: true, restartShare: 0 });
      suspicions += world.gaps.filter(({ reason }) => reason.includes('could not be read')).length;
      expectAll(world);
    }
    expect(suspicions).toBeGreaterThan(100);
  });
});

function start(history: TradeHistory | NoTradeHistory, keptMax = 100) {
  const delivered: string[] = [];
  const gaps: TradeGap[] = [];
  const asked: string[] = [];
  const catchUp = new TradeCatchUp({
    history,
    limits: {
      keptMax,
      deadlineMs: 10_000,
      quietMs: 1_000,
      askAgainMs: 500,
      retryMs: 100,
      failuresMax: 2,
      suspectEveryMs: 500,
    },
    effects: {
      deliver: ({ tradeId }) => void delivered.push(tradeId),
      ask: () => void asked.push('instrument'),
      request: ({ after }) => void asked.push(`after ${after.tradeId}`),
      gap: (gap) => void gaps.push(gap),
    },
  });
  return { catchUp, delivered, gaps, asked };
}

const past: TradeHistory = {
  identity: 'consecutive',
  maxPages: 3,
  request: () => ({ url: 'unused' }),
  read: () => ({ ok: false, reason: 'unused' }),
};
const known = { newest: { tradeId: '10', eventTimeMs: 500 }, timeMs: 600 };
const numberedTrade = (number: number) => trade({ tradeId: String(number), eventTimeMs: 500 + number });

describe('catching up', () => {
  it('asks the exchange for nothing while the first live trade follows on the newest that is known', () => {
    const { catchUp, delivered, gaps, asked } = start(past);
    catchUp.opened('no connection', 1_000);
    catchUp.trade(numberedTrade(11), 1_001);
    expect(delivered).toEqual([]);
    catchUp.known(known, 1_002);
    expect(delivered).toEqual(['11']);
    catchUp.tick(1_250);
    catchUp.trade(numberedTrade(12), 1_300);
    expect(asked).toEqual(['instrument']);
    expect(delivered).toEqual(['11', '12']);
    expect(gaps).toEqual([
      { fromMs: 600, toMs: 1_250, reason: 'no connection', repair: 'refetched', tradesRefetched: 0 },
    ]);
  });

  it('fetches nothing for an instrument that never had a trade, and finds its later holes', () => {
    const { catchUp, delivered, gaps, asked } = start(past);
    catchUp.opened('no connection', 1_000);
    catchUp.trade(numberedTrade(50), 1_001);
    catchUp.known(undefined, 1_002);
    expect(catchUp.isHolding).toBe(false);
    catchUp.trade(numberedTrade(52), 1_100);
    catchUp.tick(1_250);
    expect(asked).toEqual(['instrument', 'after 50']);
    catchUp.answered(
      { type: 'page', page: { trades: [numberedTrade(51)], next: undefined, reachesBack: true } },
      1_300,
    );
    expect(delivered).toEqual(['50', '51', '52']);
    expect(gaps).toEqual([
      {
        fromMs: 1_002,
        toMs: 1_300,
        reason: 'trades missing: expected 51, was 52',
        repair: 'refetched',
        tradesRefetched: 1,
      },
    ]);
  });

  it('asks for the trades of a quiet symbol after a while, for silence proves nothing', () => {
    const { catchUp, gaps, asked } = start(past);
    catchUp.opened('no connection', 1_000);
    catchUp.known(known, 1_002);
    catchUp.tick(1_900);
    expect(asked).toEqual(['instrument']);
    catchUp.tick(2_002);
    expect(asked).toEqual(['instrument', 'after 10']);
    catchUp.answered({ type: 'page', page: { trades: [], next: undefined, reachesBack: true } }, 2_100);
    expect(catchUp.isHolding).toBe(false);
    expect(gaps).toMatchObject([{ repair: 'refetched', tradesRefetched: 0 }]);
  });

  it('asks an instrument again that does not answer', () => {
    const { catchUp, asked } = start(past);
    catchUp.opened('no connection', 1_000);
    catchUp.tick(1_400);
    catchUp.tick(1_500);
    expect(asked).toEqual(['instrument', 'instrument']);
  });

  it.each([
    ['the exchange refuses', { type: 'failed', reason: 'HTTP 403', isFinal: true } as const, 'HTTP 403'],
    [
      'there are too many pages',
      {
        type: 'page',
        page: { trades: [numberedTrade(11)], next: 'more', reachesBack: true },
      } as const,
      'more than 3 pages of trades are missing',
    ],
    [
      'past trades stay behind those of the stream',
      { type: 'page', page: { trades: [], next: undefined, reachesBack: true } } as const,
      'past trades do not reach those of the stream',
    ],
  ])('lets trades go on and declares the gap when %s', (_when, answer, why) => {
    const { catchUp, delivered, gaps } = start(past);
    catchUp.opened('no connection', 1_000);
    catchUp.known(known, 1_000);
    catchUp.trade(numberedTrade(20), 1_001);
    for (let nowMs = 1_250; catchUp.isHolding && nowMs < 9_000; nowMs += 250) {
      catchUp.tick(nowMs);
      catchUp.answered(answer, nowMs);
    }
    expect(delivered.at(-1)).toBe('20');
    expect(gaps).toMatchObject([{ repair: 'incomplete', reason: `no connection; ${why}` }]);
    catchUp.trade(numberedTrade(21), 9_500);
    expect(delivered.at(-1)).toBe('21');
    expect(gaps).toHaveLength(1);
  });

  it('holds trades for no longer than its deadline, and no more than its limit', () => {
    const late = start(past);
    late.catchUp.opened('no connection', 1_000);
    late.catchUp.trade(numberedTrade(20), 1_001);
    late.catchUp.tick(11_000);
    expect(late.delivered).toEqual(['20']);
    expect(late.gaps[0]!.reason).toBe('no connection; not fetched within 10000 ms');

    const full = start(past, 5);
    full.catchUp.opened('no connection', 1_000);
    for (let number = 20; number <= 25; number++) full.catchUp.trade(numberedTrade(number), 1_001);
    expect(full.delivered).toEqual(['20', '21', '22', '23', '24', '25']);
    expect(full.catchUp.keptCount).toBe(0);
    expect(full.gaps[0]!.reason).toBe('no connection; more than 5 trades came meanwhile');
  });

  it('holds nothing where the exchange gives no past trades, and declares each gap', () => {
    const { catchUp, delivered, gaps } = start({ identity: 'none', reason: 'they are others' });
    catchUp.opened('no connection', 1_000);
    expect(catchUp.isHolding).toBe(false);
    catchUp.trade(numberedTrade(20), 1_001);
    catchUp.known(known, 1_002);
    catchUp.closed('lost', 2_000);
    catchUp.opened('no connection', 3_000);
    catchUp.known(known, 3_001);
    expect(delivered).toEqual(['20']);
    expect(gaps).toEqual([
      {
        fromMs: 600,
        toMs: 1_002,
        reason: 'no connection; they are others',
        repair: 'incomplete',
        tradesRefetched: 0,
      },
      {
        fromMs: 2_000,
        toMs: 3_001,
        reason: 'disconnected: lost; they are others',
        repair: 'incomplete',
        tradesRefetched: 0,
      },
    ]);
  });
});
