/** Self-made sessions of exchange feeds: frames of one connection in order, and the books that they must end in. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReceivedFrame } from './decode-frames.ts';

export type FinalBooks = Readonly<
  Record<string, { readonly bids: readonly [string, string][]; readonly asks: readonly [string, string][] }>
>;

const FIXTURES = join(import.meta.dirname, '../fixtures');

/** Reads `<name>.jsonl`, one frame a line, received a millisecond apart. */
export function readSession(name: string): ReceivedFrame[] {
  return readFileSync(join(FIXTURES, `${name}.jsonl`), 'utf8')
    .split('\n')
    .filter((frame) => frame !== '')
    .map((frame, index) => ({ conn: 1, frame, receiveTimeMs: 1_800_000_000_000 + index }));
}

export function readFinalBooks(name: string): FinalBooks {
  return JSON.parse(readFileSync(join(FIXTURES, `${name}.expected.json`), 'utf8')) as FinalBooks;
}
