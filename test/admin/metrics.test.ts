import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RecordingLog } from '../support/recording-log.ts';
import { createAdminApp } from '../../src/admin/admin-server.ts';
import type { MetricSource } from '../../src/admin/metrics.ts';
import { NOON_MS, bookSnapshot, timesAt, trade } from '../support/market-events.ts';
import type { World } from './support.ts';
import { createWorld, until } from './support.ts';

const headers = { host: 'localhost' };
let world: World;
beforeAll(async () => {
  world = await createWorld();
  await world.instruments.spawn('binance', 'BTC-USDT');
  await until(() => world.actorStatus('binance:BTC-USDT') === 'running');
});
afterAll(() => world.end());

async function scrape(metricSources: readonly MetricSource[], scrapes = 1): Promise<string[]> {
  const app = await createAdminApp({ ...world.options, metricSources });
  let lines: string[] = [];
  for (let count = 1; count <= scrapes; count++) {
    const response = await app.inject({ url: '/metrics', headers });
    expect(response.headers['content-type']).toMatch(/^text\/plain/);
    lines = response.body.split('\n');
  }
  await app.close();
  return lines;
}

const source = (fields: Partial<MetricSource>): MetricSource => ({
  name: 'tampines_test_total',
  help: 'test',
  kind: 'counter',
  labelNames: ['part'],
  read: () => [],
  ...fields,
});

