/** What every Redis must do for the publisher; run on the embedded server and on a real one. */
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Publication, PublishLease, StaleMark } from '../../src/actors/ports.ts';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import type { Log } from '../../src/base/log.ts';
import type { RedisPublisherOptions } from '../../src/publishing/redis-publisher.ts';
import { RedisPublisher } from '../../src/publishing/redis-publisher.ts';
import type { CuttingProxy } from '../support/cutting-proxy.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { connect, until } from './redis-testing.ts';
import type { ServerUnderTest } from './servers-under-test.ts';

const FLUSH_MS = 10_000;
const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export function describePublisher(name: string, createServer: () => Promise<ServerUnderTest>): void {
  describe(`publishing to ${name}`, () => {
    let server: ServerUnderTest;
    let reader: Redis;
    const publishers: RedisPublisher[] = [];
    const readers: Redis[] = [];

    beforeAll(async () => {
      server = await createServer();
      await server.start();
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      reader = await openReader();
      await reader.flushall();
    });
    afterEach(() => {
      for (const publisher of publishers.splice(0)) publisher.close();
      for (const each of readers.splice(0)) each.disconnect();
    });

    async function openReader(): Promise<Redis> {
      const redis = await connect(server.port);
      readers.push(redis);
      return redis;
    }

    function openPublisher(options: Partial<RedisPublisherOptions> = {}): RedisPublisher {
      const publisher = new RedisPublisher({
        url: `redis://127.0.0.1:${server.port}`,
        clock: systemClock,
        timers: systemTimers,
        random: createSeededRandom(1),
        log: silentLog,
        keyTtlMs: 60_000,
        closedCandlesMax: 5,
        ...options,
      });
      publishers.push(publisher);
      return publisher;
    }

    async function publish(publisher: RedisPublisher, ...publications: Publication[]): Promise<void> {
      publisher.publish(publications);
      await publisher.flush(FLUSH_MS);
    }

    test('a value is set as JSON with its version first, its publish time and a TTL', async () => {
      const publisher = openPublisher();
      await publish(publisher, latest('ticker:x:A-B', 3, 7, '"last":"1.50","text":"ü\u2028"'));
      const text = await reader.get('ticker:x:A-B');
      expect(text).toMatch(/^\{"epoch":3,"seq":7,"publishTimeMs":\d+,/);
      expect(JSON.parse(text!)).toMatchObject({ epoch: 3, seq: 7, last: '1.50', text: 'ü\u2028' });
      const ttlMs = await reader.pttl('ticker:x:A-B');
      expect(ttlMs).toBeGreaterThan(0);
      expect(ttlMs).toBeLessThanOrEqual(60_000);
    });

    test('a subscriber receives exactly the values that were set, in order', async () => {
      const subscriber = await openReader();
      const heard: string[] = [];
      subscriber.on('message', (_channel, message) => heard.push(message));
      await subscriber.subscribe('k');
      const publisher = openPublisher();
      const held: (string | null)[] = [];
      for (let seq = 1; seq <= 20; seq++) {
        await publish(publisher, latest('k', 1, seq));
        held.push(await reader.get('k'));
      }
      await until(() => heard.length >= 20);
      expect(heard).toStrictEqual(held);
    });

    test('a pattern subscriber hears every key', async () => {
      const subscriber = await openReader();
      const heard: string[] = [];
      subscriber.on('pmessage', (_pattern, channel) => heard.push(channel));
      await subscriber.psubscribe('orderbook:x:*');
      const publisher = openPublisher();
      await publish(
        publisher,
        latest('orderbook:y:A-B:1', 1, 1),
        latest('orderbook:x:A-B:1', 1, 1),
        latest('orderbook:x:A-B:5', 1, 1),
      );
      await until(() => heard.length >= 2);
      expect(heard).toStrictEqual(['orderbook:x:A-B:1', 'orderbook:x:A-B:5']);
    });

    test('an older epoch or sequence never overwrites, and is counted', async () => {
      const owner = openPublisher();
      const zombie = openPublisher();
      await publish(owner, latest('k', 2, 10));
      await publish(zombie, latest('k', 1, 999));
      expect(await versionOf('k')).toStrictEqual([2, 10]);
      await publish(zombie, latest('k', 2, 9));
      expect(await versionOf('k')).toStrictEqual([2, 10]);
      expect(zombie.metrics.rejectedAsOld).toBe(2);
      expect(zombie.metrics.published).toBe(0);
      await publish(owner, latest('k', 10, 1));
      expect(await versionOf('k')).toStrictEqual([10, 1]);
    });

    test('a newer value of a history that is gone is not kept alive, and its owner is asked to publish again once it has expired', async () => {
      const warnings: string[] = [];
      const lost: string[] = [];
      await publish(openPublisher({ keyTtlMs: 400 }), latest('k', 17, 10));
      const restored = openPublisher({
        log: { ...silentLog, warn: (_fields, message) => warnings.push(message) },
        onKeysLost: (keys) => lost.push(...keys),
      });
      await publish(restored, latest('k', 3, 999));
      await publish(restored, latest('k', 3, 1_000));
      await until(async () => {
        restored.refresh(['k']);
        await restored.flush(FLUSH_MS);
        return lost.includes('k');
      });
      expect(await reader.get('k')).toBeNull();
      expect(warnings).toStrictEqual([expect.stringContaining('Redis holds newer values')]);
      await publish(restored, latest('k', 3, 1_001));
      expect(await versionOf('k')).toStrictEqual([3, 1_001]);
      restored.refresh(['k']);
      await restored.flush(FLUSH_MS);
      expect(await reader.pttl('k')).toBeGreaterThan(400);
    });

    test('of two publishers that race, the newer epoch is heard last and stands', async () => {
      const subscriber = await openReader();
      const heard: [number, number][] = [];
      subscriber.on('message', (_channel, message) => heard.push(toVersion(message)));
      await subscriber.subscribe('k');
      const old = openPublisher();
      const owner = openPublisher();
      const sends: Promise<void>[] = [];
      for (let seq = 1; seq <= 50; seq++) {
        sends.push(publish(old, latest('k', 1, seq)), publish(owner, latest('k', 2, seq)));
        await Promise.race([sends.at(-1), sends.at(-2)]);
      }
      await Promise.all(sends);
      expect(await versionOf('k')).toStrictEqual([2, 50]);
      await until(() => heard.some(([epoch, seq]) => epoch === 2 && seq === 50));
      const sorted = heard.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
      expect(heard).toStrictEqual(sorted);
    });

    test('the same version with other text is published, the same text again is not', async () => {
      const subscriber = await openReader();
      const heard: string[] = [];
      subscriber.on('message', (_channel, message) => heard.push(message));
      await subscriber.subscribe('k');
      const publisher = openPublisher();
      await publish(publisher, latest('k', 1, 5, '"status":"live"'));
      await publish(publisher, latest('k', 1, 5, '"status":"live"'));
      await publish(publisher, latest('k', 1, 5, '"status":"stale"'));
      await until(() => heard.length >= 2);
      await reader.publish('k', 'end');
      await until(() => heard.at(-1) === 'end');
      expect(heard.slice(0, -1).map((text) => (JSON.parse(text) as { status: string }).status)).toStrictEqual(
        ['live', 'stale'],
      );
      expect(publisher.metrics.rejectedAsOld).toBe(0);
    });

    test('nothing leaves while the lease is not held; then the latest of each key goes, and nothing older', async () => {
      const listeners = new Set<() => void>();
      let isHeld = true;
      const lease: PublishLease = {
        isHeld: () => isHeld,
        onHeld: (listener) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      };
      const subscriber = await openReader();
      const heard: string[] = [];
      subscriber.on('pmessage', (_pattern, _channel, message) => heard.push(message));
      await subscriber.psubscribe('*');
      const publisher = openPublisher({ lease });
      await publish(publisher, latest('k', 1, 1));
      isHeld = false;
      publisher.publish([latest('k', 1, 2), latest('k', 1, 3), closed('candle:k', 1, 3)]);
      publisher.refresh(['k']);
      await until(() => listeners.size === 1);
      await reader.publish('k', 'while it was not held');
      await until(() => heard.at(-1) === 'while it was not held');
      isHeld = true;
      for (const listener of [...listeners]) listener();
      await publisher.flush(FLUSH_MS);
      await until(() => heard.length >= 4);
      expect(heard.slice(0, 2).map((text) => text.slice(0, 20))).toStrictEqual([
        '{"epoch":1,"seq":1,"',
        'while it was not hel',
      ]);
      expect(await versionOf('k')).toStrictEqual([1, 3]);
      expect(listeners.size).toBe(0);
    });

    test('a lease that is lost between two scripts of one round holds the second back, and nothing is lost', async () => {
      let asked = 0;
      const listeners = new Set<() => void>();
      // Held for the round and its first script, not for the second, then again.
      const lease: PublishLease = {
        isHeld: () => ++asked !== 3,
        onHeld: (listener) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      };
      const publisher = openPublisher({ lease });
      await publish(publisher, latest('k', 1, 1), closed('candle:k', 1, 1));
      expect(await versionOf('k')).toStrictEqual([1, 1]);
      expect(await reader.llen('candle:k:closed')).toBe(1);
      expect(asked).toBeGreaterThan(3);
    });

    describe('marks', () => {
      const book = (status: string, reason = '') =>
        `"exchange":"x","status":"${status}","reason":${JSON.stringify(reason)},"bids":[["1.50","2"]]`;
      const mark = (key: string, epoch: number, reason: string): StaleMark => ({ key, epoch, reason });

      async function markStale(publisher: RedisPublisher, ...marks: StaleMark[]): Promise<void> {
        publisher.markStale(marks);
        await publisher.flush(FLUSH_MS);
      }

      const held = async (key: string): Promise<unknown> => JSON.parse((await reader.get(key))!);

      test('make what is held stale with their reason, publish it, and leave version, content and TTL as they were', async () => {
        const subscriber = await openReader();
        const heard: string[] = [];
        subscriber.on('message', (_channel, message) => heard.push(message));
        await subscriber.subscribe('k');
        const publisher = openPublisher();
        await publish(publisher, latest('k', 3, 7, book('live')));
        await reader.pexpire('k', 5_000);
        const reason = 'quotes " and \\ and "status":"live","reason":"" and ü';
        await markStale(publisher, mark('k', 3, reason));
        const expected = { epoch: 3, seq: 7, exchange: 'x', status: 'stale', reason, bids: [['1.50', '2']] };
        expect(await held('k')).toStrictEqual({ ...expected, publishTimeMs: expect.any(Number) as number });
        const ttlMs = await reader.pttl('k');
        expect(ttlMs).toBeGreaterThan(0);
        expect(ttlMs).toBeLessThanOrEqual(5_000);
        await until(() => heard.length === 2);
        expect(heard[1]).toBe(await reader.get('k'));
        expect(publisher.metrics.markedStale).toBe(1);
      });

      test('give way to another reason, escapes and all, and say the same one only once', async () => {
        const publisher = openPublisher();
        await publish(publisher, latest('k', 1, 1, book('stale', 'a "gap" \\')));
        await markStale(publisher, mark('k', 1, 'parked: "why"'));
        const first = await reader.get('k');
        await markStale(publisher, mark('k', 1, 'parked: "why"'));
        expect(await reader.get('k')).toBe(first);
        await markStale(publisher, mark('k', 1, 'other'));
        expect(await held('k')).toMatchObject({ status: 'stale', reason: 'other', bids: [['1.50', '2']] });
        expect(publisher.metrics.markedStale).toBe(2);
      });

      test('leave alone what a newer epoch wrote, what was empty, what is not ours, and what is not there', async () => {
        const publisher = openPublisher();
        await publish(publisher, latest('newer', 4, 1, book('live')), latest('empty', 3, 1, book('empty')));
        await publish(publisher, latest('other', 3, 1, '"x":1'));
        await reader.set('foreign', '{"status":"live","reason":""}');
        await reader.lpush('list', 'x');
        await markStale(
          publisher,
          ...['newer', 'empty', 'other', 'foreign', 'list', 'none'].map((key) => mark(key, 3, 'why')),
        );
        expect(publisher.metrics.markedStale).toBe(0);
        expect(await held('newer')).toMatchObject({ status: 'live' });
        expect(await held('empty')).toMatchObject({ status: 'empty' });
        expect(await reader.get('foreign')).toBe('{"status":"live","reason":""}');
        expect(await reader.exists('none')).toBe(0);
      });

      test('take over what an older epoch left behind, so that what its last owner still had under way comes too late', async () => {
        const publisher = openPublisher();
        const reason = 'being recovered';
        await publish(
          publisher,
          latest('k', 2, 9, book('live')),
          latest('l', 2, 9, book('stale', reason)),
          latest('m', 2, 9, book('empty')),
        );
        await markStale(publisher, mark('k', 3, reason), mark('l', 3, reason), mark('m', 3, reason));
        await publish(publisher, latest('k', 2, 10, book('live')), latest('l', 2, 10, book('live')));
        for (const key of ['k', 'l']) {
          const bids = [['1.50', '2']];
          expect(await held(key)).toMatchObject({ epoch: 3, seq: 0, status: 'stale', reason, bids });
        }
        expect(publisher.metrics.rejectedAsOld).toBe(2);
        expect(await held('m')).toMatchObject({ epoch: 2, status: 'empty' });
        await publish(publisher, latest('k', 3, 8, book('live')));
        expect(await held('k')).toMatchObject({ epoch: 3, seq: 8, status: 'live' });
      });

      test('end with the next value, of the same version too', async () => {
        const publisher = openPublisher();
        await publish(publisher, latest('k', 1, 5, book('live')));
        await markStale(publisher, mark('k', 1, 'held up'));
        expect(await held('k')).toMatchObject({ status: 'stale' });
        await publish(publisher, latest('k', 1, 5, book('live')));
        expect(await held('k')).toMatchObject({ seq: 5, status: 'live', reason: '' });
      });

      test('hold for a value that waits, and not for one that comes after', async () => {
        const publisher = openPublisher();
        publisher.publish([latest('before', 1, 1, book('live')), latest('after', 1, 1, book('live'))]);
        publisher.markStale([mark('before', 1, 'why'), mark('after', 1, 'why')]);
        publisher.publish([latest('after', 1, 2, book('live'))]);
        await publisher.flush(FLUSH_MS);
        expect(await held('before')).toMatchObject({ seq: 1, status: 'stale', reason: 'why' });
        expect(await held('after')).toMatchObject({ seq: 2, status: 'live' });
      });

      test('are said while the lease is not held, also where a value waits; the value that waits says so too', async () => {
        let isHeld = true;
        const listeners = new Set<() => void>();
        const lease: PublishLease = {
          isHeld: () => isHeld,
          onHeld: (listener) => {
            listeners.add(listener);
            return () => listeners.delete(listener);
          },
        };
        const publisher = openPublisher({ lease });
        await publish(publisher, latest('k', 1, 1, book('live')));
        isHeld = false;
        publisher.publish([latest('k', 1, 2, book('live'))]);
        publisher.markStale([mark('k', 1, 'not sure')]);
        await until(async () => ((await held('k')) as { status: string }).status === 'stale');
        expect(await held('k')).toMatchObject({ seq: 1, status: 'stale', reason: 'not sure' });
        isHeld = true;
        for (const listener of [...listeners]) listener();
        await publisher.flush(FLUSH_MS);
        expect(await held('k')).toMatchObject({ seq: 2, status: 'stale', reason: 'not sure' });
      });

      test('go to the stream too where there is one', async () => {
        const publisher = openPublisher({ streamMaxLength: 10 });
        await publish(publisher, latest('k', 1, 1, book('live')));
        await markStale(publisher, mark('k', 1, 'why'));
        const entries = await reader.xrange('{k}:stream', '-', '+');
        expect(
          entries.map(([, [, value]]) => (JSON.parse(value!) as { status: string }).status),
        ).toStrictEqual(['live', 'stale']);
        // Its key may be gone before the next value: then nobody else would let it expire.
        await reader.del('{k}:stream');
        await markStale(publisher, mark('k', 1, 'another'));
        expect(await reader.pttl('{k}:stream')).toBeGreaterThan(0);
      });
    });

    test('what a foreign writer left at a key is replaced', async () => {
      const publisher = openPublisher();
      await reader.set('k', 'not ours');
      await reader.lpush('l', 'not ours');
      await publish(publisher, latest('k', 1, 1), latest('l', 1, 1));
      expect(await versionOf('k')).toStrictEqual([1, 1]);
      expect(await versionOf('l')).toStrictEqual([1, 1]);
    });

    test('many keys in one go are all set', async () => {
      const publisher = openPublisher();
      const all = Array.from({ length: 1_234 }, (_, index) => latest(`key:${index}`, 1, index));
      await publish(publisher, ...all);
      expect(await reader.dbsize()).toBe(1_234);
      expect(await versionOf('key:1233')).toStrictEqual([1, 1_233]);
      expect(publisher.metrics.published).toBe(1_234);
    });

    test('closed candles are kept newest first, capped, and published on their own channel', async () => {
      const subscriber = await openReader();
      const heard: string[] = [];
      subscriber.on('message', (_channel, message) => heard.push(message));
      await subscriber.subscribe('candle:x:A-B:1m:closed');
      const publisher = openPublisher();
      for (let seq = 1; seq <= 8; seq++) publisher.publish([closed('candle:x:A-B:1m', 1, seq)]);
      await publisher.flush(FLUSH_MS);
      const list = await reader.lrange('candle:x:A-B:1m:closed', 0, -1);
      expect(list.map(toVersion).map(([, seq]) => seq)).toStrictEqual([8, 7, 6, 5, 4]);
      await until(() => heard.length >= 8);
      expect(heard.map(toVersion).map(([, seq]) => seq)).toStrictEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect(await reader.get('candle:x:A-B:1m')).toBeNull();
    });

    test('a closed candle that the next epoch sends again is left alone, one that it missed is appended', async () => {
      const publisher = openPublisher();
      const candle = (seq: number, openTimeMs: number, revision = 0, epoch = 1): Publication =>
        closed('again', epoch, seq, `"openTimeMs":${openTimeMs},"revision":${revision},"of":${epoch}`);
      await publish(publisher, candle(5, 1), candle(5, 2), candle(7, 3));
      await publish(
        publisher,
        candle(5, 2, 0, 2),
        candle(7, 3, 0, 2),
        candle(7, 4, 0, 2),
        candle(8, 4, 1, 2),
      );
      const list = await reader.lrange('again:closed', 0, -1);
      const shown = list.map(
        (text) => JSON.parse(text) as { openTimeMs: number; revision: number; of: number },
      );
      expect(shown.map(({ openTimeMs, revision, of }) => [openTimeMs, revision, of])).toEqual([
        [4, 1, 2],
        [4, 0, 2],
        [3, 0, 1],
        [2, 0, 1],
        [1, 0, 1],
      ]);
    });

    test('several candles closed by one log entry are all kept, those of an older epoch are refused', async () => {
      const publisher = openPublisher();
      await publish(publisher, closed('c', 2, 5, '"openTimeMs":1'), closed('c', 2, 5, '"openTimeMs":2'));
      await publish(publisher, closed('c', 1, 9, '"openTimeMs":3'));
      const list = await reader.lrange('c:closed', 0, -1);
      expect(list.map((text) => (JSON.parse(text) as { openTimeMs: number }).openTimeMs)).toStrictEqual([
        2, 1,
      ]);
      expect(publisher.metrics.rejectedAsOld).toBe(1);
    });

    test('refreshing keeps unchanged keys alive and tells which ones Redis has lost', async () => {
      const lost: string[] = [];
      const publisher = openPublisher({ onKeysLost: (keys) => void lost.push(...keys) });
      await publish(publisher, latest('a', 1, 1), latest('b', 1, 1));
      await reader.pexpire('a', 1_000);
      await reader.del('b');
      publisher.refresh(['a', 'b', 'never-published']);
      await publisher.flush(FLUSH_MS);
      expect(await reader.pttl('a')).toBeGreaterThan(30_000);
      expect(lost).toStrictEqual(['b']);
    });

    test('refreshing leaves what is older than was published to expire, and tells that it is lost', async () => {
      const lost: string[] = [];
      const publisher = openPublisher({ onKeysLost: (keys) => void lost.push(...keys) });
      const keys = ['same', 'older seq', 'older epoch', 'newer', 'list', 'other'];
      await publish(publisher, ...keys.map((key) => latest(key, 3, 10)));
      await reader.set('older seq', textOf(3, 9), 'PX', 5_000);
      await reader.set('older epoch', textOf(2, 11), 'PX', 5_000);
      await reader.set('newer', textOf(4, 1), 'PX', 5_000);
      await reader.del('list');
      await reader.lpush('list', 'x');
      await reader.set('other', 'not ours', 'PX', 5_000);
      await reader.pexpire('same', 5_000);
      publisher.refresh(keys);
      await publisher.flush(FLUSH_MS);
      expect(lost).toStrictEqual(['older seq', 'older epoch', 'list', 'other']);
      for (const key of ['older seq', 'older epoch', 'newer', 'other']) {
        expect(await reader.pttl(key)).toBeLessThanOrEqual(5_000);
      }
      expect(await reader.pttl('same')).toBeGreaterThan(30_000);
      await publish(publisher, latest('older seq', 3, 10), latest('older epoch', 3, 10));
      expect(await versionOf('older seq')).toStrictEqual([3, 10]);
      expect(await versionOf('older epoch')).toStrictEqual([3, 10]);
    });

    describe('a connection that is lost', () => {
      let proxy: CuttingProxy;
      beforeEach(async () => {
        proxy = await startCuttingProxy({ host: '127.0.0.1', port: server.port });
      });
      afterEach(() => proxy.close());

      const behindProxy = (options: Partial<RedisPublisherOptions>): RedisPublisher =>
        openPublisher({ url: `redis://127.0.0.1:${proxy.port}`, ...options });

      const statusOf = async (key: string): Promise<unknown> =>
        (JSON.parse((await reader.get(key)) ?? '{}') as { status?: string }).status;

      test('may come back to older values: all keys are lost then, and the same version is published over an older status', async () => {
        const lost: string[] = [];
        const publisher = behindProxy({ onKeysLost: (keys) => void lost.push(...keys) });
        const [live, stale] = [latest('k', 3, 10, LIVE), latest('k', 3, 10, STALE)];
        await publish(publisher, latest('other', 3, 10), live, latest('gone', 3, 10));
        publisher.expire(['gone']);
        await publish(publisher, stale);
        expect(lost).toStrictEqual([]);
        await reader.set('k', live.value);
        proxy.cut();
        await until(() => lost.length > 0);
        expect(lost).toStrictEqual(['other', 'k']);
        await publish(publisher, stale);
        expect(await statusOf('k')).toBe('stale');
      });

      test('lets the keys of an instrument expire again that was stopped before it, unless it runs again', async () => {
        const publisher = behindProxy({});
        await publish(publisher, latest('stopped', 3, 10, LIVE), latest('runs', 3, 10, LIVE));
        publisher.expire(['stopped', 'runs']);
        await publisher.flush(FLUSH_MS);
        await publish(publisher, latest('runs', 3, 11, LIVE));
        await reader.set('stopped', textOf(3, 9, LIVE), 'PX', 60_000);
        proxy.cut();
        await until(async () => (await statusOf('stopped')) === 'stale');
        expect(await reader.pttl('stopped')).toBeLessThanOrEqual(1_000);
        expect(await reader.pttl('runs')).toBeGreaterThan(30_000);
      });

      test('gets the marks again that are in force, and no others', async () => {
        const publisher = behindProxy({});
        await publish(publisher, latest('parked', 3, 10, LIVE), latest('back', 3, 10, LIVE));
        publisher.markStale(['parked', 'back'].map((key) => ({ key, epoch: 3, reason: 'parked' })));
        await publish(publisher, latest('back', 3, 10, LIVE));
        await until(async () => (await statusOf('parked')) === 'stale');
        await reader.set('parked', textOf(3, 9, LIVE));
        proxy.cut();
        await until(async () => (await statusOf('parked')) === 'stale');
        expect(await statusOf('back')).toBe('live');
      });
    });

    test('keys that are found lost get the marks again that are in force', async () => {
      const publisher = openPublisher();
      await publish(publisher, latest('parked', 3, 10, LIVE), latest('k', 3, 10));
      publisher.markStale([{ key: 'parked', epoch: 3, reason: 'parked' }]);
      await publisher.flush(FLUSH_MS);
      await reader.set('parked', textOf(3, 9, LIVE));
      await reader.set('k', textOf(3, 9));
      publisher.refresh(['k']);
      await publisher.flush(FLUSH_MS);
      expect(await reader.get('parked')).toContain('"status":"stale","reason":"parked"');
    });

    test('keys of a stopped instrument expire, those that a newer epoch took over live on', async () => {
      const stopped = openPublisher();
      const owner = openPublisher();
      await publish(
        stopped,
        latest('mine', 1, 1),
        latest('moved', 1, 1),
        latest('candle:m', 1, 1),
        closed('candle:m', 1, 1),
      );
      await publish(owner, latest('moved', 2, 2));
      stopped.expire(['mine', 'moved', 'candle:m']);
      await stopped.flush(FLUSH_MS);
      await until(async () => (await reader.exists('mine', 'candle:m', 'candle:m:closed')) === 0);
      expect(await reader.pttl('moved')).toBeGreaterThan(30_000);
    });

    test('a script that Redis has forgotten is sent again', async () => {
      const publisher = openPublisher();
      await publish(publisher, latest('k', 1, 1));
      await reader.call('SCRIPT', 'FLUSH').catch(() => undefined);
      await publish(publisher, latest('k', 1, 2));
      expect(await versionOf('k')).toStrictEqual([1, 2]);
      expect(publisher.metrics.failedRounds).toBe(0);
    });

    test('streams keep every value where they are asked for', async () => {
      const publisher = openPublisher({ streamMaxLength: 100 });
      for (let seq = 1; seq <= 3; seq++) await publish(publisher, latest('k', 1, seq));
      await publish(publisher, latest('k', 1, 2));
      const entries = await reader.xrange('{k}:stream', '-', '+');
      expect(entries.map(([, fields]) => toVersion(fields[1]!)[1])).toStrictEqual([1, 2, 3]);
      expect(await reader.pttl('{k}:stream')).toBeGreaterThan(0);
    });

    test('while Redis is away the latest value per key and every closed candle wait', async () => {
      const publisher = openPublisher({ closedQueueMax: 4 });
      await publish(publisher, latest('k', 1, 1));
      await server.stop();
      try {
        await until(() => !publisher.isConnected);
        for (let seq = 2; seq <= 6; seq++) {
          publisher.publish([latest('k', 1, seq), latest('other', 1, seq), closed('c', 1, seq)]);
        }
        await publisher.flush(50);
        expect(publisher.pendingCount).toBe(2 + 4);
        expect(publisher.metrics.conflated).toBe(8);
        expect(publisher.metrics.dropped).toBe(1);
      } finally {
        await server.start();
      }
      await publisher.flush(FLUSH_MS);
      expect(publisher.pendingCount).toBe(0);
      await until(() => reader.status === 'ready');
      expect(await versionOf('k')).toStrictEqual([1, 6]);
      expect(await versionOf('other')).toStrictEqual([1, 6]);
      const list = await reader.lrange('c:closed', 0, -1);
      expect(list.map(toVersion).map(([, seq]) => seq)).toStrictEqual([6, 5, 4, 3]);
      expect(publisher.metrics.published).toBe(3);
    });

    test('a value that is no JSON object is dropped and counted, those beside it are set', async () => {
      const publisher = openPublisher();
      await publish(publisher, { ...latest('bad', 1, 1), value: '[1]' }, latest('good', 1, 1));
      expect(await reader.exists('bad', 'good')).toBe(1);
      expect(publisher.metrics).toMatchObject({ published: 1, dropped: 1 });
    });

    test('closed candles of many lists go together; one whose key holds something else is dropped alone', async () => {
      const publisher = openPublisher();
      await reader.set('bad:closed', 'x');
      const names = Array.from({ length: 60 }, (_, index) => `c${index}`);
      await publish(
        publisher,
        ...names.flatMap((name) => [closed(name, 1, 7), closed(name, 1, 9), closed(name, 1, 8)]),
        closed('bad', 1, 1),
        closed('last', 1, 1),
      );
      for (const name of [...names, 'last']) {
        const list = await reader.lrange(`${name}:closed`, 0, -1);
        expect(list.map(toVersion)).toStrictEqual(
          name === 'last'
            ? [[1, 1]]
            : [
                [1, 9],
                [1, 7],
              ],
        );
      }
      expect(await reader.get('bad:closed')).toBe('x');
      expect(publisher.metrics).toMatchObject({ closedPublished: 121, rejectedAsOld: 60, dropped: 1 });
    });

    test('a closed publisher takes nothing and holds nobody up', async () => {
      const publisher = openPublisher();
      await publish(publisher, latest('k', 1, 1));
      publisher.close();
      publisher.publish([latest('k', 1, 2)]);
      await publisher.flush(FLUSH_MS);
      expect(await versionOf('k')).toStrictEqual([1, 1]);
    });

    async function versionOf(key: string): Promise<[number, number]> {
      return toVersion((await reader.get(key)) ?? '{}');
    }
  });
}

function toVersion(text: string): [number, number] {
  const { epoch, seq } = JSON.parse(text) as { epoch: number; seq: number };
  return [epoch, seq];
}

const LIVE = '"status":"live","reason":""';
const STALE = '"status":"stale","reason":"why"';

function latest(key: string, epoch: number, seq: number, fields?: string): Publication {
  return { key, epoch, seq, value: textOf(epoch, seq, fields), kind: 'latest' };
}

function textOf(epoch: number, seq: number, fields = '"x":1'): string {
  return `{"epoch":${epoch},"seq":${seq},${fields}}`;
}

function closed(key: string, epoch: number, seq: number, fields?: string): Publication {
  return { ...latest(key, epoch, seq, fields), kind: 'closedCandle' };
}
