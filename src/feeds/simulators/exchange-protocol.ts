/**
 * The seam between what a simulated exchange says and how it is carried: by real sockets on loopback (`loopback-exchange.ts`), or within
 * one process. A protocol knows no sockets; a carrier knows no frame's meaning.
 */
import type { SimulatedMarket } from './simulated-market.ts';
import type { ArmedFaults } from './simulated-faults.ts';

export type RestAnswer = {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent this much later. */
  readonly delayMs?: number;
};

/** One client, as a protocol sees it. Whatever is said to a client that is gone is dropped. */
export interface ClientConnection {
  /** Sends a frame without market data. */
  send(text: string): void;
  /** Sends a frame with market data: the kind that faults spoil. */
  sendMarketData(text: string): void;
  ping(): void;
  close(code: number, reason?: string): void;
  /** Cuts the connection without a close frame. */
  terminate(): void;
}

export type ConnectionHandlers = {
  readonly onText: (text: string) => void;
  readonly onPong?: () => void;
  readonly onClosed: () => void;
};

/** What one exchange says. It lives from its making until `stop`. */
export interface ExchangeProtocol {
  readonly market: SimulatedMarket;
  readonly faults: ArmedFaults;
  /** A client connected; returns what is to be done with its frames and its end. */
  accept(connection: ClientConnection, url: URL): ConnectionHandlers;
  answer(url: URL): RestAnswer;
  /** Says on all connections that they will be closed; returns what closes them. Absent where the exchange has no word for it. */
  announceClose?(): () => void;
  /** The market stands still and no timer runs any more. */
  stop(): void;
}
