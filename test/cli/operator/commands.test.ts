import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bookSchema } from '../../../src/admin/market-schemas.ts';
import { problemSchema } from '../../../src/admin/problems.ts';
import { createAdminServer } from '../../../src/admin/admin-server.ts';
import { AdminClient, readToken } from '../../../src/cli/operator/admin-client.ts';
import {
  resyncInstrument,
  parkInstrument,
  restartInstrument,
  spawnInstruments,
  stopInstrument,
} from '../../../src/cli/operator/change-instruments.ts';
import { formatLag, listInstruments } from '../../../src/cli/operator/list-instruments.ts';
import { configureInstrument } from '../../../src/cli/operator/configure-instrument.ts';
import {
  deleteSavepoint,
  listSavepoints,
  restoreSavepoint,
  takeSavepoint,
} from '../../../src/cli/operator/savepoints.ts';
import { showBook } from '../../../src/cli/operator/show-book.ts';
import { showCluster } from '../../../src/cli/operator/show-cluster.ts';
import { showEvents } from '../../../src/cli/operator/show-events.ts';
import { EXIT_CODES } from '../../../src/cli/exit-codes.ts';
import { bookSnapshot, instrument, trade } from '../../support/market-events.ts';
import { createClusterWorld } from '../../admin/cluster-world.ts';
import { until } from '../../admin/support.ts';
import type { AskedNode } from './support.ts';
import { createScreen, failureOf, startAskedNode } from './support.ts';

const BTC = { exchange: 'binance', symbol: 'BTC-USDT' };
const SPAWN_BTC = { exchange: 'binance', symbols: ['BTC-USDT'] };
const EVENTS = { path: undefined, kind: undefined, since: undefined, limit: 50 };
let node: AskedNode;
beforeEach(async () => {
  node = await startAskedNode();
});
afterEach(() => node.end());

describe('ls', () => {
  it('shows actor, book, restarts and lag of each instrument, by name', async () => {
    for (const symbol of ['ETH-USDT', 'BTC-USDT']) await node.world.instruments.spawn('binance', symbol);
    await node.world.deliver('binance:BTC-USDT', [instrument(), bookSnapshot(), trade()]);
    await until(() => node.world.instruments.list().every(({ actorStatus }) => actorStatus === 'running'));
    await listInstruments({ ...node.forPeople, query: { sort: 'instrument' } });
    expect(node.take().split('\n')).toEqual([
      'INSTRUMENT        ACTOR    BOOK   RESTARTS   LAG  WHY',
      'binance:BTC-USDT  running  live          0  0 ms',
      'binance:ETH-USDT  running  empty         0     -',
      '',
    ]);
    await listInstruments({ ...node.forScripts, query: { contains: 'eth' } });
    expect(JSON.parse(node.take())).toMatchObject({
      instruments: [{ symbol: 'ETH-USDT', market: { bid: null } }],
    });
    await listInstruments({ ...node.forPeople, query: { book: 'stale' } });
    expect(node.take()).toBe('No instrument matches.\n');
  });

  it('says why an actor is parked', async () => {
    await node.world.instruments.spawn('binance', 'BTC-USDT');
    await until(() => node.world.actorStatus('binance:BTC-USDT') === 'running');
    for (let failure = 0; failure < 2; failure++) {
      node.world.instruments.failNextDelivery('binance:BTC-USDT' as never, 'the disk is on fire');
      void node.world.deliver('binance:BTC-USDT', [trade()]).catch(() => undefined);
      await until(
        () =>
          (node.world.instruments.list()[0]?.restarts ?? 0) > failure ||
          node.world.actorStatus('binance:BTC-USDT') === 'parked',
      );
      await until(() => node.world.actorStatus('binance:BTC-USDT') !== 'restarting');
    }
    await until(() => node.world.actorStatus('binance:BTC-USDT') === 'parked');
    await listInstruments({ ...node.forPeople, query: {} });
    expect(node.take()).toMatch(/parked +- +\d+ +- +.*the disk is on fire/);
  });

  it('says of one that an operator parked that it was asked for, until it runs again', async () => {
    await node.world.instruments.spawn('binance', 'BTC-USDT');
    await until(() => node.world.actorStatus('binance:BTC-USDT') === 'running');
    await parkInstrument({ ...node.forPeople, ...BTC });
    node.take();
    await listInstruments({ ...node.forPeople, query: { status: 'parked' } });
    expect(node.take().split('\n')[1]).toMatch(/^binance:BTC-USDT +parked .* asked for over REST$/);
    await restartInstrument({ ...node.forPeople, ...BTC });
    await until(() => node.world.actorStatus('binance:BTC-USDT') === 'running');
    node.take();
    await listInstruments({ ...node.forScripts, query: {} });
    expect(node.take()).not.toContain('whyParked');
  });

  it.each([
    [null, '-'],
    [340, '340 ms'],
    [12_900, '12 s'],
    [659_000, '10 min'],
  ])('tells a lag of %j ms as %s', (lagMs, text) => expect(formatLag(lagMs)).toBe(text));
});

