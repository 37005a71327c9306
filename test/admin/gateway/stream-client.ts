/** A client of the stream as tests see it: what it was told, in order. */
import { once } from 'node:events';
import type { ClientOptions } from 'ws';
import { WebSocket } from 'ws';
import { until } from '../support.ts';

export type Told = {
  readonly type: string;
  readonly channel?: string;
  readonly channels?: readonly string[];
  readonly refused?: readonly { channel: string; code: string }[];
  readonly number?: number;
  readonly reason?: string;
  readonly code?: string;
  readonly count?: number;
  readonly id?: number;
  readonly value?: {
    readonly epoch: number;
    readonly seq: number;
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly bids?: readonly [string, string][];
    readonly afterSeq?: number;
    readonly trades?: readonly { tradeId: string; price: string }[];
    readonly event?: { readonly kind: string };
  };
};

export class StreamClient {
  readonly webSocket: WebSocket;
  readonly told: Told[] = [];
  /** As they came. */
  readonly texts: string[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;

  constructor(adminUrl: string, options: ClientOptions = {}) {
    this.webSocket = new WebSocket(`${adminUrl.replace('http', 'ws')}/v1/stream`, options);
    this.webSocket.on('message', (data: Buffer) => {
      this.texts.push(data.toString());
      this.told.push(JSON.parse(data.toString()) as Told);
    });
    this.webSocket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    this.webSocket.on('error', () => undefined);
  }

  say(message: unknown): void {
    this.webSocket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  subscribe(...channels: readonly string[]): void {
    this.say({ type: 'subscribe', channels });
  }

  /** Resolves with the first thing told that is so, also of what was told before. */
  async hears(isWanted: (told: Told) => boolean): Promise<Told> {
    await until(() => this.told.some(isWanted));
    return this.told.find(isWanted)!;
  }

  async hearsEnd(): Promise<{ readonly code: number; readonly reason: string }> {
    await until(() => this.closed !== undefined);
    return this.closed!;
  }

  changesOf(channel: string): Told[] {
    return this.told.filter((told) => told.type === 'change' && told.channel === channel);
  }

  /** All that was said before is answered. */
  async settled(): Promise<void> {
    const id = this.told.length + 1_000_000;
    this.say({ type: 'ping', id });
    await this.hears((told) => told.type === 'pong' && told.id === id);
  }

  end(): void {
    this.webSocket.terminate();
  }
}

export async function connectStream(adminUrl: string, options?: ClientOptions): Promise<StreamClient> {
  const client = new StreamClient(adminUrl, options);
  await once(client.webSocket, 'open');
  return client;
}

/** The status that a handshake is answered with; 101 where it is taken. */
export function handshakeStatus(adminUrl: string, options: ClientOptions = {}, path = '/v1/stream') {
  return new Promise<number>((resolve, reject) => {
    const webSocket = new WebSocket(`${adminUrl.replace('http', 'ws')}${path}`, options);
    webSocket.on('open', () => {
      webSocket.terminate();
      resolve(101);
    });
    webSocket.on('unexpected-response', (_request, response) => {
      response.resume();
      webSocket.terminate();
      resolve(response.statusCode!);
    });
    webSocket.on('error', reject);
  });
}
