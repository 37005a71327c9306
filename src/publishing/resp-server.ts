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
/** Bytes of all clients together, on their way in and out; beyond it whoever has much of them is disconnected. */
export const BUFFERS_MAX_BYTES = 128 * 1024 * 1024;
/** A client that has less than this on its way is not the one to blame. */
const MUCH_BYTES = 1024 * 1024;
export const CLIENTS_MAX = 256;
const SWEEP_MS = 1_000;

export type RespServerOptions = {
  /** 0: any free one. */
  readonly port: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly outputMaxBytes?: number;
  readonly buffersMaxBytes?: number;
};

export type RespServer = { readonly port: number; close(): Promise<void> };

/** Resolves when the server listens on 127.0.0.1; rejects with the error of the socket when the port is taken. */
export async function startRespServer(options: RespServerOptions): Promise<RespServer> {
  const keys = new Keyspace(options.clock);
  const channels = new Channels();
  const clients = new Map<Socket, BufferedBytes>();
  const outputMaxBytes = options.outputMaxBytes ?? OUTPUT_MAX_BYTES;
  const buffersMaxBytes = options.buffersMaxBytes ?? BUFFERS_MAX_BYTES;
  let lastId = 0;

  const server = createServer({ noDelay: true }, (socket) => {
    if (clients.size >= CLIENTS_MAX) {
      socket.on('error', ignore);
      socket.end('-ERR max number of clients reached\r\n');
      return;
    }
    const isTooMuch = (ownBytes: number): boolean => {
      if (ownBytes < MUCH_BYTES) return false;
      let bytes = 0;
      for (const countBytes of clients.values()) bytes += countBytes();
      return bytes > buffersMaxBytes;
    };
    clients.set(socket, serveClient(socket, { id: ++lastId, keys, channels, outputMaxBytes, isTooMuch }));
    socket.on('close', () => clients.delete(socket));
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
        for (const socket of clients.keys()) socket.destroy();
      }),
  };
}

/** Returns what of one client is on its way, in and out. */
type BufferedBytes = () => number;

function serveClient(
  socket: Socket,
  options: {
    id: number;
    keys: Keyspace;
    channels: Channels;
    outputMaxBytes: number;
    /** Whether all clients together have too much on their way, and this one a good part of it. */
    isTooMuch: (ownBytes: number) => boolean;
  },
): BufferedBytes {
  const reader = new RespReader();
  let output = '';
  let isScheduled = false;
  const flush = (): void => {
    isScheduled = false;
    if (output === '' || socket.destroyed) return;
    socket.write(output, 'latin1');
    output = '';
    const ownBytes = socket.writableLength;
    if (ownBytes > options.outputMaxBytes || options.isTooMuch(ownBytes)) socket.destroy();
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
      if (reading.type === 'incomplete') {
        if (options.isTooMuch(reader.heldBytes)) socket.destroy();
        return;
      }
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
  return () => reader.heldBytes + socket.writableLength;
}

function ignore(): void {
  // A client that goes away in any manner is followed by `close`.
}
