import { expect, it } from 'vitest';
import { trimClosedCandles } from '../../src/publishing/closed-candle-trim.ts';

/** Lists of Redis, and the commands that the trimming sends. */
function createLists(lists: Map<string, string[] | 'something else'>) {
  const listOf = (key: string): string[] => lists.get(key) as string[];
  return {
    type: (key: string) =>
      Promise.resolve(!lists.has(key) ? 'none' : Array.isArray(lists.get(key)) ? 'list' : 'string'),
    lrange: (key: string) => Promise.resolve([...listOf(key)]),
    ltrim: (key: string, from: number | string) => {
      lists.set(key, listOf(key).slice(Number(from)));
      return Promise.resolve('OK' as const);
    },
  };
}

it('drops the candles that closed after the place, newest first, and nothing else', async () => {
  const candle = (seq: number): string => `{"epoch":3,"seq":${seq},"type":"candle"}`;
  const lists = new Map<string, string[] | 'something else'>([
    ['candle:1:1s:closed', [candle(30), 'foreign', candle(20), candle(20), candle(9)]],
    ['candle:1:1m:closed', [candle(30)]],
    ['candle:2:1s:closed', 'something else'],
    ['candle:3:1s:closed', [candle(30)]],
  ]);
  await trimClosedCandles(
    createLists(lists),
    ['1s', '1m'],
    [
      { name: '1', position: 20 },
      { name: '2', position: 20 },
    ],
  );
  expect([...lists]).toEqual([
    ['candle:1:1s:closed', [candle(20), candle(20), candle(9)]],
    ['candle:1:1m:closed', []],
    ['candle:2:1s:closed', 'something else'],
    ['candle:3:1s:closed', [candle(30)]],
  ]);
});
