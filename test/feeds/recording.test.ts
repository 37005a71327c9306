import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { hasErrorCode } from '../../src/base/errors.ts';
import type { RecordingLine } from '../../src/feeds/recording.ts';
import { inspectRecording, readRecording } from '../../src/feeds/recording.ts';
import { answer, frame, open, writeRecording } from './recording-files.ts';

const RECORDINGS = new URL('../../../shared/data/recordings/', import.meta.url).pathname;

async function readAll(path: string): Promise<RecordingLine[]> {
  const all: RecordingLine[] = [];
  for await (const lines of readRecording(path)) all.push(...lines);
  return all;
}

async function failureOf(path: string): Promise<{ lineNumber: unknown; why: unknown }> {
  const error: unknown = await readAll(path).catch((caught: unknown) => caught);
  if (!hasErrorCode(error, 'RECORDING_INVALID')) throw new Error(`read without RECORDING_INVALID: ${path}`);
  return { lineNumber: error.fields['lineNumber'], why: error.fields['why'] };
}

describe('a recording', () => {
  test('is read line by line, frames exactly as received and binary ones as bytes', async () => {
    const path = writeRecording([
      answer('https://api.x/pairs', '{"pairs":[]}'),
      { ...open(1, 'wss://x/ws'), t: 5.25 },
      { dir: 'out', data: '{"op":"subscribe"}' },
      frame(1, '{"price":0.10000000,"text":"größer \\"url\\""}'),
      { dir: 'in', enc: 'base64', data: Buffer.from([0x1f, 0x8b, 0, 255]).toString('base64') },
    ]);
    const lines = await readAll(path);
    expect(lines.map((line) => line.dir)).toEqual(['http', 'open', 'out', 'in', 'in']);
    expect(lines.map((line) => line.lineNumber)).toEqual([1, 2, 3, 4, 5]);
    expect(lines[1]).toMatchObject({ t: 5.25, conn: 1, url: 'wss://x/ws' });
    expect(lines[3]).toMatchObject({ data: '{"price":0.10000000,"text":"größer \\"url\\""}' });
    const binary = lines[4];
    expect(binary?.dir === 'in' && [...(binary.data as Uint8Array)]).toEqual([0x1f, 0x8b, 0, 255]);
    expect(await inspectRecording(path)).toEqual({
      lineCount: 5,
      connections: [{ conn: 1, url: 'wss://x/ws' }],
      requests: ['https://api.x/pairs'],
    });
  });

  test('tells progress up to the size of the file', async () => {
    const path = writeRecording(Array.from({ length: 50 }, (_, index) => frame(1, `frame ${index}`)));
    const seen: { readBytes: number; totalBytes: number }[] = [];
    for await (const lines of readRecording(path, { onProgress: (progress) => seen.push(progress) })) {
      expect(lines.length).toBeGreaterThan(0);
    }
    const last = seen.at(-1)!;
    expect(last.readBytes).toBe(last.totalBytes);
    expect(last.totalBytes).toBe(readFileSync(path).length);
  });

  test.each<[string, string, string]>([
    ['text that is not JSON', '{"t":1,', 'not JSON'],
    ['a value that is no object', '17', 'not an object'],
    ['a line without time', '{"conn":1,"dir":"in","data":""}', '`t` is not a number'],
    ['a line without connection', '{"t":1,"dir":"in","data":""}', '`conn` is not a number of a connection'],
    ['an unknown direction', '{"t":1,"conn":1,"dir":"up","data":""}', '`dir` is none of open, in, out, http'],
    ['an open without address', '{"t":1,"conn":1,"dir":"open"}', '`url` is missing'],
    ['a frame without text', '{"t":1,"conn":1,"dir":"in","data":7}', '`data` is not text'],
    ['an unknown encoding', '{"t":1,"conn":1,"dir":"in","data":"","enc":"hex"}', '`enc` is not base64'],
  ])('%s is refused with the number of its line', async (_name, line, why) => {
    expect(await failureOf(writeRecording([frame(1, 'fine'), line]))).toEqual({ lineNumber: 2, why });
  });

  test('a file that is cut off, not gzip or not there is refused', async () => {
    const path = writeRecording(
      Array.from({ length: 2_000 }, (_, index) => frame(1, String(index ** 3 % 1e9))),
    );
    writeFileSync(path, readFileSync(path).subarray(0, -20));
    expect((await failureOf(path)).why).toBe('unexpected end of file');
    writeFileSync(path, 'plain text');
    expect((await failureOf(path)).why).toBe('incorrect header check');
    expect((await failureOf(`${path}.gone.gz`)).why).toContain('ENOENT');
  });

  test('a last line without a line end counts', async () => {
    const path = writeRecording([]);
    writeFileSync(path, gzipSync('{"t":1,"conn":1,"dir":"in","data":"x"}'));
    expect(await readAll(path)).toHaveLength(1);
  });

  test.skipIf(!existsSync(RECORDINGS))(
    'of a real exchange has as many frames as its expected results say (skipped where the recordings are absent)',
    async () => {
      const ids = readdirSync(RECORDINGS)
        .filter((name) => name.endsWith('.jsonl.gz'))
        .filter((name) => readFileSync(RECORDINGS + name).length < 200_000)
        .map((name) => name.replace('.jsonl.gz', ''));
      expect(ids.length).toBeGreaterThan(10);
      for (const id of ids) {
        const { frames } = JSON.parse(readFileSync(`${RECORDINGS}${id}.expected.json`, 'utf8')) as {
          frames: unknown;
        };
        const lines = await readAll(`${RECORDINGS}${id}.jsonl.gz`);
        const counted = { open: 0, in: 0, out: 0, http: 0 };
        for (const line of lines) counted[line.dir]++;
        expect([id, counted]).toEqual([id, frames]);
        const { lineCount } = await inspectRecording(`${RECORDINGS}${id}.jsonl.gz`);
        expect([id, lineCount]).toEqual([id, lines.length]);
      }
    },
  );
});
