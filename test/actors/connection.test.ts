import { describe, expect, it } from 'vitest';
import type { ConnectionOptions, WatchRequest } from '../../src/actors/connection.ts';
import { connectionActor } from '../../src/actors/connection.ts';
import type { FeedMessage } from '../../src/exchanges/adapter.ts';
import { until } from '../support/fake-clock.ts';
import { bookSnapshot, trade as tradeEvent } from '../support/market-events.ts';
import type { Actors } from './support.ts';
import {
  createActors,
  feedBudget,
  frames,
  holdableJournal,
  instrumentOf,
  openSocket,
  receive,
} from './support.ts';

const { book, delta, trade } = frames;

async function connect(actors: Actors, overrides: Partial<ConnectionOptions> = {}) {
  const symbol = actors.spawn('BTC-USDT').ref;
  const watch: WatchRequest = {
    type: 'Watch',
    nativeSymbol: instrumentOf('BTC-USDT').nativeSymbol,
    channels: ['book', 'trades'],
    instrument: instrumentOf('BTC-USDT').instrument,
    target: symbol,
    metadata: undefined,
  };
  const connection = actors.system.spawn(
    actors.system.root,
    connectionActor(actors.connectionOptions({ watched: () => [watch], ...overrides })),
  );
  await openSocket(actors);
  return { symbol, connection };
}

