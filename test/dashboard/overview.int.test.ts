/** The overview in a real browser, before a whole node on simulated exchanges. */
import { Redis } from 'ioredis';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Simulation } from '../../src/cli/simulate.ts';
import { startSimulation } from '../../src/cli/simulate.ts';
import type { Ticker } from '../../src/client/documents.ts';
import { eventually } from '../support/running-node.ts';
import { exactTexts, openPage, startBrowser } from './browser.ts';
import { DashboardNode } from './dashboard-node.ts';

type Listed = {
  exchange: string;
  symbol: string;
  market: { status: string; bid: string; ask: string; spread: string; last: string };
};

let browser: Browser;
let simulation: Simulation;
let node: DashboardNode;

beforeAll(async () => {
  browser = await startBrowser();
  simulation = await startSimulation({ seed: 20261128, stepsPerSecond: 20 });
  node = new DashboardNode([...simulation.assignments, `instruments=${simulation.instruments.join(',')}`]);
  await node.start();
});

afterAll(async () => {
  await browser.close();
  await node.remove();
  await simulation.close();
});

it('shows the numbers of the node to the last digit: those of its REST, of Redis and of the simulated books', async () => {
  const { page, complaints } = await openPage(browser, node.url);
  await page.getByText('12 live').waitFor();
  for (const { market } of simulation.exchanges.values()) market.stop();
  const redis = new Redis(node.node.redisUrl);

  await eventually('the page says what the node says', async () => {
    const { instruments } = await node.read<{ instruments: Listed[] }>('/v1/instruments?include=market');
    const byName = instruments.toSorted(
      (a, b) => compareText(a.symbol, b.symbol) || compareText(a.exchange, b.exchange),
    );
    const shown = async (cell: string): Promise<string[]> =>
      (await exactTexts(page, `.market-row .cell-${cell}`)).map((text) => text.trim());
    expect(await shown('bid')).toEqual(byName.map(({ market }) => market.bid));
    expect(await shown('ask')).toEqual(byName.map(({ market }) => market.ask));
    expect(await shown('spread')).toEqual(byName.map(({ market }) => market.spread));
    expect(await shown('last')).toEqual(byName.map(({ market }) => market.last));
    const inRedis = byName.map(async ({ exchange, symbol }) => {
      const text = await redis.get(`ticker:${exchange}:${symbol}`);
      return (JSON.parse(text!) as Ticker).last;
    });
    expect(await shown('last')).toEqual(await Promise.all(inRedis));
    const truth = simulation.exchanges.get('binance')!.market.bookOf('BTCUSDT', 1);
    const row = byName.findIndex(({ exchange, symbol }) => exchange === 'binance' && symbol === 'BTC-USDT');
    expect(canonical((await shown('bid'))[row]!)).toBe(canonical(truth.bids[0]![0]));
    return true;
  });
  redis.disconnect();
  for (const { market } of simulation.exchanges.values()) market.start();
  expect(complaints).toEqual([]);
});

function canonical(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
