/** Clients of a node's stream in a process of their own: how late each message was, from its publish time to the hands of the client. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';

/** First word of the parent. */
export type ClientsOrder = {
  readonly url: string;
  /** One client for each. */
  readonly channels: readonly string[];
  readonly takesDeflate: boolean;
};

/** Later words: count from now on, and tell what was counted. */
export type ClientsCommand = 'begin' | 'report';

export type ClientsReport =
  | { readonly type: 'ready' }
  | {
      readonly type: 'counted';
      readonly latenessMs: readonly number[];
      /** Numbers that were passed over, of all clients. */
      readonly skippedCount: number;
      readonly bytes: number;
      readonly cpuMs: number;
    };

/** Two processes connect fewer in a second than a node takes. */
const AT_ONCE = 20;
const PAUSE_MS = 100;
const NUMBERS = /"number":(\d+),.*?"publishTimeMs":(\d+)/;

let latenessMs: number[] = [];
let skippedCount = 0;
let bytesBefore = 0;
let cpuBefore = process.cpuUsage();
/** Below the WebSockets. */
const sockets: Socket[] = [];

process.once('message', (order: ClientsOrder) => void connectAll(order));
process.once('disconnect', () => process.exit());

async function connectAll({ url, channels, takesDeflate }: ClientsOrder): Promise<void> {
  for (let from = 0; from < channels.length; from += AT_ONCE) {
    await Promise.all(
      channels.slice(from, from + AT_ONCE).map((channel) => connect(url, channel, takesDeflate)),
    );
    await sleep(PAUSE_MS);
  }
  process.on('message', (command: ClientsCommand) => (command === 'begin' ? begin() : report()));
  tell({ type: 'ready' });
}

async function connect(url: string, channel: string, perMessageDeflate: boolean): Promise<void> {
  const webSocket = new WebSocket(url, { perMessageDeflate });
  webSocket.once('upgrade', (response) => void sockets.push(response.socket));
  let lastNumber: number | undefined;
  webSocket.on('message', (data: Buffer) => {
    const found = NUMBERS.exec(data.toString('latin1', 0, 300));
    if (found === null) return;
    latenessMs.push(Date.now() - Number(found[2]));
    const number = Number(found[1]);
    if (lastNumber !== undefined) skippedCount += number - lastNumber - 1;
    lastNumber = number;
  });
  await once(webSocket, 'open');
  webSocket.on('close', (code, reason) => {
    throw new Error(`A client was disconnected: ${code} ${reason.toString()}`);
  });
  webSocket.send(JSON.stringify({ type: 'subscribe', channels: [channel] }));
}

function begin(): void {
  latenessMs = [];
  skippedCount = 0;
  bytesBefore = bytesRead();
  cpuBefore = process.cpuUsage();
}

function report(): void {
  const { user, system } = process.cpuUsage(cpuBefore);
  tell({
    type: 'counted',
    latenessMs,
    skippedCount,
    bytes: bytesRead() - bytesBefore,
    cpuMs: (user + system) / 1_000,
  });
}

function bytesRead(): number {
  return sockets.reduce((sum, socket) => sum + socket.bytesRead, 0);
}

function tell(message: ClientsReport): void {
  process.send!(message);
}
