/**
 * The part that all simulated exchanges share: a WebSocket and REST server on loopback, its connections, and the faults that don't depend
 * on a protocol. Knows no frame's meaning.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import type { TimerHandle, Timers } from '../../base/clock.ts';
import type { ClientConnection, ExchangeProtocol } from './exchange-protocol.ts';
import type { SimulatedExchangeOptions } from './simulated-exchange.ts';
import type { CarrierFaults, SimulatedFaults } from './simulated-faults.ts';

type LoopbackOptions = {
  /** 0: any free one. */
  readonly port: number;
  readonly timers: Timers;
  readonly protocol: Pick<ExchangeProtocol, 'accept' | 'answer'>;
};

/** A reader so slow that this much waits for it is cut off, as exchanges do. */
const BUFFERED_MAX_BYTES = 32 * 1024 * 1024;

/** One client. While the exchange is silent it neither hears nor says anything, yet the connection stays open: it is half-open. */
class LoopbackConnection implements ClientConnection {
  readonly #socket: WebSocket;
  readonly #server: LoopbackExchange;

  constructor(socket: WebSocket, server: LoopbackExchange) {
    this.#socket = socket;
    this.#server = server;
  }

  send(text: string): void {
    if (this.#server.isSilent || this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > BUFFERED_MAX_BYTES) this.#socket.terminate();
    else this.#socket.send(text, () => undefined);
  }

  sendMarketData(text: string): void {
    this.send(this.#server.takeCorruption() ? text.slice(0, Math.floor(text.length / 2)) : text);
  }

  ping(): void {
    if (!this.#server.isSilent && this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  close(code: number, reason = ''): void {
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }
}

class LoopbackExchange implements CarrierFaults {
  readonly #options: LoopbackOptions;
  readonly #http: http.Server;
  readonly #sockets = new WebSocketServer({ noServer: true, autoPong: false, maxPayload: 1024 * 1024 });
  readonly connections = new Set<LoopbackConnection>();
  #corruptFrames = 0;
  #silence: TimerHandle | undefined;
  #refusals: { count: number; retryAfterSeconds: number } = { count: 0, retryAfterSeconds: 0 };
  isSilent = false;

  constructor(options: LoopbackOptions) {
    this.#options = options;
    this.#http = http.createServer((request, response) => this.#respond(request, response));
    this.#http.on('upgrade', (request, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (client) => this.#accept(client, request));
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', reject);
      this.#http.listen(this.#options.port, '127.0.0.1', resolve);
    });
    return (this.#http.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#silence?.cancel();
    for (const connection of this.connections) connection.terminate();
    this.#sockets.close();
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
  }

  disconnectAll(): void {
    for (const connection of [...this.connections]) connection.terminate();
  }

  corruptNext(): void {
    this.#corruptFrames++;
  }

  takeCorruption(): boolean {
    if (this.#corruptFrames === 0) return false;
    this.#corruptFrames--;
    return true;
  }

  fallSilent(durationMs: number): void {
    this.isSilent = true;
    this.#silence?.cancel();
    this.#silence = this.#options.timers.after(durationMs, () => (this.isSilent = false));
  }

  refuseRest(count: number, retryAfterSeconds: number): void {
    this.#refusals = { count, retryAfterSeconds };
  }

  #accept(socket: WebSocket, request: http.IncomingMessage): void {
    const connection = new LoopbackConnection(socket, this);
    this.connections.add(connection);
    const handlers = this.#options.protocol.accept(
      connection,
      new URL(request.url ?? '/', 'http://loopback'),
    );
    socket.on('message', (bytes: Buffer) => {
      if (!this.isSilent) handlers.onText(bytes.toString('utf8'));
    });
    socket.on('ping', (payload: Buffer) => {
      if (!this.isSilent && socket.readyState === socket.OPEN) socket.pong(payload);
    });
    socket.on('pong', () => handlers.onPong?.());
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.connections.delete(connection);
      handlers.onClosed();
    });
  }

  #respond(request: http.IncomingMessage, response: http.ServerResponse): void {
    // A silent exchange takes the request and never answers.
    if (this.isSilent) return;
    if (this.#refusals.count > 0) {
      this.#refusals.count--;
      response
        .writeHead(429, { 'retry-after': String(this.#refusals.retryAfterSeconds) })
        .end('{"code":-1003,"msg":"Too many requests."}');
      return;
    }
    const answer = this.#options.protocol.answer(new URL(request.url ?? '/', 'http://loopback'));
    const send = () =>
      response
        .writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
        .end(answer.body);
    if (answer.delayMs === undefined || answer.delayMs <= 0) send();
    else this.#options.timers.after(answer.delayMs, send);
  }
}

/** Puts a protocol behind real sockets on loopback. */
export async function serveOnLoopback(
  protocol: ExchangeProtocol,
  options: Pick<SimulatedExchangeOptions, 'port' | 'timers'>,
): Promise<{ port: number; faults: SimulatedFaults; close: () => Promise<void> }> {
  const server = new LoopbackExchange({ port: options.port ?? 0, timers: options.timers, protocol });
  const port = await server.listen();
  return {
    port,
    faults: protocol.faults.switches(server),
    close: () => {
      protocol.stop();
      return server.close();
    },
  };
}
