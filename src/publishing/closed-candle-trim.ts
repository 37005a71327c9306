/**
 * Drops from the lists of closed candles those that closed after a place in the log of their instrument. A list refuses what is older than its newest
 * candle, so those that are closed anew from that place on would never come into it.
 */
import { candleKey, closedCandlesKey } from './keys.ts';
import type { RedisClient } from './redis-client.ts';

export type ListsToTrim = {
  /** As in its keys: the instrument, or its number. */
  readonly name: string;
  /** Events in its log before; the `seq` of a candle that closed later is larger. */
  readonly position: number;
};

/** Commands fail as those of the client. */
export async function trimClosedCandles(
  client: Pick<RedisClient, 'type' | 'lrange' | 'ltrim'>,
  intervals: readonly string[],
  instruments: readonly ListsToTrim[],
): Promise<void> {
  for (const { name, position } of instruments) {
    for (const interval of intervals) {
      const key = closedCandlesKey(candleKey(name, interval));
      // Whatever else somebody put there the publisher leaves alone as well.
      if ((await client.type(key)) !== 'list') continue;
      const candles = await client.lrange(key, 0, -1);
      const keptFrom = candles.findIndex((candle) => seqOf(candle) <= position);
      await client.ltrim(key, keptFrom === -1 ? candles.length : keptFrom, -1);
    }
  }
}

/** Infinity of what is no candle of ours: it must not stand in the way of those that are. */
function seqOf(candle: string): number {
  const seq = /^\{"epoch":\d+,"seq":(\d+)[,}]/.exec(candle)?.[1];
  return seq === undefined ? Infinity : Number.parseInt(seq, 10);
}
