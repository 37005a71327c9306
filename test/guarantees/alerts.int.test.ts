/**
 * The alerts and the dashboard of `deploy/` on a real node: what they name is there, a healthy node raises none, and each is raised when what it
 * speaks of is made to happen.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { demoSymbols } from '../../src/feeds/simulators/demo-symbols.ts';
import type { SimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import { createSimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import type { SimulatedKraken } from '../../src/feeds/simulators/simulated-kraken.ts';
import { createSimulatedKraken } from '../../src/feeds/simulators/simulated-kraken.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import type { MetricSample } from '../support/alert-rules.ts';
import { holdingAlerts, parseMetrics, readAlertRules } from '../support/alert-rules.ts';
import type { CuttingProxy } from '../support/cutting-proxy.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import type { RunningNode } from '../support/running-node.ts';
import { eventually, runNode, viewBook } from '../support/running-node.ts';
import { dropSchema, freshName, noteServiceUse, testDatabaseUrl, testRedisUrl } from '../support/services.ts';
import { readSourceFiles } from '../support/source-files.ts';

const BTC = 'binance:BTC-USDT' as InstrumentKey;
const KRAKEN_BTC = 'kraken:BTC-USD' as InstrumentKey;
const UP = { job: 'tampines' };

const rules = readAlertRules();
const schema = freshName('alerts');
let binance: SimulatedBinance;
let kraken: SimulatedKraken;
let postgres: CuttingProxy;
let redis: CuttingProxy;
let node: RunningNode;

beforeAll(async () => {
  noteServiceUse('Redis');
  const surroundings = { clock: systemClock, timers: systemTimers, stepsPerSecond: 20 };
  const random = createSeededRandom(20261128);
  binance = await createSimulatedBinance({
    ...surroundings,
    random,
    symbols: demoSymbols.binance.slice(0, 1),
  });
  kraken = await createSimulatedKraken({ ...surroundings, random, symbols: demoSymbols.kraken.slice(0, 1) });
  const databaseUrl = new URL(testDatabaseUrl());
  const redisUrl = new URL(testRedisUrl());
  postgres = await proxyOf(databaseUrl);
  redis = await proxyOf(redisUrl);
  node = await runNode({
    schema,
    redisUrl: redisUrl.href,
    databaseUrl: databaseUrl.href,
    exchanges: { binance: binance.endpoints, kraken: kraken.endpoints },
    assignments: [`instruments=${BTC},${KRAKEN_BTC}`, 'node.leaseMs=1500', 'supervision.maxRestarts=8'],
  });
});

afterAll(async () => {
  await node.stop();
  await postgres.close();
  await redis.close();
  await binance.close();
  await kraken.close();
  await dropSchema(schema);
});

/** Has the connections of the address go through a proxy. */
async function proxyOf(url: URL): Promise<CuttingProxy> {
  const proxy = await startCuttingProxy({ host: url.hostname, port: Number.parseInt(url.port, 10) });
  url.port = String(proxy.port);
  return proxy;
}

/** Reads the metrics page as Prometheus does, with `up`. */
async function scrape(): Promise<MetricSample[]> {
  try {
    const answer = await fetch(`${node.adminUrl}/metrics`);
    return [{ name: 'up', labels: UP, value: 1 }, ...parseMetrics(await answer.text())];
  } catch {
    return [{ name: 'up', labels: UP, value: 0 }];
  }
}

const bothLive = async (): Promise<boolean> =>
  (await viewBook(node, BTC)).status === 'live' && (await viewBook(node, KRAKEN_BTC)).status === 'live';

/** Returns the metrics page of a node that is well and raises nothing against what it told just before. */
async function untilHealthy(): Promise<MetricSample[]> {
  return eventually('no alert holds', async () => {
    const before = await scrape();
    if (!(await bothLive())) return undefined;
    const now = await scrape();
    return holdingAlerts(rules, before, now).length === 0 ? now : undefined;
  });
}

async function post(path: string): Promise<void> {
  const { status } = await fetch(`${node.adminUrl}${path}`, { method: 'POST' });
  expect([path, status]).toEqual([path, 204]);
}

/** Brings the condition of the alert about, again and again where one time is not enough, and mends it. */
async function expectAlert(
  alert: string,
  fault: () => void | Promise<void>,
  mend: () => void | Promise<void> = () => undefined,
): Promise<void> {
  expect(rules.map((rule) => rule.alert)).toContain(alert);
  const before = await untilHealthy();
  await fault();
  const holds = async (): Promise<boolean> => holdingAlerts(rules, before, await scrape()).includes(alert);
  for (let more = REPEATS_MAX; REPEATED.has(alert) && more > 0 && !(await holds()); more--) await fault();
  await eventually(`${alert} holds`, holds);
  await mend();
  await untilHealthy();
  raised.add(alert);
}

/** Resolves when the counter has grown by what `fault` does, over all series that have one of these as a label. */
async function untilCounted(metric: string, values: readonly string[], fault: () => void): Promise<void> {
  const count = async (): Promise<number> =>
    (await scrape())
      .filter(
        ({ name, labels }) =>
          name === metric && Object.values(labels).some((value) => values.includes(value)),
      )
      .reduce((sum, { value }) => sum + value, 0);
  const before = await count();
  fault();
  await eventually(`${metric} has grown`, async () => (await count()) > before);
}

