/** Recordings with one book message taken out: the book it belonged to is never shown as right again, and no other book is touched. */
import { describe, expect, it } from 'vitest';
import { createSeededRandom } from '../../src/base/clock.ts';
import { findAdapterForUrl } from '../../src/exchanges/registry.ts';
import type { RawLine } from '../support/recordings.ts';
import { readExpectedResults, readRecordingLines, sharedDataPath } from '../support/recordings.ts';
import { runRecording } from '../support/run-recording.ts';

const TRIALS = 25;

type Case = { path: string; updateOf: RegExp };

const CASES: readonly Case[] = [
  { path: 'recordings/binance-spot-20211012', updateOf: /"e":"depthUpdate".*?"s":"(\w+)"/ },
  { path: 'recordings/binance-usdm-20210722', updateOf: /"e":"depthUpdate".*?"s":"(\w+)"/ },
  { path: 'derived/cryptocom-v1-20211123', updateOf: /"instrument_name":"(\w+)".*"channel":"book.update"/ },
];

describe.each(CASES)('$path with a book update left out', ({ path, updateOf }) => {
  const recordingPath = sharedDataPath(`${path}.jsonl.gz`);
  const expectedPath = sharedDataPath(`${path}.expected.json`);
  if (recordingPath === undefined || expectedPath === undefined) {
    it.skip('needs the recorded data', () => undefined);
    return;
  }
  const lines = readRecordingLines(recordingPath);
  const symbols = Object.keys(readExpectedResults(expectedPath).symbols);
  const play = (played: readonly RawLine[]) => {
    const [run] = runRecording(played, {
      adapterOf: (url) => findAdapterForUrl(url)!,
      symbolsOf: () => symbols,
    });
    return new Map(
      symbols.map((symbol) => {
        const held = run!.books.get(symbol);
        return [
          symbol,
          { isSure: held?.isSure, top: held?.book.top(20), gapCount: run!.countersOf(symbol).gapCount },
        ];
      }),
    );
  };
  const whole = play(lines);
  /** Places of the updates of each symbol in the file, in order. */
  const updates = new Map<string, number[]>();
  for (const [index, line] of lines.entries()) {
    const symbol = line.dir === 'in' ? updateOf.exec(line.data)?.[1] : undefined;
    if (symbol !== undefined) updates.set(symbol, [...(updates.get(symbol) ?? []), index]);
  }

  it('makes that book stale, and leaves every other as it was', () => {
    const random = createSeededRandom(20261123);
    const candidates = [...updates].filter(([, places]) => places.length > 12);
    expect(candidates.length).toBeGreaterThan(0);
    for (let trial = 0; trial < TRIALS; trial++) {
      const [symbol, places] = candidates[Math.floor(random() * candidates.length)]!;
      // The first few are older than a fetched snapshot; of the last one nobody can know.
      const left = places[8 + Math.floor(random() * (places.length - 9))]!;
      const damaged = play(lines.filter((_, index) => index !== left));
      expect([trial, symbol, damaged.get(symbol)?.isSure, damaged.get(symbol)?.gapCount]).toEqual([
        trial,
        symbol,
        false,
        1,
      ]);
      for (const other of symbols) if (other !== symbol) expect(damaged.get(other)).toEqual(whole.get(other));
    }
  });
});
