import { describe, expect, it } from 'vitest';
import type { ConnectionOptions } from '../../src/actors/connection.ts';
import { connectionActor } from '../../src/actors/connection.ts';
import { LEAVE_WITHIN_MS, TRADES_SETTLE_MS } from '../../src/actors/planned-leave.ts';
import type { HttpAnswer } from '../../src/actors/feed-ports.ts';
import type { FeedMessage, TradeHistory } from '../../src/exchanges/adapter.ts';
import type { Trade } from '../../src/market/events.ts';
import { MemoryMarketTables } from '../../src/persistence/memory-market-tables.ts';
import { trade as tradeEvent } from '../support/market-events.ts';
import {
  createActors,
  feedBudget,
  frames,
  holdableJournal,
  instrumentOf,
  openSocket,
  plainAdapter,
} from './support.ts';

const { book, delta, trade } = frames;
const leave: FeedMessage = { type: 'leave', reason: 'the server announced its shutdown' };

/** By then a successor that was opened and subscribed is known to carry trades, and a tick has seen it. */
const SETTLED_MS = TRADES_SETTLE_MS + 500;

/** Two books on a connection that the exchange says it will close. */
async function leaving(
  overrides: Partial<ConnectionOptions> = {},
  surroundings: Parameters<typeof createActors>[0] = {},
) {
  const actors = await createActors(surroundings);
  const [first, second] = ['BTC-USDT', 'ETH-USDT'].map((symbol) => actors.spawn(symbol).ref);
  const connection = actors.system.spawn(
    actors.system.root,
    connectionActor(actors.connectionOptions({ ...overrides })),
  );
  actors.watch(connection, 'BTC-USDT', first!);
  actors.watch(connection, 'ETH-USDT', second!);
  await openSocket(actors);
  const { sockets } = actors.transport;
  const say = async (socketIndex: number, ...messages: FeedMessage[]) => {
    sockets[socketIndex]!.handlers.onFrame(JSON.stringify(messages), actors.time.nowMs());
    await actors.time.advance(1);
  };
  await say(0, book('BTCUSDT', 1), book('ETHUSDT', 1));
  await say(0, leave);
  await actors.time.advance(250);
  const statuses = async () => [(await actors.view(first!)).status, (await actors.view(second!)).status];
  const gaps = () => actors.records.readFeedGaps({ instrument: undefined, limit: 10 });
  return { actors, connection, first: first!, second: second!, sockets, say, statuses, gaps };
}

