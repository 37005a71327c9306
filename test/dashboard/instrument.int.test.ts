/** The page of an instrument in a real browser: exact numbers, doubt that nobody can overlook, and a node that goes and comes back. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { demoSymbols } from '../../src/feeds/simulators/demo-symbols.ts';
import type { SimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import { createSimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import { eventually } from '../support/running-node.ts';
import { exactTexts, openPage, startBrowser } from './browser.ts';
import { DashboardNode } from './dashboard-node.ts';

const BTC = '/v1/instruments/binance/BTC-USDT';
const LADDER_LEVELS = 13;
/** Longer than a test looks at it. */
const LONG_MS = 15_000;

type Levels = readonly (readonly [price: string, quantity: string])[];

let browser: Browser;
let binance: SimulatedBinance;
let node: DashboardNode;

beforeAll(async () => {
  browser = await startBrowser();
  binance = await createSimulatedBinance({
    clock: systemClock,
    timers: systemTimers,
    stepsPerSecond: 40,
    random: createSeededRandom(20261129),
    symbols: demoSymbols.binance.slice(0, 2),
  });
  node = new DashboardNode([
    `exchanges.binance.wsUrl=${binance.endpoints.ws}`,
    `exchanges.binance.restUrl=${binance.endpoints.rest}`,
    'instruments=binance:BTC-USDT,binance:ETH-USDT',
  ]);
  await node.start();
});

afterAll(async () => {
  await browser.close();
  await node.remove();
  await binance.close();
});

const pageUrl = (): string => `${node.url}/#/instruments/binance/BTC-USDT`;
const ladderMark = (page: Page) => page.locator('.ladder-panel header .trust');

async function shownLevels(page: Page, side: 'bid' | 'ask'): Promise<Levels> {
  const cell = (name: string): Promise<string[]> => exactTexts(page, `.side-${side} .ladder-${name}`);
  const [prices, quantities] = await Promise.all([cell('price'), cell('quantity')]);
  const levels = prices.map((price, index) => [price, quantities[index]!] as const);
  return side === 'ask' ? levels.toReversed() : levels;
}

it('shows book, candle and trades to the last digit, at each resolution', async () => {
  const { page, complaints } = await openPage(browser, pageUrl());
  await ladderMark(page).getByText('live').waitFor();
  await eventually('there was trade', async () => (await page.locator('.trades tbody tr').count()) > 5);
  binance.market.stop();

  await eventually('the ladder is the book of the exchange', async () => {
    const truth = binance.market.bookOf('BTCUSDT', LADDER_LEVELS);
    const canonical = (levels: Levels): Levels => levels.map(([p, q]) => [trimmed(p), trimmed(q)]);
    expect(await shownLevels(page, 'bid')).toEqual(canonical(truth.bids));
    expect(await shownLevels(page, 'ask')).toEqual(canonical(truth.asks));
    return true;
  });
  for (const resolution of [100, 10, 5]) {
    await page.getByRole('button', { name: `${resolution}×`, exact: true }).click();
    await eventually('the ladder is grouped as the node groups', async () => {
      const query = `book?resolution=${resolution}&depth=${LADDER_LEVELS}`;
      const book = await node.read<{ bids: Levels; asks: Levels }>(`${BTC}/${query}`);
      const filled = (levels: Levels): Levels => levels.filter(([price]) => price !== '');
      expect(filled(await shownLevels(page, 'bid'))).toEqual(book.bids);
      expect(filled(await shownLevels(page, 'ask'))).toEqual(book.asks);
      return true;
    });
  }

  await eventually('trades and candle are those of the node', async () => {
    const { trades } = await node.read<{ trades: { price: string; quantity: string }[] }>(
      `${BTC}/trades?limit=1000&from=0`,
    );
    const newest = trades.slice(-20).toReversed();
    const shown = await exactTexts(page, '.trades tbody td:nth-child(2)');
    // Those of one millisecond may stand either way round.
    expect(shown.slice(0, 20).sort()).toEqual(newest.map(({ price }) => price).sort());
    const { candles } = await node.read<{ candles: { close: string; high: string }[] }>(
      `${BTC}/candles?interval=1m&limit=2`,
    );
    const [open, high, , close] = await exactTexts(page, '.candle-text .exact');
    expect([high, close]).toEqual([candles.at(-1)!.high, candles.at(-1)!.close]);
    expect(open).toMatch(/^\d+(\.\d+)?$/);
    return true;
  });
  binance.market.start();
  expect(complaints).toEqual([]);
});