describe('changes', () => {
  it('spawn, restart, park, resync and stop an instrument, each in one line', async () => {
    await spawnInstruments({ ...node.forPeople, exchange: 'binance', symbols: ['BTCUSDT'] });
    expect(node.take()).toMatch(/^binance:BTC-USDT spawned, \w+\n$/);
    await until(() => node.world.actorStatus('binance:BTC-USDT') === 'running');
    await restartInstrument({ ...node.forPeople, ...BTC });
    expect(node.take()).toBe('binance:BTC-USDT restarted; it recovers from its log\n');
    await parkInstrument({ ...node.forPeople, ...BTC });
    expect(node.take()).toBe(
      'binance:BTC-USDT parked; it is stale until `tampines restart` starts it again\n',
    );
    await resyncInstrument({ ...node.forScripts, ...BTC });
    expect(JSON.parse(node.take())).toEqual({
      instrument: 'binance:BTC-USDT',
      done: 'asked for a fresh book',
    });
    await until(() => node.world.resyncs.length === 1);
    await stopInstrument({ ...node.forPeople, ...BTC });
    expect(node.take()).toBe('binance:BTC-USDT stopped; its log and tables stay\n');
    expect(node.world.instruments.list()).toEqual([]);
  });

  it('spawn several, each with its result, and fail when any was refused', async () => {
    const asked = { exchange: 'binance', symbols: ['BTC-USDT', 'NO-SUCH'] };
    expect(await spawnInstruments({ ...node.forPeople, ...asked })).toBe(EXIT_CODES.failed);
    expect(node.take().split('\n').slice(1, 4)).toEqual([
      'BTC-USDT  spawned',
      expect.stringMatching(/^NO-SUCH +UNKNOWN_SYMBOL +binance lists no symbol/),
      '1 of 2 were not spawned, see above',
    ]);
    expect(await spawnInstruments({ ...node.forScripts, ...asked })).toBe(EXIT_CODES.failed);
    expect(JSON.parse(node.take())).toMatchObject({ results: [{ status: 409 }, { status: 404 }] });
    const fit = { exchange: 'binance', symbols: ['ETH-USDT', 'XBT-EUR'] };
    expect(await spawnInstruments({ ...node.forScripts, ...fit })).toBe(EXIT_CODES.done);
    expect(JSON.parse(node.take())).toMatchObject({ results: [{ status: 201 }, { status: 201 }] });
  });

  it('meant for another version of an instrument are a conflict', async () => {
    await node.world.instruments.spawn('binance', 'BTC-USDT');
    await listInstruments({ ...node.forScripts, query: {} });
    const { version } = z
      .object({ instruments: z.array(z.object({ version: z.string() })) })
      .parse(JSON.parse(node.take())).instruments[0]!;
    const failure = await failureOf(stopInstrument({ ...node.forPeople, ...BTC, ifVersion: '0.0.0' }));
    expect([failure.exitCode, failure.message.split('\n')[0]]).toEqual([
      EXIT_CODES.conflict,
      'Changed meanwhile (CHANGED_MEANWHILE)',
    ]);
    await stopInstrument({ ...node.forPeople, ...BTC, ifVersion: version });
    expect(node.take()).toContain('stopped');
  });

  it('that are refused end with the title, the detail and what to do', async () => {
    const failure = await failureOf(restartInstrument({ ...node.forPeople, ...BTC }));
    expect(failure.exitCode).toBe(EXIT_CODES.notFound);
    expect(failure.message.split('\n')).toEqual([
      'Instrument not running (INSTRUMENT_UNKNOWN)',
      'binance:BTC-USDT is not running here; spawn it with POST /v1/instruments.',
      expect.stringMatching(/^What to do: .*`tampines spawn EXCHANGE SYMBOL`/),
    ]);
    expect(node.take()).toBe('');
  });

  it('that are refused tell scripts the problem document', async () => {
    const failure = await failureOf(stopInstrument({ ...node.forScripts, ...BTC }));
    expect(problemSchema.parse(JSON.parse(failure.message))).toMatchObject({
      status: 404,
      code: 'INSTRUMENT_UNKNOWN',
    });
  });

  it('name what is wrong in a request', async () => {
    const failure = await failureOf(
      spawnInstruments({ ...node.forPeople, exchange: 'BINANCE', symbols: ['*'] }),
    );
    expect(failure.exitCode).toBe(EXIT_CODES.failed);
    expect(failure.message).toContain('\n  body.exchange: must be lower case');
  });

  it('of what runs already are a conflict', async () => {
    await node.world.instruments.spawn('binance', 'BTC-USDT');
    const failure = await failureOf(spawnInstruments({ ...node.forPeople, ...SPAWN_BTC }));
    expect(failure.exitCode).toBe(EXIT_CODES.conflict);
  });

  it('carry the token, and are not allowed without', async () => {
    const guarded = await startAskedNode({ tokens: [{ name: 'alice', token: 'sesame' }] }, 'sesame');
    await spawnInstruments({ ...guarded.forPeople, ...SPAWN_BTC });
    expect(guarded.take()).toContain('spawned');
    const client = new AdminClient({ url: guarded.server.url, token: 'wrong', isJson: false });
    const failure = await failureOf(stopInstrument({ ...guarded.forPeople, client, ...BTC }));
    expect([failure.exitCode, failure.message]).toEqual([
      EXIT_CODES.notAllowed,
      expect.stringContaining('TAMPINES_ADMIN_TOKEN'),
    ]);
    expect(failure.message).not.toContain('wrong\n');
    await guarded.end();
  });
});

