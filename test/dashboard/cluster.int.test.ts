/** The page of the cluster before answers that are made up: who is gone, what is orphaned, and what moves. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSimulation } from '../../src/cli/simulate.ts';
import type { Simulation } from '../../src/cli/simulate.ts';
import { openPage, startBrowser } from './browser.ts';
import { DashboardNode } from './dashboard-node.ts';

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

type Owner = { readonly owner: string; readonly epoch: number; readonly isOwnerAlive: boolean };

function clusterOf(third: Owner): object {
  const report = { shards: [], lag: 7, instruments: 6, feeds: 4, logTrouble: '', groupTrouble: '' };
  const of = (name: string, isAlive: boolean, said: object): object => ({
    ...{ name, isAlive, roles: ['ingest', 'shards'], adminUrl: null, startedAtMs: 1, seenAgoMs: 400 },
    report: said,
  });
  const shards = [0, 1, 2].map((shard) => ({ shard, epoch: 4, owner: 'node-2', isOwnerAlive: true }));
  return {
    node: 'node-2',
    isCluster: true,
    nodes: [
      of('node-1', third.isOwnerAlive, report),
      of('node-2', true, { ...report, logTrouble: 'no broker' }),
    ],
    shards: [...shards, { shard: 3, ...third }].map((shard) => ({ ...shard, claimedAtMs: 1 })),
    leases: [
      { exchange: 'binance', slot: 0, replica: 0, epoch: 2, holder: 'node-2' },
      { exchange: 'kraken', slot: 0, replica: 0, epoch: 5, holder: null },
    ],
  };
}

async function openCluster(
  answer: () => object,
  options: Parameters<typeof openPage>[2] = {},
): Promise<{ page: Page; complaints: readonly string[] }> {
  const { page, complaints } = await openPage(browser, node.url, options);
  await page.route('**/v1/cluster', (route) => route.fulfill({ json: answer() }));
  await page.getByRole('link', { name: 'Cluster', exact: true }).click();
  return { page, complaints };
}

it('shows who is there and in trouble, and which shard is orphaned, and then who took it over', async () => {
  let third = { owner: 'node-1', epoch: 11, isOwnerAlive: false };
  const { page, complaints } = await openCluster(() => clusterOf(third));
  const shard = page.getByRole('region', { name: 'Shards' }).locator('.holder').nth(3);
  await shard.getByText('ORPHANED').waitFor();
  expect(await page.locator('.node-table .is-gone').textContent()).toContain('node-1GONE');
  const saidByGone = ['6 when last seen', '4 when last seen', '7 when last seen'];
  expect(await page.locator('.is-gone .was-said').allTextContents()).toEqual(saidByGone);
  expect(await page.locator('.node-table .is-ill').textContent()).toBe('no broker');
  expect(await page.getByRole('region', { name: 'Slots' }).locator('.is-orphaned').textContent()).toContain(
    'nobody',
  );
  expect(await page.locator('.moves li').count()).toBe(0);
  third = { owner: 'node-2', epoch: 12, isOwnerAlive: true };
  const move = page.locator('.moves li');
  await move.waitFor();
  expect(await move.textContent()).toMatch(/^\d\d:\d\d:\d\dshard 3node-1 → node-2epoch 12$/);
  expect(await shard.textContent()).toBe('shard 3node-2epoch 12');
  expect(complaints).toEqual([]);
});

it('says over the lists of instruments and of actors whose are missing, until they are there', async () => {
  let nodes: object[] = [
    { node: 'node-1', isAnswered: true, code: null, detail: '' },
    { node: 'node-3', isAnswered: false, code: 'OWNER_UNKNOWN', detail: 'It is gone.' },
  ];
  const { page, complaints } = await openPage(browser, node.url);
  await page.route(/\/v1\/(instruments|actors)\?/, async (route) => {
    const answer = (await (await route.fetch()).json()) as object;
    await route.fulfill({ json: { ...answer, nodes } });
  });
  const missing = page.locator('.missing-nodes');
  for (const title of ['Instruments', 'Supervision']) {
    await page.getByRole('link', { name: title, exact: true }).click();
    await page.getByText('what these nodes have is missing').waitFor();
    expect(await missing.locator('p').allTextContents()).toEqual(['node-3 It is gone.']);
  }
  nodes = nodes.slice(0, 1);
  await page.getByText('what these nodes have is missing').waitFor({ state: 'detached' });
  expect(await missing.textContent()).toBe('');
  expect(complaints).toEqual([]);
});

it('is not wider than a phone', async () => {
  const third = { owner: 'node-1', epoch: 11, isOwnerAlive: true };
  const { page } = await openCluster(() => clusterOf(third), { viewport: { width: 390, height: 844 } });
  await page.locator('.holder').first().waitFor();
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
});

it('says of a node alone that there is no cluster, and how to run one', async () => {
  const { page, complaints } = await openPage(browser, `${node.url}/#/cluster`);
  await page.getByText('There is no cluster').waitFor();
  expect(await page.locator('main code').textContent()).toBe('npm run cluster');
  expect(complaints).toEqual([]);
});

it('reads the trades by REST where the stream refuses them, and says so', async () => {
  const page = await browser.newPage();
  await page.routeWebSocket(/./, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => socket.send(withoutTrades(String(message))));
  });
  await page.goto(`${node.url}/#/instruments/kraken/BTC-USD`);
  const panel = page.getByRole('region', { name: 'Recent trades', exact: true });
  await panel.getByText('by REST, every 3 s: another node has it').waitFor();
  const newest = (): Promise<string | null> => panel.locator('tbody tr').first().textContent();
  const first = await newest();
  await expect.poll(newest, { timeout: 15_000 }).not.toBe(first);
  await page.close();
});

/** Refuses what a node refuses of instruments that it doesn't have, and tells none of their trades. */
function withoutTrades(text: string): string {
  const message = JSON.parse(text) as { type: string; channels?: unknown; channel?: string };
  if (message.type !== 'subscribed') return message.channel?.startsWith('trades:') ? '{"type":"pong"}' : text;
  const asked = message.channels as (string | { channel: string })[];
  const nameOf = (each: string | { channel: string }): string =>
    typeof each === 'string' ? each : each.channel;
  const refused = asked.filter((each) => nameOf(each).startsWith('trades:'));
  return JSON.stringify({
    ...message,
    channels: asked.filter((each) => !refused.includes(each)),
    refused: refused.map((each) => {
      return { channel: nameOf(each), code: 'CHANNEL_UNKNOWN', message: 'another node has it' };
    }),
  });
}
