/** One message damaged or left out is noticed through the whole pipeline: a book that may be wrong is not shown as right. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { ownBinance, ownKraken } from '../support/own-recordings.ts';
import { borrowRecording, replayHere } from '../support/replayed-recording.ts';
import { testDatabaseUrl } from '../support/services.ts';

async function replayDamaged(path: string, damage: (lines: string[]) => string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'damaged-'));
  const copy = join(folder, 'damaged.jsonl.gz');
  const lines = gunzipSync(readFileSync(path)).toString('utf8').split('\n');
  writeFileSync(copy, gzipSync(damage(lines).join('\n')));
  const recording = borrowRecording(copy);
  try {
    return JSON.stringify(
      await replayHere({ path: recording.path, through: 'direct', location: { url: testDatabaseUrl() } }),
    );
  } finally {
    await recording.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

it('a depth event that is left out is a gap, and its book is not in sync at the end', async () => {
  const summary = await replayDamaged(ownBinance.path, (lines) => {
    const events = [...lines.keys()].filter((index) => lines[index]!.includes('btcusdt@depth'));
    return lines.filter((_, index) => index !== events[300]);
  });
  expect(summary.match(/"in_sync_at_end":false/g)).toHaveLength(1);
  expect(summary).toContain('"broken":1');
});

it('a changed digit among the best levels is a bad checksum, and its book is not in sync at the end', async () => {
  const summary = await replayDamaged(ownKraken.path, (lines) =>
    lines.map((line) =>
      line.includes('snapshot\\",\\"data\\":[{\\"symbol\\":\\"BTC/USD')
        ? line
            .replace(/(qty\\":\d+\.\d+)\d/, (_text, head: string) => `${head}0`)
            .replace(/(qty\\":)0\./, '$11.')
        : line,
    ),
  );
  expect(summary).toContain('"checksums_bad":1');
  expect(summary.match(/"in_sync_at_end":false/g)).toHaveLength(1);
});
