/** Trades that a connection missed, from the cut of its socket to the state of the instrument. */
import { describe, expect, it } from 'vitest';
import type { WatchRequest } from '../../src/actors/connection.ts';
import { connectionActor } from '../../src/actors/connection.ts';
import { LEAVE_WITHIN_MS } from '../../src/actors/planned-leave.ts';
import type { HttpAnswer } from '../../src/actors/feed-ports.ts';
import { KEPT_TRADES_MAX } from '../../src/actors/trade-catch-ups.ts';
import type { FeedMessage, TradeHistory } from '../../src/exchanges/adapter.ts';
import type { Trade } from '../../src/market/events.ts';
import { MAX_OTHER_IDS } from '../../src/market/trade-identities.ts';
import { MemoryMarketTables } from '../../src/persistence/memory-market-tables.ts';
import { trade as tradeEvent } from '../support/market-events.ts';
import type { Actors } from './support.ts';
import {
  createActors,
  frames,
  holdableJournal,
  instrumentOf,
  openSocket,
  plainAdapter,
  receive,
} from './support.ts';

const { book, trade } = frames;
const { instrument, nativeSymbol } = instrumentOf('BTC-USDT');

/** A trade of now, by the clock that stands still. */
function tradeNow({ time }: Actors, tradeId: string): FeedMessage {
  const event = tradeEvent({ tradeId, eventTimeMs: time.nowMs(), receiveTimeMs: time.nowMs() });
  return { type: 'trade', nativeSymbol, event };
}

/** Past trades by number, as JSON. */
const past: TradeHistory = {
  identity: 'consecutive',
  maxPages: 10,
  request: ({ rest }, symbol, { after }) => ({ url: `${rest}/past/${symbol}/${after.tradeId}` }),
  read: (body) => ({
    ok: true,
    page: { trades: JSON.parse(body) as Trade[], next: undefined, reachesBack: true },
  }),
};

function pageOf({ time }: Actors, ...ids: readonly number[]): HttpAnswer {
  const trades = ids.map((id) =>
    tradeEvent({
      tradeId: String(id),
      isHistory: true,
      eventTimeMs: time.nowMs(),
      receiveTimeMs: time.nowMs(),
    }),
  );
  return {
    status: 200,
    body: JSON.stringify(trades),
    receiveTimeMs: time.nowMs(),
    retryAfterMs: undefined,
  };
}

function answerWith(actors: Actors, ...ids: readonly number[]): void {
  const answer = pageOf(actors, ...ids);
  actors.transport.answer = () => Promise.resolve(answer);
}

/** Requests wait until they are answered here, each by its number. */
function answerLater(actors: Actors): (index: number, ...ids: readonly number[]) => Promise<void> {
  const resolves: ((answer: HttpAnswer) => void)[] = [];
  actors.transport.answer = () => new Promise((resolve) => resolves.push(resolve));
  return async (index, ...ids) => {
    resolves[index]!(pageOf(actors, ...ids));
    await actors.time.advance(1);
  };
}

/** Connects these symbols; `target` is the actor of the first. */
async function connect(
  actors: Actors,
  symbols: readonly string[] = ['BTC-USDT'],
  { settleMs = 0, history = past } = {},
) {
  const targets = symbols.map((symbol) => actors.spawn(symbol).ref);
  const watched = symbols.map((symbol, index): WatchRequest => {
    const { nativeSymbol, instrument } = instrumentOf(symbol);
    const target = targets[index]!;
    return {
      type: 'Watch',
      nativeSymbol,
      channels: ['book', 'trades'],
      instrument,
      target,
      metadata: undefined,
    };
  });
  const connection = actors.system.spawn(
    actors.system.root,
    connectionActor(
      actors.connectionOptions({
        adapter: plainAdapter({ tradeHistory: history, limits: { ...plainAdapter().limits, settleMs } }),
        watched: () => watched,
        heartbeats: { quietMs: 500, turnMs: 500 },
      }),
    ),
  );
  await openSocket(actors);
  return { connection, target: targets[0]! };
}

async function idsOf({ tables }: Actors): Promise<string[]> {
  const rows = await tables.readTrades({
    instrument,
    fromMs: 0,
    toMs: Number.MAX_SAFE_INTEGER,
    limit: 1_000,
  });
  return rows.map(({ tradeId }) => tradeId).sort((a, b) => Number(a) - Number(b));
}

