/**
 * Frames from real exchanges: WebSockets by `ws`, REST by `live-http.ts`. Knows nothing of any exchange; when to connect, how often and
 * what to say is decided by the connection actor.
 */
import { WebSocket } from 'ws';
import type { Clock } from '../base/clock.ts';
import type { FeedSocket, FeedSocketHandlers, FeedTransport } from '../actors/feed-ports.ts';
import { createHttpRequester } from './live-http.ts';

export type LiveTransportOptions = {
  readonly clock: Clock;
  /** Offers permessage-deflate to the exchange. Off by default: it costs memory for each connection and processor time for each frame. */
  readonly offerCompression?: boolean;
};

export type LiveTransport = FeedTransport & {
  /** Ends idle REST connections and fails requests under way; sockets are closed by whoever opened them. */
  close(): void;
};

/** Text that waits to be sent to one exchange; more means that the other side no longer reads. */
const SEND_BUFFER_MAX_BYTES = 1024 * 1024;
/** How long a peer may take to answer our close frame before the connection is cut. */
const CLOSE_ANSWER_TIMEOUT_MS = 2_000;
/** A close frame holds 125 bytes, two of them the code. */
const CLOSE_REASON_MAX_BYTES = 123;

export function createLiveTransport(options: LiveTransportOptions): LiveTransport {
  const requester = createHttpRequester(options.clock);
  return {
    open: (openOptions, handlers) => {
      try {
        return new LiveSocket(openOptions, handlers, options);
      } catch (error) {
        // `ws` throws on an address that is none; the port promises `onClosed` instead, never inside `open`.
        setImmediate(() => handlers.onClosed(`cannot open ${openOptions.url}: ${messageOf(error)}`));
        return closedSocket;
      }
    },
    request: (request, requestOptions) => requester.request(request, requestOptions),
    close: () => requester.close(),
  };
}

const closedSocket: FeedSocket = {
  send: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
  close: () => undefined,
};

type OpenOptions = Parameters<FeedTransport['open']>[0];

/** One WebSocket. After `close` nothing but `onClosed` is called; `onClosed` is called exactly once. */
class LiveSocket implements FeedSocket {
  readonly #socket: WebSocket;
  readonly #frameMaxBytes: number;
  /** Why we ended it, or what went wrong first; outranks the close code. */
  #cause: string | undefined;
  #isEnding = false;
  #isPaused = false;
  #cutTimer: NodeJS.Timeout | undefined;

  constructor(open: OpenOptions, handlers: FeedSocketHandlers, options: LiveTransportOptions) {
    this.#frameMaxBytes = open.frameMaxBytes;
    this.#socket = new WebSocket(open.url, {
      maxPayload: open.frameMaxBytes,
      handshakeTimeout: open.handshakeTimeoutMs,
      perMessageDeflate: options.offerCompression ?? false,
      followRedirects: false,
      autoPong: false,
    });
    this.#socket.on('ping', (payload: Buffer) => {
      this.#answerPing(payload);
      handlers.onSign?.({ isAnswer: false });
    });
    this.#socket.on('pong', () => handlers.onSign?.({ isAnswer: true }));
    this.#socket.on('open', () => {
      if (this.#isPaused) this.#socket.pause();
      if (!this.#isEnding) handlers.onOpen();
    });
    this.#socket.on('message', (bytes: Buffer, isBinary) => {
      if (this.#isEnding) return;
      handlers.onFrame(isBinary ? bytes : bytes.toString('utf8'), options.clock.nowMs());
    });
    this.#socket.on('error', (error) => (this.#cause ??= this.#describeError(error)));
    this.#socket.on('close', (code, reason) => {
      clearTimeout(this.#cutTimer);
      handlers.onClosed(this.#cause ?? describeClose(code, reason.toString('utf8')));
    });
  }

  send(frame: string): void {
    if (!this.#canSend()) return;
    // A failure to send is followed by `close`, which tells.
    this.#socket.send(frame, () => undefined);
  }

  ping(): void {
    if (this.#canSend()) this.#socket.ping(undefined, true, () => undefined);
  }

  pause(): void {
    if (this.#isEnding) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#socket.resume();
  }

  close(reason: string): void {
    if (this.#isEnding) return;
    this.#end(`closed by us: ${reason}`);
    if (this.#socket.readyState === WebSocket.CONNECTING) {
      this.#socket.terminate();
      return;
    }
    this.#socket.close(1000, cutToBytes(reason, CLOSE_REASON_MAX_BYTES));
    // A half-open peer never answers: ours is the last word after a moment.
    this.#cutTimer = setTimeout(() => this.#socket.terminate(), CLOSE_ANSWER_TIMEOUT_MS);
  }

  /** Answers like frames count: a peer that pings and never reads would otherwise fill the memory with them. */
  #answerPing(payload: Buffer): void {
    if (this.#canSend()) this.#socket.pong(payload, true, () => undefined);
  }

  /** Whether the connection takes more; ends it when too much waits already. */
  #canSend(): boolean {
    if (this.#isEnding || this.#socket.readyState !== WebSocket.OPEN) return false;
    const { bufferedAmount } = this.#socket;
    if (bufferedAmount <= SEND_BUFFER_MAX_BYTES) return true;
    this.#end(`peer does not read: ${bufferedAmount} bytes wait to be sent`);
    this.#socket.terminate();
    return false;
  }

  /** From here on only `onClosed` comes; reading goes on so that the peer's close frame is seen. */
  #end(cause: string): void {
    this.#isEnding = true;
    this.#cause ??= cause;
    this.resume();
  }

  #describeError(error: Error): string {
    const code = 'code' in error ? error.code : undefined;
    return code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
      ? `a frame was larger than ${this.#frameMaxBytes} bytes`
      : `connection failed: ${messageOf(error)}`;
  }
}

const CLOSE_CODES: Readonly<Record<number, string>> = {
  1000: 'closed by the exchange',
  1001: 'the exchange is going away',
  1005: 'closed by the exchange without a code',
  1006: 'connection lost without a close frame',
  1008: 'closed by the exchange for breaking a rule',
  1011: 'the exchange failed',
  1012: 'the exchange restarts',
  1013: 'the exchange asks to come back later',
};

function describeClose(code: number, reason: string): string {
  const words = CLOSE_CODES[code] ?? 'closed by the exchange';
  return reason === '' ? `${words} (${code})` : `${words} (${code}): ${reason}`;
}

function cutToBytes(text: string, maxBytes: number): string {
  let cut = text;
  while (Buffer.byteLength(cut) > maxBytes) cut = cut.slice(0, -1);
  return cut;
}

function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}
