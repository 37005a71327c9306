/** One opening of a connection: the line to the exchange and the session that understands it. A new opening gets new ones of both. */
import type { Clock, RandomSource } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { AdapterOptions, ConnectionKind, Endpoints, ExchangeAdapter } from '../exchanges/adapter.ts';
import type { FeedPaces } from '../exchanges/feed-pace.ts';
import type { ReconnectUrgency } from '../exchanges/feed-session.ts';
import { FeedSession } from '../exchanges/feed-session.ts';
import type { MarketEvent } from '../market/events.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import type { ExchangeGate } from './exchange-gate.ts';
import { FeedLine } from './feed-line.ts';
import { requestInto } from './line-requests.ts';
import type { FeedTransport } from './feed-ports.ts';

export type FeedOpening = { readonly session: FeedSession; readonly line: FeedLine };

export type FeedOpeningOptions = {
  readonly adapter: ExchangeAdapter;
  readonly kind: ConnectionKind;
  readonly endpoints: Endpoints;
  readonly adapterOptions: AdapterOptions;
  readonly transport: FeedTransport;
  readonly gate: ExchangeGate;
  readonly random: RandomSource;
};

/** What an opening asks of its connection; each says which opening it is. */
export type FeedOpeningEffects = {
  readonly deliver: (opening: FeedOpening, nativeSymbol: NativeSymbol, event: MarketEvent) => void;
  /** Whether answers to the opening's requests are still worth their weight. */
  readonly isWanted: (opening: FeedOpening) => boolean;
  readonly reconnect: (opening: FeedOpening, reason: string, urgency: ReconnectUrgency) => void;
  readonly reject: (
    nativeSymbol: NativeSymbol | undefined,
    reason: string,
    detail: string,
    text: string,
  ) => void;
  readonly suspectTrades: (nativeSymbol: NativeSymbol | undefined, reason: string) => void;
  readonly wakeUp: () => void;
  readonly inboxFull: () => void;
};

const HANDSHAKE_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 15_000;
const BODY_MAX_BYTES = 64 * 1024 * 1024;

export function openFeed(
  options: FeedOpeningOptions,
  context: {
    readonly symbols: readonly NativeSymbol[];
    readonly paces: FeedPaces | undefined;
    readonly clock: Clock;
    readonly log: Log;
    /** Of the connection, for the log. */
    readonly name: string;
  },
  effects: FeedOpeningEffects,
): FeedOpening {
  const { symbols, paces, clock, log, name } = context;
  const { adapter, kind, endpoints, adapterOptions, transport, gate, random } = options;
  const session = new FeedSession({
    adapter,
    connectionKind: kind,
    options: adapterOptions,
    endpoints,
    symbols,
    random,
    sharedFrames: gate.frames,
    paces,
    effects: {
      deliver: (nativeSymbol, event) => effects.deliver(opening, nativeSymbol, event),
      send: (frame) => opening.line.send(frame),
      fetchSnapshot: (nativeSymbol, request) =>
        void requestInto(opening.line, request, {
          toItem: (answer, receiveTimeMs) => ({ type: 'answer', nativeSymbol, answer, receiveTimeMs }),
          gate,
          clock,
          timeoutMs: REQUEST_TIMEOUT_MS,
          bodyMaxBytes: BODY_MAX_BYTES,
          turn: `book ${nativeSymbol}`,
          isWanted: () => effects.isWanted(opening) && session.wantsSnapshot(nativeSymbol),
        }),
      reconnect: (reason, urgency) => effects.reconnect(opening, reason, urgency),
      refuse: (nativeSymbol, code, refusal) =>
        log.warn({ connection: name, nativeSymbol, code, refusal }, 'the exchange refused a request'),
      reject: effects.reject,
      suspectTrades: effects.suspectTrades,
    },
  });
  const line = new FeedLine({
    transport,
    clock,
    socket: {
      url: kind.url(endpoints),
      frameMaxBytes: adapter.limits.frameMaxBytes,
      handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
    },
    onWakeUp: effects.wakeUp,
    onFull: effects.inboxFull,
  });
  const opening: FeedOpening = { session, line };
  return opening;
}
