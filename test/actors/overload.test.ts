/** What happens to the others when one instrument is slow, and to all when everything is. */
import { describe, expect, it } from 'vitest';
import { connectionActor } from '../../src/actors/connection.ts';
import type { FeedLimits } from '../../src/actors/feed-budget.ts';
import type { ActorRef } from '../../src/actors/kernel/actor-types.ts';
import type { Journal } from '../../src/actors/ports.ts';
import type { SymbolMessage } from '../../src/actors/symbol-protocol.ts';
import type { FeedMessage, TradePage } from '../../src/exchanges/adapter.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import { until } from '../support/fake-clock.ts';
import { bookSnapshot, trade as marketTrade } from '../support/market-events.ts';
import type { Actors, ScriptedSocket } from './support.ts';
import {
  createActors,
  feedBudget,
  frames,
  holdableJournal,
  instrumentOf,
  openSocket,
  plainAdapter,
  receive,
} from './support.ts';

const { delta, trade } = frames;

/** A journal that takes a while over each batch of some instruments. */
function slowJournal(delayMsOf: (instrument: string) => number) {
  const { journal: inner } = holdableJournal();
  let clock: FakeClock | undefined;
  const journal: Journal = Object.assign(Object.create(inner) as Journal, {
    append: async (...parameters: Parameters<Journal['append']>) => {
      const delayMs = delayMsOf(parameters[1]);
      if (delayMs > 0) await clock?.sleep(delayMs);
      await inner.append(...parameters);
    },
  });
  return { journal, tick: (time: FakeClock) => (clock = time) };
}

/** Connects these symbols over one connection, each with a live book. */
async function connectAll(actors: Actors, symbols: readonly string[], limits: Partial<FeedLimits>) {
  const budget = feedBudget(limits);
  const refs = symbols.map((symbol) => actors.spawn(symbol).ref);
  const watched = symbols.map((symbol, index) => ({
    type: 'Watch' as const,
    nativeSymbol: instrumentOf(symbol).nativeSymbol,
    channels: ['book', 'trades'] as const,
    instrument: instrumentOf(symbol).instrument,
    target: refs[index]!,
    metadata: undefined,
  }));
  const connection = actors.system.spawn(
    actors.system.root,
    connectionActor(
      actors.connectionOptions({
        watched: () => watched,
        heartbeats: { quietMs: 1_000, turnMs: 1_000 },
        budget,
      }),
    ),
  );
  await openSocket(actors);
  const nowMs = actors.time.nowMs();
  // A book from the future would keep its instrument from having heartbeats.
  const event = bookSnapshot({ sequence: 1, eventTimeMs: nowMs, receiveTimeMs: nowMs });
  receive(actors, ...watched.map(({ nativeSymbol }) => ({ type: 'book' as const, nativeSymbol, event })));
  await actors.time.advance(10);
  return {
    connection,
    budget,
    refs: refs as readonly ActorRef<SymbolMessage>[],
    socket: actors.transport.last,
  };
}

/** Counts how often the socket is paused from here on. */
function countPauses(socket: ScriptedSocket): () => number {
  let isPaused = socket.isPaused;
  let pauseCount = 0;
  Object.defineProperty(socket, 'isPaused', {
    get: () => isPaused,
    set: (value: boolean) => {
      if (value && !isPaused) pauseCount++;
      isPaused = value;
    },
  });
  return () => pauseCount;
}

const NEIGHBOURS = Array.from({ length: 20 }, (_, index) => `N${index}-USDT`);

