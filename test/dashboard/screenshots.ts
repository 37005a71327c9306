/**
 * `npm run screenshots`: pictures of the dashboard before a node on simulated exchanges: those of the documentation into `docs/images`, or all of them
 * into the folder that is named. They are made anew when the pages change; nothing compares them.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { buildDashboard } from '../../scripts/build-dashboard.mjs';
import { launchChromium, provideChromium } from '../../scripts/services/chromium.mjs';
import { startSimulation } from '../../src/cli/simulate.ts';
import { DashboardNode } from './dashboard-node.ts';

const TRADE_MS = 100_000;
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

type Picture = {
  readonly name: string;
  readonly place: string;
  readonly colorScheme: 'light' | 'dark';
  readonly viewport: { readonly width: number; readonly height: number };
  readonly prepare?: (page: Page) => Promise<void>;
};

const inSeconds = (page: Page): Promise<void> =>
  page.getByRole('button', { name: '1s', exact: true }).click();

const PICTURES: readonly Picture[] = [
  { name: 'overview', place: '#/', colorScheme: 'dark', viewport: DESKTOP },
  { name: 'overview-light', place: '#/', colorScheme: 'light', viewport: DESKTOP },
  {
    name: 'instrument',
    place: '#/instruments/binance/ETH-USDT',
    colorScheme: 'dark',
    viewport: DESKTOP,
    prepare: inSeconds,
  },
  {
    name: 'instrument-light',
    place: '#/instruments/kraken/SOL-USD',
    colorScheme: 'light',
    viewport: DESKTOP,
    prepare: inSeconds,
  },
  {
    name: 'instrument-phone',
    place: '#/instruments/binance/ETH-USDT',
    colorScheme: 'dark',
    viewport: PHONE,
    prepare: inSeconds,
  },
  { name: 'overview-phone', place: '#/', colorScheme: 'light', viewport: PHONE },
  { name: 'supervision', place: '#/supervision', colorScheme: 'dark', viewport: DESKTOP },
  { name: 'dead-letters', place: '#/dead-letters', colorScheme: 'light', viewport: DESKTOP },
];

const OF_DOUBT: readonly Picture[] = [
  {
    name: 'stale',
    place: '#/instruments/binance/ETH-USDT',
    colorScheme: 'light',
    viewport: DESKTOP,
    prepare: inSeconds,
  },
  { name: 'overview-stale', place: '#/', colorScheme: 'dark', viewport: DESKTOP },
];

const chosenFolder = process.argv[2];
const folder = chosenFolder ?? join(import.meta.dirname, '../../docs/images');
/** The documentation shows these. */
const OF_DOCUMENTATION = ['instrument', 'overview-phone', 'stale'];
const isWanted = ({ name }: Picture): boolean =>
  chosenFolder !== undefined || OF_DOCUMENTATION.includes(name);
mkdirSync(folder, { recursive: true });
await buildDashboard();
const simulation = await startSimulation({ seed: 20261128, stepsPerSecond: 25 });
const node = new DashboardNode([
  ...simulation.assignments,
  `instruments=${simulation.instruments.join(',')}`,
]);
await node.start();
const browser = await launchChromium(provideChromium().url);
try {
  await new Promise((resolve) => setTimeout(resolve, TRADE_MS));
  await node.node.instruments.restart('kraken:ETH-USD' as never, 'for the picture');
  for (const { faults } of simulation.exchanges.values()) faults.corruptFrame();
  for (const picture of PICTURES.filter(isWanted)) await take(browser, picture);
  // A book that is not sure, for as long as its exchange sends no other.
  const { faults } = simulation.exchanges.get('binance')!;
  faults.slowSnapshot(60_000);
  faults.dropNextDelta('ETHUSDT');
  for (const picture of OF_DOUBT.filter(isWanted)) await take(browser, picture);
} finally {
  await browser.close();
  await node.remove();
  await simulation.close();
}

async function take(
  browser: Browser,
  { name, place, colorScheme, viewport, prepare }: Picture,
): Promise<void> {
  const page = await browser.newPage({ viewport, colorScheme });
  await page.goto(`${node.url}/${place}`);
  await prepare?.(page);
  // Until charts and rows have their first numbers, and one more that shows them move.
  await page.waitForTimeout(3_000);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.close();
}
