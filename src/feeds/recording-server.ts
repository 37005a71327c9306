/**
 * Plays a recording through a real WebSocket and REST server on loopback, for runs that are to include sockets. Connection n of the recording
 * is `ws://127.0.0.1:<port>/conn/<n>`; REST keeps path and query of the original addresses.
 *
 * What is exact: the order of frames within a connection; a REST answer is sent after the frames before its line are handed to their
 * sockets, and no later frame is sent until its client has read it whole. Frames of different connections leave in the order of the file,
 * a turn of the event loop apart, but may arrive in the client in another.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import type { Timers } from '../base/clock.ts';
import { TampinesError } from '../base/errors.ts';
import { RecordedAnswers } from './recorded-answers.ts';
import type { RecordingContents, RecordingLine, ReadingProgress } from './recording.ts';
import { inspectRecording, readRecording } from './recording.ts';

export type RecordingServerOptions = {
  readonly timers: Timers;
  /** 0 or absent: any free one. */
  readonly port?: number;
  /** How long an answer waits for a client to ask for it before it is kept for later. Default 250. */
  readonly requestWaitMs?: number;
  readonly onProgress?: (progress: ReadingProgress) => void;
};

export type RecordingServer = {
  readonly contents: RecordingContents;
  readonly endpoints: { readonly rest: string; readonly connection: (conn: number) => string };
  /**
   * Resolves with the number of frames when all of them are with the clients' sockets; then the connections are closed with 1000.
   * Rejects with `RECORDING_INVALID`.
   */
  readonly drained: Promise<number>;
  close(): Promise<void>;
};

/** What may wait in one socket before the playback waits for its client. */
const BUFFERED_MAX_BYTES = 1024 * 1024;

/** Playback starts by itself when a client is connected to each recorded connection. @throws TampinesError `RECORDING_INVALID` */
export async function createRecordingServer(
  path: string,
  options: RecordingServerOptions,
): Promise<RecordingServer> {
  const contents = await inspectRecording(path);
  const playback = new ServedPlayback(path, contents, options);
  const port = await playback.listen();
  const drained = playback.run();
  // Whoever awaits it sees the failure; nobody has to.
  drained.catch(() => undefined);
  return {
    contents,
    endpoints: {
      rest: `http://127.0.0.1:${port}`,
      connection: (conn) => `ws://127.0.0.1:${port}/conn/${conn}`,
    },
    drained,
    close: () => playback.close(),
  };
}

class ServedPlayback {
  readonly #path: string;
  readonly #contents: RecordingContents;
  readonly #options: RecordingServerOptions;
  readonly #answers = new RecordedAnswers();
  readonly #clients = new Map<number, WebSocket>();
  readonly #server: http.Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  /** Answers on their way; no frame is sent meanwhile. */
  readonly #unread = new Set<Promise<void>>();
  #isClosed = false;
  #wakers: (() => void)[] = [];

  constructor(path: string, contents: RecordingContents, options: RecordingServerOptions) {
    this.#path = path;
    this.#contents = contents;
    this.#options = options;
    this.#server = http.createServer((request, response) => void this.#answer(request, response));
    this.#server.on('upgrade', (request, socket, head) => {
      const conn = Number.parseInt(/\/conn\/(\d+)$/.exec(request.url ?? '')?.[1] ?? '', 10);
      if (!contents.connections.some((each) => each.conn === conn)) {
        socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (client) => this.#bind(conn, client));
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#options.port ?? 0, '127.0.0.1', resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  async run(): Promise<number> {
    let frameCount = 0;
    let lastConn = 0;
    try {
      for await (const lines of readRecording(this.#path, { onProgress: this.#options.onProgress })) {
        for (const line of lines) {
          if (this.#isClosed) return frameCount;
          // Lists of instruments come before the first frame: they are served while clients still connect.
          if (line.dir === 'http') await this.#offer(line, frameCount > 0);
          if (line.dir !== 'in') continue;
          if (frameCount === 0)
            await this.#until(() => this.#clients.size >= this.#contents.connections.length);
          if (this.#unread.size > 0) await Promise.all(this.#unread);
          if (line.conn !== lastConn) await nextTurn();
          lastConn = line.conn;
          await this.#send(line);
          frameCount++;
        }
      }
      await this.#until(
        () => [...this.#clients.values()].every((client) => client.bufferedAmount === 0),
        true,
      );
      return frameCount;
    } finally {
      this.#answers.end();
      // After those who wait for `drained` have been told.
      setImmediate(() => {
        for (const client of this.#clients.values()) client.close(1000);
      });
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#answers.end();
    this.#wake();
    for (const client of this.#clients.values()) client.terminate();
    this.#sockets.close();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #bind(conn: number, client: WebSocket): void {
    this.#clients.set(conn, client);
    // What the client says was answered when the recording was made.
    client.on('message', () => undefined);
    client.on('error', () => undefined);
    client.on('close', () => {
      if (this.#clients.get(conn) === client) this.#clients.delete(conn);
      this.#wake();
    });
    this.#wake();
  }

  /** Sends one frame to its connection; waits for a client that is slow or has to come back. */
  async #send(line: RecordingLine & { dir: 'in' | 'out' }): Promise<void> {
    let client = this.#clients.get(line.conn);
    if (client === undefined || client.bufferedAmount > BUFFERED_MAX_BYTES) {
      await this.#until(() => {
        client = this.#clients.get(line.conn);
        return client !== undefined && client.bufferedAmount <= BUFFERED_MAX_BYTES;
      });
    }
    client?.send(line.data, { binary: typeof line.data !== 'string' }, () => this.#wake());
  }

  async #offer(line: RecordingLine & { dir: 'http' }, waits: boolean): Promise<void> {
    if (waits && !this.#answers.isAwaited(line.url)) {
      let isOver = false;
      const timer = this.#options.timers.after(this.#options.requestWaitMs ?? 250, () => {
        isOver = true;
        this.#wake();
      });
      await this.#until(() => isOver || this.#answers.isAwaited(line.url));
      timer.cancel();
    }
    this.#answers.offer({ url: line.url, body: line.data });
    // The answer starts on its way in a microtask.
    await nextTurn();
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const isRead = new Promise<void>((resolve) => request.socket.once('close', () => resolve()));
    const answering = this.#answers.request(request.url ?? '/');
    this.#wake();
    try {
      const { body } = await answering;
      this.#unread.add(isRead);
      // Written by hand: Node would close the connection as soon as the answer is with the system. Left to the client, its end says that
      // the client has read all of it.
      const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
      request.socket.write(head + body);
      await isRead;
      this.#unread.delete(isRead);
    } catch (error) {
      const why = error instanceof TampinesError ? error.message : String(error);
      response.writeHead(404, { connection: 'close' }).end(JSON.stringify({ error: why }));
    }
  }

  /** Waits until it is true, asked again whenever something happened (or, with `polls`, each turn). */
  async #until(isTrue: () => boolean, polls = false): Promise<void> {
    while (!this.#isClosed && !isTrue()) {
      if (polls) await nextTurn();
      else await new Promise<void>((resolve) => this.#wakers.push(resolve));
    }
  }

  #wake(): void {
    for (const resolve of this.#wakers.splice(0)) resolve();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