describe('an instrument whose actor takes 5 s over each batch', () => {
  it('keeps none of 20 neighbours on its connection waiting, and loses no trade', async () => {
    const { journal, tick } = slowJournal((key) => (key.includes('SLOW') ? 5_000 : 0));
    const actors = await createActors({ journal });
    tick(actors.time);
    const { refs, socket, budget } = await connectAll(actors, ['SLOW-USDT', ...NEIGHBOURS], {
      maxPendingEvents: 40,
    });
    await actors.time.advance(6_000);
    const pauses = countPauses(socket);
    for (let step = 2; step <= 81; step++) {
      const neighbours = NEIGHBOURS.flatMap((symbol) => {
        const { nativeSymbol } = instrumentOf(symbol);
        return [delta(nativeSymbol, step), trade(nativeSymbol, String(step))];
      });
      const slow = [0, 1, 2, 3].map((index) => trade('SLOWUSDT', `${step}.${index}`));
      receive(actors, ...neighbours, delta('SLOWUSDT', step), ...slow);
      await actors.time.advance(250);
      // What a neighbour was sent is durable and folded before the next frame comes.
      const views = await Promise.all(refs.slice(1).map((ref) => actors.view(ref)));
      expect(new Set(views.map(({ deltas, trades }) => `${deltas} ${trades}`))).toEqual(
        new Set([`${step - 1} ${step - 1}`]),
      );
    }
    expect(pauses()).toBe(0);
    expect(budget.fullCounts).toMatchObject({ pending: 0, shed: 0 });
    await actors.time.advance(30_000);
    expect(await actors.view(refs[0]!)).toMatchObject({ trades: 320 });
  });

  it('stops its connection once more trades wait than may, and lets it go on when there is room', async () => {
    const { journal, tick } = slowJournal((key) => (key.includes('SLOW') ? 5_000 : 0));
    const actors = await createActors({ journal });
    tick(actors.time);
    const { refs, socket, budget } = await connectAll(actors, ['SLOW-USDT', ...NEIGHBOURS], {
      maxPendingEvents: 40,
      maxPendingTradeBytes: 200 * 190,
    });
    await actors.time.advance(6_000);
    const pauses = countPauses(socket);
    let sentCount = 0;
    for (let step = 1; step <= 160; step++) {
      if (!socket.isPaused) {
        receive(actors, ...Array.from({ length: 20 }, () => trade('SLOWUSDT', String(++sentCount))));
        receive(actors, trade('N0USDT', String(step)));
      }
      await actors.time.advance(250);
      const [load] = budget.loads();
      expect(load!.pendingBytesMax).toBeLessThan(200 * 190 + 20 * 190);
    }
    expect(pauses()).toBeGreaterThan(1);
    expect(budget.fullCounts.pending).toBe(pauses());
    await actors.time.advance(30_000);
    expect(socket.isPaused).toBe(false);
    expect(await actors.view(refs[0]!)).toMatchObject({ trades: sentCount });
  });
});

describe('an instrument whose actor waits 30 s for its restart', () => {
  it('finds all of 1,000 trades a second, and its connection never stopped', async () => {
    const actors = await createActors({ restartMs: 30_000 });
    const { refs, socket, budget } = await connectAll(actors, ['BTC-USDT', 'ETH-USDT'], {
      maxPendingEvents: 20_000,
      maxPendingBytes: 16 * 1024 * 1024,
      maxPendingTradeBytes: 32 * 1024 * 1024,
    });
    const pauses = countPauses(socket);
    actors.system.send(refs[0]!, { type: 'FailNextDelivery', message: 'drill' });
    let sentCount = 0;
    for (let second = 1; second <= 29; second++) {
      receive(actors, ...Array.from({ length: 1_000 }, () => trade('BTCUSDT', String(++sentCount))));
      receive(actors, trade('ETHUSDT', String(second)), delta('ETHUSDT', second + 1));
      await actors.time.advance(1_000);
      expect(await actors.view(refs[1]!)).toMatchObject({ trades: second, deltas: second });
    }
    expect(actors.actorStatus(refs[0]!)).toBe('restarting');
    await actors.time.advance(2_000);
    await until(() => budget.loads()[0]!.pendingEventsMax === 0, 'everything to be delivered');
    expect(pauses()).toBe(0);
    expect(await actors.view(refs[0]!)).toMatchObject({ trades: sentCount });
  });
});

describe('an instrument whose actor takes nothing for long', () => {
  it('gets the trades that were dropped meanwhile from the exchange once it is back, on a connection without books too', async () => {
    const made = Array.from({ length: 101 }, (_, index) =>
      marketTrade({ tradeId: String(index + 1), isHistory: true }),
    );
    const adapter = plainAdapter({
      connectionKinds: [{ name: 'trades', channels: ['trades'], url: ({ ws }) => ws }],
      tradeHistory: {
        identity: 'consecutive',
        maxPages: 5,
        request: (_endpoints, _symbol, { after, cursor }) => ({ url: `after=${cursor ?? after.tradeId}` }),
        read: (body) => ({ ok: true, page: JSON.parse(body) as TradePage }),
      },
    });
    const actors = await createActors({ maxRestarts: 0 });
    actors.transport.answer = (url) => {
      const after = Number(url.split('=')[1]);
      const page = { trades: made.slice(after, after + 50), next: undefined, reachesBack: true };
      return Promise.resolve({
        status: 200,
        body: JSON.stringify(page),
        receiveTimeMs: actors.time.nowMs(),
        retryAfterMs: undefined,
      });
    };
    const { ref, scheduled } = actors.spawn('BTC-USDT');
    const watched = {
      type: 'Watch' as const,
      nativeSymbol: instrumentOf('BTC-USDT').nativeSymbol,
      channels: ['trades'] as const,
      instrument: scheduled.instrument,
      target: ref,
      metadata: undefined,
    };
    const budget = feedBudget({ maxPendingEvents: 20 });
    actors.system.spawn(
      actors.system.root,
      connectionActor(actors.connectionOptions({ adapter, watched: () => [watched], budget })),
    );
    await openSocket(actors);
    receive(actors, trade('BTCUSDT', '1'));
    await actors.time.advance(10_000);
    actors.system.send(ref, { type: 'FailNextDelivery', message: 'drill' });
    receive(actors, trade('BTCUSDT', '2'));
    await until(() => actors.actorStatus(ref) === 'parked', 'the actor to be parked');
    for (let id = 3; id <= 100; id++) {
      receive(actors, trade('BTCUSDT', String(id)));
      await actors.time.advance(id === 50 ? 25_000 : 1);
    }
    expect(budget.fullCounts.shed).toBeGreaterThan(0);
    actors.system.unpark(ref);
    await actors.time.advance(20_000);
    receive(actors, trade('BTCUSDT', '101'));
    await actors.time.advance(20_000);
    const stored = await actors.tables.readTrades({
      instrument: scheduled.instrument,
      fromMs: 0,
      toMs: Number.MAX_SAFE_INTEGER,
      limit: 1_000,
    });
    expect(stored.map(({ tradeId }) => tradeId)).toEqual(
      Array.from({ length: 101 }, (_, index) => String(index + 1)),
    );
  });
});

