import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { FeedRoutesOptions } from '../../src/actors/feed-routes.ts';
import { FeedRoutes } from '../../src/actors/feed-routes.ts';
import type { ActorRef } from '../../src/actors/kernel/actor-types.ts';
import type { SymbolMessage } from '../../src/actors/symbol-protocol.ts';
import type { EventBatch } from '../../src/market/events.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { heartbeat, trade } from '../support/market-events.ts';

const symbol = toNativeSymbol('BTCUSD');

function createRoutes(overrides: Partial<FeedRoutesOptions> = {}): FeedRoutes {
  return new FeedRoutes({
    clock: new FakeClock(),
    source: 'test',
    limits: {
      maxPendingEvents: 2,
      maxPendingBytes: 1e6,
      maxPendingTradeBytes: 1e6,
      maxPendingNodeBytes: 1e6,
    },
    carriesBooks: true,
    // As of an actor that is parked.
    deliver: () => false,
    onPoison: () => undefined,
    ...overrides,
  });
}

/** The symbol goes to an actor that nothing else knows; some of its events are dropped, for it takes none. */
function addAndDrop(routes: FeedRoutes): WeakRef<object> {
  const target = { path: 'tampines/test' } as ActorRef<SymbolMessage>;
  routes.add({
    nativeSymbol: symbol,
    channels: ['book', 'trades'],
    instrument: 'test:BTC-USD',
    target,
    metadata: undefined,
    timeMs: 0,
  });
  for (let count = 0; count < 20; count++) {
    routes.push(symbol, heartbeat(count));
    routes.flush();
  }
  expect(routes.dropPending(0)).toMatchObject([{ instrument: 'test:BTC-USD', isRefused: true }]);
  return new WeakRef(target);
}

it('a symbol that is removed after its events were dropped is not kept in memory', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const routes = createRoutes();
  const target = addAndDrop(routes);
  collectGarbage();
  expect(target.deref()).toBeDefined();
  routes.remove(symbol);
  // What a WeakRef was asked for lives until the turn ends.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  expect(target.deref()).toBeUndefined();
  expect([routes.isEmpty, routes.takeReturned()]).toEqual([true, []]);
});

describe('heartbeats', () => {
  const pace = { quietMs: 1_000, turnMs: 10_000 };
  const COUNT = 100;

  /** A connection of quiet instruments that all want the same. */
  function createQuietOnes(timeWanted: { atMs: number; emptyAtMs: number }) {
    const clock = new FakeClock();
    let toldTo: string[] = [];
    const instruments = new Map<string, EventBatch>();
    const wantedOnce = new Map<string, typeof timeWanted>();
    const routes = createRoutes({
      clock,
      deliver: ({ path }, batch) => {
        if (batch.events.some(({ type }) => type === 'Heartbeat')) toldTo.push(path);
        instruments.set(path, batch);
        return true;
      },
    });
    const acknowledge = (): void => {
      for (const [instrument, { source, firstOrdinal, events }] of instruments) {
        const lastOrdinal = firstOrdinal + events.length - 1;
        const wanted = wantedOnce.get(instrument) ?? timeWanted;
        wantedOnce.delete(instrument);
        routes.acknowledge({ instrument, source, lastOrdinal, timeWanted: wanted });
      }
      instruments.clear();
    };
    for (let index = 0; index < COUNT; index++) {
      const nativeSymbol = toNativeSymbol(`Q${index}`);
      routes.add({
        nativeSymbol,
        channels: ['book', 'trades'],
        instrument: `Q${index}`,
        target: { path: `Q${index}` },
        metadata: undefined,
        timeMs: 0,
      });
      const timeMs = clock.nowMs();
      routes.push(nativeSymbol, trade({ eventTimeMs: timeMs, receiveTimeMs: timeMs }));
    }
    routes.flush();
    acknowledge();
    /** Returns who was told in each quarter of a second. */
    const listen = async (forMs: number): Promise<string[][]> => {
      const told: string[][] = [];
      for (let passedMs = 0; passedMs < forMs; passedMs += 250) {
        await clock.advance(250);
        toldTo = [];
        routes.pushHeartbeats(pace, () => false);
        routes.flush();
        acknowledge();
        told.push(toldTo);
      }
      return told;
    };
    /** Each of them wants to know it when that time is passed, once. */
    const wantAt = (inMs: number, paths: readonly string[]): void => {
      const timeMs = clock.nowMs();
      for (const path of paths) {
        wantedOnce.set(path, { atMs: timeMs + inMs, emptyAtMs: Infinity });
        routes.push(toNativeSymbol(path), trade({ eventTimeMs: timeMs, receiveTimeMs: timeMs }));
      }
      routes.flush();
      acknowledge();
    };
    return { clock, routes, listen, wantAt };
  }

  it('are sent at once where trades wait for the time', async () => {
    const { listen, wantAt } = createQuietOnes({ atMs: Infinity, emptyAtMs: Infinity });
    await listen(30_000);
    const waiting = Array.from({ length: 10 }, (_, index) => `Q${index}`);
    wantAt(2_000, waiting);
    const told = await listen(2_000);
    expect(
      told
        .slice(0, -1)
        .flat()
        .filter((path) => waiting.includes(path)),
    ).toEqual([]);
    expect(told.at(-1)!.filter((path) => waiting.includes(path))).toEqual(waiting);
  });

  it('are spread over the next seconds where the trades of many wait for the same time', async () => {
    const { listen, wantAt } = createQuietOnes({ atMs: Infinity, emptyAtMs: Infinity });
    await listen(30_000);
    const all = Array.from({ length: COUNT }, (_, index) => `Q${index}`);
    wantAt(2_000, all);
    await listen(1_750);
    const told = await listen(2_500);
    expect(new Set(told.flat()).size).toBe(COUNT);
    // A tenth of them.
    expect(Math.max(...told.map(({ length }) => length))).toBe(10);
  });

  it('are spread over all where only empty candles do', async () => {
    const { listen } = createQuietOnes({ atMs: Infinity, emptyAtMs: 0 });
    await listen(20_000);
    const told = await listen(10_000);
    expect(new Set(told.flat()).size).toBe(COUNT);
    expect(Math.max(...told.map(({ length }) => length))).toBe(3);
  });

  it('are rare where time changes nothing', async () => {
    const { listen } = createQuietOnes({ atMs: Infinity, emptyAtMs: Infinity });
    await listen(60_000);
    expect((await listen(60_000)).flat()).toHaveLength(COUNT);
  });

  it('come at once to an actor that failed, for what it wants is not known', async () => {
    const { listen, routes } = createQuietOnes({ atMs: Infinity, emptyAtMs: Infinity });
    routes.redeliver('Q77', { cause: 'test', batch: undefined, isTransient: true });
    expect((await listen(1_000)).flat()).toContain('Q77');
  });
});