/** Their conditions want several faults one after the other. */
const REPEATED = new Set([
  'TampinesRestarts',
  'TampinesFeedGaps',
  'TampinesDeadLetters',
  'TampinesActorParked',
]);
const REPEATS_MAX = 10;
const raised = new Set<string>();

it('every metric that the alerts and the dashboard name is on the page of a node', async () => {
  const page = await (await fetch(`${node.adminUrl}/metrics`)).text();
  const families = new Set([...page.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name));
  const [dashboard] = readSourceFiles('deploy/grafana', /\.json$/);
  const expressions = [...dashboard!.text.matchAll(/"expr": "(.*)"/g)].map(([, expression]) => expression!);
  expect(expressions.length).toBeGreaterThan(20);
  const named = [
    ...expressions.flatMap((text) => text.match(/\b(tampines|process|nodejs)_\w+/g) ?? []),
    ...rules.map(({ metric }) => metric).filter((metric) => metric !== 'up'),
  ];
  expect(named.filter((name) => !families.has(name))).toEqual([]);
  for (const expression of expressions) expect(expression).toMatch(/(tampines|process|nodejs)_/);
});

it('a healthy node raises no alert', async () => {
  expect(holdingAlerts(rules, await untilHealthy(), await scrape())).toEqual([]);
});

it('a book with a wrong checksum', () =>
  expectAlert('TampinesChecksumMismatch', () => kraken.faults.wrongChecksum('BTC/USD')));

// Before those that break books again and again: each resync of one comes later than the last.
it('an exchange that refuses requests', () =>
  expectAlert('TampinesExchangeRefuses', () => {
    binance.faults.refuseRest({ count: 1, retryAfterSeconds: 1 });
    binance.faults.dropNextDelta('BTCUSDT');
  }));

it('deltas that are missing', () =>
  // Gaps that come one upon the other would be one: each is waited for by itself.
  expectAlert('TampinesFeedGaps', () =>
    untilCounted('tampines_feed_gaps_total', ['sequence gap'], () => binance.faults.dropNextDelta('BTCUSDT')),
  ));

it('trades that were missed of an exchange that then counts anew', () =>
  expectAlert('TampinesTradesLost', () => {
    const { market, faults } = binance;
    faults.disconnect();
    market.countTradesAnew('BTCUSDT');
  }));

it('a book whose instrument was parked', () =>
  expectAlert(
    'TampinesBooksStale',
    () => post('/v1/instruments/kraken/BTC-USD/park'),
    () => post('/v1/instruments/kraken/BTC-USD/restart'),
  ));

it('frames that can not be read', () =>
  expectAlert('TampinesDeadLetters', () => {
    binance.faults.corruptFrame();
    kraken.faults.corruptFrame();
  }));

it('an actor that fails and fails, and one that gives up', async () => {
  const fail = (): Promise<void> =>
    untilCounted('tampines_supervision_events_total', ['restarted', 'parked'], () =>
      node.instruments.failNextDelivery(KRAKEN_BTC, 'a fault of the drill'),
    );
  await expectAlert('TampinesRestarts', fail);
  await expectAlert('TampinesActorParked', fail, () => post('/v1/instruments/kraken/BTC-USD/restart'));
});

it('a queue that is full: too much is asked of the admin REST', () =>
  expectAlert('TampinesQueueFull', async () => {
    const { hostname, port } = new URL(node.adminUrl);
    const socket = connect({ host: hostname, port: Number.parseInt(port, 10) });
    const request = `GET /health/nothing HTTP/1.1\r\nHost: ${hostname}\r\n`;
    socket.write(`${`${request}\r\n`.repeat(1_000)}${request}Connection: close\r\n\r\n`);
    await once(socket.resume(), 'close');
  }));

it('an event loop that is held up', () =>
  expectAlert('TampinesEventLoopHeldUp', () => {
    const untilMs = performance.now() + 1_500;
    while (performance.now() < untilMs);
  }));

it('a Redis that is away', () =>
  expectAlert(
    'TampinesRedisAway',
    () => {
      redis.mode = 'down';
      redis.cut();
    },
    () => {
      redis.mode = 'open';
    },
  ));

it('a Postgres that answers late, then not at all', async () => {
  await expectAlert(
    'TampinesJournalHeldUp',
    () => {
      postgres.answerDelayMs = 60_000;
    },
    () => {
      postgres.answerDelayMs = 0;
      postgres.cut();
    },
  );
  const down = (): void => {
    postgres.mode = 'down';
    postgres.cut();
  };
  const open = (): void => {
    postgres.mode = 'open';
  };
  await expectAlert('TampinesLeaseLost', down, open);
  await expectAlert('TampinesMetricUnreadable', down, open);
});

it('a node that does not answer; and with it every alert was raised', async () => {
  const before = await untilHealthy();
  await node.stop();
  expect(holdingAlerts(rules, before, await scrape())).toEqual(['TampinesDown']);
  raised.add('TampinesDown');
  expect([...raised].sort()).toEqual(rules.map(({ alert }) => alert).sort());
});
