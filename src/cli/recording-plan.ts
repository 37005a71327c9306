/**
 * What has to run to replay a recording: its connections, each with the adapter that reads it, and the symbols that each one carries. Found
 * by decoding the frames once; nothing else tells which of the symbols asked for were ever sent.
 */
import type { ExchangeAdapter, FrameDecoder } from '../exchanges/adapter.ts';
import { findAdapterForUrl } from '../exchanges/registry.ts';
import type { ReadingOptions } from '../feeds/recording.ts';
import { inspectRecording, readRecording } from '../feeds/recording.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import { TampinesError } from '../base/errors.ts';

export type PlannedConnection = {
  readonly conn: number;
  readonly url: string;
  readonly adapter: ExchangeAdapter;
  readonly books: ReadonlySet<NativeSymbol>;
  readonly trades: ReadonlySet<NativeSymbol>;
};

export type RecordingPlan = {
  readonly connections: readonly PlannedConnection[];
  readonly frameCounts: {
    readonly open: number;
    readonly out: number;
    readonly in: number;
    readonly http: number;
  };
};

/** Frames of a connection that may decide which wire form it speaks, where its address does not. */
const FIRST_FRAMES = 1_000;

/** @throws TampinesError `RECORDING_INVALID` when it can't be read or no adapter reads one of its connections */
export async function planRecording(path: string, options: ReadingOptions = {}): Promise<RecordingPlan> {
  const adapters = await findAdapters(path);
  const plans = new Map<
    number,
    { decoder: FrameDecoder; books: Set<NativeSymbol>; trades: Set<NativeSymbol> }
  >();
  for (const [conn, { adapter }] of adapters) {
    plans.set(conn, {
      decoder: adapter.createDecoder({ depth: undefined }),
      books: new Set(),
      trades: new Set(),
    });
  }
  const frameCounts = { open: 0, out: 0, in: 0, http: 0 };
  for await (const lines of readRecording(path, options)) {
    for (const line of lines) {
      frameCounts[line.dir]++;
      const plan = plans.get(line.conn);
      if (line.dir !== 'in' || plan === undefined) continue;
      for (const message of plan.decoder.decode(line.data, Math.floor(line.t))) {
        if (message.type === 'book' || message.type === 'delta') plan.books.add(message.nativeSymbol);
        else if (message.type === 'trade') plan.trades.add(message.nativeSymbol);
      }
    }
  }
  const connections = Array.from(adapters, ([conn, { url, adapter }]) => {
    const { books, trades } = plans.get(conn)!;
    return { conn, url, adapter, books, trades };
  });
  return { connections, frameCounts };
}

async function findAdapters(path: string): Promise<Map<number, { url: string; adapter: ExchangeAdapter }>> {
  const { connections } = await inspectRecording(path);
  const firstFrames = new Map<number, string[]>(connections.map(({ conn }) => [conn, []]));
  for await (const lines of readRecording(path)) {
    for (const line of lines) {
      const frames = firstFrames.get(line.conn);
      if (line.dir !== 'in' || frames === undefined || frames.length >= FIRST_FRAMES) continue;
      if (typeof line.data === 'string') frames.push(line.data);
    }
    if ([...firstFrames.values()].every((frames) => frames.length >= FIRST_FRAMES)) break;
  }
  return new Map(
    connections.map(({ conn, url }) => {
      const adapter = findAdapterForUrl(url, firstFrames.get(conn));
      if (adapter === undefined) {
        throw new TampinesError(
          'RECORDING_INVALID',
          `${path}: no adapter reads connection ${conn} to ${url}`,
          { fields: { path, url } },
        );
      }
      return [conn, { url, adapter }];
    }),
  );
}
