/** Frames per second from raw text to state, per exchange: decoder, feed session, decide, evolve; checksums verified where there are any. */
import { join } from 'node:path';
import type { FeedScript } from './feeds/feed-script.ts';
import { readScript, writeScript } from './feeds/feed-script.ts';
import { playScript } from './feeds/play-script.ts';
import { createWire, WIRE_NAMES } from './feeds/wires.ts';
import type { Benchmark, BenchmarkGroup } from './harness/benchmark.ts';

const SEED = 11;
const FRAME_COUNT = 5_000;
const RECORDED_LINES_MAX = 12_000;

export const frames: BenchmarkGroup = {
  name: 'frames',
  title: 'Decode and apply, from raw text: seeded frames made here, one symbol',
  open: () =>
    Promise.resolve({
      benchmarks: WIRE_NAMES.map((name) => {
        const script = writeScript(createWire(name), { seed: SEED, frameCount: FRAME_COUNT });
        checkIsSound(name, script);
        return toBenchmark(name, script);
      }),
      notes: ['About ten changed levels in a book frame; books of 50 (Crypto.com) to 400 levels a side.'],
      close: () => Promise.resolve(),
    }),
};

/** Beside the folder of the project, which npm runs this in. */
const RECORDINGS = join(process.cwd(), '../shared/data');

const RECORDED = [
  'recordings/binance-spot-20240808-btcusdt',
  'recordings/binance-usdm-20240808-btcusdt',
  'recordings/kraken-20210417',
  'recordings/okx-20220513',
  'recordings/bybit-v5-20260809',
  'recordings/coinbase-advanced-20260809',
  'recordings/coinbase-exchange-20210417',
  'derived/cryptocom-v1-20211123',
];

export const recordings: BenchmarkGroup = {
  name: 'recordings',
  title: 'Decode and apply, from raw text: recorded frames',
  async open() {
    const benchmarks: Benchmark[] = [];
    const absent: string[] = [];
    for (const name of RECORDED) {
      const script = await readScript(join(RECORDINGS, `${name}.jsonl.gz`), RECORDED_LINES_MAX);
      if (script === undefined) absent.push(name);
      else benchmarks.push(toBenchmark(name.slice(name.indexOf('/') + 1), script));
    }
    const notes = [
      `At most ${RECORDED_LINES_MAX.toLocaleString('en-US')} frames of each; frames without market data count too.`,
    ];
    if (absent.length > 0) {
      notes.push(`Skipped, not here: ${absent.join(', ')} (see CONTRIBUTING.md on recorded data)`);
    }
    return { benchmarks, notes, close: () => Promise.resolve() };
  },
};

function toBenchmark(name: string, script: FeedScript): Benchmark {
  return { name, unit: 'frames', operationCount: script.frameCount, run: () => playScript(script).result };
}

/** A book that fell out of step would be cheap to fold and measure nothing. */
function checkIsSound(name: string, script: FeedScript): void {
  const { symbols, rejectedCount } = playScript(script);
  for (const { state } of symbols) {
    if (rejectedCount > 0 || state.bookStatus.status !== 'live' || state.counters.tradesLive === 0) {
      throw new Error(
        `The frames made for ${name} are wrong: ${rejectedCount} rejected, book ${state.bookStatus.status} (${state.bookStatus.reason}), ${state.counters.tradesLive} trades`,
      );
    }
  }
}
