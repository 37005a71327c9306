/** The page of the cluster before two admin servers that know one another; who has what is said by the test, as Postgres would. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ClusterWorld } from '../admin/cluster-world.ts';
import { createClusterWorld } from '../admin/cluster-world.ts';
import { projectPath } from '../support/source-files.ts';
import type { WatchedPage } from './browser.ts';
import { openPage, startBrowser } from './browser.ts';

let browser: Browser;
let cluster: ClusterWorld;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());
beforeEach(async () => {
  cluster = await createClusterWorld({ dashboardFolder: projectPath('dist/web') });
});
afterEach(() => cluster.end());

async function openCluster(options: Parameters<typeof openPage>[2] = {}): Promise<WatchedPage> {
  const watched = await openPage(browser, `${cluster.a.server.url}/#/cluster`, options);
  await watched.page.locator('.holder').first().waitFor();
  return watched;
}

const moves = (page: Page): Promise<string[]> => page.locator('.moves li').allTextContents();

it('shows nodes, shards and slots as the node tells them, and each take-over as it happens', async () => {
  const { page, complaints } = await openCluster();
  expect(await page.locator('.node-table tbody th').allTextContents()).toEqual(['a', 'b']);
  expect(await page.locator('.node-table tbody td:nth-child(7)').allTextContents()).toEqual(['3', '3']);
  const holders = page.getByRole('region', { name: 'Shards' }).locator('.holder');
  expect(await holders.allTextContents()).toEqual(['shard 0aepoch 4', 'shard 1goneORPHANED epoch 9']);
  await page.getByText('1 orphaned').waitFor();
  cluster.shards[1] = { shard: 1, epoch: 10, owner: 'b', claimedAtMs: 7 };
  await expect.poll(() => holders.allTextContents()).toEqual(['shard 0aepoch 4', 'shard 1bepoch 10']);
  cluster.shards[0] = { shard: 0, epoch: 5, owner: 'b', claimedAtMs: 8 };
  await expect.poll(async () => (await moves(page)).length).toBe(2);
  expect((await moves(page)).map((text) => text.slice(8))).toEqual([
    'shard 0a → bepoch 5',
    'shard 1gone → bepoch 10',
  ]);
  expect(complaints).toEqual([]);
  await page.context().close();
});

it('keeps its place while numbers come, grow and fail to come', async () => {
  const { page } = await openPage(browser, 'about:blank');
  await page.addInitScript(`
    window.shift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.shift += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
  `);
  await page.goto(`${cluster.a.server.url}/#/cluster`);
  await page.locator('.holder').first().waitFor();
  cluster.shards[1] = { shard: 1, epoch: 10_000, owner: 'a', claimedAtMs: 7 };
  await expect.poll(async () => (await moves(page)).length).toBe(1);
  await page.route('**/v1/cluster', (route) => route.fulfill({ status: 503, json: UNAVAILABLE }));
  await page.locator('.panel [role=status].is-ill').waitFor();
  // A tenth is what people call steady; the page does far better.
  expect(await page.evaluate('window.shift')).toBeLessThan(0.02);
  expect(await page.locator('.holder').count()).toBe(4);
  await page.context().close();
});

it('is read by the keyboard alone: the table and the moves are reached and scrolled', async () => {
  const { page } = await openCluster({ viewport: { width: 390, height: 844 } });
  const focused = (): Promise<unknown> => page.evaluate("document.activeElement.getAttribute('aria-label')");
  const reached: unknown[] = [];
  for (let step = 0; step < 20 && reached.at(-1) !== 'Moves, newest first'; step++) {
    await page.keyboard.press('Tab');
    reached.push(await focused());
    if (reached.at(-1) !== 'Nodes of the cluster') continue;
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowRight');
    await expect
      .poll(() => page.evaluate("document.querySelector('.node-view').scrollLeft"))
      .toBeGreaterThan(0);
  }
  expect(reached).toEqual(expect.arrayContaining(['Nodes of the cluster', 'Moves, newest first']));
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  await page.context().close();
});

it.each(['light', 'dark'] as const)(
  'can be read in the %s theme: texts stand out from what is behind them',
  async (colorScheme) => {
    const { page } = await openCluster({ colorScheme });
    expect(await page.evaluate(faintTexts('main'))).toEqual([]);
    await page.context().close();
  },
);

const UNAVAILABLE = {
  code: 'SERVICE_UNAVAILABLE',
  title: 'Service unavailable',
  detail: 'Postgres is away.',
};

/** Texts of the page whose contrast is below 4.5 to 1 (WCAG AA), colours drawn by the browser itself. */
function faintTexts(within: string): string {
  return `(() => {
    const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const paint = (layers) => {
      context.clearRect(0, 0, 1, 1);
      for (const colour of layers) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
      return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = (rgb) => {
      const [r, g, b] = rgb.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const faint = [];
    for (const element of document.querySelectorAll('${within} *')) {
      const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
      if (!own || element.checkVisibility() === false) continue;
      const layers = [];
      for (let each = element; each !== null; each = each.parentElement) layers.unshift(getComputedStyle(each).backgroundColor);
      const behind = light(paint(layers));
      const text = light(paint([...layers, getComputedStyle(element).color]));
      const ratio = (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05);
      if (ratio < 4.5) faint.push(element.textContent + ' ' + ratio.toFixed(2));
    }
    return faint;
  })()`;
}
