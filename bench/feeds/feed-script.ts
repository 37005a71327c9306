/** A feed as it was, or would be, received: frames of connections in order, with the REST answers that belong to them. */
import { existsSync } from 'node:fs';
import type { ExchangeAdapter } from '../../src/exchanges/adapter.ts';
import { findAdapterForUrl } from '../../src/exchanges/registry.ts';
import { readRecording } from '../../src/feeds/recording.ts';
import { MUCH_TRADED, SeededMarket, benchSymbol } from './market-moments.ts';
import type { Wire } from './wires.ts';

export type FeedLine =
  | { readonly type: 'frame'; readonly conn: number; readonly text: string; readonly timeMs: number }
  /** Answers the next request for the book of the symbol. */
  | {
      readonly type: 'answer';
      readonly nativeSymbol: string;
      readonly text: string;
      readonly timeMs: number;
    };

export type FeedScript = {
  readonly connections: readonly {
    readonly conn: number;
    readonly adapter: ExchangeAdapter;
    readonly nativeSymbols: readonly string[];
  }[];
  /** Levels per side to ask for. */
  readonly depth: number | undefined;
  readonly lines: readonly FeedLine[];
  readonly frameCount: number;
};

const START_MS = Date.UTC(2026, 0, 5, 12);
const MS_PER_MOMENT = 100;
const RECEIVED_AFTER_MS = 5;

/** Returns the seeded market of `seed` as the exchange of `wire` would send it: one symbol, `frameCount` frames. */
export function writeScript(
  wire: Wire,
  { seed, frameCount }: { seed: number; frameCount: number },
): FeedScript {
  const { adapter, nativeSymbol, depth, tellPushedOut } = wire;
  const market = new SeededMarket({
    symbol: benchSymbol(nativeSymbol, 'BTC'),
    seed,
    pace: MUCH_TRADED,
    depth,
    tellPushedOut,
    startMs: START_MS,
    msPerMoment: MS_PER_MOMENT,
  });
  const lines: FeedLine[] = [];
  const add = (text: string, timeMs: number): void => {
    lines.push({ type: 'frame', conn: 1, text, timeMs: timeMs + RECEIVED_AFTER_MS });
  };
  const first = market.now();
  if (adapter.snapshotPolicy === 'rest') {
    lines.push({ type: 'answer', nativeSymbol, text: wire.book(first), timeMs: first.timeMs });
  } else add(wire.book(first), first.timeMs);
  while (lines.length < frameCount) {
    const moment = market.next();
    for (const text of wire.trades(moment)) add(text, moment.timeMs);
    add(wire.delta(moment), moment.timeMs);
  }
  return {
    connections: [{ conn: 1, adapter, nativeSymbols: [nativeSymbol] }],
    depth,
    lines,
    frameCount: countFrames(lines),
  };
}

/** Frames that decide which wire form a connection speaks where its address does not. */
const FIRST_FRAMES = 1_000;

/** Returns the first `linesMax` lines of a recording; `undefined` when the file is not here. */
export async function readScript(path: string, linesMax: number): Promise<FeedScript | undefined> {
  if (!existsSync(path)) return undefined;
  const urls = new Map<number, string>();
  const lines: FeedLine[] = [];
  for await (const page of readRecording(path)) {
    for (const line of page) {
      const timeMs = Math.floor(line.t);
      if (line.dir === 'open') urls.set(line.conn, line.url);
      else if (line.dir === 'in' && typeof line.data === 'string') {
        lines.push({ type: 'frame', conn: line.conn, text: line.data, timeMs });
      } else if (line.dir === 'http') {
        const nativeSymbol = depthSymbol(line.url);
        if (nativeSymbol !== undefined) lines.push({ type: 'answer', nativeSymbol, text: line.data, timeMs });
      }
    }
    if (lines.length >= linesMax) break;
  }
  const connections = Array.from(urls, ([conn, url]) => {
    const own = lines.flatMap((line) => (line.type === 'frame' && line.conn === conn ? [line] : []));
    const adapter = findAdapterForUrl(
      url,
      own.slice(0, FIRST_FRAMES).map(({ text }) => text),
    );
    if (adapter === undefined) throw new Error(`No adapter reads ${url}`);
    const decoder = adapter.createDecoder({ depth: undefined });
    const symbols = new Set<string>();
    for (const { text, timeMs } of own) {
      for (const message of decoder.decode(text, timeMs)) {
        if (message.type === 'book' || message.type === 'delta' || message.type === 'trade') {
          symbols.add(message.nativeSymbol);
        }
      }
    }
    return { conn, adapter, nativeSymbols: [...symbols] };
  });
  return { connections, depth: undefined, lines, frameCount: countFrames(lines) };
}

function countFrames(lines: readonly FeedLine[]): number {
  return lines.filter(({ type }) => type === 'frame').length;
}

function depthSymbol(url: string): string | undefined {
  const address = new URL(url);
  return address.pathname.endsWith('/depth') ? (address.searchParams.get('symbol') ?? undefined) : undefined;
}
