/** What an operator does with the dashboard: by keyboard, on a phone, with the token, and what he sees of failures. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Simulation } from '../../src/cli/simulate.ts';
import { startSimulation } from '../../src/cli/simulate.ts';
import { openPage, startBrowser } from './browser.ts';
import { DashboardNode, TOKEN } from './dashboard-node.ts';

let browser: Browser;
let simulation: Simulation;
let node: DashboardNode;

beforeAll(async () => {
  browser = await startBrowser();
  simulation = await startSimulation({ seed: 20261130, stepsPerSecond: 10 });
  node = new DashboardNode([...simulation.assignments, `instruments=${simulation.instruments.join(',')}`]);
  await node.start();
});

afterAll(async () => {
  await browser.close();
  await node.remove();
  await simulation.close();
});

it('is worked by keyboard: to the list, along it, into an instrument and back', async () => {
  const { page, complaints } = await openPage(browser, node.url);
  await page.getByText('12 live').waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  const focused = (): Promise<unknown> =>
    page.evaluate('document.activeElement.id || document.activeElement.className');
  expect(await focused()).toBe('main');
  for (let step = 0; step < 4; step++) await page.keyboard.press('Tab');
  expect(await focused()).toBe('market-grid');
  const active = (): Promise<unknown> => page.locator('.market-row.is-active b').textContent();
  await expect.poll(active).toBe('BTC-USD');
  await page.keyboard.press('End');
  await expect.poll(active).toBe('XRP-USDT');
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowDown');
  await expect.poll(active).toBe('BTC-USDT');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'BTC-USDT binance' }).waitFor();
  await page.goBack();
  await page.getByText('12 live').waitFor();
  expect(complaints).toEqual([]);
});

it('filters and sorts', async () => {
  const { page } = await openPage(browser, node.url);
  await page.getByText('12 live').waitFor();
  await page.getByLabel('Filter by name').fill('kraken btc');
  await expect.poll(() => page.locator('.market-row').count()).toBe(1);
  await page.getByLabel('Filter by name').fill('');
  await page.getByLabel('Exchange').selectOption('binance');
  await expect.poll(() => page.locator('.market-row').count()).toBe(4);
  await page.getByRole('button', { name: 'Last' }).click();
  const symbols = (): Promise<string[]> => page.locator('.market-row .cell-instrument b').allTextContents();
  await expect.poll(symbols).toEqual(['BTC-USDT', 'ETH-USDT', 'SOL-USDT', 'XRP-USDT']);
  await page.getByRole('button', { name: 'Last' }).click();
  await expect.poll(symbols).toEqual(['XRP-USDT', 'SOL-USDT', 'ETH-USDT', 'BTC-USDT']);
  await page.getByLabel('Book').selectOption('not-live');
  await page.getByText('No instrument is like that').waitFor();
});

it('keeps both of two filters that are changed before a frame is drawn', async () => {
  const { page } = await openPage(browser, node.url);
  await page.getByText('12 live').waitFor();
  // In one turn of the page: no frame is drawn between the two.
  await page.evaluate(`
    const change = (label, value, event) => {
      const control = document.querySelector('[aria-label="' + label + '"]');
      control.value = value;
      control.dispatchEvent(new Event(event, { bubbles: true }));
    };
    change('Filter by name', 'btc', 'input');
    change('Exchange', 'binance', 'change');
  `);
  await expect.poll(() => page.locator('.market-row').count()).toBe(1);
  expect(await page.locator('.market-row .cell-instrument b').textContent()).toBe('BTC-USDT');
});

it('restarts, resynchronises and parks an instrument with the token, asked for once, and shows the restart as it happens', async () => {
  const { page, complaints } = await openPage(browser, `${node.url}/#/supervision`);
  const row = page.locator('.actor-row', { hasText: 'kraken:ETH-USD' });
  await row.getByRole('button', { name: 'Restart' }).waitFor();
  for (const width of [1_300, 1_440, 800]) {
    await page.setViewportSize({ width, height: 900 });
    // All of what can be done to it is in sight, none of it cut.
    const hiddenPx = await page.evaluate(`(() => {
      const rows = [...document.querySelectorAll('.actor-row')];
      const cell = rows.find((each) => each.textContent.includes('kraken:ETH-USD')).querySelector('.actor-operations');
      return cell.scrollWidth - cell.clientWidth;
    })()`);
    expect(hiddenPx).toBe(0);
  }
  await row.getByRole('button', { name: 'Restart' }).click();
  const dialog = page.getByRole('dialog');
  const confirm = dialog.getByRole('button', { name: 'Restart' });
  await confirm.click();
  await dialog.getByLabel('Token of the node').fill('not the token');
  await confirm.click();
  await dialog.getByText('needs the bearer token').waitFor();
  await dialog.getByLabel('Token of the node').fill(TOKEN);
  await confirm.click();
  await dialog.getByText('Done.').waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  const event = page.locator('.event', { hasText: 'kraken:ETH-USD' }).filter({ hasText: 'restarted' });
  await event.waitFor();
  expect(await event.textContent()).toContain('asked for over REST');
  await row.getByText('running').waitFor();
  await expect.poll(() => row.locator('[role=gridcell]').nth(3).textContent()).toBe('1');
  expect(await node.read('/v1/instruments/kraken/ETH-USD')).toMatchObject({ restarts: 1 });

  await row.getByRole('button', { name: 'Resync' }).click();
  await dialog.getByRole('button', { name: 'Resync' }).click();
  await dialog.getByText('Done.').waitFor();
  await page.keyboard.press('Escape');

  await row.getByRole('button', { name: 'Park' }).click();
  await dialog.getByRole('button', { name: 'Park' }).click();
  await dialog.getByText('Done.').waitFor();
  await page.keyboard.press('Escape');
  await row.getByText('parked').waitFor();
  const beside = await page.context().newPage();
  await beside.goto(`${node.url}/#/instruments/kraken/ETH-USD`);
  // It has candles and trades, though its actor can't say which.
  await beside.getByText('Candles can’t be read: Actor').waitFor();
  await beside.getByText('Trades can’t be read: Actor').waitFor();
  await beside.close();
  await row.getByRole('button', { name: 'Unpark' }).click();
  await dialog.getByRole('button', { name: 'Unpark' }).click();
  await dialog.getByText('Done.').waitFor();
  await row.getByText('running').waitFor();
  expect(await page.evaluate('JSON.stringify(localStorage)')).not.toContain(TOKEN);
  // Each answer that asks for the token is one line of the browser's.
  expect(complaints.filter((text) => !text.includes('401'))).toEqual([]);
});

it('shows what could not be understood, raw', async () => {
  const { page, complaints } = await openPage(browser, `${node.url}/#/dead-letters`);
  await page.getByText('everything that came was understood').waitFor();
  for (const { faults } of simulation.exchanges.values()) faults.corruptFrame();
  const letter = page.locator('.letters details').first();
  await letter.locator('summary').click();
  expect((await letter.locator('pre').textContent())!.length).toBeGreaterThan(10);
  await page.locator('.letter-counts button').first().waitFor();
  expect(complaints).toEqual([]);
});

it('remembers the colours that were chosen, and follows the system where none were', async () => {
  const { page } = await openPage(browser, node.url, { colorScheme: 'dark' });
  const background = (): Promise<unknown> =>
    page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
  const dark = await background();
  await page.getByRole('button', { name: 'colours' }).click();
  const light = await background();
  expect(light).not.toBe(dark);
  await page.reload();
  expect(await background()).toBe(light);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.getByRole('button', { name: 'colours' }).click();
  expect(await background()).toBe(dark);
  await page.getByRole('button', { name: 'colours' }).click();
  expect(await background()).toBe(light);
});

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

it.each([
  ['#/', '.market-row .trust-live'],
  ['#/instruments/kraken/BTC-USD', '.side-bid .ladder-price .exact'],
  ['#/supervision', '.actor-row'],
  ['#/dead-letters', '.letters'],
])('fits on a phone, and its buttons under a finger: %s', async (place, content) => {
  const { page, complaints } = await openPage(browser, `${node.url}/${place}`, PHONE);
  await page.locator(content).first().waitFor();
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  for (const link of await page.locator('.shell-nav a').all()) {
    const box = (await link.boundingBox())!;
    expect(box.height).toBeGreaterThanOrEqual(36);
    expect(box.x + box.width).toBeLessThanOrEqual(360);
  }
  expect(complaints).toEqual([]);
});
