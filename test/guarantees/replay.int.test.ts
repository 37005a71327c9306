/** Recordings through the whole system on real Postgres, straight in and over sockets: every figure as the separate reader found it. */
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compareSummary } from '../support/compare-summary.ts';
import { createEmbeddedDirectory } from '../support/embedded-template.ts';
import type { RecordingCase } from '../support/own-recordings.ts';
import { ownBinance, ownKraken } from '../support/own-recordings.ts';
import type { ExpectedResults } from '../support/recordings.ts';
import { readExpectedResults, sharedDataPath } from '../support/recordings.ts';
import { borrowRecording, replayHere } from '../support/replayed-recording.ts';
import { noteServiceUse, testDatabaseUrl } from '../support/services.ts';

/** Recordings of the exchanges that have an adapter. */
const OF_OURS =
  /^(binance-spot|binance-usdm|kraken-2021|kraken-v2|okx|bybit|coinbase|cryptocom)-?.*\.jsonl\.gz$/;

const shared = ['recordings', 'derived'].flatMap((folder): RecordingCase[] => {
  const path = sharedDataPath(folder);
  if (path === undefined) return [];
  return readdirSync(path)
    .filter((file) => OF_OURS.test(file))
    .sort()
    .map((file) => {
      const name = file.replace('.jsonl.gz', '');
      return { name, path: join(path, file), expectedPath: join(path, `${name}.expected.json`) };
    });
});
const own = [ownBinance, ownKraken];

describe.each([...own, ...shared])('$name on real Postgres', ({ path, expectedPath }) => {
  const recording = borrowRecording(path);
  const expected = readExpectedResults(expectedPath);
  afterAll(() => recording.close());

  it.each(['direct', 'socket'] as const)('comes to the expected books and trades, %s', async (through) => {
    await recording.dropStorage();
    const summary = await replayHere({ path: recording.path, through, location: { url: testDatabaseUrl() } });
    // What comes over a socket is received now, and not when it was recorded.
    const [was, wanted] =
      through === 'direct' ? [summary, expected] : [withoutGapTimes(summary), withoutGapTimes(expected)];
    expect(compareSummary(was, wanted)).toEqual([]);
    if (expected.chain !== undefined) expect(summary.chain).toEqual(expected.chain);
  });
});

describe.each(own)('$name on embedded Postgres', ({ path, expectedPath }) => {
  it('comes to the expected books and trades', async () => {
    const dataDirectory = await createEmbeddedDirectory();
    noteServiceUse('Embedded Postgres');
    try {
      const summary = await replayHere({ path, through: 'direct', location: { dataDirectory } });
      expect(compareSummary(summary, readExpectedResults(expectedPath))).toEqual([]);
    } finally {
      rmSync(dataDirectory, { recursive: true, force: true });
    }
  });
});

describe('a summary that is wrong in one figure', () => {
  it('is told from the expected one', async () => {
    const recording = borrowRecording(ownBinance.path);
    try {
      const summary = await replayHere({
        path: recording.path,
        through: 'direct',
        location: { url: testDatabaseUrl() },
      });
      const text = readFileSync(ownBinance.expectedPath, 'utf8');
      const wrong = JSON.parse(text.replace('"final_sequence": 1', '"final_sequence": 2')) as ExpectedResults;
      expect(compareSummary(summary, wrong)).toHaveLength(1);
    } finally {
      await recording.close();
    }
  });
});

function withoutGapTimes(results: object): Readonly<Record<string, unknown>> {
  const withoutTimes = (name: string, value: unknown): unknown =>
    name === 'gaps' && Array.isArray(value) ? value.map((gap: object) => ({ ...gap, t: 0 })) : value;
  return JSON.parse(JSON.stringify(results, withoutTimes)) as Record<string, unknown>;
}
