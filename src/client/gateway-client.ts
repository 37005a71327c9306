/**
 * A client of a node's stream (`/v1/stream`) for browsers and Node: typed documents, a connection that is made again by itself, and for each document
 * whether anything was passed over before it. It depends on nothing but a WebSocket, the global one or one that is given.
 */
import type { ChannelHandlers } from './channel-reader.ts';
import { ChannelReader } from './channel-reader.ts';
import type { DocumentOf, StreamDocument } from './documents.ts';

export type { ChannelHandlers, Continuity } from './channel-reader.ts';
export type * from './documents.ts';

/** What is asked of a WebSocket: those of browsers, of Node and of the package `ws` have it. */
export interface WebSocketLike {
  /** 1 while it is open, as the standard numbers its states. */
  readonly readyState: number;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
}

/** https://websockets.spec.whatwg.org/#dom-websocket-open */
const OPEN = 1;

export type WebSocketClass = new (url: string) => WebSocketLike;

export type ConnectionStatus =
  | { readonly state: 'connecting' }
  | { readonly state: 'open'; readonly node: string; readonly epoch: number }
  /** Lost, or never had; it is tried again after the delay. */
  | { readonly state: 'waiting'; readonly reason: string; readonly retryDelayMs: number }
  | { readonly state: 'closed' };

export type GatewayClientOptions = {
  /** `ws://127.0.0.1:8080/v1/stream`, or `wss://…` behind a proxy with TLS. */
  readonly url: string;
  /** Where there is no global one (Node before 22): `WebSocket` of the package `ws`. */
  readonly WebSocket?: WebSocketClass;
  readonly onStatus?: (status: ConnectionStatus) => void;
  /** The node finds that this client reads too slowly, or does not understand it. */
  readonly onWarning?: (warning: { readonly code: string; readonly message: string }) => void;
  /** First and longest delay before the next attempt; it doubles from one to the other, less a random part of up to half. Default: 500 and 30,000. */
  readonly retry?: { readonly initialMs: number; readonly maxMs: number };
};

type ServerMessage =
  | { readonly type: 'welcome'; readonly node: string; readonly epoch: number }
  | {
      readonly type: 'subscribed';
      readonly refused: readonly { channel: string; code: string; message: string }[];
    }
  | {
      readonly type: 'change';
      readonly channel: string;
      readonly number: number;
      readonly value: StreamDocument;
    }
  | { readonly type: 'stale' | 'ended'; readonly channel: string; readonly reason: string }
  | { readonly type: 'warning' | 'error'; readonly code: string; readonly message: string }
  /** The hole in the numbers says the same as `dropped`. */
  | { readonly type: 'unsubscribed' | 'pong' | 'dropped' };

const DEFAULT_RETRY = { initialMs: 500, maxMs: 30_000 };
/** A node is asked for a sign of life when it was silent for so long, and given up after as long again. */
const SILENCE_MS = 20_000;
/** The node takes no more in one message. */
const CHANNELS_PER_MESSAGE_MAX = 100;

export class GatewayClient {
  readonly #options: GatewayClientOptions;
  readonly #WebSocket: WebSocketClass;
  readonly #readers = new Map<string, ChannelReader>();
  /** Channels that the node was asked for in this connection. */
  readonly #asked = new Set<string>();
  #isAskingSoon = false;
  #socket: WebSocketLike | undefined;
  #status: ConnectionStatus = { state: 'connecting' };
  #attemptCount = 0;
  #isSilent = false;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #silenceTimer: ReturnType<typeof setInterval> | undefined;

  /** Connects at once. @throws Error where there is no WebSocket */
  constructor(options: GatewayClientOptions) {
    const found = options.WebSocket ?? (globalThis as { readonly WebSocket?: WebSocketClass }).WebSocket;
    if (found === undefined) {
      throw new Error('There is no global WebSocket here: give one, such as that of the package `ws`');
    }
    this.#options = options;
    this.#WebSocket = found;
    this.#connect();
  }

  get status(): ConnectionStatus {
    return this.#status;
  }

  /**
   * Reads a channel until the returned function is called. Values come whole: the first is how things are, each later one how they are then. Who reads
   * a value that is read already gets it at once.
   */
  subscribe<Channel extends string>(
    channel: Channel,
    handlers: ChannelHandlers<DocumentOf<Channel>>,
  ): () => void {
    // The name of the channel says what is in it; here they all are documents.
    const own: ChannelHandlers<StreamDocument> = { ...handlers, onDocument: handlers.onDocument as never };
    let reader = this.#readers.get(channel);
    if (reader === undefined) {
      reader = new ChannelReader();
      this.#readers.set(channel, reader);
      this.#askSoon();
    }
    reader.add(own);
    return () => {
      reader.remove(own);
      if (!reader.isWanted) this.#askSoon();
    };
  }

