/** Hundreds of books that have to start again at once: the exchange's budgets hold, and nobody waits much longer than they demand. */
import { expect, it } from 'vitest';
import { ExchangeGate } from '../../src/actors/exchange-gate.ts';
import type { HttpAnswer } from '../../src/actors/feed-ports.ts';
import { createSeededRandom, momentOf } from '../../src/base/clock.ts';
import type { ExchangeAdapter } from '../../src/exchanges/adapter.ts';
import { adapters } from '../../src/exchanges/registry.ts';
import { FeedSession } from '../../src/exchanges/feed-session.ts';
import { recordedMoment } from '../../src/exchanges/moment.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { bookSnapshot } from '../support/market-events.ts';
import { plainAdapter, silentLog } from './support.ts';

/** The most that arrived within any window of this length. */
function heaviestWindow(arrivals: readonly { atMs: number; weight: number }[], windowMs: number): number {
  const inOrder = [...arrivals].sort((a, b) => a.atMs - b.atMs);
  let first = 0;
  let sum = 0;
  let most = 0;
  for (const { atMs, weight } of inOrder) {
    sum += weight;
    while (inOrder[first]!.atMs <= atMs - windowMs) sum -= inOrder[first++]!.weight;
    most = Math.max(most, sum);
  }
  return most;
}

it('500 books whose snapshots are fetched are live again in little more than the time that the budget takes', async () => {
  const adapter = adapters.get('binance')!;
  const { requests, maxSymbolsPerConnection } = adapter.limits;
  const time = new FakeClock();
  const random = createSeededRandom(3);
  const arrivals: { atMs: number; weight: number }[] = [];
  const gate = new ExchangeGate({
    exchange: 'binance',
    limits: adapter.limits,
    clock: time,
    timers: time,
    random,
    log: silentLog,
    transport: {
      open: () => {
        throw new Error('no socket is needed');
      },
      // Up to half a second to the exchange, where the weight is counted, and as much back.
      request: async (request): Promise<HttpAnswer> => {
        await time.sleep(Math.round(500 * random()));
        arrivals.push({ atMs: time.nowMs(), weight: requests.weightOf(request) });
        await time.sleep(Math.round(500 * random()));
        const body = '{"lastUpdateId":100,"bids":[["1","1"]],"asks":[["2","1"]]}';
        return { status: 200, body, receiveTimeMs: time.nowMs(), retryAfterMs: undefined };
      },
    },
  });
  const symbols = Array.from({ length: 500 }, (_, index) => `S${index}USDT`);
  const sessions: FeedSession[] = [];
  for (let index = 0; index < symbols.length; index += maxSymbolsPerConnection) {
    const carried = symbols.slice(index, index + maxSymbolsPerConnection).map(toNativeSymbol);
    const session: FeedSession = new FeedSession({
      adapter,
      connectionKind: adapter.connectionKinds[0]!,
      options: { depth: undefined },
      endpoints: adapter.defaultEndpoints,
      symbols: carried,
      random,
      effects: {
        deliver: () => undefined,
        send: () => undefined,
        fetchSnapshot: (symbol, request) => {
          const isWanted = () => session.wantsSnapshot(symbol);
          const limits = { timeoutMs: 15_000, bodyMaxBytes: 1_000, turn: symbol, isWanted };
          void gate.request(request, limits).then(({ status, body, receiveTimeMs }) => {
            session.snapshotAnswered(
              symbol,
              { ok: true, status, body },
              { ...momentOf(time), wallMs: receiveTimeMs },
            );
          });
        },
        reconnect: () => undefined,
        refuse: () => undefined,
        reject: () => undefined,
        suspectTrades: () => undefined,
      },
    });
    sessions.push(session);
    session.opened(momentOf(time));
  }
  const startMs = time.nowMs();
  const syncedCount = () => sessions.reduce((sum, session) => sum + session.status().syncedCount, 0);
  while (syncedCount() < symbols.length && time.nowMs() - startMs < 600_000) {
    await time.advance(500);
    for (const session of sessions) session.tick(momentOf(time));
  }
  const tookMs = time.nowMs() - startMs;
  const weight = arrivals.reduce((sum, arrival) => sum + arrival.weight, 0);
  const leastMs = (Math.ceil(weight / requests.weight) - 1) * requests.windowMs;
  expect(syncedCount()).toBe(symbols.length);
  // Nobody asked twice.
  expect(arrivals).toHaveLength(symbols.length);
  expect(heaviestWindow(arrivals, requests.windowMs)).toBeLessThanOrEqual(requests.weight);
  expect(leastMs).toBe(240_000);
  expect(tookMs).toBeLessThanOrEqual(1.05 * leastMs);
});

it.each([
  ['kraken', 100],
  ['okx', 25],
])(
  'all books of a connection of %s start again with a few frames, and again a minute later',
  (exchange, count) => {
    const { limits } = adapters.get(exchange)!;
    const adapter: ExchangeAdapter = {
      ...plainAdapter({ continuityScope: 'none' }),
      limits: { ...limits, settleMs: 0 },
    };
    const symbols = Array.from({ length: count }, (_, index) => `S${index}`);
    const sentAtMs: number[] = [];
    let nowMs = 0;
    const session: FeedSession = new FeedSession({
      adapter,
      connectionKind: adapter.connectionKinds[0]!,
      options: { depth: undefined },
      endpoints: adapter.defaultEndpoints,
      symbols: symbols.map(toNativeSymbol),
      effects: {
        deliver: () => undefined,
        send: (frame) => {
          sentAtMs.push(nowMs);
          const [kind, names] = frame.split(' ');
          if (kind === 'subscribe') wanted.push(...names!.split(','));
        },
        fetchSnapshot: () => undefined,
        reconnect: () => undefined,
        refuse: () => undefined,
        reject: () => undefined,
        suspectTrades: () => undefined,
      },
    });
    let wanted: string[] = [];
    const answerAll = () => {
      const answered = wanted;
      wanted = [];
      const books = answered.map((symbol) => ({
        type: 'book',
        nativeSymbol: symbol,
        event: bookSnapshot({ sequence: 1, receiveTimeMs: nowMs }),
      }));
      session.frame(JSON.stringify(books), recordedMoment(nowMs));
    };
    session.opened(recordedMoment(nowMs));
    answerAll();
    for (let round = 1; round <= 3; round++) {
      nowMs += 61_000;
      // No part of it can be read, and no sequence would show what it was.
      session.frame('this is no frame', recordedMoment(nowMs));
      expect(session.status().syncedCount).toBe(0);
      const lostAtMs = nowMs;
      while (session.status().syncedCount < count && nowMs - lostAtMs < 60_000) {
        nowMs += 250;
        answerAll();
        session.tick(recordedMoment(nowMs));
      }
      expect(nowMs - lostAtMs).toBeLessThanOrEqual(1_000);
    }
    const chunks = Math.ceil(count / limits.symbolsPerSubscribeFrame);
    expect(sentAtMs).toHaveLength(chunks + 3 * 2 * chunks);
    const { count: most, windowMs } = limits.framesPerConnection;
    expect(
      heaviestWindow(
        sentAtMs.map((atMs) => ({ atMs, weight: 1 })),
        windowMs,
      ),
    ).toBeLessThanOrEqual(most);
  },
);