describe('a connection that the exchange will close', () => {
  it('is left book by book for its successor, and no book is stale for a moment', async () => {
    const { actors, first, sockets, say, statuses, gaps, connection } = await leaving();
    expect(sockets).toHaveLength(2);
    sockets[1]!.handlers.onOpen();
    await actors.time.advance(1);
    expect(sockets[1]!.sent).toEqual(['subscribe BTCUSDT,ETHUSDT book,trades']);
    await say(1, delta('BTCUSDT', 4), book('BTCUSDT', 5));
    await say(0, delta('BTCUSDT', 2), delta('ETHUSDT', 2), trade('BTCUSDT', 'a'));
    await say(1, delta('BTCUSDT', 6), trade('BTCUSDT', 'a'), trade('BTCUSDT', 'b'));
    expect(await actors.view(first)).toMatchObject({ snapshots: 2, deltas: 1, trades: 2 });
    await actors.time.advance(SETTLED_MS);
    expect(sockets[0]!.closedReason).toBeUndefined();
    await say(1, book('ETHUSDT', 3));
    expect(sockets[0]!.closedReason).toBe('moved to another connection');
    await say(0, delta('BTCUSDT', 3), trade('BTCUSDT', 'old'));
    await say(1, delta('BTCUSDT', 7), delta('ETHUSDT', 4), trade('BTCUSDT', 'c'));
    expect(await actors.view(first)).toMatchObject({ snapshots: 2, deltas: 2, trades: 3 });
    expect(await statuses()).toEqual(['live', 'live']);
    expect(await gaps()).toEqual([]);
    expect(await actors.status(connection)).toMatchObject({ reconnects: 0, syncedCount: 2 });
    expect(actors.logLines.map(({ message }) => message)).toContain('moved to the successor');
  });

  it('opens one successor, however often it is told', async () => {
    const { actors, sockets, say } = await leaving();
    await say(0, leave, leave);
    await actors.time.advance(5_000);
    expect(sockets).toHaveLength(2);
  });

  it('loses only what had not moved when it closes early', async () => {
    const { actors, sockets, say, statuses, gaps } = await leaving();
    sockets[1]!.handlers.onOpen();
    await say(1, book('BTCUSDT', 5));
    sockets[0]!.handlers.onClosed('gone');
    await actors.time.advance(1);
    expect(await statuses()).toEqual(['live', 'stale']);
    await say(1, delta('BTCUSDT', 6), book('ETHUSDT', 9));
    expect(await statuses()).toEqual(['live', 'live']);
    expect(await gaps()).toMatchObject([{ instrument: 'plain:ETH-USDT', reason: 'gone' }]);
    await actors.time.advance(30_000);
    expect(sockets).toHaveLength(2);
  });

  it('keeps what had moved when the successor is lost, with a fresh start, and opens another', async () => {
    const { actors, sockets, say, statuses } = await leaving();
    sockets[1]!.handlers.onOpen();
    await say(1, book('BTCUSDT', 5));
    sockets[1]!.handlers.onClosed('refused');
    await actors.time.advance(1);
    expect(await statuses()).toEqual(['stale', 'live']);
    expect(sockets[0]!.sent.slice(-2)).toEqual(['unsubscribe BTCUSDT book', 'subscribe BTCUSDT book']);
    await say(0, book('BTCUSDT', 6));
    expect(await statuses()).toEqual(['live', 'live']);
    await actors.time.advance(2_500);
    expect(sockets).toHaveLength(3);
    sockets[2]!.handlers.onOpen();
    await say(2, book('BTCUSDT', 8), book('ETHUSDT', 8));
    await actors.time.advance(SETTLED_MS);
    expect(sockets[0]!.closedReason).toBe('moved to another connection');
    expect(await statuses()).toEqual(['live', 'live']);
  });

  it('waits for its successor no longer than stated, then cuts off what has not moved', async () => {
    const { actors, sockets, say, statuses } = await leaving();
    sockets[1]!.handlers.onOpen();
    await say(1, book('BTCUSDT', 5));
    await actors.time.advance(LEAVE_WITHIN_MS - 1_000);
    expect(sockets[0]!.closedReason).toBeUndefined();
    await actors.time.advance(1_000);
    expect(sockets[0]!.closedReason).toBe('moved to another connection');
    expect(await statuses()).toEqual(['live', 'stale']);
    await say(1, book('ETHUSDT', 5));
    expect(await statuses()).toEqual(['live', 'live']);
  });

  it('reconnects like any other when no successor could be opened in time', async () => {
    const { actors, sockets } = await leaving();
    await actors.time.advance(LEAVE_WITHIN_MS);
    expect(sockets.map(({ closedReason }) => closedReason)).toEqual([
      'the server announced its shutdown',
      'it was not open in time',
    ]);
    sockets[0]!.handlers.onClosed('closed');
    await actors.time.advance(2_000);
    expect(sockets).toHaveLength(3);
  });

  it('takes and drops symbols on both meanwhile', async () => {
    const { actors, connection, sockets, say, second } = await leaving({
      adapter: plainAdapter(),
    });
    sockets[1]!.handlers.onOpen();
    await actors.time.advance(1);
    await say(1, book('BTCUSDT', 5));
    actors.system.send(connection, { type: 'Unwatch', nativeSymbol: instrumentOf('BTC-USDT').nativeSymbol });
    const third = actors.spawn('SOL-USDT').ref;
    actors.watch(connection, 'SOL-USDT', third);
    await actors.time.advance(1);
    for (const { sent } of sockets) {
      expect(sent.slice(1)).toEqual(['unsubscribe BTCUSDT book,trades', 'subscribe SOLUSDT book,trades']);
    }
    await say(0, book('SOLUSDT', 1));
    await say(1, book('ETHUSDT', 5));
    await actors.time.advance(SETTLED_MS);
    expect(sockets[0]!.closedReason).toBeUndefined();
    await say(1, book('SOLUSDT', 2));
    expect(sockets[0]!.closedReason).toBe('moved to another connection');
    expect([(await actors.view(second)).status, (await actors.view(third)).status]).toEqual(['live', 'live']);
  });

  it('ends with both sockets when nothing is watched any more', async () => {
    const { actors, connection, sockets } = await leaving();
    await actors.system.stop(connection);
    expect(sockets.map(({ closedReason }) => closedReason)).toEqual([
      'the connection actor stopped',
      'the connection actor stopped',
    ]);
  });
});

/** Past trades that the exchange answers with, oldest first. */
const past: TradeHistory = {
  identity: 'consecutive',
  maxPages: 10,
  request: ({ rest }, symbol, { after }) => ({ url: `${rest}/past/${symbol}/${after.tradeId}` }),
  read: (body) => ({
    ok: true,
    page: { trades: JSON.parse(body) as Trade[], next: undefined, reachesBack: true },
  }),
};