  /** Ends the connection for good. */
  close(): void {
    if (this.#status.state === 'closed') return;
    clearTimeout(this.#retryTimer);
    const socket = this.#socket;
    this.#forgetSocket();
    this.#setStatus({ state: 'closed' });
    socket?.close(1000, 'the client is done');
  }

  #connect(): void {
    this.#setStatus({ state: 'connecting' });
    const socket = new this.#WebSocket(this.#options.url);
    this.#socket = socket;
    const isCurrent = (): boolean => this.#socket === socket;
    let reason = 'the connection could not be made';
    socket.onopen = () => {
      reason = 'the connection was lost';
    };
    socket.onmessage = ({ data }: { readonly data: unknown }) => {
      if (isCurrent()) this.#receive(String(data));
    };
    // `close` comes after it and says as much.
    socket.onerror = () => undefined;
    socket.onclose = (event: { readonly reason: string }) => {
      if (isCurrent()) this.#lost(event.reason === '' ? reason : event.reason);
    };
    this.#isSilent = false;
    this.#silenceTimer = setInterval(() => this.#listen(), SILENCE_MS);
  }

  #receive(text: string): void {
    this.#isSilent = false;
    const message = JSON.parse(text) as ServerMessage;
    switch (message.type) {
      case 'welcome':
        this.#attemptCount = 0;
        this.#setStatus({ state: 'open', node: message.node, epoch: message.epoch });
        this.#ask();
        return;
      case 'subscribed':
        for (const { channel, code, message: why } of message.refused) {
          this.#readers.get(channel)?.refuse({ code, message: why });
        }
        return;
      case 'change':
        this.#readers.get(message.channel)?.take(message.value, message.number);
        return;
      case 'stale':
        this.#readers.get(message.channel)?.doubt(message.reason);
        return;
      case 'ended':
        this.#readers.get(message.channel)?.end(message.reason);
        return;
      case 'warning':
      case 'error':
        this.#options.onWarning?.({ code: message.code, message: message.message });
        return;
      case 'unsubscribed':
      case 'pong':
      case 'dropped':
        return;
      default:
        // A newer node may say more than this client knows.
        message satisfies never;
    }
  }

  #lost(reason: string): void {
    this.#forgetSocket();
    const { initialMs, maxMs } = this.#options.retry ?? DEFAULT_RETRY;
    const fullMs = Math.min(maxMs, initialMs * 2 ** Math.min(20, this.#attemptCount++));
    // Clients that lost the same node do not come back all at once.
    const retryDelayMs = Math.round(fullMs * (1 - Math.random() / 2));
    this.#retryTimer = setTimeout(() => this.#connect(), retryDelayMs);
    const wasOpen = this.#status.state === 'open';
    this.#setStatus({ state: 'waiting', reason, retryDelayMs });
    if (!wasOpen) return;
    for (const reader of this.#readers.values()) reader.disconnected(reason);
  }

  #forgetSocket(): void {
    clearInterval(this.#silenceTimer);
    this.#socket = undefined;
    this.#asked.clear();
  }

  /** A connection whose other end is gone may look open for hours. */
  #listen(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    if (this.#isSilent) {
      this.#lost('the node was silent');
      socket.close();
      return;
    }
    this.#isSilent = true;
    if (this.#status.state === 'open') this.#send('{"type":"ping"}');
  }

  /** What is wanted, or not any more, at the end of this turn is said at once, in few messages. */
  #askSoon(): void {
    if (this.#isAskingSoon) return;
    this.#isAskingSoon = true;
    queueMicrotask(() => {
      this.#isAskingSoon = false;
      this.#ask();
    });
  }

  #ask(): void {
    for (const [channel, { isWanted }] of this.#readers) if (!isWanted) this.#readers.delete(channel);
    if (this.#status.state !== 'open') return;
    const left = [...this.#asked].filter((channel) => !this.#readers.has(channel));
    const wanted = [...this.#readers.keys()].filter((channel) => !this.#asked.has(channel));
    for (const channel of left) this.#asked.delete(channel);
    for (const channel of wanted) this.#asked.add(channel);
    this.#say('unsubscribe', left);
    this.#say('subscribe', wanted);
  }

  #say(type: 'subscribe' | 'unsubscribe', channels: readonly string[]): void {
    for (let from = 0; from < channels.length; from += CHANNELS_PER_MESSAGE_MAX) {
      const some = channels.slice(from, from + CHANNELS_PER_MESSAGE_MAX);
      this.#send(JSON.stringify({ type, channels: some }));
    }
  }

  /** One that is closing says so in a moment, and then all is asked for anew: what is sent meanwhile, browsers complain about. */
  #send(text: string): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(text);
  }

  #setStatus(status: ConnectionStatus): void {
    this.#status = status;
    this.#options.onStatus?.(status);
  }
}
