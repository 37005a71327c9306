/**
 * The dashboard before 1,000 instruments that all trade: how soon there are numbers, whether scrolling is smooth, and whether memory stays. A real
 * browser, Postgres and Redis; without one of them nothing is measured.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'vite';
import { launchChromium, provideChromium } from '../scripts/services/chromium.mjs';
import type { Frames, Memory } from './dashboard/watched-page.ts';
import { WatchedPage } from './dashboard/watched-page.ts';
import { LoadedNode } from './end-to-end/loaded-node.ts';
import { MUCH_TRADED } from './feeds/market-moments.ts';
import type { BenchmarkGroup } from './harness/benchmark.ts';
import type { RealServers } from './harness/services.ts';
import { realServers } from './harness/services.ts';

/** Shorter while something is worked on. */
const WATCHED_MS = 1_000 * Number(process.env['DASHBOARD_BENCH_SECONDS'] ?? 180);
const INSTRUMENT_COUNT = 1_000;
const FRAMES_PER_SECOND = 2_000;
const OPENINGS = 5;
const SCROLL = { durationMs: 10_000, pixels: 24 };
const FAST_SCROLL = { durationMs: 5_000, pixels: 400 };
const BUSY_MS = 10_000;
/** Opening and scrolling come on top, and the node may be slower than it is asked. */
const LOADED_MS = WATCHED_MS + 90_000;
const LOOKS = 4;

export const dashboard: BenchmarkGroup = {
  name: 'dashboard',
  title: 'Dashboard: 1,000 live instruments in a browser',
  async open() {
    const notes: string[] = [];
    const servers = await realServers(notes);
    try {
      const program = servers === undefined ? undefined : findBrowser(notes);
      if (servers !== undefined && program !== undefined) notes.push(...(await watch(servers, program)));
    } finally {
      await servers?.close();
    }
    return { benchmarks: [], notes, close: () => Promise.resolve() };
  },
};

function findBrowser(notes: string[]): string | undefined {
  try {
    return provideChromium().url;
  } catch (error) {
    notes.push(
      `Skipped, no browser: ${error instanceof Error ? error.message.split('\n', 1)[0]! : String(error)}`,
    );
    return undefined;
  }
}

async function watch({ postgresUrl, redisUrl }: RealServers, program: string): Promise<string[]> {
  // A node takes it from beside its own code, which here lies where benchmarks are compiled to.
  const outDir = join(import.meta.dirname, '../src/web');
  await build({ configFile: 'web/vite.config.ts', logLevel: 'warn', build: { outDir } });
  const frameCount = (FRAMES_PER_SECOND * LOADED_MS) / 1_000;
  const run = await LoadedNode.start({
    title: 'dashboard',
    postgresUrl,
    redisUrl,
    framesPerRun: frameCount,
    runsMax: 1,
    pace: MUCH_TRADED,
    symbolCount: INSTRUMENT_COUNT,
    settings: ['feed.heartbeatMs=1000'],
  });
  const browser = await launchChromium(program);
  try {
    // It is stopped with the node where it is not through by then.
    void run.run({ frameCount, framesPerSecond: FRAMES_PER_SECOND }).catch(() => undefined);
    await sleep(10_000);
    const openedMs: number[] = [];
    for (let opening = 0; opening < OPENINGS; opening++) {
      const page = await WatchedPage.open(browser, run.node.adminUrl);
      openedMs.push(page.firstNumbersMs);
      await page.close();
    }
    const page = await WatchedPage.open(browser, run.node.adminUrl);
    await sleep(3_000);
    const slow = await page.scroll(SCROLL);
    const fast = await page.scroll(FAST_SCROLL);
    const empty = await WatchedPage.emptyFrames(browser, SCROLL.durationMs);
    const busyShare = await page.busyShare(BUSY_MS);
    const looks: Memory[] = [await page.memory()];
    for (let look = 1; look < LOOKS; look++) {
      await sleep(WATCHED_MS / (LOOKS - 1));
      looks.push(await page.memory());
    }
    return [
      `first numbers after ${openedMs.map((ms) => ms.toFixed(0)).join(', ')} ms, nothing cached`,
      describeFrames(`scrolled ${SCROLL.pixels} pixels a frame`, slow),
      describeFrames(`scrolled ${FAST_SCROLL.pixels} pixels a frame`, fast),
      describeFrames('an empty page meanwhile', empty),
      `the page takes ${(100 * busyShare).toFixed(0)} % of a core while nobody touches it`,
      `heap over ${WATCHED_MS / 1_000} s: ${looks.map(({ heapMb }) => heapMb.toFixed(1)).join(', ')} MB; nodes ${looks.map(({ nodeCount }) => nodeCount).join(', ')}; listeners ${looks.map(({ listenerCount }) => listenerCount).join(', ')}`,
    ];
  } finally {
    await browser.close();
    await run.close();
  }
}

function describeFrames(what: string, { count, p99Ms, longestMs, longTaskCount }: Frames): string {
  return `${what}: ${count} frames, 99 % within ${p99Ms.toFixed(1)} ms, the longest ${longestMs.toFixed(1)} ms, ${longTaskCount} tasks over 50 ms`;
}
