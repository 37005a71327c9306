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
        routes.acknowledge({ instrument, source, lastOrdinal: firstOrdinal + events.length - 1, timeWanted });
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
    return { clock, routes, listen };
  }

  it('are sent at once where trades wait for the time', async () => {
    const nowMs = new FakeClock().nowMs();
    const { listen } = createQuietOnes({ atMs: nowMs + 2_000, emptyAtMs: Infinity });
    const told = await listen(2_000);
    // Those whose turn came before are not told again within a second.
    expect(new Set(told.flat()).size).toBe(COUNT);
    expect(told.at(-1)!.length).toBeGreaterThan(COUNT - 10);
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
