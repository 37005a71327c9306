/** A real browser, and pages in it of which every complaint is kept. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { noteServiceUse } from '../support/services.ts';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** @throws Error that names the command to run when the tests were not given a browser */
export function startBrowser(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM_PATH'];
  if (executablePath === undefined || executablePath === '') {
    throw new Error(
      'CHROMIUM_PATH is not set: this test needs a Chromium. Run `npm test`, which finds or installs one, or set CHROMIUM_PATH.',
    );
  }
  noteServiceUse('Chromium');
  return chromium.launch({ executablePath, args: ARGUMENTS });
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

/** Returns the text of an exact decimal without the zeros that fill its column. */
export async function exactTexts(page: Page, selector: string): Promise<string[]> {
  return page.locator(selector).evaluateAll((cells) =>
    cells.map((cell) => {
      const copy = cell.cloneNode(true) as unknown as {
        textContent: string;
        querySelectorAll(selector: string): Iterable<{ remove(): void }>;
      };
      for (const zeros of copy.querySelectorAll('.zeros')) zeros.remove();
      return copy.textContent;
    }),
  );
}
