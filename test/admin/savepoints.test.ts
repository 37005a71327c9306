import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SAVEPOINTS_MAX } from '../../src/actors/ports.ts';
import type { AdminApp } from '../../src/admin/admin-options.ts';
import { createAdminApp } from '../../src/admin/admin-server.ts';
import { savepointSchema, savepointsSchema } from '../../src/admin/operations-schemas.ts';
import { problemSchema } from '../../src/admin/problems.ts';
import { bookSnapshot, instrument, trade } from '../support/market-events.ts';
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