describe('a connection that carries trades', () => {
  it('fetches what its symbol missed while the socket was gone, before anything that came later', async () => {
    const actors = await createActors({ tables: new MemoryMarketTables() });
    const { target, connection } = await connect(actors);
    receive(actors, book('BTCUSDT', 1), trade('BTCUSDT', '1'), trade('BTCUSDT', '2'));
    await actors.time.advance(1_000);
    expect(await actors.view(target)).toMatchObject({ trades: 2 });
    actors.transport.last.handlers.onClosed('lost');
    await openSocket(actors, 2);
    answerWith(actors, 3, 4, 5, 6);
    receive(actors, trade('BTCUSDT', '6'), trade('BTCUSDT', '7'));
    await actors.time.advance(1);
    expect(await actors.view(target)).toMatchObject({ trades: 2 });
    expect(await actors.status(connection)).toMatchObject({ catchingUpCount: 1, keptTrades: 2 });
    await actors.time.advance(1_000);
    expect(actors.transport.requested).toContain('http://plain/past/BTCUSDT/2');
    expect(await actors.status(connection)).toMatchObject({ catchingUpCount: 0, keptTrades: 0 });
    expect(await idsOf(actors)).toEqual(['1', '2', '3', '4', '5', '6', '7']);
    const [gap] = await actors.records.readFeedGaps({ instrument, limit: 10 });
    expect(gap).toMatchObject({
      channel: 'trades',
      repair: 'refetched',
      reason: 'disconnected: lost',
      tradesRefetched: 3,
    });
  });

  it('fetches what was missed while the node was away', async () => {
    const before = await createActors();
    const first = await connect(before);
    receive(before, trade('BTCUSDT', '1'));
    await before.time.advance(1_000);
    expect(await before.view(first.target)).toMatchObject({ trades: 1 });

    const actors = await before.restart();
    const { target } = await connect(actors);
    answerWith(actors, 2, 3);
    receive(actors, trade('BTCUSDT', '4'));
    await actors.time.advance(1_000);
    expect(await actors.view(target)).toMatchObject({ trades: 2 });
    expect(actors.transport.requested).toEqual(['http://plain/past/BTCUSDT/1']);
    const [gap] = await actors.records.readFeedGaps({ instrument, limit: 10 });
    expect(gap).toMatchObject({ repair: 'refetched', tradesRefetched: 2 });
  });

  it('asks for past trades of a quiet symbol only after it was subscribed', async () => {
    const before = await createActors();
    await connect(before);
    receive(before, trade('BTCUSDT', '1'));
    await before.time.advance(1_000);
    const actors = await before.restart();
    await connect(actors, ['BTC-USDT'], { settleMs: 10_000 });
    answerWith(actors);
    await actors.time.advance(9_500);
    expect([actors.transport.last.sent, actors.transport.requested]).toEqual([[], []]);
    await actors.time.advance(5_000);
    expect(actors.transport.last.sent).toEqual(['subscribe BTCUSDT book,trades']);
    expect(actors.transport.requested).toEqual(['http://plain/past/BTCUSDT/1']);
  });

  it('declares what can not be had, and goes on', async () => {
    const actors = await createActors();
    const { target } = await connect(actors);
    receive(actors, trade('BTCUSDT', '1'));
    await actors.time.advance(1_000);
    actors.transport.answer = () =>
      Promise.resolve({ status: 403, body: 'no', receiveTimeMs: 0, retryAfterMs: undefined });
    receive(actors, trade('BTCUSDT', '9'));
    await actors.time.advance(1_000);
    expect(await actors.view(target)).toMatchObject({ trades: 2 });
    const [gap] = await actors.records.readFeedGaps({ instrument, limit: 10 });
    expect(gap).toMatchObject({
      repair: 'incomplete',
      reason: 'trades missing: expected 2, was 9; past trades answered with HTTP 403: no',
    });
  });

  it('lets no time pass for an instrument whose trades it holds, nor while the exchange is silent', async () => {
    const actors = await createActors();
    const { target } = await connect(actors);
    receive(actors, tradeNow(actors, '1'));
    await actors.time.advance(5_000);
    const { position } = await actors.view(target);
    expect(position).toBeGreaterThan(5);
    // Nothing is answered: trade 9 and the time wait.
    receive(actors, tradeNow(actors, '9'));
    await actors.time.advance(5_000);
    expect((await actors.view(target)).position).toBe(position);
    answerWith(actors, 2, 3, 4, 5, 6, 7, 8);
    await actors.time.advance(15_000);
    const resumed = (await actors.view(target)).position;
    expect(resumed).toBeGreaterThan(position + 8);
    await actors.time.advance(10_000);
    const silent = (await actors.view(target)).position;
    await actors.time.advance(10_000);
    expect((await actors.view(target)).position).toBe(silent);
  });
});

