import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SAVEPOINTS_MAX } from '../../src/actors/ports.ts';
import type { AdminApp } from '../../src/admin/admin-options.ts';
import { createAdminApp } from '../../src/admin/admin-server.ts';
import { restoredSchema, savepointSchema, savepointsSchema } from '../../src/admin/operations-schemas.ts';
import { problemSchema } from '../../src/admin/problems.ts';
import { NOON_MS, bookSnapshot, heartbeat, instrument, timesAt, trade } from '../support/market-events.ts';
import type { World } from './support.ts';
import { createWorld, until } from './support.ts';

const headers = { host: 'localhost' };
const BTC = '/v1/instruments/binance/BTC-USDT';
let world: World;
let app: AdminApp;
beforeEach(async () => {
  world = await createWorld();
  app = await createAdminApp(world.options);
  await world.instruments.spawn('binance', 'BTC-USDT');
  await until(() => world.actorStatus('binance:BTC-USDT') === 'running');
});
afterEach(async () => {
  await app.close();
  await world.end();
});

const take = () => app.inject({ method: 'POST', url: `${BTC}/savepoint`, headers });
const restore = (batchNumber: number | string) =>
  app.inject({ method: 'POST', url: `${BTC}/savepoints/${batchNumber}/restore`, headers });
const tickerOf = async () =>
  (await app.inject({ url: `${BTC}/ticker`, headers })).json<{ tradeCount: number; seq: number }>();
const remove = (batchNumber: number | string) =>
  app.inject({ method: 'DELETE', url: `${BTC}/savepoints/${batchNumber}`, headers });
const list = async () =>
  savepointsSchema.parse((await app.inject({ url: `${BTC}/savepoints`, headers })).json()).savepoints;
const codeOf = (response: { json: () => unknown }) => problemSchema.parse(response.json()).code;

describe('a savepoint', () => {
  it('has all that the instrument was told before, and stays while it goes on and after it was stopped', async () => {
    await world.deliver('binance:BTC-USDT', [instrument(), bookSnapshot(), trade()]);
    const response = await take();
    expect(response.statusCode).toBe(201);
    expect(savepointSchema.parse(response.json())).toEqual({ batchNumber: 1, position: 3 });
    await world.deliver('binance:BTC-USDT', [trade({ tradeId: '2' })]);
    await world.instruments.stop('binance:BTC-USDT' as never);
    expect(await list()).toMatchObject([{ batchNumber: 1, position: 3 }]);
  });

  it('is refused where so many are kept, and deleting one makes room', async () => {
    for (let count = 1; count <= SAVEPOINTS_MAX; count++) {
      await world.deliver('binance:BTC-USDT', [trade({ tradeId: String(count) })]);
      expect((await take()).statusCode).toBe(201);
    }
    await world.deliver('binance:BTC-USDT', [trade({ tradeId: 'last' })]);
    const refused = await take();
    expect([refused.statusCode, codeOf(refused)]).toEqual([409, 'SAVEPOINTS_FULL']);
    expect(world.actorStatus('binance:BTC-USDT')).toBe('running');
    const deleted = await remove(1);
    expect([deleted.statusCode, deleted.body]).toEqual([204, '']);
    expect((await take()).statusCode).toBe(201);
    expect((await list()).map(({ batchNumber }) => batchNumber)).toHaveLength(SAVEPOINTS_MAX);
  });

  it('that is not there can not be deleted', async () => {
    const unknown = await remove(7);
    expect([unknown.statusCode, codeOf(unknown)]).toEqual([404, 'SAVEPOINT_UNKNOWN']);
    for (const hostile of ['x', '-1', '1e3x', '%00', '9'.repeat(30)]) {
      expect(codeOf(await remove(hostile))).toBe('REQUEST_INVALID');
    }
  });

  it('of an instrument that does not run can not be taken', async () => {
    const response = await app.inject({
      method: 'POST',
      url: '/v1/instruments/binance/ETH-USDT/savepoint',
      headers,
    });
    expect(codeOf(response)).toBe('INSTRUMENT_UNKNOWN');
  });
});

describe('going back to a savepoint', () => {
  const wrong = trade({ tradeId: '3', price: 99_999, ...timesAt(NOON_MS + 2_000) });

  it('forgets what came after it but for the trades that are stored, and subscribers see it', async () => {
    await world.deliver('binance:BTC-USDT', [bookSnapshot(), trade()]);
    await take();
    await world.deliver('binance:BTC-USDT', [trade({ tradeId: '2', ...timesAt(NOON_MS + 1_000) }), wrong]);
    await world.deliver('binance:BTC-USDT', [heartbeat(NOON_MS + 90_000)]);
    world.forgetTrade('3');
    const before = await tickerOf();
    expect(before.tradeCount).toBe(3);
    const response = await restore(1);
    expect([response.statusCode, restoredSchema.parse(response.json())]).toEqual([
      200,
      { batchNumber: 3, position: 6, tradeCount: 2 },
    ]);
    const after = await tickerOf();
    expect(after.tradeCount).toBe(2);
    expect(after.seq).toBeGreaterThan(before.seq);
    await world.publishAll('binance:BTC-USDT');
    const published = world.publications.findLast(({ key }) => key === 'ticker:binance:BTC-USDT');
    expect(JSON.parse(published!.value)).toMatchObject({ tradeCount: 2, status: 'live' });
    const [minute] = await world.tables.readCandles({
      instrument: 'binance:BTC-USDT' as never,
      interval: '1m',
      ...{ fromMs: 0, toMs: NOON_MS * 2, limit: 1 },
    });
    // What closed was told, and stays as it was told.
    expect(minute).toMatchObject({ tradeCount: 3, high: '999.99' });
  });

  it('is what the next life begins with, and what comes then goes on from there', async () => {
    await world.deliver('binance:BTC-USDT', [bookSnapshot(), trade()]);
    await take();
    await world.deliver('binance:BTC-USDT', [wrong]);
    world.forgetTrade('3');
    await restore(1);
    await world.deliver('binance:BTC-USDT', [trade({ tradeId: '4', ...timesAt(NOON_MS + 3_000) })]);
    await world.instruments.restart('binance:BTC-USDT' as never, 'test');
    await until(() => world.actorStatus('binance:BTC-USDT') === 'running');
    expect((await tickerOf()).tradeCount).toBe(2);
  });

  it('leaves everything as it was where the new state can not be saved', async () => {
    await world.deliver('binance:BTC-USDT', [bookSnapshot(), trade()]);
    await take();
    await world.deliver('binance:BTC-USDT', [wrong]);
    world.forgetTrade('3');
    world.failNextSnapshot(new Error('the disk is full'));
    await restore(1);
    await until(() => world.actorStatus('binance:BTC-USDT') === 'running');
    expect((await tickerOf()).tradeCount).toBe(2);
  });

  it('is refused where its place is taken, and for one that is not there', async () => {
    await world.deliver('binance:BTC-USDT', [trade()]);
    await take();
    const newest = await restore(1);
    expect([newest.statusCode, codeOf(newest)]).toEqual([409, 'SAVEPOINT_NEWEST']);
    await world.deliver('binance:BTC-USDT', [trade({ tradeId: '2' })]);
    const unknown = await restore(2);
    expect([unknown.statusCode, codeOf(unknown)]).toEqual([404, 'SAVEPOINT_UNKNOWN']);
    expect((await restore(1)).statusCode).toBe(200);
    expect(await list()).toMatchObject([{ batchNumber: 1 }]);
    expect(world.actorStatus('binance:BTC-USDT')).toBe('running');
  });
});
