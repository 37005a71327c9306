import { mkdtempSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkDisk } from '../../../src/cli/doctor/check-storage.ts';
import { checkOffset, leastOffsetMs } from '../../../src/cli/doctor/clock-offset.ts';
import type { DoctorOptions } from '../../../src/cli/doctor/doctor.ts';
import { doctor } from '../../../src/cli/doctor/doctor.ts';
import { EXIT_CODES } from '../../../src/cli/exit-codes.ts';
import type { Simulation } from '../../../src/cli/simulate.ts';
import { startSimulation } from '../../../src/cli/simulate.ts';
import { loadSettings } from '../../../src/settings.ts';
import type { AskedNode } from '../operator/support.ts';
import { createScreen, startAskedNode } from '../operator/support.ts';

const containing = (text: string): unknown => expect.stringContaining(text);
const report = z.strictObject({
  isHealthy: z.boolean(),
  findings: z.array(
    z.strictObject({
      check: z.string(),
      verdict: z.enum(['ok', 'warn', 'fail']),
      found: z.string().min(3),
      toDo: z.string(),
    }),
  ),
});
const dataDirectory = mkdtempSync(`${tmpdir()}/tampines-doctor-`);
const { settings } = loadSettings({});

let simulation: Simulation;
let node: AskedNode;
/** Nobody listens there. */
let closedPort: number;
const servers: Server[] = [];
beforeAll(async () => {
  simulation = await startSimulation({ seed: 1, stepsPerSecond: 1 });
  node = await startAskedNode();
  closedPort = await listen('');
  servers.pop()?.close();
});
afterAll(async () => {
  for (const server of servers) server.close();
  await simulation.close();
  await node.end();
});

/** A server that says `answer` to whoever speaks; returns its port. */
async function listen(answer: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.end(answer));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function examine(overrides: Partial<DoctorOptions> = {}) {
  const { screen, take } = createScreen();
  const exitCode = await doctor({
    screen,
    isJson: true,
    config: undefined,
    environment: {},
    url: node.server.url,
    exchanges: [],
    ...overrides,
    set: [
      `node.dataDirectory=${dataDirectory}`,
      `redis.port=${closedPort}`,
      ...simulation.assignments,
      ...(overrides.set ?? ['instruments=kraken:BTC-USD']),
    ],
  });
  const { isHealthy, findings } = report.parse(JSON.parse(take()));
  expect(isHealthy).toBe(exitCode === EXIT_CODES.done);
  return { exitCode, verdictOf: new Map(findings.map((finding) => [finding.check, finding])), findings };
}