it('marks a book that may be wrong, with the reason, here and among all instruments, until it is sure again', async () => {
  const { page, complaints } = await openPage(browser, pageUrl());
  await ladderMark(page).getByText('live').waitFor();
  const overview = await openPage(browser, node.url);
  await overview.page.getByText('2 live').waitFor();

  binance.faults.slowSnapshot(LONG_MS);
  binance.faults.dropNextDelta('BTCUSDT');
  await ladderMark(page).getByText('STALE').waitFor();
  const bar = page.locator('.ladder-panel [role=alert]');
  await expect.poll(() => bar.textContent()).toMatch(/STALE.*may be wrong: .{5,}/);
  expect(await page.locator('.ladder').getAttribute('class')).toContain('of-stale');
  expect(await page.locator('.depth-panel [role=alert]').count()).toBe(1);
  const style = "getComputedStyle(document.querySelector('.side-bid .ladder-price')).textDecorationLine";
  expect(await page.evaluate(style)).toBe('line-through');

  const row = overview.page.locator('.market-row', { hasText: 'BTC-USDT' });
  await row.getByText('STALE').waitFor();
  expect((await row.locator('.cell-status small').textContent())!.length).toBeGreaterThan(5);
  await overview.page.getByText('1 not live').waitFor();
  // The other one has nothing to do with it.
  await overview.page.locator('.market-row', { hasText: 'ETH-USDT' }).getByText('live').waitFor();

  binance.faults.slowSnapshot(0);
  await ladderMark(page).getByText('live').waitFor({ timeout: 60_000 });
  expect(await bar.count()).toBe(0);
  await overview.page.getByText('2 live').waitFor();
  expect([...complaints, ...overview.complaints]).toEqual([]);
});

it('marks everything when the node is gone, and goes on by itself when it is back', async () => {
  const { page, complaints } = await openPage(browser, pageUrl());
  const overview = await openPage(browser, node.url);
  await ladderMark(page).getByText('live').waitFor();
  await overview.page.getByText('2 live').waitFor();
  expect(await page.locator('.lost-bar').count()).toBe(0);

  await node.stop();
  await page.locator('.lost-bar').waitFor();
  await ladderMark(page).getByText('CUT OFF').waitFor();
  await overview.page.locator('.lost-bar').waitFor();
  expect(await overview.page.locator('.market-row .trust').allTextContents()).toEqual(['CUT OFF', 'CUT OFF']);
  await overview.page.getByText('0 live').waitFor();

  await node.start();
  await page.locator('.lost-bar').waitFor({ state: 'detached', timeout: 60_000 });
  await ladderMark(page).getByText('live').waitFor({ timeout: 60_000 });
  await overview.page.getByText('2 live').waitFor({ timeout: 60_000 });
  const newest = (): Promise<string | null> => page.locator('.trades tbody tr').first().textContent();
  const before = await newest();
  await eventually('a new trade came in', async () => (await newest()) !== before);
  // The browser itself writes down each attempt that found nobody; nothing else.
  const others = [...complaints, ...overview.complaints].filter(
    (text) =>
      !/ERR_CONNECTION_(REFUSED|RESET)|WebSocket connection to .* failed|ERR_EMPTY_RESPONSE/.test(text),
  );
  expect(others).toEqual([]);
});

it('says of an instrument that does not run here that it does not', async () => {
  const { page } = await openPage(browser, `${node.url}/#/instruments/binance/NO-SUCH`);
  await page.getByText('is not running here').waitFor();
  await page.getByRole('link', { name: 'All instruments' }).click();
  await page.getByText('2 live').waitFor();
});

function trimmed(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
}