describe('a journal that is slow for all', () => {
  it('stops the socket early, and everything is there afterwards', async () => {
    const store = holdableJournal();
    const actors = await createActors({ journal: store.journal });
    const { refs, socket, budget } = await connectAll(actors, ['SLOW-USDT', ...NEIGHBOURS], {
      maxPendingEvents: 40,
    });
    store.hold();
    let step = 1;
    for (; !socket.isPaused; step++) {
      const messages = ['SLOW-USDT', ...NEIGHBOURS].flatMap((symbol, index) => {
        const { nativeSymbol } = instrumentOf(symbol);
        // One is busy, the others are quiet: it is the first one over a limit.
        const count = index === 0 ? 4 : 1;
        return Array.from({ length: count }, (_, part) => trade(nativeSymbol, `${step}.${part}`));
      });
      receive(actors, ...messages);
      await actors.time.advance(250);
      expect(step).toBeLessThan(100);
    }
    const [load] = budget.loads();
    expect(load!.pendingEventsMax).toBeLessThanOrEqual(40 + 4 + 1);
    store.release();
    await actors.time.advance(500);
    expect(socket.isPaused).toBe(false);
    const views = await Promise.all(refs.map((ref) => actors.view(ref)));
    expect(views.map(({ trades, status }) => `${trades} ${status}`)).toEqual(
      views.map((_, index) => `${(step - 1) * (index === 0 ? 4 : 1)} live`),
    );
    expect(budget.fullCounts).toMatchObject({ pending: 1, book: 0, shed: 0 });
  });
});

describe('a socket that is paused for a minute and a half', () => {
  it('lets no time pass for quiet instruments, so that nothing that waited in it is too late', async () => {
    const { journal, tick } = slowJournal((key) => (key.includes('SLOW') ? 90_000 : 0));
    const actors = await createActors({ journal });
    tick(actors.time);
    const limits = { maxPendingEvents: 5, maxPendingTradeBytes: 2_000 };
    const { refs, socket, connection } = await connectAll(actors, ['SLOW-USDT', 'QUIET-USDT'], limits);
    const tradeAt = (symbol: string, tradeId: string, eventTimeMs: number): FeedMessage => {
      const event = marketTrade({ tradeId, eventTimeMs, receiveTimeMs: eventTimeMs });
      return { type: 'trade', nativeSymbol: toNativeSymbol(symbol), event };
    };
    const startMs = actors.time.nowMs();
    receive(actors, tradeAt('QUIETUSDT', '1', startMs), tradeAt('SLOWUSDT', '0', startMs));
    await actors.time.advance(250);
    const flood = Array.from({ length: 20 }, (_, index) => tradeAt('SLOWUSDT', String(index + 1), startMs));
    receive(actors, ...flood);
    await actors.time.advance(80_000);
    expect(socket.isPaused).toBe(true);
    for (let second = 0; second < 120 && socket.isPaused; second++) await actors.time.advance(1_000);
    expect(socket.isPaused).toBe(false);
    receive(actors, tradeAt('QUIETUSDT', '2', startMs + 1_000));
    await actors.time.advance(1_000);
    expect(await actors.records.readDeadLetters({ exchange: undefined, limit: 10 })).toEqual([]);
    expect(await actors.view(refs[1]!)).toMatchObject({ trades: 2 });
    expect(await actors.status(connection)).toMatchObject({ reconnects: 0 });
  });
});
