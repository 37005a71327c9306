import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemSchema } from '../../src/admin/problems.ts';
import { toExchangeId, toInstrumentKey, toNativeSymbol, toUnifiedSymbol } from '../../src/market/symbols.ts';
import { bookSnapshot, instrument, trade } from '../support/market-events.ts';
import { FakeClock } from '../support/fake-clock.ts';
import type { ClusterWorld } from './cluster-world.ts';
import { createClusterWorld } from './cluster-world.ts';
import { until } from './support.ts';

const BINANCE = toExchangeId('binance');
const BTC_USDT = toUnifiedSymbol('BTC-USDT');
const BTC = 'binance:BTC-USDT';
const BTC_PATH = '/v1/instruments/binance/BTC-USDT';

let cluster: ClusterWorld;
const extras: (() => Promise<void>)[] = [];
beforeEach(async () => {
  cluster = await createClusterWorld();
});
afterEach(async () => {
  for (const end of extras.splice(0)) await end();
  await cluster.end();
});

/** BTC runs on node b, and everybody knows. */
async function runBtcOnB(): Promise<void> {
  const { world } = cluster.b;
  await world.instruments.spawn('binance', 'BTC-USDT');
  await world.deliver(BTC, [instrument(), bookSnapshot(), trade()]);
  await until(() => world.actorStatus(BTC) === 'running');
  cluster.owners.set(BTC, 'b');
}

const askA = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${cluster.a.server.url}${path}`, init);

async function problemOf(response: Response) {
  const problem = problemSchema.parse(await response.json());
  expect(response.status).toBe(problem.status);
  return problem;
}

/** A server in the place of node b. */
async function replaceB(answer: RequestListener): Promise<IncomingMessage[]> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  extras.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  cluster.addresses.set('b', `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
  cluster.owners.set(BTC, 'b');
  return requests;
}

describe('a request for an instrument whose shard has just come here', () => {
  it('is to be tried again, while nobody wants one that is answered with that', async () => {
    cluster.owners.set(BTC, 'a');
    expect(await problemOf(await askA(BTC_PATH))).toMatchObject({ code: 'INSTRUMENT_UNKNOWN' });
    cluster.wanted.set(BTC, {
      ...{ instrument: toInstrumentKey(BINANCE, BTC_USDT), exchange: BINANCE, symbol: BTC_USDT },
      ...{ nativeSymbol: toNativeSymbol('BTCUSDT'), instrumentId: 1 },
    });
    const answer = await askA(`${BTC_PATH}/book`);
    expect(await problemOf(answer)).toMatchObject({ status: 503, code: 'OWNER_UNKNOWN' });
    await cluster.a.world.instruments.spawn('binance', 'BTC-USDT');
    expect((await askA(BTC_PATH)).status).toBe(200);
  });
});

