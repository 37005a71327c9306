/** The shared recordings of exchange feeds, which are not part of the repository. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const SHARED_DATA = join(import.meta.dirname, '../../../shared/data');

/** Returns the path of a shared data file, or `undefined`, told on standard error, where it is absent. */
export function sharedDataPath(name: string): string | undefined {
  const path = join(SHARED_DATA, name);
  if (existsSync(path)) return path;
  process.stderr.write(`skipped: ${name} is not here (see CONTRIBUTING.md on recorded data)\n`);
  return undefined;
}

export type RawLine = {
  readonly t: number;
  readonly conn: number;
  readonly dir: 'open' | 'in' | 'out' | 'http';
  readonly url?: string;
  readonly data: string;
};

/** Reads a whole recording into memory; tests use small ones. */
export function readRecordingLines(path: string): RawLine[] {
  return gunzipSync(readFileSync(path))
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RawLine);
}

export type ExpectedTrades = {
  readonly count: number;
  readonly volume: string;
  readonly quote_volume: string;
  readonly high: string;
  readonly low: string;
  readonly first_price: string;
  readonly last_price: string;
  readonly first_time_ms: string;
  readonly last_time_ms: string;
  readonly by_side: Readonly<Record<string, { readonly count: number; readonly volume: string }>>;
};

export type ExpectedSymbol = {
  readonly book?: {
    readonly snapshots: number;
    readonly updates: number;
    readonly applied: number;
    readonly ignored_stale: number;
    readonly buffered: number;
    readonly sequence_checks_ok: number;
    readonly checksums_ok: number;
    readonly checksums_bad: number;
    readonly crossed_after_update: number;
    readonly deletes_of_unknown_level: number;
    readonly gaps: readonly { readonly t: number; readonly expected: number; readonly got: number }[];
    readonly in_sync_at_end: boolean;
    readonly final_sequence: number | null;
    readonly levels: { readonly bids: number; readonly asks: number };
    readonly final_top20: {
      readonly bids: readonly [string, string][];
      readonly asks: readonly [string, string][];
    };
  };
  readonly trades?: {
    readonly live?: ExpectedTrades;
    readonly all?: ExpectedTrades;
    readonly duplicates: number;
  };
  /** Derived recordings: what is in the stream, used or not. */
  readonly stream?: { readonly snapshots: number; readonly deltas: number; readonly idle_deltas: number };
};

export type ExpectedResults = {
  readonly symbols: Readonly<Record<string, ExpectedSymbol>>;
  readonly connection_checks?: Readonly<Record<string, unknown>>;
  /** Derived recordings: deltas of all books whose `pu` was right, and broken. */
  readonly chain?: { readonly ok: number; readonly broken: number };
};

export function readExpectedResults(path: string): ExpectedResults {
  return JSON.parse(readFileSync(path, 'utf8')) as ExpectedResults;
}