describe('the doctor', () => {
  it('finds nothing to do where all is well, and asks only the exchanges that are wanted', async () => {
    const { exitCode, findings } = await examine();
    expect(findings.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
    expect(exitCode).toBe(EXIT_CODES.done);
    const checks = findings.map(({ check }) => check);
    expect(checks).toEqual(
      expect.arrayContaining([
        'settings',
        'disk',
        'postgres',
        'redis',
        'node: postgres',
        'exchange kraken (REST)',
        'exchange kraken (WebSocket)',
      ]),
    );
    expect(checks.filter((check) => check.startsWith('exchange binance'))).toEqual([]);
  });

  it('asks the exchanges whose addresses are set where no instrument is named, and none where none is', async () => {
    const { findings } = await examine({ set: [] });
    const checks = findings.map(({ check }) => check).filter((check) => check.startsWith('exchange'));
    expect(new Set(checks.map((check) => check.split(' ')[1]))).toEqual(
      new Set(['binance', 'cryptocom', 'kraken']),
    );
    const { screen, take } = createScreen();
    const set = [`node.dataDirectory=${dataDirectory}`, `redis.port=${closedPort}`];
    const nobody = { config: undefined, environment: {}, set, url: node.server.url, exchanges: [] };
    expect(await doctor({ screen, isJson: false, ...nobody })).toBe(EXIT_CODES.done);
    expect(take().match(/^.* exchange.*$/gm)).toEqual([
      expect.stringMatching(/^ok +exchanges +none was asked: .* `--exchange kraken` asks one$/),
    ]);
  });

  it('tells a person what to do about each fault, and ends with 1', async () => {
    const { screen, take } = createScreen();
    const exitCode = await doctor({
      screen,
      isJson: false,
      config: undefined,
      environment: { TAMPINES_REDIS_URL: `redis://u:hunter2@127.0.0.1:${closedPort}` },
      set: [`node.dataDirectory=${dataDirectory}`, ...simulation.assignments],
      url: node.server.url,
      exchanges: ['kraken'],
    });
    const text = take();
    expect(exitCode).toBe(EXIT_CODES.failed);
    expect(text).toMatch(/^fail +redis +.*ECONNREFUSED/m);
    expect(text).toMatch(/\nTo do:\n(.*\n)* {2}redis: check TAMPINES_REDIS_URL/);
    expect(text).not.toContain('hunter2');
  });

  it('names a setting that is wrong, and goes no further', async () => {
    const { findings, exitCode } = await examine({ set: ['admin.prot=1'] });
    expect([exitCode, findings.length]).toEqual([EXIT_CODES.failed, 1]);
    expect(findings[0]).toMatchObject({
      check: 'settings',
      verdict: 'fail',
      found: containing('admin.prot'),
    });
  });

  it('finds a role that nobody would keep', async () => {
    const { verdictOf } = await examine({ set: ['node.roles=ingest'] });
    expect(verdictOf.get('settings')).toMatchObject({ verdict: 'fail', found: containing('kafka.brokers') });
  });

  it('finds exchanges that there are none, and those that do not answer', async () => {
    expect((await examine({ set: ['instruments=bnance:BTC-USDT'] })).verdictOf.get('settings')).toMatchObject(
      {
        verdict: 'fail',
        found: 'no such exchange: bnance',
      },
    );
    const set = [
      'instruments=okx:BTC-USDT',
      `exchanges.okx.restUrl=http://127.0.0.1:${closedPort}`,
      `exchanges.okx.wsUrl=ws://127.0.0.1:${closedPort}`,
    ];
    const { verdictOf } = await examine({ set });
    for (const part of ['REST', 'WebSocket']) {
      expect(verdictOf.get(`exchange okx (${part})`)).toMatchObject({
        verdict: 'fail',
        found: containing('ECONNREFUSED'),
      });
    }
  });

  it('tells an exchange that refuses the address from one that answers, and reads its clock', async () => {
    const date = new Date(Date.now() - 400_000).toUTCString();
    const port = await listen(`HTTP/1.1 451 Unavailable\r\nDate: ${date}\r\nContent-Length: 0\r\n\r\n`);
    const set = [
      'instruments=okx:BTC-USDT',
      `exchanges.okx.restUrl=http://127.0.0.1:${port}`,
      `exchanges.okx.wsUrl=ws://127.0.0.1:${port}`,
    ];
    const { verdictOf } = await examine({ set });
    expect(verdictOf.get('exchange okx (REST)')).toMatchObject({
      verdict: 'warn',
      found: containing('451'),
    });
    expect(verdictOf.get('exchange okx (WebSocket)')).toMatchObject({
      verdict: 'warn',
      found: containing('451'),
    });
    expect(verdictOf.get('clock (okx)')).toMatchObject({
      verdict: 'fail',
      found: containing('ms ahead'),
    });
  });

  it('finds a Postgres that is away', async () => {
    const environment = { TAMPINES_POSTGRES_URL: `postgres://u:hunter2@127.0.0.1:${closedPort}/x` };
    const { verdictOf, findings } = await examine({ environment });
    expect(verdictOf.get('postgres')).toMatchObject({
      verdict: 'fail',
      toDo: containing('TAMPINES_POSTGRES_URL'),
    });
    expect(JSON.stringify(findings)).not.toContain('hunter2');
  });

  it('finds a port for Redis that something else has', async () => {
    const port = await listen('HTTP/1.1 400 Bad Request\r\n\r\n');
    expect(
      (await examine({ set: [`redis.port=${port}`, 'instruments=kraken:BTC-USD'] })).verdictOf.get('redis'),
    ).toMatchObject({ verdict: 'warn' });
    const redis = await listen('+PONG\r\n');
    expect(
      (await examine({ set: [`redis.port=${redis}`, 'instruments=kraken:BTC-USD'] })).verdictOf.get('redis'),
    ).toMatchObject({ verdict: 'ok' });
  });

  it('tells a node that is not ready from none at all', async () => {
    const readiness = () => Promise.resolve([{ name: 'lease', isReady: false, detail: 'lost 3 s ago' }]);
    const ill = await startAskedNode({ readiness });
    const found = await examine({ url: ill.server.url });
    expect([found.exitCode, found.verdictOf.get('node: lease')]).toMatchObject([
      EXIT_CODES.failed,
      { verdict: 'fail', found: 'lost 3 s ago' },
    ]);
    await ill.end();
    const none = await examine({ url: `http://127.0.0.1:${closedPort}` });
    expect(none.verdictOf.get('node')).toMatchObject({
      verdict: 'warn',
      found: containing('no node answers'),
    });
  });
});

describe('the disk', () => {
  const MEBIBYTE = 1024 * 1024;
  it.each([
    [100_000, 'ok'],
    [2_000, 'warn'],
    [100, 'fail'],
  ])('with %d MiB free is %s', async (freeMebibytes, verdict) => {
    const [finding] = await checkDisk(settings, () => Promise.resolve(freeMebibytes * MEBIBYTE));
    expect(finding).toMatchObject({ check: 'disk', verdict });
  });

  it('that can not be read is a fault', async () => {
    const [finding] = await checkDisk(settings, () => Promise.reject(new Error('EIO')));
    expect(finding).toMatchObject({ verdict: 'fail', found: 'EIO' });
  });
});

describe('clocks', () => {
  it.each([
    // Asked at 1,000, answered at 1,040.
    ['read on the way', 1_020, 1, 0],
    ['rounded down to the second', 0, 1_000, 0],
    ['behind ours', 500, 1, 499],
    ['ahead of ours', 5_000, 1, -3_960],
    ['two seconds behind, told in whole ones', -2_000, 1_000, 2_000],
  ])('%s differ by what can be known', (_what, theirMs, resolutionMs, offsetMs) => {
    expect(leastOffsetMs({ sentMs: 1_000, heardMs: 1_040, theirMs, resolutionMs })).toBe(offsetMs);
  });

  it.each([
    [0, 'ok'],
    [500, 'ok'],
    [5_000, 'warn'],
    [66_000, 'fail'],
    [-5_000, 'warn'],
    [-61_000, 'fail'],
  ])('%d ms apart are %s', (offsetMs, verdict) => {
    const reading = { sentMs: 1e12, heardMs: 1e12, theirMs: 1e12 - offsetMs, resolutionMs: 0 };
    expect(checkOffset('Postgres', reading, settings).verdict).toBe(verdict);
  });
});
