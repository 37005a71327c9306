import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { z } from 'zod';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAdminApp } from '../../src/admin/admin-server.ts';
import { clusterSchema } from '../../src/admin/cluster-schemas.ts';
import { actorsSchema, instrumentsSchema } from '../../src/admin/operations-schemas.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { bookSnapshot, instrument } from '../support/market-events.ts';
import type { ClusterWorld } from './cluster-world.ts';
import { createClusterWorld } from './cluster-world.ts';
import { createWorld, until } from './support.ts';

let cluster: ClusterWorld;
beforeEach(async () => {
  cluster = await createClusterWorld();
});
afterEach(() => cluster.end());

async function read<Schema extends z.ZodType>(schema: Schema, path: string): Promise<z.output<Schema>> {
  const response = await fetch(`${cluster.a.server.url}${path}`);
  expect(response.status).toBe(200);
  return schema.parse(await response.json());
}

describe('GET /v1/cluster', () => {
  it('shows nodes with what they said of themselves, owners of shards and holders of leases', async () => {
    const shown = await read(clusterSchema, '/v1/cluster');
    const node = {
      isAlive: true,
      roles: ['ingest'],
      startedAtMs: 5,
      seenAgoMs: 7,
      report: { lag: 3, eventAgeMs: 250 },
    };
    expect(shown).toEqual({
      node: 'a',
      isCluster: true,
      nodes: [
        { ...node, name: 'a', adminUrl: cluster.a.server.url },
        { ...node, name: 'b', adminUrl: cluster.b.server.url },
      ],
      shards: [
        { shard: 0, epoch: 4, owner: 'a', isOwnerAlive: true, claimedAtMs: 6 },
        { shard: 1, epoch: 9, owner: 'gone', isOwnerAlive: false, claimedAtMs: 6 },
      ],
      leases: [
        { exchange: 'binance', slot: 0, replica: 0, epoch: 2, holder: 'b' },
        { exchange: 'binance', slot: 1, replica: 0, epoch: 1, holder: null },
      ],
    });
  });

  it('shows the one node where there is no cluster', async () => {
    const world = await createWorld();
    const app = await createAdminApp(world.options);
    const response = await app.inject({ url: '/v1/cluster', headers: { host: 'localhost' } });
    const shown = clusterSchema.parse(response.json());
    expect([shown.isCluster, shown.nodes.map(({ name, isAlive }) => [name, isAlive])]).toEqual([
      false,
      [['node-1', true]],
    ]);
    expect(shown.shards).toEqual([
      { shard: 0, epoch: 1, owner: 'node-1', isOwnerAlive: true, claimedAtMs: null },
    ]);
    expect(response.headers['x-tampines-node']).toBeUndefined();
    await app.close();
    await world.end();
  });
});

