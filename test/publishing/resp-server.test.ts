/** The embedded server against bytes from any client: real ones, odd ones, hostile ones. */
import type { Socket } from 'node:net';
import { createConnection } from 'node:net';
import { once } from 'node:events';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import type { RespServer } from '../../src/publishing/resp-server.ts';
import { startRespServer } from '../../src/publishing/resp-server.ts';
import { RespReader } from '../../src/publishing/resp-reader.ts';
import { until } from './redis-testing.ts';

const OUTPUT_MAX_BYTES = 2_000_000;
let server: RespServer;
let redis: Redis;

beforeAll(async () => {
  server = await startRespServer({
    port: 0,
    clock: systemClock,
    timers: systemTimers,
    outputMaxBytes: OUTPUT_MAX_BYTES,
  });
  redis = new Redis({ port: server.port, host: '127.0.0.1' });
});
afterAll(async () => {
  redis.disconnect();
  await server.close();
});

async function open(): Promise<Socket> {
  const socket = createConnection({ port: server.port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Sends bytes and returns what comes back until the server closes. */
async function exchange(bytes: string | Uint8Array): Promise<string> {
  const socket = await open();
  let answer = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk) => (answer += String(chunk)));
  socket.end(bytes);
  await once(socket, 'close');
  return answer;
}

describe('commands', () => {
  test.each([2, 3] as const)(
    'a client of RESP%i reads and writes strings, lists and hashes',
    async (protocol) => {
      const client = new Redis({ port: server.port, host: '127.0.0.1', protocol });
      await client.flushall();
      await client.set('s', 'grüße\u0000\r\n', 'EX', 100);
      expect(await client.get('s')).toBe('grüße\u0000\r\n');
      expect(await client.ttl('s')).toBe(100);
      expect(await client.mget('s', 'none')).toStrictEqual(['grüße\u0000\r\n', null]);
      await client.lpush('l', 'a', 'b', 'c');
      expect(await client.lrange('l', 0, -1)).toStrictEqual(['c', 'b', 'a']);
      expect(await client.lrange('l', -2, 5)).toStrictEqual(['b', 'a']);
      await client.ltrim('l', 1, 1);
      expect(await client.lrange('l', 0, -1)).toStrictEqual(['b']);
      await client.hset('h', { one: '1', two: '2' });
      expect(await client.hgetall('h')).toStrictEqual({ one: '1', two: '2' });
      expect((await client.keys('*')).sort()).toStrictEqual(['h', 'l', 's']);
      expect((await client.scan(0, 'MATCH', 's*'))[1]).toStrictEqual(['s']);
      expect(await client.type('h')).toBe('hash');
      await expect(client.lpush('s', 'x')).rejects.toThrow(/^WRONGTYPE/);
      await expect(client.call('NO-SUCH')).rejects.toThrow(/^ERR unknown command/);
      expect(await client.del('s', 'l', 'none')).toBe(2);
      client.disconnect();
    },
  );

  test('a key whose time is over is gone', async () => {
    await redis.set('short', '1', 'PX', 1);
    await until(async () => (await redis.exists('short')) === 0);
    expect(await redis.ttl('short')).toBe(-2);
  });

  test('binary values come back byte for byte', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    await redis.set('bytes', bytes);
    expect(await redis.getBuffer('bytes')).toStrictEqual(bytes);
  });

  test('inline commands are answered, as typed by hand', async () => {
    expect(await exchange('PING\r\n\r\nSET  hand  made\r\nGET hand\nQUIT\r\n')).toBe(
      '+PONG\r\n+OK\r\n$4\r\nmade\r\n+OK\r\n',
    );
  });

  test('a script that is not ours is refused', async () => {
    await expect(redis.eval('return 1', 0)).rejects.toThrow(/^ERR/);
    await expect(redis.evalsha('0'.repeat(40), 0)).rejects.toThrow(/^NOSCRIPT/);
  });
});

