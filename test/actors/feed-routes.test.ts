import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { FeedRoutes } from '../../src/actors/feed-routes.ts';
import type { ActorRef } from '../../src/actors/kernel/actor-types.ts';
import type { SymbolMessage } from '../../src/actors/symbol.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { heartbeat } from '../support/market-events.ts';

const symbol = toNativeSymbol('BTCUSD');

function createRoutes(): FeedRoutes {
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
