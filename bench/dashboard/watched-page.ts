/** The overview in a real browser, and what it costs there: times, frames and memory are measured inside of the page. */
import type { Browser, CDPSession, Page } from 'playwright-core';

const VIEWPORT = { width: 1440, height: 900 };
/** So that a list of rows and not one row is waited for. */
const FIRST_ROWS = 20;

export type Frames = {
  readonly count: number;
  readonly p99Ms: number;
  readonly longestMs: number;
  /** Tasks of more than 50 ms, as the browser tells them. */
  readonly longTaskCount: number;
};

export type Memory = { readonly heapMb: number; readonly nodeCount: number; readonly listenerCount: number };

export class WatchedPage {
  readonly #page: Page;
  readonly #session: CDPSession;
  /** From the beginning of the navigation until prices of a list of rows stood on the page; nothing was in any cache. */
  readonly firstNumbersMs: number;

  private constructor(page: Page, session: CDPSession, firstNumbersMs: number) {
    this.#page = page;
    this.#session = session;
    this.firstNumbersMs = firstNumbersMs;
  }

  static async open(browser: Browser, url: string): Promise<WatchedPage> {
    const context = await browser.newContext({ viewport: VIEWPORT });
    const page = await context.newPage();
    await page.goto(url, { waitUntil: 'commit' });
    const firstNumbersMs = await page.evaluate<number>(`new Promise((resolve) => {
      const look = () =>
        document.querySelectorAll('.market-row .cell-last .exact').length < ${FIRST_ROWS}
          ? requestAnimationFrame(look)
          : resolve(performance.now());
      look();
    })`);
    const session = await context.newCDPSession(page);
    await session.send('Performance.enable');
    return new WatchedPage(page, session, firstNumbersMs);
  }

  /** The same of a page on which nothing is and nothing happens: what the browser and the machine take away by themselves. */
  static async emptyFrames(browser: Browser, durationMs: number): Promise<Frames> {
    const page = await browser.newPage({ viewport: VIEWPORT });
    const frames = await page.evaluate<Frames>(framesOf({ durationMs, each: '' }));
    await page.close();
    return frames;
  }

  /** Scrolls through the rows, down and up again, `pixels` with each frame. */
  scroll({ durationMs, pixels }: { durationMs: number; pixels: number }): Promise<Frames> {
    const each = `
      const view = document.querySelector('.market-view');
      const before = view.scrollTop;
      view.scrollTop += step;
      if (view.scrollTop === before) step = -step;`;
    return this.#page.evaluate<Frames>(framesOf({ durationMs, each, setUp: `let step = ${pixels};` }));
  }

  /** What is left when the garbage is gone. */
  async memory(): Promise<Memory> {
    await this.#session.send('HeapProfiler.collectGarbage');
    const { metrics } = await this.#session.send('Performance.getMetrics');
    const valueOf = (wanted: string): number => metrics.find(({ name }) => name === wanted)?.value ?? 0;
    return {
      heapMb: valueOf('JSHeapUsedSize') / 1024 ** 2,
      nodeCount: valueOf('Nodes'),
      listenerCount: valueOf('JSEventListeners'),
    };
  }

  /** Share of one core that the page takes. */
  async busyShare(overMs: number): Promise<number> {
    const taskSeconds = async (): Promise<number> => {
      const { metrics } = await this.#session.send('Performance.getMetrics');
      return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0;
    };
    const before = await taskSeconds();
    await this.#page.waitForTimeout(overMs);
    return (1_000 * ((await taskSeconds()) - before)) / overMs;
  }

  async close(): Promise<void> {
    await this.#page.context().close();
  }
}

/** Returns what is run inside of a page: counts frames, and does something with each. */
function framesOf(of: {
  readonly durationMs: number;
  readonly each: string;
  readonly setUp?: string;
}): string {
  return `new Promise((resolve) => {
    ${of.setUp ?? ''}
    const frames = [];
    let longTaskCount = 0;
    const tasks = new PerformanceObserver((list) => (longTaskCount += list.getEntries().length));
    tasks.observe({ type: 'longtask' });
    let startMs, lastMs;
    const turn = (nowMs) => {
      startMs ??= nowMs;
      if (lastMs !== undefined) frames.push(nowMs - lastMs);
      lastMs = nowMs;
      ${of.each}
      if (nowMs - startMs < ${of.durationMs}) return requestAnimationFrame(turn);
      tasks.disconnect();
      frames.sort((a, b) => a - b);
      resolve({
        count: frames.length,
        p99Ms: frames[Math.floor(frames.length * 0.99)],
        longestMs: frames.at(-1),
        longTaskCount,
      });
    };
    requestAnimationFrame(turn);
  })`;
}