describe('a connection that is asked for past trades once more while they are on their way', () => {
  it('takes an answer for its own question only', async () => {
    const { journal, hold, release } = holdableJournal();
    const actors = await createActors({ journal, tables: new MemoryMarketTables() });
    const { connection, target } = await connect(actors, ['BTC-USDT', 'ETH-USDT']);
    const answer = answerLater(actors);
    receive(actors, trade('BTCUSDT', '1'));
    await actors.time.advance(1_000);
    // 2 is in its actor's hands, 3 to 5 wait behind it, and 6 to 8 are asked for.
    hold();
    for (const id of ['2', '3', '4', '5', '9']) {
      receive(actors, trade('BTCUSDT', id));
      await actors.time.advance(1);
    }
    await actors.time.advance(250);
    // What waits is gone with the subscription: now 3 to 8 are missing.
    actors.system.send(connection, { type: 'Unwatch', nativeSymbol });
    actors.watch(connection, 'BTC-USDT', target);
    release();
    await actors.time.advance(250);
    receive(actors, trade('BTCUSDT', '10'));
    await actors.time.advance(250);
    expect(actors.transport.requested).toEqual([
      'http://plain/past/BTCUSDT/5',
      'http://plain/past/BTCUSDT/2',
    ]);
    await answer(0, 6, 7, 8);
    await answer(1, 3, 4, 5, 6, 7, 8, 9);
    await actors.time.advance(250);
    expect(await idsOf(actors)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
  });
});

describe('trades of a connection that is left for its successor', () => {
  /** A successor that is open, and subscribes when `settleMs` have passed. */
  async function leaving({ settleMs = 0 } = {}) {
    const actors = await createActors({ tables: new MemoryMarketTables() });
    await connect(actors, ['BTC-USDT'], { settleMs });
    await actors.time.advance(settleMs);
    const { sockets } = actors.transport;
    const say = async (index: number, ...messages: FeedMessage[]) => {
      sockets[index]!.handlers.onFrame(JSON.stringify(messages), actors.time.nowMs());
      await actors.time.advance(1);
    };
    await say(0, book('BTCUSDT', 1), trade('BTCUSDT', '1'));
    await say(0, { type: 'leave', reason: 'the server announced its shutdown' });
    await actors.time.advance(250);
    sockets[1]!.handlers.onOpen();
    await actors.time.advance(1);
    return { actors, sockets, say, answer: answerLater(actors) };
  }

  it.each([
    ['the old line closes by itself', 'closed'],
    ['all books have moved', 'moved'],
    ['the time for it is over', 'over'],
  ])('are asked for once more when they were on their way and %s', async (_when, end) => {
    const { actors, sockets, say, answer } = await leaving();
    await actors.time.advance(5_000);
    await say(0, trade('BTCUSDT', '4'));
    await actors.time.advance(250);
    expect(actors.transport.requested).toEqual(['http://plain/past/BTCUSDT/1']);
    if (end === 'closed') sockets[0]!.handlers.onClosed('gone');
    else if (end === 'over') await actors.time.advance(LEAVE_WITHIN_MS);
    await say(1, book('BTCUSDT', 5), trade('BTCUSDT', '5'));
    expect(sockets[0]!.closedReason).toBe(end === 'closed' ? undefined : 'moved to another connection');
    await answer(0, 2, 3);
    await actors.time.advance(4_000);
    expect(actors.transport.requested).toHaveLength(2);
    await answer(1, 2, 3);
    await actors.time.advance(1_000);
    expect(await idsOf(actors)).toEqual(['1', '2', '3', '4', '5']);
    const gaps = await actors.records.readFeedGaps({ instrument, limit: 10 });
    expect(gaps.filter(({ channel }) => channel === 'trades')).toMatchObject([{ repair: 'refetched' }]);
  });

  it('are fetched where the old line closes before the successor is subscribed', async () => {
    const { actors, sockets, say, answer } = await leaving({ settleMs: 1_000 });
    sockets[0]!.handlers.onClosed('gone');
    await actors.time.advance(1_500);
    await say(1, book('BTCUSDT', 5), trade('BTCUSDT', '4'));
    await actors.time.advance(250);
    await answer(0, 2, 3);
    expect(await idsOf(actors)).toEqual(['1', '2', '3', '4']);
  });
});

describe('an instrument that is far behind when its connection is cut', () => {
  it('is asked for its newest trade when little waits for it, so that what waits is not fetched and counted again', async () => {
    const { journal, hold, release } = holdableJournal();
    const actors = await createActors({ journal });
    const { target } = await connect(actors, ['BTC-USDT'], { history: { ...past, identity: 'other' } });
    const tradesOf = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, index) =>
        tradeEvent({ tradeId: `fill-${from + index}`, eventTimeMs: actors.time.nowMs() + from + index }),
      );
    const made = tradesOf(0, MAX_OTHER_IDS + 2_000);
    const receiveSome = async (...events: readonly Trade[]) => {
      receive(actors, ...events.map((event) => ({ type: 'trade', nativeSymbol, event }) as const));
      await actors.time.advance(1);
    };
    await receiveSome(made[0]!);
    await actors.time.advance(1_000);
    hold();
    await receiveSome(made[1]!);
    await receiveSome(...made.slice(2, -1));
    actors.transport.last.handlers.onClosed('lost');
    await openSocket(actors, 2);
    const body = JSON.stringify(made.map((one) => ({ ...one, isHistory: true })));
    actors.transport.answer = () =>
      Promise.resolve({ status: 200, body, receiveTimeMs: actors.time.nowMs(), retryAfterMs: undefined });
    await receiveSome(made.at(-1)!);
    release();
    await actors.time.advance(15_000);
    expect(await actors.view(target)).toMatchObject({ trades: made.length, pastTrades: 0 });
    const [gap] = await actors.records.readFeedGaps({ instrument, limit: 10 });
    expect(gap).toMatchObject({ repair: 'refetched', tradesRefetched: 0 });
  });
});