describe('a connection', () => {
  it('carries what arrives into the state of the instrument', async () => {
    const actors = await createActors();
    const { symbol } = await connect(actors);
    receive(actors, book('BTCUSDT', 1), delta('BTCUSDT', 2), trade('BTCUSDT', 'a'));
    await actors.time.advance(1);
    expect(await actors.view(symbol)).toMatchObject({ status: 'live', snapshots: 1, deltas: 1, trades: 1 });
    expect(actors.transport.last.sent).toEqual(['subscribe BTCUSDT book,trades']);
  });

  it('says that the book is stale when its socket is lost, and opens again after a growing delay', async () => {
    const actors = await createActors();
    const { symbol } = await connect(actors);
    receive(actors, book('BTCUSDT', 1));
    await actors.time.advance(1);
    for (const [index, delayMs] of [1_000, 2_000, 4_000].entries()) {
      actors.transport.last.handlers.onClosed('lost');
      await actors.time.advance(delayMs - 300);
      expect(actors.transport.sockets).toHaveLength(index + 1);
      await actors.time.advance(600);
      expect(actors.transport.sockets).toHaveLength(index + 2);
    }
    expect(await actors.view(symbol)).toMatchObject({ status: 'stale', reason: 'lost' });
  });

  it.each([-3_600_000, 3_600_000])(
    'opens again, resynchronises and lets time pass in time when the wall clock is set by %i ms',
    async (byMs) => {
      const actors = await createActors();
      const { symbol } = await connect(actors, { heartbeats: { quietMs: 1_000, turnMs: 1_000 } });
      const bookNow = (sequence: number): FeedMessage => {
        const timeMs = actors.time.nowMs();
        const event = bookSnapshot({ sequence, eventTimeMs: timeMs, receiveTimeMs: timeMs });
        return { type: 'book', nativeSymbol: instrumentOf('BTC-USDT').nativeSymbol, event };
      };
      const tradeNow = (): FeedMessage => {
        const timeMs = actors.time.nowMs();
        const event = tradeEvent({ eventTimeMs: timeMs, receiveTimeMs: timeMs });
        return { type: 'trade', nativeSymbol: instrumentOf('BTC-USDT').nativeSymbol, event };
      };
      const { sockets } = actors.transport;
      receive(actors, bookNow(1));
      await actors.time.advance(100);
      actors.transport.last.handlers.onClosed('lost');
      await actors.time.advance(100);
      actors.time.setWallClock(byMs);
      await actors.time.advance(1_250);
      expect(sockets).toHaveLength(2);
      actors.transport.last.handlers.onOpen();
      await actors.time.advance(250);
      actors.time.setWallClock(-byMs);
      // Its book does not come: it is asked for again.
      for (let step = 0; step < 64; step++) {
        receive(actors, { type: 'alive' });
        await actors.time.advance(250);
      }
      expect(actors.transport.last.sent.slice(1)).toEqual([
        'unsubscribe BTCUSDT book',
        'subscribe BTCUSDT book',
      ]);
      actors.time.setWallClock(byMs);
      receive(actors, bookNow(2), tradeNow());
      await actors.time.advance(250);
      const { position } = await actors.view(symbol);
      await actors.time.advance(5_000);
      expect((await actors.view(symbol)).position).toBeGreaterThanOrEqual(position + 4);
    },
  );

  it('knows nothing of the pace of a book that was given up and is watched again', async () => {
    const actors = await createActors();
    const { symbol, connection } = await connect(actors);
    actors.watch(connection, 'ETH-USDT', actors.spawn('ETH-USDT').ref);
    await actors.time.advance(1);
    receive(actors, book('BTCUSDT', 1), book('ETHUSDT', 1));
    let sequence = 1;
    for (; sequence < 300; sequence++) {
      receive(actors, delta('BTCUSDT', sequence + 1), delta('ETHUSDT', sequence + 1));
      await actors.time.advance(250);
    }
    actors.system.send(connection, { type: 'Unwatch', nativeSymbol: instrumentOf('BTC-USDT').nativeSymbol });
    await actors.time.advance(1);
    actors.watch(connection, 'BTC-USDT', symbol);
    await actors.time.advance(1);
    receive(actors, book('BTCUSDT', 1));
    for (const end = sequence + 80; sequence < end; sequence++) {
      receive(actors, delta('ETHUSDT', sequence + 1));
      await actors.time.advance(250);
    }
    // Twenty seconds are long for what it was, and nothing for a book of which nothing is known.
    expect(await actors.view(symbol)).toMatchObject({ status: 'live' });
  });

  it('lets nothing of a socket that was replaced reach the session of the next', async () => {
    const actors = await createActors();
    const { symbol, connection } = await connect(actors);
    receive(actors, book('BTCUSDT', 1));
    await actors.time.advance(1);
    const old = actors.transport.last;
    const { nativeSymbol } = instrumentOf('BTC-USDT');
    // In one go, so that the old socket's last words still lie in the inbox when the next socket is opened.
    actors.system.send(connection, { type: 'Unwatch', nativeSymbol });
    actors.watch(connection, 'BTC-USDT', symbol);
    old.handlers.onOpen();
    old.handlers.onFrame(JSON.stringify([delta('BTCUSDT', 2)]), actors.time.nowMs());
    old.handlers.onClosed('lost');
    await actors.time.advance(1);
    expect(actors.transport.sockets).toHaveLength(2);
    expect(old.closedReason).toBe('nothing left to watch');
    old.handlers.onFrame(JSON.stringify([delta('BTCUSDT', 3)]), actors.time.nowMs());
    old.handlers.onClosed('lost again');
    await actors.time.advance(10_000);
    expect(actors.transport.sockets).toHaveLength(2);
    expect(await actors.status(connection)).toMatchObject({
      state: 'new',
      isSocketOpen: true,
      reconnects: 0,
    });
    expect((await actors.view(symbol)).deltas).toBe(0);
  });

  it('counts nothing as known that comes after an instrument was given up and watched again', async () => {
    const actors = await createActors();
    const { symbol, connection } = await connect(actors);
    receive(actors, book('BTCUSDT', 1), trade('BTCUSDT', 'a'), trade('BTCUSDT', 'b'), trade('BTCUSDT', 'c'));
    await actors.time.advance(1);
    actors.system.send(connection, {
      type: 'Unwatch',
      nativeSymbol: instrumentOf('BTC-USDT').nativeSymbol,
    });
    actors.watch(connection, 'BTC-USDT', symbol);
    await openSocket(actors, 2);
    receive(actors, book('BTCUSDT', 9), trade('BTCUSDT', 'd'));
    await actors.time.advance(1);
    expect(await actors.view(symbol)).toMatchObject({ status: 'live', snapshots: 2, trades: 4 });
  });

  it('closes its socket and says so to the instrument when it stops, even while a batch is on its way', async () => {
    const store = holdableJournal();
    const actors = await createActors({ journal: store.journal });
    const { symbol, connection } = await connect(actors);
    receive(actors, book('BTCUSDT', 1));
    await actors.time.advance(1);
    store.hold();
    receive(actors, delta('BTCUSDT', 2));
    await actors.time.advance(1);
    receive(actors, delta('BTCUSDT', 3), trade('BTCUSDT', 'a'));
    await actors.time.advance(1);
    await actors.system.stop(connection);
    expect(actors.transport.last.closedReason).toBe('the connection actor stopped');
    store.release();
    await actors.time.advance(1);
    expect(await actors.view(symbol)).toMatchObject({ status: 'stale', deltas: 1, trades: 1 });
    expect(actors.deadLetters.filter(({ reason }) => reason !== 'gone')).toEqual([]);
  });

  it('watches what it watched after a restart, with one socket', async () => {
    const actors = await createActors();
    const { symbol, connection } = await connect(actors);
    receive(actors, book('BTCUSDT', 1));
    await actors.time.advance(1);
    const restarted = actors.system.restart(connection, 'drill');
    await actors.time.advance(2_000);
    await restarted;
    expect(actors.transport.sockets.map(({ closedReason }) => closedReason)).toEqual([
      'the connection actor stopped',
      undefined,
    ]);
    expect(await actors.view(symbol)).toMatchObject({ status: 'stale' });
    await openSocket(actors, 2);
    receive(actors, book('BTCUSDT', 7), delta('BTCUSDT', 8));
    await actors.time.advance(1);
    expect(actors.transport.last.sent).toEqual(['subscribe BTCUSDT book,trades']);
    expect(await actors.view(symbol)).toMatchObject({ status: 'live', deltas: 1, snapshots: 2 });
  });

  it('falls back to a fresh book when its actor is too slow, and never drops trades', async () => {
    const store = holdableJournal();
    const actors = await createActors({ journal: store.journal });
    const { symbol } = await connect(actors, { budget: feedBudget({ maxPendingEvents: 20 }) });
    receive(actors, book('BTCUSDT', 1));
    await actors.time.advance(1);
    store.hold();
    for (let number = 2; number <= 31; number++) {
      receive(actors, delta('BTCUSDT', number), trade('BTCUSDT', String(number)));
      await actors.time.advance(1);
    }
    expect(actors.transport.last.isPaused).toBe(true);
    expect(actors.transport.last.sent.slice(1)).toEqual([
      'unsubscribe BTCUSDT book',
      'subscribe BTCUSDT book',
    ]);
    store.release();
    await actors.time.advance(1);
    expect(await actors.view(symbol)).toMatchObject({ status: 'stale', trades: 30 });
    await actors.time.advance(250);
    expect(actors.transport.last.isPaused).toBe(false);
    receive(actors, book('BTCUSDT', 100));
    await actors.time.advance(1);
    expect(await actors.view(symbol)).toMatchObject({ status: 'live', snapshots: 2, trades: 30 });
  });

  it('is not held up by a parked actor, whose book starts again when it is back', async () => {
    const store = holdableJournal();
    const actors = await createActors({ journal: store.journal, maxRestarts: 0 });
    const { symbol, connection } = await connect(actors, { budget: feedBudget({ maxPendingEvents: 20 }) });
    const other = actors.spawn('ETH-USDT').ref;
    actors.watch(connection, 'ETH-USDT', other);
    await actors.time.advance(1);
    receive(actors, book('BTCUSDT', 1), book('ETHUSDT', 1));
    await actors.time.advance(1);
    actors.system.send(symbol, { type: 'FailNextDelivery', message: 'drill' });
    receive(actors, trade('BTCUSDT', 'first'));
    await until(() => actors.actorStatus(symbol) === 'parked', 'the actor to be parked');
    for (let number = 2; number <= 100; number++) {
      receive(actors, delta('BTCUSDT', number), trade('BTCUSDT', String(number)), delta('ETHUSDT', number));
      // That the actor takes nothing shows when the batch that parked it is sent again.
      await actors.time.advance(number === 50 ? 25_000 : 1);
    }
    expect(actors.transport.last.isPaused).toBe(false);
    expect(await actors.view(other)).toMatchObject({ status: 'live', deltas: 99 });

    actors.system.unpark(symbol);
    await actors.time.advance(20_000);
    expect(await actors.view(symbol)).toMatchObject({ status: 'stale' });
    expect(actors.transport.last.sent.slice(-2)).toEqual([
      'unsubscribe BTCUSDT book',
      'subscribe BTCUSDT book',
    ]);
    const receiveTimeMs = actors.time.nowMs();
    receive(actors, {
      type: 'book',
      nativeSymbol: instrumentOf('BTC-USDT').nativeSymbol,
      event: bookSnapshot({ sequence: 500, receiveTimeMs }),
    });
    await actors.time.advance(1);
    expect(await actors.view(symbol)).toMatchObject({ status: 'live' });
  });

  it('opens nothing while nothing is watched', async () => {
    const actors = await createActors();
    const idle = actors.connectionOptions({ name: 'idle', watched: () => [] });
    const connection = actors.system.spawn(actors.system.root, connectionActor(idle));
    await actors.time.advance(60_000);
    expect(actors.transport.sockets).toHaveLength(0);
    actors.watch(connection, 'BTC-USDT', actors.spawn('BTC-USDT').ref);
    await actors.time.advance(1);
    expect(actors.transport.sockets).toHaveLength(1);
  });
});