describe('a request for an instrument of another node', () => {
  it('is answered as that node answers it, and names it', async () => {
    await runBtcOnB();
    for (const path of [
      '',
      '/book?depth=1&resolution=10',
      '/ticker',
      '/candles?interval=1s',
      '/savepoints',
    ]) {
      const own = await fetch(`${cluster.b.server.url}${BTC_PATH}${path}`);
      const passed = await askA(`${BTC_PATH}${path}`);
      expect([path, passed.status]).toEqual([path, 200]);
      expect(await passed.text()).toBe(await own.text());
      for (const name of ['content-type', 'etag', 'x-tampines-node']) {
        expect([name, passed.headers.get(name)]).toEqual([name, own.headers.get(name)]);
      }
      expect(passed.headers.get('x-tampines-node')).toBe('b');
    }
    const head = await askA(BTC_PATH, { method: 'HEAD' });
    expect([head.status, head.headers.get('x-tampines-node'), await head.text()]).toEqual([200, 'b', '']);
  });

  it('changes it there, under the conditions that it names', async () => {
    await runBtcOnB();
    const refused = await askA(BTC_PATH, { method: 'DELETE', headers: { 'if-match': '"0.0.0"' } });
    expect((await problemOf(refused)).code).toBe('CHANGED_MEANWHILE');
    const saved = await askA(`${BTC_PATH}/savepoint`, { method: 'POST' });
    expect([saved.status, saved.headers.get('x-tampines-node')]).toEqual([201, 'b']);
    const etag = (await askA(BTC_PATH)).headers.get('etag')!;
    const stopped = await askA(BTC_PATH, { method: 'DELETE', headers: { 'if-match': etag } });
    expect([stopped.status, await stopped.text()]).toEqual([204, '']);
    expect(cluster.b.world.actorStatus(BTC)).toBeUndefined();
  });

  it('is answered here where it runs here, and where it is to run here but does not', async () => {
    await runBtcOnB();
    const own = await fetch(`${cluster.b.server.url}${BTC_PATH}/ticker`);
    expect([own.status, own.headers.get('x-tampines-node')]).toEqual([200, 'b']);
    cluster.owners.set('binance:ETH-USDT', 'a');
    const unknown = await askA('/v1/instruments/binance/ETH-USDT');
    expect((await problemOf(unknown)).code).toBe('INSTRUMENT_UNKNOWN');
    expect(unknown.headers.get('x-tampines-node')).toBe('a');
  });

  it('for a fresh book goes to the node that feeds it', async () => {
    await runBtcOnB();
    cluster.feeders.set(BTC, 'b');
    const passed = await askA(`${BTC_PATH}/resync`, { method: 'POST' });
    expect([passed.status, cluster.b.resyncs, cluster.a.resyncs]).toEqual([202, [BTC], []]);
    cluster.feeders.set(BTC, 'a');
    await fetch(`${cluster.b.server.url}${BTC_PATH}/resync`, { method: 'POST' });
    expect([cluster.b.resyncs, cluster.a.resyncs]).toEqual([[BTC], [BTC]]);
  });

  it('is told to come again while nobody has it, or who had it is gone', async () => {
    const nobody = await problemOf(await askA(BTC_PATH));
    expect([nobody.code, nobody.status, nobody.fields]).toEqual(['OWNER_UNKNOWN', 503, { instrument: BTC }]);
    cluster.owners.set(BTC, 'gone');
    const gone = await problemOf(await askA(BTC_PATH));
    expect([gone.code, gone.detail]).toEqual([
      'OWNER_UNKNOWN',
      expect.stringMatching(/node gone.* \/v1\/cluster/),
    ]);
  });

  it('is not passed on a second time', async () => {
    const requests = await replaceB((_request, response) => response.end('{}'));
    const headers = { 'x-tampines-forwarded-by': 'c' };
    const problem = await problemOf(await askA(BTC_PATH, { headers }));
    expect([problem.code, problem.fields]).toEqual(['FORWARDED_ALREADY', { instrument: BTC, owner: 'b' }]);
    expect(requests).toHaveLength(0);
    // Two nodes that each take the other for the owner.
    cluster.addresses.set('b', cluster.b.server.url);
    const find = cluster.owners.get.bind(cluster.owners);
    let asked = 0;
    cluster.owners.get = (key) => (key === BTC ? ['b', 'a'][asked++ % 2] : find(key));
    expect((await problemOf(await askA(BTC_PATH))).code).toBe('FORWARDED_ALREADY');
    expect(asked).toBe(2);
  });

  it('is refused here where it may not be made, before anybody is asked', async () => {
    const requests = await replaceB((_request, response) => response.end('{}'));
    const foreign = await askA(BTC_PATH, { method: 'DELETE', headers: { origin: 'https://evil.example' } });
    expect((await problemOf(foreign)).code).toBe('CHANGE_FORBIDDEN');
    expect((await problemOf(await askA(`${BTC_PATH}/book?depth=0`))).code).toBe('REQUEST_INVALID');
    expect((await problemOf(await askA('/v1/instruments/binance/%2e%2e%2fx'))).code).toBe('REQUEST_INVALID');
    expect(requests).toHaveLength(0);
  });
});