describe('GET /v1/instruments of a cluster', () => {
  /** BTC and 币安人生 on a, ETH on b; the book of ETH is live. */
  async function spawnAll(): Promise<void> {
    const { a, b } = cluster;
    await a.world.instruments.spawn('binance', '币安人生-USDT');
    await a.world.instruments.spawn('binance', 'BTC-USDT');
    await b.world.instruments.spawn('binance', 'ETH-USDT');
    await b.world.deliver('binance:ETH-USDT', [instrument(), bookSnapshot()]);
    const all = [...a.world.instruments.list(), ...b.world.instruments.list()];
    expect(all).toHaveLength(3);
    await until(() =>
      [a, b].every(({ world }) =>
        world.instruments.list().every(({ actorStatus }) => actorStatus === 'running'),
      ),
    );
  }
  const symbolsAt = async (query: string) => {
    const { total, instruments } = await read(instrumentsSchema, `/v1/instruments${query}`);
    return [total, instruments.map(({ symbol, node }) => `${node ?? ''} ${symbol}`)];
  };

  it('lists those of all nodes, each with its node, filtered, in order, page by page', async () => {
    await spawnAll();
    expect(await symbolsAt('?sort=instrument')).toEqual([3, ['a BTC-USDT', 'b ETH-USDT', 'a 币安人生-USDT']]);
    expect(await symbolsAt('?sort=-instrument&limit=1&offset=1')).toEqual([3, ['b ETH-USDT']]);
    expect(await symbolsAt('?contains=eth')).toEqual([1, ['b ETH-USDT']]);
    expect(await symbolsAt('?book=live')).toEqual([1, ['b ETH-USDT']]);
    expect(await symbolsAt('')).toEqual([3, ['a 币安人生-USDT', 'a BTC-USDT', 'b ETH-USDT']]);
    expect(await symbolsAt('?offset=3')).toEqual([3, []]);
    const { nodes, instruments } = await read(
      instrumentsSchema,
      '/v1/instruments?include=market&contains=eth',
    );
    expect(instruments[0]!.market?.status).toBe('live');
    expect(nodes?.map(({ node, isAnswered }) => [node, isAnswered])).toEqual([
      ['a', true],
      ['b', true],
    ]);
  });

  it('names a node that can not be asked, and shows what the others have', async () => {
    await spawnAll();
    cluster.addresses.set('b', 'http://127.0.0.1:1');
    const { total, nodes } = await read(instrumentsSchema, '/v1/instruments');
    expect(total).toBe(2);
    expect(nodes?.[1]).toMatchObject({ node: 'b', isAnswered: false, code: 'NODE_UNREACHABLE' });
  });

  it('names a node that is gone while nobody has its shards yet', async () => {
    await spawnAll();
    cluster.goneOwners.push('c');
    const { total, nodes } = await read(instrumentsSchema, '/v1/instruments');
    expect(total).toBe(3);
    expect(nodes?.map(({ node, isAnswered, code }) => [node, isAnswered, code])).toEqual([
      ['a', true, null],
      ['b', true, null],
      ['c', false, 'OWNER_UNKNOWN'],
    ]);
  });

  it('names a node that does not answer in time, or answers what is no list', async () => {
    const clock = new FakeClock();
    await cluster.end();
    cluster = await createClusterWorld({ timers: clock });
    let answer: string | undefined;
    let askedCount = 0;
    const other = createServer((_request, response) => {
      askedCount++;
      if (answer !== undefined) response.end(answer);
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    cluster.addresses.set('b', `http://127.0.0.1:${String((other.address() as AddressInfo).port)}`);
    const asked = read(instrumentsSchema, '/v1/instruments');
    await until(() => askedCount === 1);
    await clock.advance(3_000);
    expect((await asked).nodes?.[1]).toMatchObject({ node: 'b', code: 'NODE_TIMEOUT' });
    for (answer of ['{', '{"total":1}', '{"total":1,"instruments":[{"symbol":5}]}']) {
      const { nodes } = await read(instrumentsSchema, '/v1/instruments');
      expect(nodes?.[1]).toMatchObject({ node: 'b', isAnswered: false, code: 'NODE_UNREACHABLE' });
    }
    other.closeAllConnections();
    other.close();
  });

  it('takes a page that would make each node tell all it has for a wrong request', async () => {
    const response = await fetch(`${cluster.a.server.url}/v1/instruments?offset=20000`);
    expect(await response.json()).toMatchObject({ code: 'REQUEST_INVALID' });
  });

  it('reads further pages of a node that has more than it says at once', async () => {
    const pages: string[] = [];
    const one = {
      ...{ instrumentId: 1, exchange: 'kraken', nativeSymbol: 'X', actorStatus: 'running', restarts: 0 },
      ...{ lastFailure: null, version: '1', isOfNewerVersion: true },
    };
    const other = createServer((request, response) => {
      const query = new URL(request.url!, 'http://x').searchParams;
      pages.push(`${query.get('offset')!}+${query.get('limit')!}`);
      const [offset, limit] = [query.get('offset'), query.get('limit')].map(Number) as [number, number];
      const count = Math.max(0, Math.min(limit, 1_500 - offset));
      const instruments = Array.from({ length: count }, (_, index) => ({
        ...one,
        symbol: `S${String(10_000 + offset + index)}`,
      }));
      response.end(JSON.stringify({ total: 1_500, instruments, newField: 1 }));
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    cluster.addresses.set('b', `http://127.0.0.1:${String((other.address() as AddressInfo).port)}`);
    const last = await read(instrumentsSchema, '/v1/instruments?sort=instrument&limit=1000&offset=1499');
    expect([last.total, last.instruments.map(({ symbol }) => symbol)]).toEqual([1_500, ['S11499']]);
    expect(pages).toEqual(['0+1000', '1000+1000']);
    other.closeAllConnections();
    other.close();
  });
});

describe('GET /v1/actors of a cluster', () => {
  it('shows those of all nodes, each with its node, to the limit', async () => {
    await cluster.b.world.instruments.spawn('binance', 'ETH-USDT');
    const { total, actors, nodes } = await read(actorsSchema, '/v1/actors');
    expect(nodes).toHaveLength(2);
    expect(total).toBe(actors.length);
    const nodesOf = (path: string) => actors.filter((actor) => actor.path === path).map(({ node }) => node);
    expect(nodesOf('exchanges/binance')).toEqual(['a', 'b']);
    expect(actors.filter(({ path }) => path.endsWith('ETH-USDT')).map(({ node }) => node)).toEqual(['b']);
    const cut = await read(actorsSchema, '/v1/actors?limit=2&path=exchanges');
    expect(cut.actors).toHaveLength(2);
    expect(cut.total).toBeGreaterThan(2);
  });
});
