/** A real browser, and pages in it of which every complaint is kept. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchChromium } from '../../scripts/services/chromium.mjs';
import { noteServiceUse } from '../support/services.ts';

/** @throws Error that names the command to run when the tests were not given a browser */
export function startBrowser(): Promise<Browser> {
  const program = process.env['CHROMIUM_PATH'];
  if (program === undefined || program === '') {
    throw new Error(
      'CHROMIUM_PATH is not set: this test needs a Chromium. Run `npm test`, which finds or installs one, or set CHROMIUM_PATH.',
    );
  }
  noteServiceUse('Chromium');
  return launchChromium(program);
}

export type WatchedPage = {
  readonly page: Page;
  /** What the page wrote to the console as an error or warning, threw, or was kept from by its policy. */
  readonly complaints: readonly string[];
};

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => void complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints };
}

/** What is asked of an element inside of the page; these types are the page's own. */
type Cell = {
  readonly textContent: string;
  cloneNode(isDeep: boolean): Cell;
  querySelectorAll(selector: string): Iterable<{ remove(): void }>;
};

/** Returns the text of each exact decimal, without the zeros that fill its column. */
export function exactTexts(page: Page, selector: string): Promise<string[]> {
  return page.locator(selector).evaluateAll((cells: Cell[]) =>
    cells.map((cell) => {
      const copy = cell.cloneNode(true);
      for (const zeros of copy.querySelectorAll('.zeros')) zeros.remove();
      return copy.textContent.trim();
    }),
  );
}
