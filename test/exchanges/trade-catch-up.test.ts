import { describe, expect, it } from 'vitest';
import type { MissingTrades, NoTradeHistory, TradeHistory } from '../../src/exchanges/adapter.ts';
import { recordedMoment } from '../../src/exchanges/moment.ts';
import type { PageAnswer, TradeGap } from '../../src/exchanges/trade-catch-up.ts';
import { TradeCatchUp } from '../../src/exchanges/trade-catch-up.ts';
import type { Trade } from '../../src/market/events.ts';
import { MAX_OTHER_IDS } from '../../src/market/trade-identities.ts';
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
    if (world.chance(0.01)) {
      world.disconnect();
      if (world.chance(options.longAbsenceShare)) missMany(world);
    }
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
  expect(world.countedTwice, `seed ${world.seed}`).toEqual([]);
  return world;
}

/** More trades than an instrument remembers one by one. */
function missMany(world: TradeWorld): void {
  for (let count = 0; count <= MAX_OTHER_IDS; count += 100) {
    world.makeTrades(100);
    world.step();
  }
}

const numbered: Omit<WorldOptions, 'seed'> = {
  identity: 'consecutive',
  pageSize: 7,
  maxPages: 10_000,
  historyCount: 0,
  lossShare: 0,
  isLossTold: false,
  longAbsenceShare: 0,
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

describe('numbered trades between absurd numbers, of an exchange that counts anew now and then', () => {
  it.each([
    ['numbers that are lies', { lieShare: 0.01 }, 200],
    ['numbers that are counted anew', { renumberShare: 0.003 }, 60],
    ['both', { lieShare: 0.01, renumberShare: 0.003 }, 200],
  ])('are had, or declared as missing, with %s', (_which, disorder, incompleteMin) => {
    let incompleteCount = 0;
    let refetchedCount = 0;
    let madeCount = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      // A process that ends may take with it that it could not be sure.
      const world = live({ ...numbered, ...disorder, seed, lossShare: 0.02, restartShare: 0 });
      const lastKnown = world.made.findLastIndex(({ tradeId }) => world.known.has(tradeId));
      const firstKnown = world.made.findIndex(({ tradeId }) => world.known.has(tradeId));
      const incomplete = world.gaps.filter(({ repair }) => repair === 'incomplete');
      const unsaid = world.made
        .slice(firstKnown, lastKnown)
        .filter(({ tradeId }) => !world.known.has(tradeId))
        .filter(({ eventTimeMs }) =>
          incomplete.every(({ fromMs, toMs }) => eventTimeMs < fromMs || eventTimeMs > toMs),
        );
      expect(
        unsaid.map(({ tradeId }) => tradeId),
        `seed ${seed}`,
      ).toEqual([]);
      incompleteCount += incomplete.length;
      madeCount += world.made.length;
      for (const { tradesRefetched } of world.gaps) refetchedCount += tradesRefetched;
    }
    expect(incompleteCount).toBeGreaterThan(incompleteMin);
    // Each absurd number is declared once or twice, and a hole beside it is still filled: not everything is declared instead.
    expect(incompleteCount).toBeLessThan(madeCount / 30);
    expect(refetchedCount).toBeGreaterThan(1_000);
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

describe('timed trades in frames that can’t be read, before an absence of more trades than the instrument remembers', () => {
  it('are fetched with those of the absence, and none of them counts twice', () => {
    let completeCount = 0;
    for (let seed = 1; seed <= 8; seed++) {
      const told = { lossShare: 0.03, isLossTold: true, restartShare: 0 };
      const world = live({ ...timed, ...told, seed, pageSize: 150, longAbsenceShare: 0.2 });
      expect(world.gaps.map(({ reason }) => reason).join()).not.toContain('too many trades came since');
      if (world.gaps.some(({ repair }) => repair === 'incomplete')) continue;
      completeCount++;
      expectAll(world);
    }
    expect(completeCount).toBeGreaterThan(3);
  });
});

function start(history: TradeHistory | NoTradeHistory, keptMax = 100) {
  const delivered: string[] = [];
  const gaps: TradeGap[] = [];
  const asked: string[] = [];
  const requests: MissingTrades[] = [];
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
      request: (missing) => {
        asked.push(`after ${missing.after.tradeId}`);
        requests.push(missing);
      },
      gap: (gap) => void gaps.push(gap),
    },
  });
  return { catchUp, delivered, gaps, asked, requests };
}

function pageOf(trades: readonly Trade[], next?: string): PageAnswer {
  return { type: 'page', page: { trades, next, reachesBack: next === undefined } };
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
    catchUp.opened('no connection', recordedMoment(1_000));
    catchUp.trade(numberedTrade(11), recordedMoment(1_001));
    expect(delivered).toEqual([]);
    catchUp.known(known, recordedMoment(1_002));
    expect(delivered).toEqual(['11']);
    catchUp.tick(recordedMoment(1_250));
    catchUp.trade(numberedTrade(12), recordedMoment(1_300));
    expect(asked).toEqual(['instrument']);
    expect(delivered).toEqual(['11', '12']);
    expect(gaps).toEqual([
      { fromMs: 600, toMs: 1_250, reason: 'no connection', repair: 'refetched', tradesRefetched: 0 },
    ]);
  });

  it('fetches nothing for an instrument that never had a trade, and finds its later holes', () => {
    const { catchUp, delivered, gaps, asked } = start(past);
    catchUp.opened('no connection', recordedMoment(1_000));
    catchUp.trade(numberedTrade(50), recordedMoment(1_001));
    catchUp.known(undefined, recordedMoment(1_002));
    expect(catchUp.isHolding).toBe(false);
    catchUp.trade(numberedTrade(52), recordedMoment(1_100));
    catchUp.tick(recordedMoment(1_250));
    expect(asked).toEqual(['instrument', 'after 50']);
    catchUp.answered(
      { type: 'page', page: { trades: [numberedTrade(51)], next: undefined, reachesBack: true } },
      recordedMoment(1_300),
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
    catchUp.opened('no connection', recordedMoment(1_000));
    catchUp.known(known, recordedMoment(1_002));
    catchUp.tick(recordedMoment(1_900));
    expect(asked).toEqual(['instrument']);
    catchUp.tick(recordedMoment(2_002));
    expect(asked).toEqual(['instrument', 'after 10']);
    catchUp.answered(
      { type: 'page', page: { trades: [], next: undefined, reachesBack: true } },
      recordedMoment(2_100),
    );
    expect(catchUp.isHolding).toBe(false);
    expect(gaps).toMatchObject([{ repair: 'refetched', tradesRefetched: 0 }]);
  });

  it('asks for the trades of a quiet symbol only once it is subscribed for a while, or some would be in neither', () => {
    const { catchUp, asked } = start(past);
    catchUp.opened('no connection', recordedMoment(1_000), { isSubscribed: false });
    catchUp.known(known, recordedMoment(1_002));
    catchUp.tick(recordedMoment(9_000));
    catchUp.subscribed(recordedMoment(9_000));
    catchUp.subscribed(recordedMoment(9_900));
    catchUp.tick(recordedMoment(9_999));
    expect(asked).toEqual(['instrument']);
    catchUp.tick(recordedMoment(10_000));
    expect(asked).toEqual(['instrument', 'after 10']);
  });

  it('asks an instrument again that does not answer', () => {
    const { catchUp, asked } = start(past);
    catchUp.opened('no connection', recordedMoment(1_000));
    catchUp.tick(recordedMoment(1_400));
    catchUp.tick(recordedMoment(1_500));
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
    catchUp.opened('no connection', recordedMoment(1_000));
    catchUp.known(known, recordedMoment(1_000));
    catchUp.trade(numberedTrade(20), recordedMoment(1_001));
    for (let nowMs = 1_250; catchUp.isHolding && nowMs < 9_000; nowMs += 250) {
      catchUp.tick(recordedMoment(nowMs));
      catchUp.answered(answer, recordedMoment(nowMs));
    }
    expect(delivered.at(-1)).toBe('20');
    expect(gaps).toMatchObject([{ repair: 'incomplete', reason: `no connection; ${why}` }]);
    catchUp.trade(numberedTrade(21), recordedMoment(9_500));
    expect(delivered.at(-1)).toBe('21');
    expect(gaps).toHaveLength(1);
  });

  it.each([-3_600_000, 3_600_000])(
    'holds trades until its deadline, also when the wall clock is set by %i ms meanwhile',
    (byMs) => {
      const { catchUp, gaps, delivered } = start(past);
      catchUp.opened('no connection', recordedMoment(1_000));
      catchUp.trade(numberedTrade(20), recordedMoment(1_001));
      catchUp.tick({ wallMs: 2_000 + byMs, monotonicMs: 2_000 });
      catchUp.tick({ wallMs: 10_999 + byMs, monotonicMs: 10_999 });
      expect([delivered, gaps]).toEqual([[], []]);
      catchUp.tick({ wallMs: 11_000 + byMs, monotonicMs: 11_000 });
      expect(delivered).toEqual(['20']);
      expect(gaps).toMatchObject([{ fromMs: Math.min(1_000, 11_000 + byMs), toMs: 11_000 + byMs }]);
    },
  );

  it('holds trades for no longer than its deadline, and no more than its limit', () => {
    const late = start(past);
    late.catchUp.opened('no connection', recordedMoment(1_000));
    late.catchUp.trade(numberedTrade(20), recordedMoment(1_001));
    late.catchUp.tick(recordedMoment(11_000));
    expect(late.delivered).toEqual(['20']);
    expect(late.gaps[0]!.reason).toBe('no connection; not fetched within 10000 ms');

    const full = start(past, 5);
    full.catchUp.opened('no connection', recordedMoment(1_000));
    for (let number = 20; number <= 25; number++)
      full.catchUp.trade(numberedTrade(number), recordedMoment(1_001));
    expect(full.delivered).toEqual(['20', '21', '22', '23', '24', '25']);
    expect(full.catchUp.keptCount).toBe(0);
    expect(full.gaps[0]!.reason).toBe('no connection; more than 5 trades came meanwhile');
  });

  it('holds nothing where the exchange gives no past trades, and declares each gap', () => {
    const { catchUp, delivered, gaps } = start({ identity: 'none', reason: 'they are others' });
    catchUp.opened('no connection', recordedMoment(1_000));
    expect(catchUp.isHolding).toBe(false);
    catchUp.trade(numberedTrade(20), recordedMoment(1_001));
    catchUp.known(known, recordedMoment(1_002));
    catchUp.closed('lost', 2_000);
    catchUp.opened('no connection', recordedMoment(3_000));
    catchUp.known(known, recordedMoment(3_001));
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

describe('an absurd number among numbered trades', () => {
  const absurd = Number.MAX_SAFE_INTEGER - 991;
  const absurdTrade = (number: number) => trade({ tradeId: String(number), eventTimeMs: 602 });

  /** Live, and up to 101. */
  function startLive() {
    const started = start(past);
    const { catchUp, delivered, gaps, asked } = started;
    catchUp.opened('no connection', recordedMoment(1_000));
    catchUp.known(
      { newest: { tradeId: '100', eventTimeMs: 600 }, latestTradeId: '100', timeMs: 600 },
      recordedMoment(1_000),
    );
    catchUp.trade(numberedTrade(101), recordedMoment(1_001));
    catchUp.tick(recordedMoment(1_250));
    expect(delivered).toEqual(['101']);
    delivered.length = gaps.length = asked.length = 0;
    return started;
  }

  it('is declared, and the next hole is found as if it had not come', () => {
    const { catchUp, delivered, gaps, asked } = startLive();
    catchUp.trade(absurdTrade(absurd), recordedMoment(1_300));
    catchUp.trade(numberedTrade(102), recordedMoment(1_400));
    catchUp.trade(numberedTrade(105), recordedMoment(1_500));
    catchUp.tick(recordedMoment(1_600));
    catchUp.answered(pageOf([103, 104, 105].map(numberedTrade)), recordedMoment(1_700));
    expect(asked).toEqual(['after 102']);
    expect(delivered).toEqual([String(absurd), '102', '103', '104', '105']);
    const reason = `trade ids say nothing about a loss: expected 102, was ${absurd}`;
    expect(gaps).toEqual([
      { fromMs: 1_001, toMs: 1_300, reason, repair: 'incomplete', tradesRefetched: 0 },
      {
        fromMs: 1_400,
        toMs: 1_700,
        reason: 'trades missing: expected 103, was 105',
        repair: 'refetched',
        tradesRefetched: 2,
      },
    ]);
  });

  it.each([
    ['far above', absurd],
    ['below', 1],
  ])('%s that others follow on is a new count, in which holes are found', (_where, first) => {
    const { catchUp, delivered, gaps, asked } = startLive();
    // As long after the last one as it takes to tell it from one that comes again.
    const later = (number: number, eventTimeMs: number) => trade({ tradeId: String(number), eventTimeMs });
    catchUp.trade(later(first, 20_000), recordedMoment(20_000));
    catchUp.trade(later(first + 1, 20_100), recordedMoment(20_100));
    catchUp.trade(later(first + 4, 20_200), recordedMoment(20_200));
    catchUp.tick(recordedMoment(20_300));
    const missing = [later(first + 2, 20_110), later(first + 3, 20_120)];
    catchUp.answered(pageOf(missing), recordedMoment(20_400));
    expect(asked).toEqual([`after ${first + 1}`]);
    expect(delivered).toEqual([0, 1, 2, 3, 4].map((step) => String(first + step)));
    expect(gaps.map(({ repair }) => repair)).toEqual(['incomplete', 'refetched']);
    expect(gaps[0]).toMatchObject({ fromMs: 1_001, toMs: 20_000 });
  });

  it('inside a hole makes it incomplete, though all that the exchange knows was fetched', () => {
    const { catchUp, delivered, gaps } = startLive();
    catchUp.trade(numberedTrade(104), recordedMoment(1_300));
    catchUp.trade(absurdTrade(absurd), recordedMoment(1_310));
    catchUp.tick(recordedMoment(1_400));
    catchUp.answered(pageOf([102, 103, 104].map(numberedTrade)), recordedMoment(1_500));
    expect(catchUp.isHolding).toBe(false);
    expect(delivered).toEqual([String(absurd), '102', '103', '104']);
    expect(gaps).toMatchObject([{ fromMs: 1_001, toMs: 1_500, repair: 'incomplete', tradesRefetched: 2 }]);
  });

  it('inside a hole that others follow on ends it at once', () => {
    const { catchUp, delivered, gaps } = startLive();
    catchUp.trade(numberedTrade(104), recordedMoment(1_300));
    catchUp.trade(absurdTrade(absurd), recordedMoment(1_310));
    catchUp.trade(absurdTrade(absurd + 1), recordedMoment(1_320));
    expect(catchUp.isHolding).toBe(false);
    expect(delivered).toEqual([String(absurd), '104', String(absurd + 1)]);
    expect(gaps).toMatchObject([{ fromMs: 1_001, toMs: 1_320, repair: 'incomplete' }]);
  });

  it('that the instrument has from before is no number to ask behind', () => {
    const { catchUp, asked } = start(past);
    const newest = { tradeId: String(absurd), eventTimeMs: 600 };
    catchUp.opened('no connection', recordedMoment(1_000));
    catchUp.known({ newest, latestTradeId: '100', timeMs: 600 }, recordedMoment(1_000));
    catchUp.trade(numberedTrade(104), recordedMoment(1_001));
    catchUp.tick(recordedMoment(1_250));
    expect(asked).toEqual(['instrument', 'after 100']);
  });

  it('that the instrument has as its latest is found out by the next trade, which declares all since', () => {
    const { catchUp, gaps } = start(past);
    const newest = { tradeId: String(absurd), eventTimeMs: 600 };
    catchUp.opened('no connection', recordedMoment(1_000));
    catchUp.known({ newest, latestTradeId: newest.tradeId, timeMs: 600 }, recordedMoment(1_000));
    // The exchange has none behind it, which proves nothing.
    catchUp.tick(recordedMoment(2_000));
    catchUp.answered(pageOf([]), recordedMoment(2_100));
    expect(gaps).toMatchObject([{ fromMs: 600, toMs: 2_100, repair: 'refetched' }]);
    catchUp.trade(numberedTrade(104), recordedMoment(3_000));
    expect(gaps[1]).toMatchObject({ fromMs: 600, toMs: 3_000, repair: 'incomplete' });
  });

  it('behind which the exchange only knows others is given up, and their count goes on', () => {
    const { catchUp, delivered, gaps } = start(past);
    const newest = { tradeId: String(absurd), eventTimeMs: 600 };
    catchUp.opened('no connection', recordedMoment(1_000));
    catchUp.known({ newest, latestTradeId: newest.tradeId, timeMs: 600 }, recordedMoment(1_000));
    catchUp.tick(recordedMoment(2_000));
    catchUp.answered(pageOf([103, 104].map(numberedTrade)), recordedMoment(2_100));
    catchUp.trade(numberedTrade(105), recordedMoment(2_200));
    expect(delivered).toEqual(['103', '104', '105']);
    expect(gaps).toMatchObject([
      { repair: 'incomplete', reason: 'no connection; the exchange counts its trades anew' },
    ]);
    catchUp.trade(numberedTrade(107), recordedMoment(2_300));
    expect(catchUp.isHolding).toBe(true);
  });
});

describe('the holes of one connection', () => {
  const failure: PageAnswer = { type: 'failed', reason: 'timed out', isFinal: false };

  it.each([
    ['failures', (_number: number) => [failure, failure]],
    ['pages', (number: number) => [pageOf([numberedTrade(number - 2)], 'more')]],
  ])('each have all %s, however many came before', (_what, before) => {
    const { catchUp, delivered, gaps } = start(past);
    catchUp.opened('no connection', recordedMoment(1_000));
    catchUp.known(known, recordedMoment(1_000));
    catchUp.trade(numberedTrade(11), recordedMoment(1_001));
    catchUp.tick(recordedMoment(1_250));
    let nowMs = 2_000;
    for (let number = 14; number <= 26; number += 3) {
      catchUp.trade(numberedTrade(number), recordedMoment(nowMs));
      const last = pageOf([numberedTrade(number - 2), numberedTrade(number - 1)]);
      for (const answer of [...before(number), last]) {
        nowMs += 500;
        catchUp.tick(recordedMoment(nowMs));
        catchUp.answered(answer, recordedMoment(nowMs));
      }
    }
    expect(delivered).toEqual(Array.from({ length: 16 }, (_, index) => String(index + 11)));
    expect(gaps.map(({ repair }) => repair)).toEqual(gaps.map(() => 'refetched'));
  });
});

const timedPast: TradeHistory = { ...past, identity: 'other', maxPages: 10 };
const timedTrade = (tradeId: string, eventTimeMs: number) => trade({ tradeId, eventTimeMs });

/** An instrument that knows the trade `newest` of 20,000, and a connection that was live since. */
function startTimed() {
  const started = start(timedPast, 3_000);
  const { catchUp, gaps, requests } = started;
  const newest = { tradeId: 'newest', eventTimeMs: 20_000 };
  catchUp.opened('no connection', recordedMoment(21_000));
  catchUp.known({ newest, timeMs: 20_000 }, recordedMoment(21_000));
  catchUp.trade(timedTrade('live', 21_100), recordedMoment(21_100));
  catchUp.tick(recordedMoment(21_250));
  catchUp.answered(pageOf([timedTrade('live', 21_100)]), recordedMoment(21_300));
  expect(catchUp.isHolding).toBe(false);
  requests.length = 0;
  gaps.length = 0;
  return started;
}

describe('timed trades', () => {
  it('are not taken from a page that does not join the one before it', () => {
    const { catchUp, delivered, requests } = start(timedPast);
    const [first, second] = [timedTrade('a', 700), timedTrade('b', 900)];
    catchUp.opened('no connection', recordedMoment(1_000));
    catchUp.known(known, recordedMoment(1_000));
    catchUp.trade(timedTrade('c', 950), recordedMoment(1_001));
    catchUp.tick(recordedMoment(1_250));
    catchUp.answered(pageOf([second, timedTrade('c', 950)], '901'), recordedMoment(1_250));
    catchUp.tick(recordedMoment(1_500));
    catchUp.answered(pageOf([timedTrade('x', 600)]), recordedMoment(1_500));
    expect(catchUp.isHolding).toBe(true);
    catchUp.tick(recordedMoment(2_000));
    catchUp.answered(pageOf([second, timedTrade('c', 950)], '901'), recordedMoment(2_000));
    catchUp.tick(recordedMoment(2_250));
    catchUp.answered(pageOf([first, second]), recordedMoment(2_250));
    expect(requests.map(({ cursor }) => cursor)).toEqual([undefined, '901', undefined, '901']);
    expect(delivered).toEqual(['a', 'b', 'c']);
  });

  it('are looked for at most so often because of frames that can’t be read', () => {
    const { catchUp, requests } = startTimed();
    for (let nowMs = 22_000; nowMs < 22_500; nowMs += 50) {
      catchUp.suspect('lost a frame', recordedMoment(nowMs));
      catchUp.trade(timedTrade(`of ${nowMs}`, nowMs), recordedMoment(nowMs));
      catchUp.tick(recordedMoment(nowMs));
      catchUp.answered(pageOf([timedTrade(`of ${nowMs}`, nowMs)]), recordedMoment(nowMs));
    }
    expect(requests).toHaveLength(1);
    catchUp.tick(recordedMoment(22_500));
    catchUp.trade(timedTrade('later', 22_500), recordedMoment(22_500));
    catchUp.tick(recordedMoment(22_550));
    expect(requests.map(({ after }) => after.tradeId)).toEqual(['live', 'of 22000']);
  });

  it('are declared from before the frame that could not be read, though the connection was cut later', () => {
    const { catchUp, gaps, requests } = startTimed();
    catchUp.suspect('lost a frame', recordedMoment(22_000));
    catchUp.trade(timedTrade('a', 22_100), recordedMoment(22_100));
    catchUp.tick(recordedMoment(22_100));
    catchUp.answered(pageOf([timedTrade('a', 22_100)]), recordedMoment(22_150));
    catchUp.suspect('lost a frame', recordedMoment(22_200));
    catchUp.trade(timedTrade('b', 22_300), recordedMoment(22_300));
    catchUp.closed('cut', 22_350);
    catchUp.opened('no connection', recordedMoment(23_000));
    catchUp.known({ newest: { tradeId: 'b', eventTimeMs: 22_300 }, timeMs: 22_300 }, recordedMoment(23_000));
    catchUp.tick(recordedMoment(24_000));
    expect(requests.at(-1)).toMatchObject({ after: { tradeId: 'a', eventTimeMs: 22_100 } });
    catchUp.answered(pageOf([timedTrade('lost', 22_190)]), recordedMoment(24_100));
    expect(gaps.at(-1)).toMatchObject({ fromMs: 22_150, toMs: 24_100, reason: 'disconnected: cut' });
  });
});

describe('timed trades after a restart', () => {
  const newest = { tradeId: 'newest', eventTimeMs: 20_000 };

  /** The stream begins with history, from `firstMs` to the newest trade that is known. */
  function restart(firstMs: number) {
    const started = start(timedPast, 3_000);
    started.catchUp.opened('no connection', recordedMoment(21_000));
    started.catchUp.known({ newest, timeMs: 20_000 }, recordedMoment(21_000));
    for (const one of [timedTrade('first', firstMs), timedTrade('newest', 20_000)])
      started.catchUp.trade({ ...one, isHistory: true }, recordedMoment(21_001));
    started.catchUp.tick(recordedMoment(21_250));
    return started;
  }

  it('are fetched from a little before the newest one, for the last process may have lost some of them', () => {
    const { catchUp, delivered, gaps, requests } = restart(19_900);
    expect(requests).toMatchObject([{ after: { eventTimeMs: 5_000 } }]);
    const page = [timedTrade('older', 4_999), timedTrade('lost', 19_000), timedTrade('first', 19_900)];
    catchUp.answered(pageOf([...page, timedTrade('newest', 20_000)]), recordedMoment(21_300));
    expect(delivered).toEqual(['lost', 'first', 'newest']);
    expect(gaps).toMatchObject([{ repair: 'refetched', tradesRefetched: 0 }]);
  });

  it('are not fetched where the stream itself begins that far back', () => {
    const { catchUp, requests } = restart(5_000);
    expect(requests).toEqual([]);
    expect(catchUp.isHolding).toBe(false);
  });

  it('are left out and declared where they are more than an instrument surely remembers', () => {
    const { catchUp, delivered, gaps } = restart(19_900);
    const many = Array.from({ length: 2_001 }, (_, index) => timedTrade(`of ${index}`, 17_000 + index));
    catchUp.answered(pageOf([...many, timedTrade('first', 19_900)]), recordedMoment(21_300));
    expect(delivered).toEqual(['first', 'newest']);
    expect(gaps).toMatchObject([
      {
        repair: 'incomplete',
        reason: 'no connection; too many trades came since to tell which the instrument lacks',
      },
    ]);
  });
});
