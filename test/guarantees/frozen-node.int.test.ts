/** A node process that is frozen while another takes its instruments over: woken up, it says nothing, writes nothing, and ends by itself. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { EXIT_CODES } from '../../src/cli/exit-codes.ts';
import { demoSymbols } from '../../src/feeds/simulators/demo-symbols.ts';
import type { SimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import { createSimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import { FaultProxy } from '../chaos/fault-proxy.ts';
import { connectTo } from '../publishing/redis-testing.ts';
import { eventually, queryRows, runNode } from '../support/running-node.ts';
import { dropSchema, freshName, noteServiceUse, testDatabaseUrl, testRedisUrl } from '../support/services.ts';
import { projectPath } from '../support/source-files.ts';

const BTC = 'binance:BTC-USDT';
const BOOK_KEY = `orderbook:${BTC}:1`;
const LEASE_MS = 900;

type Message = { readonly epoch: number; readonly status: string; readonly reason: string };
type LogLine = {
  readonly msg: string;
  readonly holder?: string;
  readonly epoch?: number;
};

const schema = freshName('frozen');
const children: ChildProcess[] = [];
let binance: SimulatedBinance;
let reader: Redis;
let subscriber: Redis;
const messages: Message[] = [];

beforeAll(async () => {
  binance = await createSimulatedBinance({
    clock: systemClock,
    timers: systemTimers,
    random: createSeededRandom(20261121),
    stepsPerSecond: 20,
    symbols: demoSymbols.binance.slice(0, 1),
  });
  noteServiceUse('Redis');
  reader = await connectTo(testRedisUrl());
  subscriber = await connectTo(testRedisUrl());
  // Values of an earlier run may carry a newer epoch than the fresh schema's first.
  const keys = await reader.keys(`*${BTC}*`);
  if (keys.length > 0) await reader.del(keys);
  subscriber.on('message', (_channel: string, text: string) => messages.push(JSON.parse(text) as Message));
  await subscriber.subscribe(BOOK_KEY);
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  reader.disconnect();
  subscriber.disconnect();
  await binance.close();
  await dropSchema(schema);
});

/** `tampines start` in a process of its own, and what it logs. */
function startProcess(
  name: string,
  postgresUrl = testDatabaseUrl(),
): { child: ChildProcess; lines: LogLine[] } {
  const assignments = [
    ...[`node.name=${name}`, `node.leaseMs=${LEASE_MS}`, `postgres.schema=${schema}`, 'admin.port=0'],
    ...['log.format=json', `instruments=${BTC}`],
    ...[
      `exchanges.binance.wsUrl=${binance.endpoints.ws}`,
      `exchanges.binance.restUrl=${binance.endpoints.rest}`,
    ],
  ];
  const child = spawn(
    process.execPath,
    [
      ...['--import', 'tsx', projectPath('src/cli/tampines.ts'), 'start'],
      ...assignments.flatMap((assignment) => ['--set', assignment]),
    ],
    {
      cwd: projectPath('.'),
      env: {
        PATH: process.env['PATH'],
        TAMPINES_POSTGRES_URL: postgresUrl,
        TAMPINES_REDIS_URL: testRedisUrl(),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  children.push(child);
  const lines: LogLine[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString('utf8')).split('\n');
    rest = parts.pop()!;
    lines.push(...parts.map((part) => JSON.parse(part) as LogLine));
  });
  return { child, lines };
}

const isLive = (epoch: number) => () =>
  Promise.resolve(messages.some((message) => message.epoch === epoch && message.status === 'live'));

async function rowsOfEpoch(epoch: number): Promise<{ journal: number; snapshots: number }> {
  const [rows] = await queryRows<{ journal: number; snapshots: number }>(
    `SELECT (SELECT count(*)::int FROM ${schema}.journal WHERE epoch = $1) AS journal,
      (SELECT count(*)::int FROM ${schema}.state_snapshot) AS snapshots`,
    [epoch],
  );
  return rows!;
}

test('frozen past its lease while another node takes over, it wakes, writes and publishes nothing, and ends with its code', async () => {
  const older = startProcess('older');
  await eventually('the older is live', isLive(1));
  older.child.kill('SIGSTOP');
  const newer = await runNode({
    schema,
    redisUrl: testRedisUrl(),
    exchanges: { binance: binance.endpoints },
    assignments: ['node.name=newer'],
  });
  try {
    await eventually('the newer is live', isLive(2));
    // Longer than the lease, so that what was held back is not simply still allowed.
    await systemTimers.sleep(LEASE_MS);
    const from = messages.length;
    const before = await rowsOfEpoch(1);
    const exited = once(older.child, 'exit');
    older.child.kill('SIGCONT');
    expect(await exited).toEqual([EXIT_CODES.fenced, null]);
    expect((await rowsOfEpoch(1)).journal).toBe(before.journal);
    expect(messages.slice(from).filter(({ epoch }) => epoch === 1)).toEqual([]);
    expect((JSON.parse((await reader.get(BOOK_KEY))!) as Message).epoch).toBe(2);
    expect(older.lines.filter(({ msg }) => msg.startsWith('fenced'))).toMatchObject([
      { holder: 'newer', epoch: 1 },
    ]);
  } finally {
    await newer.stop();
  }
});

test('frozen past its lease with nobody taking over, it goes on under its epoch, after it has asked', async () => {
  const node = startProcess('alone');
  await eventually('it is live', isLive(3));
  node.child.kill('SIGSTOP');
  await systemTimers.sleep(2 * LEASE_MS);
  const from = messages.length;
  node.child.kill('SIGCONT');
  await eventually('it is live again', () =>
    Promise.resolve(messages.slice(from).some(({ status }) => status === 'live')),
  );
  const first = messages[from]!;
  // Whatever it still held is not told as sure: the mark is the first thing to be heard.
  expect(first).toMatchObject({ epoch: 3, status: 'stale' });
  expect(first.reason).toContain('could not confirm');
  const texts = node.lines.map(({ msg }) => msg.split(':')[0]);
  expect(texts.filter((text) => text === 'lease lost' || text === 'lease held again')).toEqual([
    'lease lost',
    'lease held again',
  ]);
  const exited = once(node.child, 'exit');
  node.child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});

test('told to stop while its database is silent, it ends in order without the answers that it will not get', async () => {
  const database = new URL(testDatabaseUrl());
  const proxy = await FaultProxy.start(Number(database.port));
  try {
    database.port = String(proxy.port);
    const node = startProcess('silent', String(database));
    await eventually('it is live', isLive(4));
    proxy.setFault({ kind: 'halfOpen' });
    const exited = once(node.child, 'close');
    node.child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    const said = node.lines.map(({ msg }) => msg);
    expect(said).toContain('stopped');
    expect(said.at(-1)).toBe('ended without waiting for what was still under way');
  } finally {
    await proxy.close();
  }
});
