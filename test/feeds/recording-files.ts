/** Writes small recordings for tests. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

export type LineSketch = {
  readonly t?: number;
  readonly conn?: number;
  readonly dir: string;
  readonly url?: string;
  readonly enc?: string;
  readonly data?: string;
};

/** Returns the path of a new recording with these lines; `t` counts by itself where it isn't given. */
export function writeRecording(lines: readonly (LineSketch | string)[]): string {
  const path = join(mkdtempSync(join(tmpdir(), 'recording-')), 'sketch.jsonl.gz');
  const texts = lines.map((line, index) =>
    typeof line === 'string' ? line : JSON.stringify({ t: 1_000 + index, conn: 1, ...line }),
  );
  writeFileSync(path, gzipSync(texts.map((text) => `${text}\n`).join('')));
  return path;
}

export const open = (conn: number, url: string): LineSketch => ({ conn, dir: 'open', url });
export const frame = (conn: number, data: string): LineSketch => ({ conn, dir: 'in', data });
export const answer = (url: string, data: string): LineSketch => ({ conn: 0, dir: 'http', url, data });
