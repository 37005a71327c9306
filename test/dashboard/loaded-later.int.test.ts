/** The program of the instrument page comes when it is shown, and not before; where it does not come, that is said. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AdminServer } from '../../src/admin/admin-server.ts';
import { createAdminServer } from '../../src/admin/admin-server.ts';
import type { World } from '../admin/support.ts';
import { createWorld, until } from '../admin/support.ts';
import { bookSnapshot, instrument, trade } from '../support/market-events.ts';
import { projectPath } from '../support/source-files.ts';
import { openPage, startBrowser } from './browser.ts';

let browser: Browser;
let world: World;
let server: AdminServer;
beforeAll(async () => {
  browser = await startBrowser();
  world = await createWorld({ dashboardFolder: projectPath('dist/web') });
  await world.instruments.spawn('binance', 'BTC-USDT');
  await world.deliver('binance:BTC-USDT', [instrument(), bookSnapshot(), trade()]);
  await until(() => world.actorStatus('binance:BTC-USDT') === 'running');
  server = await createAdminServer({ ...world.options, settingsInForce: () => SETTINGS });
});
afterAll(async () => {
  await browser.close();
  await server.close();
  await world.end();
});

/** What the pages ask for to name their channels. */
const SETTINGS = [
  { name: 'publish.naming', value: 'symbols', origin: 'default' as const },
  { name: 'publish.bookResolutions', value: [1, 10], origin: 'default' as const },
  { name: 'candles.intervals', value: ['1s', '1m'], origin: 'default' as const },
  { name: 'feed.heartbeatMs', value: 1_000, origin: 'default' as const },
  { name: 'feed.emptyHeartbeatMs', value: 5_000, origin: 'default' as const },
];
const PROGRAM = '**/assets/instrument-page-*.js';

it('the overview does without it, and the page of an instrument is told apart from one that can not be had', async () => {
  const { page } = await openPage(browser, `${server.url}/#/`);
  const asked: string[] = [];
  page.on('request', (request) => void asked.push(new URL(request.url()).pathname));
  await page.route(PROGRAM, (route) => route.abort());
  await page.getByRole('link', { name: 'BTC-USDT' }).first().waitFor();
  expect(asked.filter((path) => path.includes('instrument-page'))).toEqual([]);
  await page.getByRole('link', { name: 'BTC-USDT' }).first().click();
  await page.getByRole('alert').getByText('could not be loaded').waitFor();
  await page.unroute(PROGRAM);
  await page.getByRole('button', { name: 'Load again' }).click();
  await page.getByRole('region', { name: 'Candles', exact: true }).waitFor();
  expect(new URL(page.url()).hash).toBe('#/instruments/binance/BTC-USDT');
  expect(asked.some((path) => path.includes('instrument-page'))).toBe(true);
  await page.context().close();
});

it('weighs no more than it must: the overview little, and libraries come as they are shipped', () => {
  const folder = projectPath('dist/web/assets');
  const bytesOf = (beginning: string): number[] =>
    readdirSync(folder)
      .filter((name) => name.startsWith(beginning) && name.endsWith('.js'))
      .map((name) => statSync(join(folder, name)).size);
  expect(bytesOf('index-')).toEqual([expect.toSatisfy((bytes: number) => bytes < 100_000)]);
  // The development build of the library that draws candles is twice as large.
  expect(bytesOf('instrument-page-')).toEqual([expect.toSatisfy((bytes: number) => bytes < 300_000)]);
});
