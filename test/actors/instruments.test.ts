/** Changes of one instrument are carried out in turn. */
import { expect, test } from 'vitest';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { createWorld } from '../admin/support.ts';

const KEY = 'binance:BTC-USDT' as InstrumentKey;

test('a restart that is asked for while a stop is under way finds the instrument gone, and does not begin it anew', async () => {
  const { instruments, system } = await createWorld();
  await instruments.spawn('binance', 'BTC-USDT');
  const stopped = instruments.stop(KEY);
  await expect(instruments.restart(KEY, 'asked for')).rejects.toMatchObject({ code: 'INSTRUMENT_UNKNOWN' });
  await stopped;
  expect(system.tree().filter(({ path }) => path.endsWith(KEY))).toEqual([]);
  await system.shutdown();
});

test('a spawn that is asked for while a restart is under way finds the instrument running', async () => {
  const { instruments, system } = await createWorld();
  await instruments.spawn('binance', 'BTC-USDT');
  const restarted = instruments.restart(KEY, 'asked for');
  await expect(instruments.spawn('binance', 'BTC-USDT')).rejects.toMatchObject({ code: 'INSTRUMENT_EXISTS' });
  await restarted;
  expect(instruments.list()).toHaveLength(1);
  await system.shutdown();
});
