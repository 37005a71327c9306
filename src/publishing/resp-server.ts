/**
 * A small Redis server for running without one: the keys, channels and scripts that the publisher and its subscribers use. Nothing is kept on disk,
 * nobody is authenticated, so it is bound to loopback alone.
 */
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { Clock, Timers } from '../base/clock.ts';
import { Channels } from './channels.ts';
import { Keyspace } from './keyspace.ts';
import { RespReader } from './resp-reader.ts';
import { RespSession } from './resp-session.ts';

/** Bytes that may wait for a client that reads too slowly; then it is disconnected, as Redis does with slow subscribers. */
export const OUTPUT_MAX_BYTES = 16 * 1024 * 1024;
const CLIENTS_MAX = 1_000;
const SWEEP_MS = 1_000;

export type RespServerOptions = {
  /** 0: any free one. */
  readonly port: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly outputMaxBytes?: number;
};

export type RespServer = { readonly port: number; close(): Promise<void> };

/** Resolves when the server listens on 127.0.0.1; rejects with the error of the socket when the port is taken. */
export async function startRespServer(options: RespServerOptions): Promise<RespServer> {
  const keys = new Keyspace(options.clock);
  const channels = new Channels();
  const sockets = new Set<Socket>();
  const outputMaxBytes = options.outputMaxBytes ?? OUTPUT_MAX_BYTES;
  let lastId = 0;

  const server = createServer({ noDelay: true }, (socket) => {
    if (sockets.size >= CLIENTS_MAX) {
      socket.on('error', ignore);
      socket.end('-ERR max number of clients reached\r\n');
      return;
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serveClient(socket, { id: ++lastId, keys, channels, outputMaxBytes });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  const sweep = options.timers.every(SWEEP_MS, () => keys.removeExpired());
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        sweep.cancel();
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function serveClient(
  socket: Socket,
  options: { id: number; keys: Keyspace; channels: Channels; outputMaxBytes: number },
): void {
  const reader = new RespReader();
  let output = '';
  let isScheduled = false;
  const flush = (): void => {
    isScheduled = false;
    if (output === '' || socket.destroyed) return;
    socket.write(output, 'latin1');
    output = '';
    if (socket.writableLength > options.outputMaxBytes) socket.destroy();
  };
  const session = new RespSession({
    ...options,
    // What one turn of the loop brings goes out in one write.
    write: (text) => {
      output += text;
      if (output.length > options.outputMaxBytes) flush();
      if (isScheduled) return;
      isScheduled = true;
      setImmediate(flush);
    },
    onQuit: () => setImmediate(() => socket.end()),
    onHttp: () => socket.destroy(),
  });
  socket.setEncoding('latin1');
  socket.on('data', (chunk: Buffer | string) => {
    reader.add(String(chunk));
    for (;;) {
      if (socket.destroyed) return;
      const reading = reader.next();
      if (reading.type === 'incomplete') return;
      if (reading.type === 'broken') {
        session.fail(reading.reason);
        flush();
        socket.destroySoon();
        return;
      }
      session.answer(reading.args);
    }
  });
  socket.on('error', ignore);
  socket.on('close', () => session.close());
}

function ignore(): void {
  // A client that goes away in any manner is followed by `close`.
}