describe('all symbols of a connection', () => {
  it('hold no more trades together than stated: the one that holds most gives up', async () => {
    const actors = await createActors();
    const symbols = ['A', 'B', 'C', 'D', 'E', 'F'].map((name) => `${name}-USDT`);
    const { connection } = await connect(actors, symbols);
    const receiveAll = async (symbol: string, firstId: number, count: number) => {
      const { nativeSymbol } = instrumentOf(symbol);
      const ids = Array.from({ length: count }, (_, index) => String(firstId + index));
      receive(actors, ...ids.map((id) => trade(nativeSymbol, id)));
      await actors.time.advance(1);
    };
    for (const symbol of symbols) await receiveAll(symbol, 1, 1);
    await actors.time.advance(1_000);
    const most = 'C-USDT';
    const others = symbols.filter((symbol) => symbol !== most);
    // Nothing is answered, so what follows on a hole waits.
    for (const symbol of others) await receiveAll(symbol, 10, 16_500);
    await receiveAll(most, 10, KEPT_TRADES_MAX - 5 * 16_500);
    await actors.time.advance(500);
    expect(await actors.status(connection)).toMatchObject({
      keptTrades: KEPT_TRADES_MAX,
      catchingUpCount: 6,
    });
    await receiveAll(most, 10 + KEPT_TRADES_MAX - 5 * 16_500, 1);
    await actors.time.advance(500);
    expect(await actors.status(connection)).toMatchObject({ keptTrades: 5 * 16_500, catchingUpCount: 5 });
    expect(await actors.records.readFeedGaps({ instrument: undefined, limit: 10 })).toMatchObject([
      {
        instrument: instrumentOf(most).instrument,
        repair: 'incomplete',
        reason: `trades missing: expected 2, was 10; more than ${KEPT_TRADES_MAX} trades are held on the connection`,
      },
    ]);
  });
});