describe('what reaches the other node', () => {
  it('is the way of the route, its parameters encoded again, and the headers that a route reads', async () => {
    const requests = await replaceB((_request, response) => response.end('{}'));
    const odd = 'XBT/EUR:币.-_';
    cluster.owners.set(`binance:${odd}`, 'b');
    const path = `/v1/instruments/binance/${encodeURIComponent(odd)}/book`;
    await askA(`${path}?depth=%35&resolution=1`, {
      headers: {
        authorization: 'Bearer abc',
        cookie: 'secret=1',
        'x-forwarded-for': '8.8.8.8',
        'proxy-authorization': 'x',
        te: 'trailers',
        'transfer-encoding-x': 'chunked',
        accept: 'application/json',
      },
    });
    const [request] = requests;
    expect(request!.url).toBe(`${path}?depth=5&resolution=1`);
    expect(request!.headers).toEqual({
      host: new URL(cluster.addresses.get('b')!).host,
      connection: 'close',
      authorization: 'Bearer abc',
      accept: 'application/json',
      'x-tampines-forwarded-by': 'a',
    });
  });

  it('goes to the address that the node registered, whatever the request calls itself', async () => {
    const requests = await replaceB((_request, response) => response.end('{"from":"b"}'));
    const evil = createServer((_request, response) => response.end('{"from":"evil"}'));
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
    extras.push(async () => {
      await new Promise((resolve) => evil.close(resolve));
    });
    const { port } = evil.address() as AddressInfo;
    // The base of an address counts for nothing: only where it leads.
    cluster.addresses.set('b', `${cluster.addresses.get('b')!}/base/?x=http://127.0.0.1:${String(port)}#y`);
    const own = await askA(`${BTC_PATH}/ticker`);
    expect(await own.json()).toEqual({ from: 'b' });
    expect(requests.map(({ url }) => url)).toEqual([`${BTC_PATH}/ticker`]);
  });
});

describe('an answer of the other node', () => {
  it('that leads elsewhere is not followed, nor passed on', async () => {
    await replaceB((_request, response) =>
      response.writeHead(307, { location: 'http://evil.example/' }).end(),
    );
    const response = await askA(BTC_PATH, { redirect: 'manual' });
    expect((await problemOf(response)).code).toBe('NODE_UNREACHABLE');
  });

  it('passes on nothing that is about the connection, or that a route does not say', async () => {
    await replaceB((_request, response) =>
      response
        .writeHead(200, {
          'content-type': 'application/json',
          'set-cookie': 'a=b',
          'access-control-allow-origin': '*',
          'keep-alive': 'timeout=999',
          etag: '"1"',
        })
        .end('{"x":1}'),
    );
    const response = await askA(BTC_PATH);
    expect(await response.json()).toEqual({ x: 1 });
    expect(response.headers.get('etag')).toBe('"1"');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    for (const name of ['set-cookie', 'access-control-allow-origin'])
      expect(response.headers.get(name)).toBeNull();
    expect(response.headers.get('keep-alive')).not.toBe('timeout=999');
  });

  it('without end is given up', async () => {
    await replaceB((_request, response) => {
      const chunk = Buffer.alloc(1024 * 1024, 'x');
      const write = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', write).on('error', () => undefined);
      write();
    });
    const problem = await problemOf(await askA(BTC_PATH));
    expect([problem.code, problem.detail]).toEqual([
      'NODE_UNREACHABLE',
      expect.stringContaining('more than'),
    ]);
  });

  it('that breaks in the middle, or a node that is not there, is a problem that names the node', async () => {
    await replaceB((_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{');
      setImmediate(() => response.destroy());
    });
    expect(await problemOf(await askA(BTC_PATH))).toMatchObject({
      code: 'NODE_UNREACHABLE',
      fields: { node: 'b' },
    });
    cluster.addresses.set('b', 'http://127.0.0.1:1');
    expect((await problemOf(await askA(BTC_PATH))).code).toBe('NODE_UNREACHABLE');
    for (const address of ['ftp://127.0.0.1/', 'nonsense', 'file:///etc/passwd']) {
      cluster.addresses.set('b', address);
      expect((await problemOf(await askA(BTC_PATH))).code).toBe('NODE_UNREACHABLE');
    }
  });

  it('that does not come is waited for as long as is told, and no longer', async () => {
    const clock = new FakeClock();
    await cluster.end();
    cluster = await createClusterWorld({ timers: clock });
    const requests = await replaceB(() => undefined);
    const asked = askA(BTC_PATH);
    await until(() => requests.length === 1);
    await clock.advance(10_000);
    const problem = await problemOf(await asked);
    expect([problem.code, problem.status, problem.fields]).toEqual(['NODE_TIMEOUT', 504, { node: 'b' }]);
  });
});
