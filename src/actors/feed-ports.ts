/** How actors see exchanges: sockets and requests. The edge `feeds` implements these, with live ones, recordings and simulators. */
import type { HttpRequest } from '../exchanges/adapter.ts';

export type FeedSocketHandlers = {
  readonly onOpen: () => void;
  /** A frame in order of arrival: text, or bytes when the frame was binary. */
  readonly onFrame: (frame: string | Uint8Array, receiveTimeMs: number) => void;
  /** The other side was heard without a frame: it pinged, or (`isAnswer`) answered our ping. Where there is no other side it never comes. */
  readonly onSign?: (sign: { readonly isAnswer: boolean }) => void;
  /** Called once, last; also when opening failed. */
  readonly onClosed: (reason: string) => void;
};

export interface FeedSocket {
  /** Sends a text frame; silently dropped when the socket is no longer open (`onClosed` tells). */
  send(frame: string): void;
  /** Asks the other side for a sign of life. A recording has none. */
  ping?(): void;
  /** Stops reading from the network; frames already in the process may still arrive. */
  pause(): void;
  resume(): void;
  close(reason: string): void;
}

export type HttpAnswer = {
  /** HTTP status; bodies of other statuses than 200 are passed too, exchanges explain themselves there. */
  readonly status: number;
  readonly body: string;
  readonly receiveTimeMs: number;
  /** `Retry-After` in ms, where the answer had one. */
  readonly retryAfterMs: number | undefined;
};

/** Where frames come from: real sockets, a recording, a simulator. Never throws; failures arrive as `onClosed` and rejected promises. */
export interface FeedTransport {
  open(
    options: { url: string; frameMaxBytes: number; handshakeTimeoutMs: number },
    handlers: FeedSocketHandlers,
  ): FeedSocket;
  /** @throws TampinesError `FEED_REQUEST` when no answer came at all (refused, reset, timed out) */
  request(request: HttpRequest, options: { timeoutMs: number; bodyMaxBytes: number }): Promise<HttpAnswer>;
}