describe('configure', () => {
  const configure = (
    screen: typeof node.forPeople | typeof node.forScripts,
    assignments: string[],
    isReset = false,
  ) => configureInstrument({ ...screen, ...BTC, assignments, isReset });

  it('shows how an instrument is published, makes it otherwise, and takes that back', async () => {
    await node.world.instruments.spawn('binance', 'BTC-USDT');
    await configure(node.forPeople, []);
    expect(node.take()).toMatch(/^bookDepth +50 +the node *$/m);
    await configure(node.forPeople, ['bookDepth=7']);
    expect(node.take()).toMatch(/^bookDepth +7 +the instrument *$/m);
    await configure(node.forScripts, [], true);
    expect(JSON.parse(node.take())).toMatchObject({ own: {}, inForce: { bookDepth: 50 } });
  });

  it('says which settings there are', async () => {
    await node.world.instruments.spawn('binance', 'BTC-USDT');
    const failure = await failureOf(configure(node.forPeople, ['depth=7']));
    expect([failure.exitCode, failure.message]).toEqual([2, expect.stringContaining('bookIntervalMs')]);
  });
});

describe('savepoint', () => {
  it('is taken, gone back to, listed and deleted', async () => {
    await node.world.instruments.spawn('binance', 'BTC-USDT');
    await node.world.deliver('binance:BTC-USDT', [bookSnapshot(), trade()]);
    await takeSavepoint({ ...node.forPeople, ...BTC });
    expect(node.take()).toBe('binance:BTC-USDT saved at batch 1, position 2\n');
    await listSavepoints({ ...node.forPeople, ...BTC });
    expect(node.take().split('\n')[1]).toMatch(/^ +1 +2 +1970-01-01 /);
    await node.world.deliver('binance:BTC-USDT', [trade({ tradeId: '2' })]);
    await restoreSavepoint({ ...node.forPeople, ...BTC, batchNumber: 1 });
    expect(node.take()).toBe(
      'binance:BTC-USDT went back to its savepoint of batch 1; 2 stored trades were read\n',
    );
    await restoreSavepoint({ ...node.forScripts, ...BTC, batchNumber: 1 });
    expect(JSON.parse(node.take())).toEqual({ batchNumber: 2, position: 5, tradeCount: 2 });
    await deleteSavepoint({ ...node.forPeople, ...BTC, batchNumber: 1 });
    expect(node.take()).toContain('savepoint deleted');
    await listSavepoints({ ...node.forPeople, ...BTC });
    expect(node.take()).toBe('No savepoint is kept.\n');
    await takeSavepoint({ ...node.forScripts, ...BTC });
    expect(JSON.parse(node.take())).toEqual({ batchNumber: 2, position: 5 });
  });
});