describe('metrics', () => {
  it('tell of the process, its instruments, actors and dead letters', async () => {
    world.records.recordDeadLetter({
      timeMs: 1,
      exchange: 'binance',
      symbol: undefined,
      reason: 'bad-frame',
      detail: '',
      text: '',
    });
    const lines = await scrape([]);
    expect(lines).toContain('tampines_instruments{exchange="binance",status="running"} 1');
    expect(lines).toContain('tampines_instrument_restarts{exchange="binance"} 0');
    expect(lines).toContain(`tampines_actors{status="running"} ${world.system.tree().length}`);
    expect(lines).toContain('tampines_dead_letters_total{exchange="binance",reason="bad-frame"} 1');
    expect(lines).toContain('tampines_node_epoch{node="node-1"} 1');
    const { records } = world;
    const started = records.countSupervisionEvents().get('started');
    expect(started).toBeGreaterThan(0);
    expect(lines).toContain(`tampines_supervision_events_total{kind="started"} ${started}`);
    expect(lines.some((line) => line.startsWith('nodejs_eventloop_lag_p99_seconds '))).toBe(true);
  });

  it('tell how many books are sure, how old the newest event is, and how long deliveries took', async () => {
    const key = 'binance:BTC-USDT';
    const early = timesAt(NOON_MS - 3_000, NOON_MS - 2_000);
    await world.deliver(key, [bookSnapshot({ ...early }), trade({ ...early })]);
    expect(await scrape([])).toEqual(
      expect.arrayContaining([
        'tampines_books{exchange="binance",status="empty"} 0',
        'tampines_books{exchange="binance",status="live"} 1',
        'tampines_books{exchange="binance",status="stale"} 0',
        'tampines_event_age_seconds{exchange="binance"} 3',
        'tampines_deliveries_total{exchange="binance"} 1',
        'tampines_delivery_seconds_total{exchange="binance"} 2',
      ]),
    );
    await world.instruments.park(key as never, 'test');
    expect(await scrape([])).toContain('tampines_books{exchange="binance",status="stale"} 1');
    await world.instruments.restart(key as never, 'test');
    await until(() => world.actorStatus(key) === 'running');
    expect(await scrape([])).toContain('tampines_books{exchange="binance",status="live"} 1');
    await world.instruments.stop(key as never);
    const lines = await scrape([]);
    expect(lines).toContain('tampines_deliveries_total{exchange="binance"} 1');
    expect(lines.some((line) => line.startsWith('tampines_books{'))).toBe(false);
    await world.instruments.spawn('binance', 'BTC-USDT');
  });

  it('of sources are read anew in each scrape, counters as totals', async () => {
    let total = 0;
    const read = () => [{ labels: { part: 'a' }, value: (total += 5) }];
    expect(await scrape([source({ read })], 3)).toContain('tampines_test_total{part="a"} 15');
  });

  it('that are gone from a source are gone from the scrape', async () => {
    let parts = ['a', 'b'];
    const read = () => {
      const samples = parts.map((part) => ({ labels: { part }, value: 1 }));
      parts = ['b'];
      return samples;
    };
    const lines = await scrape([source({ read, kind: 'gauge' })], 2);
    expect(lines.filter((line) => line.startsWith('tampines_test_total{'))).toEqual([
      'tampines_test_total{part="b"} 1',
    ]);
  });

  it('of a source that fails are missing, and nothing else is', async () => {
    const lines = await scrape([
      source({ read: () => Promise.reject(new Error('away')) }),
      source({ name: 'tampines_other', kind: 'gauge', labelNames: [], read: () => [{ value: 7 }] }),
    ]);
    expect(lines).toContain('tampines_other 7');
    expect(lines).toContain('tampines_metric_source_failed{metric="tampines_test_total"} 1');
    expect(lines).toContain('tampines_metric_source_failed{metric="tampines_other"} 0');
  });

  it('of a source that fails with each scrape are told of once, and when they are there again', async () => {
    const log = new RecordingLog();
    let isAway = true;
    const read = () => (isAway ? Promise.reject(new Error('away')) : [{ value: 1 }]);
    const options = { ...world.options, log, metricSources: [source({ read, labelNames: [] })] };
    const app = await createAdminApp(options);
    for (const away of [true, true, true, false, false]) {
      isAway = away;
      await app.inject({ url: '/metrics', headers });
    }
    expect(log.lines.map(({ message }) => message).filter((message) => message.includes('read'))).toEqual([
      'metric could not be read',
      'tampines_test_total can be read again',
    ]);
    await app.close();
  });

  it('of a source that hangs are given up, are not asked for again meanwhile, and come when it answers', async () => {
    let reads = 0;
    let answer: (samples: { value: number }[]) => void = () => undefined;
    const read = () => {
      reads++;
      return new Promise<{ value: number }[]>((resolve) => (answer = resolve));
    };
    const app = await createAdminApp({ ...world.options, metricSources: [source({ read, labelNames: [] })] });
    const scrapeOnce = async () => (await app.inject({ url: '/metrics', headers })).body.split('\n');
    const failed = 'tampines_metric_source_failed{metric="tampines_test_total"}';
    expect(await scrapeOnce()).toContain(`${failed} 1`);
    const second = scrapeOnce();
    answer([{ value: 5 }]);
    const lines = await second;
    expect(lines).toContain('tampines_test_total 5');
    expect(lines).toContain(`${failed} 0`);
    expect(reads).toBe(1);
    await app.close();
  });

  it('have at most 1,000 samples each, and say how many were left out', async () => {
    const read = () =>
      Array.from({ length: 1_003 }, (_, index) => ({ labels: { part: `${index}` }, value: 1 }));
    const lines = await scrape([source({ read })]);
    expect(lines.filter((line) => line.startsWith('tampines_test_total{'))).toHaveLength(1_000);
    expect(lines).toContain('tampines_metric_samples_left_out{metric="tampines_test_total"} 3');
  });

  it('of requests go by route, whatever paths clients make up', async () => {
    const app = await createAdminApp(world.options);
    for (let count = 0; count < 5; count++) {
      await app.inject({ url: `/made/up/${count}`, headers });
      await app.inject({ url: `/v1/instruments/binance/S${count}`, headers });
    }
    const lines = (await app.inject({ url: '/metrics', headers })).body.split('\n');
    expect(lines.filter((line) => line.startsWith('tampines_admin_requests_total{'))).toEqual([
      'tampines_admin_requests_total{method="GET",route="none",status="404"} 5',
      'tampines_admin_requests_total{method="GET",route="/v1/instruments/:exchange/:symbol",status="404"} 5',
    ]);
    await app.close();
  });
});
