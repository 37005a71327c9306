import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A TCP proxy in front of a server that loses connections on command, or brings answers late. */
export type CuttingProxy = {
  readonly port: number;
  /** `open`: passes everything. `no answers`: what a client sends arrives, but its connection breaks instead of the answer. `down`: refuses. */
  mode: 'open' | 'no answers' | 'down';
  /** How much later answers come; their order stays. */
  answerDelayMs: number;
  /** Breaks all connections that are open now. */
  cut(): void;
  close(): Promise<void>;
};

export async function startCuttingProxy(target: { host: string; port: number }): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (proxy.mode === 'down') {
      client.destroy();
      return;
    }
    const upstream = connect(target.port, target.host);
    let answers = Promise.resolve();
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (chunk) => upstream.write(chunk));
    upstream.on('data', (chunk) => {
      if (proxy.mode === 'no answers') client.destroy();
      else {
        const dueMs = performance.now() + proxy.answerDelayMs;
        answers = answers.then(async () => {
          const waitMs = dueMs - performance.now();
          if (waitMs > 0) await sleep(waitMs);
          if (!client.destroyed) client.write(chunk);
        });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: CuttingProxy = {
    port: (server.address() as AddressInfo).port,
    mode: 'open',
    answerDelayMs: 0,
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () => {
      proxy.cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return proxy;
}