describe('book', () => {
  it('shows asks above bids, best in the middle', async () => {
    await node.world.instruments.spawn('binance', 'BTC-USDT');
    await node.world.deliver('binance:BTC-USDT', [instrument(), bookSnapshot()]);
    await showBook({ ...node.forPeople, ...BTC, resolution: 1, depth: 5 });
    const lines = node.take().split('\n');
    expect(lines[0]).toBe('binance:BTC-USDT, resolution 1, position 2, live');
    expect(lines.slice(1, 6).map((line) => line.split(/ +/).slice(0, 2))).toEqual([
      ['SIDE', 'PRICE'],
      ['ask', '100.2'],
      ['ask', '100.1'],
      ['bid', '100'],
      ['bid', '99.9'],
    ]);
    await showBook({ ...node.forScripts, ...BTC, resolution: 10, depth: 1 });
    expect(bookSchema.parse(JSON.parse(node.take()))).toMatchObject({
      resolution: 10,
      bids: [['100', expect.any(String)]],
    });
  });

  it('that never came is told as empty', async () => {
    await node.world.instruments.spawn('binance', 'BTC-USDT');
    await showBook({ ...node.forPeople, ...BTC, resolution: 1, depth: 5 });
    expect(node.take().split('\n')[0]).toContain('empty: no book came yet');
  });
});

describe('cluster', () => {
  it('says in a list of instruments whose are missing', async () => {
    const cluster = await createClusterWorld();
    await cluster.a.world.instruments.spawn('binance', 'BTC-USDT');
    cluster.goneOwners.push('c');
    const { screen, take } = createScreen();
    const client = (isJson: boolean) => new AdminClient({ url: cluster.a.server.url, token: '', isJson });
    await listInstruments({ client: client(false), screen, isJson: false, query: {} });
    expect(take().trimEnd().split('\n').slice(2)).toEqual([
      '',
      'Not all: what these nodes have is missing.',
      '  c: It is gone, and no other node has taken its shards yet.',
    ]);
    await listInstruments({ client: client(true), screen, isJson: true, query: {} });
    expect(JSON.parse(take())).toMatchObject({ nodes: [{ node: 'a' }, { node: 'b' }, { node: 'c' }] });
    await cluster.end();
  });

  it('shows the one node where there is no cluster', async () => {
    await showCluster(node.forPeople);
    expect(node.take().split('\n')).toEqual([
      'NODE    STATE  SEEN  SHARDS  LAG  EVENT AGE  SLOTS  ROLES  ADDRESS',
      'node-1  alive     -       1    -          -      0  -      -',
      '',
    ]);
  });

  it('shows nodes with their shards, lag and slots, and what has nobody', async () => {
    const cluster = await createClusterWorld();
    const { screen, take } = createScreen();
    const client = (isJson: boolean) => new AdminClient({ url: cluster.b.server.url, token: '', isJson });
    await showCluster({ client: client(false), screen, isJson: false });
    expect(take().split('\n')).toEqual([
      'NODE  STATE  SEEN  SHARDS  LAG  EVENT AGE  SLOTS  ROLES   ADDRESS',
      `a     alive  7 ms       1    3     250 ms      0  ingest  ${cluster.a.server.url}`,
      `b     alive  7 ms       0    3     250 ms      1  ingest  ${cluster.b.server.url}`,
      'Shards whose node is gone: 1 (gone)',
      'Slots that nobody feeds: binance/1',
      '',
    ]);
    await showCluster({ client: client(true), screen, isJson: true });
    expect(JSON.parse(take())).toMatchObject({ node: 'b', isCluster: true });
    await cluster.end();
  });
});

