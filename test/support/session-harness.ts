/** One feed session with a written record of all that comes out of it. Both clocks are the same here, as in a recording. */
import type { Channel, ExchangeAdapter } from '../../src/exchanges/adapter.ts';
import type { SnapshotAnswer } from '../../src/exchanges/feed-session.ts';
import { recordedMoment } from '../../src/exchanges/moment.ts';
import { FeedSession } from '../../src/exchanges/feed-session.ts';
import type { MarketEvent } from '../../src/market/events.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';

export class SessionHarness {
  readonly session: FeedSession;
  readonly events: { symbol: string; event: MarketEvent }[] = [];
  readonly sent: string[] = [];
  readonly fetches: string[] = [];
  readonly reconnects: { reason: string; urgency: string }[] = [];
  readonly refusals: { symbol: string | undefined; code: string; message: string }[] = [];
  readonly suspectedTrades: (string | undefined)[] = [];
  readonly rejections: { symbol: string | undefined; reason: string; detail: string; text: string }[] = [];

  constructor(
    adapter: ExchangeAdapter,
    symbols: readonly string[],
    channels: readonly Channel[] = ['book', 'trades'],
    more: Partial<ConstructorParameters<typeof FeedSession>[0]> = {},
  ) {
    this.session = new FeedSession({
      adapter,
      connectionKind: { name: 'test', channels, url: (endpoints) => endpoints.ws },
      options: { depth: undefined },
      endpoints: adapter.defaultEndpoints,
      symbols: symbols.map(toNativeSymbol),
      ...more,
      effects: {
        deliver: (symbol, event) => this.events.push({ symbol, event }),
        send: (frame) => this.sent.push(frame),
        fetchSnapshot: (_symbol, request) => this.fetches.push(request.url),
        reconnect: (reason, urgency) => this.reconnects.push({ reason, urgency }),
        refuse: (symbol, code, message) => this.refusals.push({ symbol, code, message }),
        reject: (symbol, reason, detail, text) => this.rejections.push({ symbol, reason, detail, text }),
        suspectTrades: (symbol) => this.suspectedTrades.push(symbol),
      },
    });
  }

  opened(nowMs: number): void {
    this.session.opened(recordedMoment(nowMs));
  }

  closed(reason: string, nowMs: number): void {
    this.session.closed(reason, recordedMoment(nowMs));
  }

  tick(nowMs: number, options?: { isPaused?: boolean }): void {
    this.session.tick(recordedMoment(nowMs), options);
  }

  watch(symbols: readonly string[], nowMs: number): void {
    this.session.watch(symbols.map(toNativeSymbol), recordedMoment(nowMs));
  }

  unwatch(symbols: readonly string[], nowMs: number): void {
    this.session.unwatch(symbols.map(toNativeSymbol), recordedMoment(nowMs));
  }

  resync(symbol: string, reason: string, nowMs: number): void {
    this.session.resync(toNativeSymbol(symbol), reason, recordedMoment(nowMs));
  }

  frame(frame: unknown, receiveTimeMs: number): void {
    const text = typeof frame === 'string' || frame instanceof Uint8Array ? frame : JSON.stringify(frame);
    this.session.frame(text, recordedMoment(receiveTimeMs));
  }

  answer(symbol: string, body: unknown, receiveTimeMs: number): void {
    this.answerAs(symbol, { ok: true, status: 200, body: JSON.stringify(body) }, receiveTimeMs);
  }

  answerAs(symbol: string, answer: SnapshotAnswer, receiveTimeMs: number): void {
    this.session.snapshotAnswered(toNativeSymbol(symbol), answer, recordedMoment(receiveTimeMs));
  }

  /** What was delivered, in short: `connected`, `snapshot 100`, `delta 104`, `stale: …`, `trade 7`. */
  story(symbol?: string): string[] {
    return this.events
      .filter((delivered) => symbol === undefined || delivered.symbol === symbol)
      .map(({ event }) => {
        if (event.type === 'BookSnapshot') return `snapshot ${event.sequence ?? '-'}`;
        if (event.type === 'BookDelta') return `delta ${event.sequence ?? '-'}`;
        if (event.type === 'Trade') return `trade ${event.tradeId}${event.isHistory ? ' (history)' : ''}`;
        if (event.type === 'FeedStatus')
          return event.status === 'stale' ? `stale: ${event.reason}` : event.status;
        return event.type;
      });
  }
}
