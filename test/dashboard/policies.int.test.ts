/** What pages of the node may do, and what pages of others may do to it, as a real browser has it. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AdminServer } from '../../src/admin/admin-server.ts';
import { createAdminServer } from '../../src/admin/admin-server.ts';
import type { World } from '../admin/support.ts';
import { createWorld } from '../admin/support.ts';
import { projectPath } from '../support/source-files.ts';
import { openPage, startBrowser } from './browser.ts';

let browser: Browser;
let world: World;
let node: AdminServer;
let stranger: Server;
let strangerUrl: string;

beforeAll(async () => {
  browser = await startBrowser();
  world = await createWorld({ dashboardFolder: projectPath('dist/web') });
  await world.instruments.spawn('binance', 'BTC-USDT');
  node = await createAdminServer(world.options);
  stranger = createServer((_request, response) =>
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end('<!doctype html><title>Stranger</title><body>'),
  );
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  strangerUrl = `http://localhost:${String((stranger.address() as AddressInfo).port)}/`;
});

afterAll(async () => {
  await browser.close();
  stranger.closeAllConnections();
  await new Promise((resolve) => stranger.close(resolve));
  await node.close();
  await world.end();
});

it('the page of the REST works under its policy, shows its icons and can be tried out', async () => {
  const { page, complaints } = await openPage(browser, `${node.url}/docs`);
  await page.locator('.opblock-summary', { hasText: '/health/live' }).first().click();
  await page.getByRole('button', { name: 'Try it out' }).first().click();
  await page.getByRole('button', { name: 'Execute', exact: true }).first().click();
  await page.locator('.live-responses-table').getByText('"live"').waitFor();
  // Swagger UI sets one style attribute that nothing on the page depends on; the policy lets none in.
  expect(complaints.filter((text) => !text.startsWith('Applying inline style'))).toEqual([]);
  await page.context().close();
});

it('a page of the node runs no script that was put into it, nor asks anybody else', async () => {
  for (const path of ['/', '/docs/', '/v1/settings', '/nowhere']) {
    const { page } = await openPage(browser, `${node.url}${path}`);
    const done = await page.evaluate(tryFromWithin(strangerUrl));
    expect([path, done]).toEqual([path, { wasRun: false, asked: 'kept' }]);
    await page.context().close();
  }
});

it('a page of others reads nothing of the node, changes nothing, hears no stream and frames nothing', async () => {
  const { page } = await openPage(browser, strangerUrl);
  const done = await page.evaluate(tryFromOutside(node.url));
  const kept = { read: 'kept', blindRead: 'kept', blindChange: 'kept', askedChange: 'kept' };
  expect(done).toEqual({ ...kept, stream: 'refused' });
  const [, framed] = page.frames();
  expect(framed!.url()).toMatch(/^chrome-error:/);
  expect(await world.records.readAudit({ who: undefined, sinceMs: undefined, limit: 10 })).toEqual([]);
  await page.context().close();
});

/** Scripts for pages are texts: a page has other types than a test. */
function tryFromWithin(elsewhere: string): string {
  return `(async () => {
    const script = document.createElement('script');
    script.textContent = 'window.wasRun = true';
    document.documentElement.append(script);
    const link = document.createElement('a');
    link.setAttribute('onclick', 'window.wasRun = true');
    link.click();
    const asked = fetch('${elsewhere}', { mode: 'no-cors' });
    return { wasRun: 'wasRun' in window, asked: await asked.then(() => 'asked', () => 'kept') };
  })()`;
}

/** A change is sent without asking first, as a form would, and after asking; the stream is opened, the page put into a frame. */
function tryFromOutside(nodeUrl: string): string {
  return `(async () => {
    const outcome = (asked) => asked.then(() => 'done', () => 'kept');
    const change = '${nodeUrl}/v1/instruments/binance/BTC-USDT/restart';
    const frame = document.createElement('iframe');
    const whenFramed = new Promise((resolve) => frame.addEventListener('load', resolve));
    frame.src = '${nodeUrl}/';
    document.body.append(frame);
    const socket = new WebSocket('${nodeUrl.replace('http', 'ws')}/v1/stream');
    const stream = await new Promise((resolve) => {
      socket.addEventListener('open', () => resolve('open'));
      socket.addEventListener('error', () => resolve('refused'));
    });
    await whenFramed;
    return {
      read: await outcome(fetch('${nodeUrl}/v1/settings')),
      blindRead: await outcome(fetch('${nodeUrl}/v1/settings', { mode: 'no-cors' })),
      blindChange: await outcome(fetch(change, { method: 'POST', mode: 'no-cors' })),
      askedChange: await outcome(fetch(change, { method: 'POST', headers: { authorization: 'Bearer x' } })),
      stream,
    };
  })()`;
}
