/** Plays a feed from raw text to market events: decoder and feed session of each connection, requests answered as they were. */
import { FeedSession } from '../../src/exchanges/feed-session.ts';
import { recordedMoment } from '../../src/exchanges/moment.ts';
import type { MarketEvent } from '../../src/market/events.ts';
import type { NativeSymbol } from '../../src/market/symbols.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';
import type { FeedScript } from './feed-script.ts';

export type FrameListener = {
  /** Called once for each connection; what it returns takes the events of that connection, in order. */
  readonly connect: (
    connection: FeedScript['connections'][number],
  ) => (nativeSymbol: NativeSymbol, event: MarketEvent) => void;
  /** Something could not be read. */
  readonly reject: () => void;
  /** A frame or an answer has been read, and all its events were delivered. */
  readonly lineEnds: () => void;
};

export function playFrames(script: FeedScript, listener: FrameListener): void {
  const sessions = new Map<number, FeedSession>();
  const answers = new Map<string, string[]>();
  const asked = new Map<string, FeedSession>();

  for (const connection of script.connections) {
    const { adapter } = connection;
    const session: FeedSession = new FeedSession({
      adapter,
      connectionKind: { name: 'bench', channels: ['book', 'trades'], url: ({ ws }) => ws },
      options: { depth: script.depth },
      endpoints: adapter.defaultEndpoints,
      symbols: connection.nativeSymbols.map(toNativeSymbol),
      effects: {
        deliver: listener.connect(connection),
        send: () => undefined,
        fetchSnapshot: (nativeSymbol) => asked.set(nativeSymbol, session),
        reconnect: () => undefined,
        refuse: () => undefined,
        reject: listener.reject,
        suspectTrades: () => undefined,
      },
    });
    sessions.set(connection.conn, session);
    session.opened(recordedMoment(script.lines[0]!.timeMs));
  }

  for (const line of script.lines) {
    if (line.type === 'frame') sessions.get(line.conn)!.frame(line.text, recordedMoment(line.timeMs));
    else answers.set(line.nativeSymbol, [...(answers.get(line.nativeSymbol) ?? []), line.text]);
    for (const [nativeSymbol, session] of asked) {
      const body = answers.get(nativeSymbol)?.shift();
      if (body === undefined) continue;
      asked.delete(nativeSymbol);
      session.snapshotAnswered(
        toNativeSymbol(nativeSymbol),
        { ok: true, status: 200, body },
        recordedMoment(line.timeMs),
      );
    }
    listener.lineEnds();
  }
}