/** As above, where trades that no connection carried can be asked for; number 1 came of BTC-USDT by the old line. */
async function leavingWithTrades(overrides: Parameters<typeof plainAdapter>[0] = {}) {
  const adapter = plainAdapter({ tradeHistory: past, ...overrides });
  const left = await leaving({ adapter }, { tables: new MemoryMarketTables() });
  const { actors, say } = left;
  await say(0, trade('BTCUSDT', '1'));
  const { transport, tables, records, time } = actors;
  const pageOf = (...ids: string[]): HttpAnswer => {
    const times = { eventTimeMs: time.nowMs(), receiveTimeMs: time.nowMs() };
    const body = JSON.stringify(ids.map((tradeId) => tradeEvent({ tradeId, isHistory: true, ...times })));
    return { status: 200, body, receiveTimeMs: time.nowMs(), retryAfterMs: undefined };
  };
  return {
    ...left,
    requested: transport.requested,
    answerWith: (...ids: string[]) => (transport.answer = () => Promise.resolve(pageOf(...ids))),
    pageOf,
    tradesOfBtc: async () => {
      const { instrument } = instrumentOf('BTC-USDT');
      const range = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 100 };
      const rows = await tables.readTrades({ instrument, ...range });
      return rows.map(({ tradeId }) => tradeId).sort();
    },
    tradeGaps: async () => {
      const all = await records.readFeedGaps({ instrument: instrumentOf('BTC-USDT').instrument, limit: 10 });
      return all.filter(({ channel }) => channel === 'trades');
    },
  };
}

describe('trades of a connection that the exchange will close', () => {
  it('are looked for when it closes before those of its successor come, though that has subscribed', async () => {
    const { actors, sockets, say, answerWith, requested, tradesOfBtc } = await leavingWithTrades();
    sockets[1]!.handlers.onOpen();
    await say(1, book('BTCUSDT', 5), book('ETHUSDT', 5));
    await actors.time.advance(1_000);
    sockets[0]!.handlers.onClosed('gone');
    answerWith('2', '3');
    await actors.time.advance(SETTLED_MS);
    expect(requested).toEqual([]);
    await say(1, trade('BTCUSDT', '4'));
    await actors.time.advance(5_000);
    expect(requested).toContain('http://plain/past/BTCUSDT/1');
    expect(await tradesOfBtc()).toEqual(['1', '2', '3', '4']);
  });

  it('are declared missing then where the exchange gives none of the past', async () => {
    const { actors, sockets, say, tradeGaps } = await leavingWithTrades({
      tradeHistory: { identity: 'none', reason: 'there is none' },
    });
    sockets[1]!.handlers.onOpen();
    await say(1, book('BTCUSDT', 5), book('ETHUSDT', 5));
    await actors.time.advance(1_000);
    sockets[0]!.handlers.onClosed('gone');
    await actors.time.advance(1);
    expect(await tradeGaps()).toMatchObject([{ reason: 'disconnected: gone; there is none' }]);
  });

  it('are not looked for when it closes once its successor has brought them for a while', async () => {
    const { actors, sockets, say, requested, tradeGaps } = await leavingWithTrades({
      tradeHistory: { identity: 'none', reason: 'there is none' },
    });
    sockets[1]!.handlers.onOpen();
    await say(1, book('BTCUSDT', 5));
    await actors.time.advance(SETTLED_MS);
    sockets[0]!.handlers.onClosed('gone');
    await actors.time.advance(5_000);
    expect(requested).toEqual([]);
    expect(await tradeGaps()).toEqual([]);
  });

  it('are looked for when its successor takes over with subscriptions that have not left', async () => {
    const { actors, sockets, tradeGaps } = await leavingWithTrades({
      limits: { ...plainAdapter().limits, settleMs: 1_000 },
      tradeHistory: { identity: 'none', reason: 'there is none' },
    });
    await actors.time.advance(LEAVE_WITHIN_MS - 500);
    sockets[1]!.handlers.onOpen();
    await actors.time.advance(500);
    expect(sockets[0]!.closedReason).toBe('moved to another connection');
    expect(sockets[1]!.sent).toEqual([]);
    expect(await tradeGaps()).toMatchObject([{ reason: 'its connection was left; there is none' }]);
  });

  it('are looked for when its subscriptions wait for their turn, however long it is open', async () => {
    const limits = { ...plainAdapter().limits, settleMs: 20_000 };
    const { sockets, actors, tradeGaps } = await leavingWithTrades({
      limits,
      tradeHistory: { identity: 'none', reason: 'there is none' },
    });
    sockets[1]!.handlers.onOpen();
    await actors.time.advance(10_000);
    sockets[0]!.handlers.onClosed('gone');
    await actors.time.advance(1);
    expect(sockets[1]!.sent).toEqual([]);
    expect(await tradeGaps()).toMatchObject([{ reason: 'disconnected: gone; there is none' }]);
  });

  it('are looked for when it closes with a symbol that was watched only a moment ago', async () => {
    const { actors, connection, sockets, say, tradeGaps } = await leavingWithTrades({
      tradeHistory: { identity: 'none', reason: 'there is none' },
    });
    sockets[1]!.handlers.onOpen();
    await say(1, book('BTCUSDT', 5));
    await actors.time.advance(SETTLED_MS);
    actors.watch(connection, 'SOL-USDT', actors.spawn('SOL-USDT').ref);
    await actors.time.advance(1_000);
    sockets[0]!.handlers.onClosed('gone');
    await actors.time.advance(1);
    expect(await tradeGaps()).toMatchObject([{ reason: 'disconnected: gone; there is none' }]);
  });

  it('are asked for anew by the successor when the answer would come in by the line that is left', async () => {
    const { actors, sockets, say, answerWith, requested, pageOf, tradesOfBtc } = await leavingWithTrades();
    let answerLate: (answer: HttpAnswer) => void = () => undefined;
    actors.transport.answer = () => new Promise((resolve) => (answerLate = resolve));
    sockets[1]!.handlers.onOpen();
    await actors.time.advance(SETTLED_MS);
    await say(0, trade('BTCUSDT', '4'));
    await actors.time.advance(500);
    expect(requested).toEqual(['http://plain/past/BTCUSDT/1']);
    await say(1, book('BTCUSDT', 5), book('ETHUSDT', 5));
    expect(sockets[0]!.closedReason).toBe('moved to another connection');
    answerLate(pageOf('2', '3'));
    answerWith('2', '3');
    await say(1, trade('BTCUSDT', '5'));
    await actors.time.advance(5_000);
    expect(await tradesOfBtc()).toEqual(['1', '2', '3', '4', '5']);
  });
});