describe('subscribers', () => {
  test('hear channels and patterns until they unsubscribe', async () => {
    const subscriber = new Redis({ port: server.port, host: '127.0.0.1' });
    const heard: string[] = [];
    subscriber.on('message', (channel, message) => heard.push(`${channel} ${message}`));
    subscriber.on('pmessage', (pattern, channel, message) => heard.push(`${pattern} ${channel} ${message}`));
    await subscriber.subscribe('a', 'b');
    await subscriber.psubscribe('a*');
    expect(await redis.publish('a', '1')).toBe(2);
    await subscriber.unsubscribe('a');
    expect(await redis.publish('a', '2')).toBe(1);
    expect(await redis.publish('b', '3')).toBe(1);
    await until(() => heard.length >= 4);
    expect(heard).toStrictEqual(['a 1', 'a* a 1', 'a* a 2', 'b 3']);
    subscriber.disconnect();
    await until(async () => (await redis.publish('b', '4')) === 0);
  });

  test('that read too slowly are disconnected, the others hear on', async () => {
    const slow = await open();
    slow.write('SUBSCRIBE flood\r\n');
    await once(slow, 'data');
    slow.pause();
    let isClosed = false;
    slow.on('close', () => (isClosed = true));
    const text = 'x'.repeat(100_000);
    await until(async () => (await redis.publish('flood', text)) === 0);
    expect(await redis.ping()).toBe('PONG');
    slow.resume();
    await until(() => isClosed);
    expect(slow.bytesRead).toBeLessThan(50_000_000);
  });
});

describe('hostile bytes', () => {
  test.each([
    'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nSET from-a-page 1\r\n',
    'PUT /x HTTP/1.1\r\n\r\nSET from-a-page 1\r\n',
    'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nSET from-a-page 1\r\n',
  ])('of a web page (%j) are cut off before its body is a command', async (bytes) => {
    await exchange(bytes);
    expect(await redis.exists('from-a-page')).toBe(0);
  });

  const SEED = 77;
  const piece = fc.oneof(
    fc.constantFrom(
      '*',
      '$',
      '\r\n',
      '*3\r\n',
      '$3\r\n',
      '*-1\r\n',
      '*0\r\n',
      '$-1\r\n',
      '*1\r\n$4\r\nPING\r\n',
    ),
    fc.constantFrom(
      '*99999999999\r\n',
      '$99999999\r\n',
      'SUBSCRIBE a\r\n',
      'EVALSHA x 5\r\n',
      'HELLO 3\r\n',
      'XADD a MAXLEN ~ *\r\n',
    ),
    fc.constantFrom(
      'GET\r\n',
      'SET a\r\n',
      'LRANGE l x y\r\n',
      'LTRIM a 9 1\r\n',
      'PEXPIRE a -5\r\n',
      'CLIENT\r\n',
      'SCRIPT LOAD\r\n',
    ),
    fc.string({ unit: 'binary' }),
  );

  test('never crash the server: it answers the next client', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
        await exchange(Buffer.from(pieces.join(''), 'latin1'));
        expect(await redis.ping()).toBe('PONG');
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  test('that are no RESP are told so, and the connection ends', async () => {
    expect(await exchange('*2\r\nno\r\n')).toMatch(/^-ERR Protocol error/);
    expect(await exchange('*1000000\r\n')).toMatch(/^-ERR Protocol error: invalid multibulk length/);
    expect(await exchange('*1\r\n$999999999\r\n')).toMatch(/^-ERR Protocol error: invalid bulk length/);
    expect(await exchange('x'.repeat(70_000))).toMatch(/^-ERR Protocol error: too big inline request/);
  });

  test('cut anywhere give the same requests as in one piece', () => {
    const requests = fc.array(
      fc.array(fc.string({ unit: 'binary', maxLength: 9 }).map(toLatin1), { minLength: 1, maxLength: 4 }),
    );
    fc.assert(
      fc.property(requests, fc.array(fc.nat(40)), (wanted, sizes) => {
        const bytes = wanted
          .map((args) => `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join('')}`)
          .join('');
        const reader = new RespReader();
        const got: (readonly string[])[] = [];
        const drain = (): void => {
          for (let reading = reader.next(); reading.type !== 'incomplete'; reading = reader.next()) {
            if (reading.type === 'broken') throw new Error(reading.reason);
            got.push(reading.args);
          }
        };
        let at = 0;
        for (const size of sizes) {
          reader.add(bytes.slice(at, at + size));
          at += size;
          drain();
        }
        reader.add(bytes.slice(at));
        drain();
        expect(got).toStrictEqual(wanted);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });
});

function toLatin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
