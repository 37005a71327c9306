import { describe, expect, it } from 'vitest';
import type { ConnectionMessage } from '../../src/actors/connection.ts';
import type { ExchangeMessage, SymbolResolution } from '../../src/actors/exchange.ts';
import { TICK_MS } from '../../src/actors/connection.ts';
import { exchangeActor, firstTickMs } from '../../src/actors/exchange.ts';
import type { ActorRef } from '../../src/actors/kernel/actor-types.ts';
import { restartWithBackoff } from '../../src/supervision/strategy.ts';
import { settle } from '../support/fake-clock.ts';
import type { Actors } from './support.ts';
import { createActors, instrumentOf, plainAdapter } from './support.ts';

function spawnExchange(actors: Actors): ActorRef<ExchangeMessage> {
  const adapter = plainAdapter();
  const { endpoints, adapterOptions, transport, gate, records, random, reconnect, budget } =
    actors.connectionOptions({ adapter });
  return actors.system.spawn(
    actors.system.root,
    exchangeActor({
      adapter,
      endpoints,
      adapterOptions,
      transport,
      gate,
      records,
      random,
      reconnect,
      budget,
      strategy: restartWithBackoff({ initialMs: 100, maxMs: 100, jitter: 0 }),
      connectionStrategy: restartWithBackoff({ initialMs: 100, maxMs: 100, jitter: 0 }),
      heartbeats: { quietMs: 1_000, turnMs: 1_000 },
      runId: 'run',
    }),
  );
}

function answerList(actors: Actors, symbols: readonly string[]): void {
  actors.transport.answer = () =>
    Promise.resolve({
      status: 200,
      body: JSON.stringify(symbols),
      receiveTimeMs: actors.time.nowMs(),
      retryAfterMs: undefined,
    });
}

function resolve({ system }: Actors, exchange: ActorRef<ExchangeMessage>, symbol: string) {
  return system.ask<ExchangeMessage, SymbolResolution>(
    exchange,
    (reply) => ({ type: 'ResolveSymbol', symbol, reply }),
    60_000,
  );
}

async function watchedCounts(actors: Actors, exchange: ActorRef<ExchangeMessage>): Promise<number[]> {
  const connections = await actors.system.ask<ExchangeMessage, readonly ActorRef<ConnectionMessage>[]>(
    exchange,
    (reply) => ({ type: 'GetConnections', reply }),
    1_000,
  );
  return Promise.all(
    connections.map(async (connection) => (await actors.status(connection)).subscriptions.length),
  );
}

function watchAll(actors: Actors, exchange: ActorRef<ExchangeMessage>, symbols: readonly string[]) {
  return symbols.map((symbol) => {
    const { instrument, nativeSymbol } = instrumentOf(symbol);
    const target = actors.spawn(symbol).ref;
    actors.system.send(exchange, { type: 'WatchInstrument', instrument, nativeSymbol, target });
    return target;
  });
}

describe('an exchange', () => {
  it('has its connections tick one after the other, however many they are', () => {
    for (const count of [1, 7, 100, 1_000]) {
      const firstMs = Array.from({ length: count }, (_, index) => firstTickMs(index + 1));
      const times = [0, ...firstMs, TICK_MS].sort((a, b) => a - b);
      const silencesMs = times.map((timeMs, index) => timeMs - (times[index - 1] ?? 0));
      expect(times.at(0)).toBe(0);
      expect(times.at(-1)).toBe(TICK_MS);
      // Whole milliseconds, so that one is left where they divide the period into less.
      expect(Math.max(...silencesMs)).toBeLessThanOrEqual(Math.max(1, (2 * TICK_MS) / count) + 1);
    }
  });

  it('spreads instruments over connections within the limit, and fills places that become free', async () => {
    const actors = await createActors();
    const exchange = spawnExchange(actors);
    watchAll(actors, exchange, ['A-B', 'C-D', 'E-F', 'G-H', 'I-J']);
    await actors.time.advance(300);
    expect(await watchedCounts(actors, exchange)).toEqual([2, 2, 1]);
    const { nativeSymbol } = instrumentOf('C-D');
    actors.system.send(exchange, { type: 'UnwatchInstrument', nativeSymbol });
    watchAll(actors, exchange, ['K-L']);
    await actors.time.advance(1);
    expect(await watchedCounts(actors, exchange)).toEqual([2, 2, 1]);
  });

  it('watches what it watched after a restart', async () => {
    const actors = await createActors();
    const exchange = spawnExchange(actors);
    watchAll(actors, exchange, ['A-B', 'C-D', 'E-F']);
    await actors.time.advance(300);
    const restarted = actors.system.restart(exchange, 'drill');
    await actors.time.advance(1_000);
    await restarted;
    expect(await watchedCounts(actors, exchange)).toEqual([2, 1]);
    const open = actors.transport.sockets.filter(({ closedReason }) => closedReason === undefined);
    expect(open).toHaveLength(2);
  });

  it('tells instruments their tick size when the list comes after them', async () => {
    const actors = await createActors();
    const exchange = spawnExchange(actors);
    answerList(actors, ['BTC-USDT']);
    const [symbol] = watchAll(actors, exchange, ['BTC-USDT']);
    await actors.time.advance(300);
    expect(await actors.view(symbol!)).toMatchObject({ tickSize: '0.01' });
    expect(actors.transport.requested).toHaveLength(1);
  });

  it('keeps one retry at a time, however often it is asked while the list can not be had', async () => {
    const actors = await createActors();
    const exchange = spawnExchange(actors);
    for (let count = 0; count < 10; count++) {
      const resolution = resolve(actors, exchange, 'BTC-USDT');
      await settle();
      expect(await resolution).toMatchObject({ ok: false, code: 'SERVICE_UNAVAILABLE' });
    }
    const askedCount = actors.transport.requested.length;
    // The longest delay is 4 s and the gate allows ten in a second, so that ten chains of retries would show.
    await actors.time.advance(12_500);
    expect(actors.transport.requested.length - askedCount).toBeLessThanOrEqual(4);
  });

  it('takes no name from a list that could not be one: names become keys, channels and log lines', async () => {
    const actors = await createActors();
    const bad = [
      'BTC-USD\nSET x',
      '{BTC}-USD',
      'BTC USD',
      '*',
      '',
      'A'.repeat(61),
      '__proto__\u0000',
      'BTC\u202EUSD',
    ];
    answerList(actors, [...bad, 'BTC-USDT']);
    const exchange = spawnExchange(actors);
    expect(await resolve(actors, exchange, 'BTC-USDT')).toMatchObject({ ok: true });
    for (const symbol of bad) {
      expect(await resolve(actors, exchange, symbol)).toMatchObject({ ok: false, code: 'UNKNOWN_SYMBOL' });
    }
  });

  it('knows a symbol by both names and refuses one that is not listed', async () => {
    const actors = await createActors();
    const exchange = spawnExchange(actors);
    answerList(actors, ['BTC-USDT']);
    for (const name of ['BTC-USDT', 'BTCUSDT'])
      expect(await resolve(actors, exchange, name)).toMatchObject({ ok: true });
    expect(await resolve(actors, exchange, 'DOGE-USDT')).toMatchObject({ ok: false, code: 'UNKNOWN_SYMBOL' });
  });
});
