/** What channels of another node tell here, on the embedded server and on a real one. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LiveReader, Publication } from '../../src/actors/ports.ts';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { InProcessChannels } from '../../src/publishing/in-process-channels.ts';
import { RedisChannels } from '../../src/publishing/redis-channels.ts';
import { RedisPublisher } from '../../src/publishing/redis-publisher.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { connect, until } from './redis-testing.ts';
import type { ServerUnderTest } from './servers-under-test.ts';

const BOOK = 'orderbook:binance:BTC-USDT:1';
const CLOSED = 'candle:binance:BTC-USDT:1m:closed';

type Told = {
  type: string;
  channel: string;
  reason?: string;
  value?: { epoch: number; seq: number; status: string; reason: string; bids?: unknown; openTimeMs?: number };
};

class TestReader implements LiveReader {
  readonly told: Told[] = [];
  readonly leases: boolean[] = [];
  tell({ text, needsLease }: { text: string; needsLease: boolean }): void {
    this.told.push(JSON.parse(text) as Told);
    this.leases.push(needsLease);
  }
  ended(): void {
    throw new Error('no channel was to end');
  }
  get last(): Told | undefined {
    return this.told.at(-1);
  }
}

export function describeRedisChannels(name: string, createServer: () => Promise<ServerUnderTest>): void {
  describe(`channels of another node through ${name}`, () => {
    let server: ServerUnderTest;
    let publisher: RedisPublisher;
    let channels: InProcessChannels;
    let follower: RedisChannels;
    let reader: TestReader;
    let log: RecordingLog;

    beforeEach(async () => {
      log = new RecordingLog();
      server = await createServer();
      await server.start();
      const url = `redis://127.0.0.1:${String(server.port)}`;
      const random = createSeededRandom(1);
      const shared = { url, clock: systemClock, timers: systemTimers, random, log };
      publisher = new RedisPublisher({ ...shared, keyTtlMs: 60_000, closedCandlesMax: 5 });
      // This node has another epoch: it is none of what it hears.
      channels = new InProcessChannels({ clock: systemClock, epoch: 1 });
      follower = new RedisChannels({ ...shared, channels });
      reader = new TestReader();
    });
    afterEach(async () => {
      follower.close();
      publisher.close();
      await server.stop();
    });

    const book = (epoch: number, seq: number, bid = '100'): Publication => ({
      key: BOOK,
      epoch,
      seq,
      value: JSON.stringify({
        epoch,
        seq,
        type: 'orderbook',
        status: 'live',
        reason: '',
        bids: [[bid, '1']],
      }),
      kind: 'latest',
    });
    const closed = (seq: number, openTimeMs: number): Publication => ({
      key: 'candle:binance:BTC-USDT:1m',
      epoch: 9,
      seq,
      value: JSON.stringify({ epoch: 9, seq, type: 'candle', openTimeMs, revision: 0 }),
      kind: 'closedCandle',
    });
    const read = (channel: string): void => {
      channels.join(channel, reader);
      follower.follow(channel);
    };

    it('begin with what is in Redis, and go on with what is published', async () => {
      publisher.publish([book(9, 5)]);
      await publisher.flush(5_000);
      read(BOOK);
      await until(() => reader.told.length === 1);
      expect(reader.last).toMatchObject({
        type: 'change',
        value: { epoch: 9, seq: 5, bids: [['100', '1']] },
      });
      publisher.publish([book(9, 6, '101.123456789012345678')]);
      await until(() => reader.told.length === 2);
      expect(reader.last?.value).toMatchObject({ seq: 6, bids: [['101.123456789012345678', '1']] });
      // The node that published it held the lease.
      expect(reader.leases).toEqual([false, false]);
    });

    it('never go back to an older owner', async () => {
      read(BOOK);
      await until(() => reader.last?.type === 'stale');
      publisher.publish([book(9, 5)]);
      await until(() => reader.last?.type === 'change');
      channels.hear(BOOK, book(8, 900).value, 'latest');
      channels.hear(BOOK, 'not of ours', 'latest');
      publisher.publish([book(9, 6)]);
      await until(() => reader.last?.value?.seq === 6);
      expect(reader.told.map(({ value }) => value?.epoch)).toEqual([undefined, 9, 9]);
    });

    it('tell each closed candle once', async () => {
      read(CLOSED);
      const redis = await connect(server.port);
      await until(async () => (await redis.publish(CLOSED, 'not of ours')) === 1);
      publisher.publish([closed(5, 60_000), closed(5, 120_000), closed(6, 180_000)]);
      await until(() => reader.told.length === 3);
      expect(reader.told.map(({ value }) => value?.openTimeMs)).toEqual([60_000, 120_000, 180_000]);
      redis.disconnect();
    });

    it('are in doubt when their node keeps them alive no longer, and when there never was a value', async () => {
      publisher.publish([book(9, 5)]);
      await publisher.flush(5_000);
      read(BOOK);
      await until(() => reader.told.length === 1);
      const redis = await connect(server.port);
      await redis.del(BOOK);
      await until(() => reader.last?.value?.status === 'stale');
      expect(reader.last?.value).toMatchObject({ seq: 5, reason: 'its node says nothing of it any more' });
      redis.disconnect();
    });

    it('are in doubt while Redis is away, and sure again when it says the same', async () => {
      publisher.publish([book(9, 5)]);
      await publisher.flush(5_000);
      read(BOOK);
      await until(() => reader.told.length === 1);
      await server.stop();
      await until(() => reader.last?.value?.status === 'stale');
      await server.start();
      publisher.publish([book(9, 5)]);
      await until(() => reader.last?.value?.status === 'live');
      expect(
        log.lines.filter(({ message }) => message.includes('channels of other nodes are in doubt')),
      ).toHaveLength(1);
    });

    it('are followed while somebody reads them and they are of another node', async () => {
      let isElsewhere = true;
      channels.join(BOOK, reader);
      follower.keep(() => isElsewhere);
      expect(follower.followedCount).toBe(1);
      isElsewhere = false;
      follower.keep(() => isElsewhere);
      expect(follower.followedCount).toBe(0);
      follower.follow(BOOK);
      channels.leave(BOOK, reader);
      await until(() => follower.followedCount === 0);
    });
  });
}
