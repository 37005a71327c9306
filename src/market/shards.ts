/** Which shard an instrument belongs to. Whoever writes to a shard's log and whoever owns the shard ask this one function, so they never disagree. */
import { CRC32_START, extendCrc32, finishCrc32 } from './crc32.ts';
import type { InstrumentKey } from './symbols.ts';

const encoder = new TextEncoder();

/**
 * Returns the shard of the instrument, from 0: the CRC-32 of its key in UTF-8, modulo the number of shards. It never changes while that number
 * stays. It is librdkafka's partitioner `consistent`, so that other programs find an instrument's partition too
 * (CONFIGURATION.md of librdkafka, property `partitioner`, read 2026-11). O(length of the key).
 */
export function shardOf(instrument: InstrumentKey, shardCount: number): number {
  let sum = CRC32_START;
  for (const byte of encoder.encode(instrument)) sum = extendCrc32(sum, byte);
  return finishCrc32(sum) % shardCount;
}