describe('events', () => {
  it('come oldest first, of the kinds and the time asked for', async () => {
    await node.world.instruments.spawn('binance', 'BTC-USDT');
    await until(() => node.world.actorStatus('binance:BTC-USDT') === 'running');
    await restartInstrument({ ...node.forPeople, ...BTC });
    await until(() => node.world.actorStatus('binance:BTC-USDT') === 'running');
    node.take();
    await showEvents({ ...node.forPeople, ...EVENTS, path: 'shard-0/binance:BTC-USDT' });
    const lines = node.take().trimEnd().split('\n');
    expect(lines[0]).toMatch(/^TIME \(UTC\) +KIND +PATH +ATTEMPT +DELAY +CAUSE$/);
    expect(lines.slice(1).map((line) => line.split(/ +/)[2])).toEqual([
      'recovered',
      'restarted',
      'recovered',
    ]);
    await showEvents({ ...node.forScripts, ...EVENTS, kind: 'recovered' });
    expect(JSON.parse(node.take())).toMatchObject({ events: [{ kind: 'recovered' }, { kind: 'recovered' }] });
    await showEvents({ ...node.forPeople, ...EVENTS, since: '2099-01-01' });
    expect(node.take()).toBe('No event matches.\n');
    const failure = await failureOf(showEvents({ ...node.forPeople, ...EVENTS, since: 'yesterday' }));
    expect([failure.exitCode, failure.message]).toEqual([
      EXIT_CODES.usage,
      expect.stringContaining("was 'yesterday'"),
    ]);
  });
});

describe('events that are followed', () => {
  it('go on with those to come, each told once, also over a restart of the node', async () => {
    const record = (path: string, timeMs: number): void =>
      node.world.records.recordSupervisionEvent({
        ...{ path, timeMs, kind: 'parked', cause: 'why', decision: 'park', attempt: 2, delayMs: 0 },
        recoveredPosition: undefined,
      });
    record('first', 1_000);
    const stop = new AbortController();
    const { screen, take } = createScreen();
    let shown = '';
    const pathsShown = (): string[] => {
      shown += take();
      return shown
        .trimEnd()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => z.object({ path: z.string() }).parse(JSON.parse(line)).path);
    };
    const following = showEvents({
      ...node.forScripts,
      ...EVENTS,
      screen,
      kind: 'parked',
      isFollowing: true,
      signal: stop.signal,
    });
    await until(() => pathsShown().length === 1);
    record('second', 2_000);
    await until(() => pathsShown().length === 2);
    const { port } = new URL(node.server.url);
    await node.server.close();
    record('third', 3_000);
    const again = await createAdminServer({ ...node.world.options, port: Number(port) });
    await until(() => pathsShown().length === 3);
    stop.abort();
    await following;
    await again.close();
    expect(pathsShown()).toEqual(['first', 'second', 'third']);
  });

  it('of a node that was never there are a failure', async () => {
    await node.server.close();
    const failure = await failureOf(showEvents({ ...node.forPeople, ...EVENTS, isFollowing: true }));
    expect(failure.exitCode).toBe(EXIT_CODES.unreachable);
  });
});

describe('a node that is not there', () => {
  const ls = (url: string, isJson = false) =>
    listInstruments({
      client: new AdminClient({ url, token: '', isJson }),
      screen: createScreen().screen,
      isJson,
      query: {},
    });

  it('is told with its address, why, and what to do', async () => {
    const { url } = node.server;
    await node.server.close();
    const failure = await failureOf(ls(url));
    expect(failure.exitCode).toBe(EXIT_CODES.unreachable);
    expect(failure.message).toMatch(/^No node answers at http:\S+: .*ECONNREFUSED.*\nWhat to do: /);
    const told = await failureOf(ls(url, true));
    expect(JSON.parse(told.message)).toEqual({
      title: 'No node',
      detail: expect.stringContaining('ECONNREFUSED') as string,
      toDo: expect.stringContaining('TAMPINES_URL') as string,
    });
  });

  it('but something else, is told so', async () => {
    const server = createServer((_request, response) => response.writeHead(502).end('<html>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const failure = await failureOf(ls(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
    expect([failure.exitCode, failure.message]).toEqual([
      EXIT_CODES.unreachable,
      expect.stringContaining('this is no Tampines node'),
    ]);
    server.close();
  });

  it.each(['', 'localhost:8080', 'ftp://x', 'http://'])(
    'has an address such as http://host:port, not %j',
    (url) => {
      expect(() => new AdminClient({ url, token: '', isJson: false })).toThrow(/--url wants/);
    },
  );
});

describe('the token', () => {
  it('comes from a file before the environment', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'tampines-token-')), 'token');
    writeFileSync(file, 'from-a-file\n');
    const environment = { TAMPINES_ADMIN_TOKEN: 'from-the-environment' };
    expect(readToken(file, environment)).toBe('from-a-file');
    expect(readToken(undefined, environment)).toBe('from-the-environment');
    expect(readToken(undefined, {})).toBe('');
    expect(() => readToken(`${file}-not`, {})).toThrow(/Cannot read --token-file/);
  });
});