describe('the successor of a connection', () => {
  it('stops reading with it while an actor does not keep up, and goes on with it', async () => {
    const store = holdableJournal();
    const budget = feedBudget({ maxPendingEvents: 20, maxPendingTradeBytes: 1_000 });
    const { actors, sockets, say } = await leaving({ budget }, { journal: store.journal });
    sockets[1]!.handlers.onOpen();
    await actors.time.advance(1);
    store.hold();
    for (let number = 1; number <= 30; number++) await say(0, trade('BTCUSDT', String(number)));
    expect(sockets.map(({ isPaused }) => isPaused)).toEqual([true, true]);
    store.release();
    await actors.time.advance(500);
    expect(sockets.map(({ isPaused }) => isPaused)).toEqual([false, false]);
  });

  it('counts with what lies in its inbox and with the deltas that it holds', async () => {
    const store = holdableJournal();
    const budget = feedBudget();
    const adapter = plainAdapter({
      snapshotPolicy: 'rest',
      snapshotRequest: ({ rest }) => ({ url: `${rest}/book` }),
    });
    const { actors, sockets, say } = await leaving({ adapter, budget }, { journal: store.journal });
    sockets[1]!.handlers.onOpen();
    await actors.time.advance(1);
    const beforeBytes = budget.bytes;
    for (let number = 0; number < 10; number++) await say(1, delta('BTCUSDT', number));
    expect(budget.loads()[0]!.heldDeltaBytes).toBeGreaterThan(1_000);
    expect(budget.bytes - beforeBytes).toBe(budget.loads()[0]!.heldDeltaBytes);
    sockets[1]!.handlers.onFrame('x'.repeat(5_000), actors.time.nowMs());
    expect(budget.loads()[0]).toMatchObject({ inboxFrames: 1, inboxBytes: 5_000 });
  });

  it.each([-3_600_000, 3_600_000])(
    'takes over at its time, also when the wall clock is set by %i ms meanwhile',
    async (byMs) => {
      const { actors, sockets } = await leaving();
      actors.time.setWallClock(byMs);
      sockets[1]!.handlers.onOpen();
      await actors.time.advance(LEAVE_WITHIN_MS - 1_000);
      expect(sockets[0]!.closedReason).toBeUndefined();
      await actors.time.advance(1_000);
      expect(sockets[0]!.closedReason).toBe('moved to another connection');
    },
  );
});
