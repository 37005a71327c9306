import { createHash } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import { systemClock } from '../../src/base/clock.ts';
import { hasErrorCode } from '../../src/base/errors.ts';
import type { FeedSocket } from '../../src/actors/feed-ports.ts';
import { createLiveTransport } from '../../src/feeds/live-transport.ts';
import { parseRetryAfter } from '../../src/feeds/live-http.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

const transport = () => {
  const created = createLiveTransport({ clock: systemClock });
  cleanups.push(() => created.close());
  return created;
};

async function listen(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function serveSockets(onConnection: (socket: WebSocket) => void): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', onConnection);
  await new Promise((resolve) => server.once('listening', resolve));
  cleanups.push(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serveHttp(listener: http.RequestListener): Promise<string> {
  const server = http.createServer(listener);
  cleanups.push(() => server.closeAllConnections());
  return `http://127.0.0.1:${await listen(server)}`;
}

type Life = {
  socket: FeedSocket;
  frames: (string | Uint8Array)[];
  closings: string[];
  opened: Promise<void>;
  closed: Promise<string>;
  frame: (count: number) => Promise<void>;
};

function open(url: string, limits: { frameMaxBytes?: number; handshakeTimeoutMs?: number } = {}): Life {
  const frames: (string | Uint8Array)[] = [];
  const closings: string[] = [];
  let onOpen = (): void => undefined;
  let onClosed = (_reason: string): void => undefined;
  const opened = new Promise<void>((resolve) => (onOpen = resolve));
  const closed = new Promise<string>((resolve) => (onClosed = resolve));
  const waiting: { count: number; resolve: () => void }[] = [];
  const socket = transport().open(
    {
      url,
      frameMaxBytes: limits.frameMaxBytes ?? 1_000_000,
      handshakeTimeoutMs: limits.handshakeTimeoutMs ?? 5_000,
    },
    {
      onOpen: () => onOpen(),
      onFrame: (frame) => {
        frames.push(frame);
        for (const each of waiting) if (frames.length >= each.count) each.resolve();
      },
      onClosed: (reason) => {
        closings.push(reason);
        onClosed(reason);
      },
    },
  );
  const frame = (count: number) =>
    new Promise<void>((resolve) => {
      if (frames.length >= count) resolve();
      else waiting.push({ count, resolve });
    });
  return { socket, frames, closings, opened, closed, frame };
}

describe('a live socket', () => {
  test('a peer that pings without end and never reads the answers is cut off', async () => {
    const server = net.createServer((socket) => {
      cleanups.push(() => socket.destroy());
      socket.on('error', () => undefined);
      socket.once('data', (request: Buffer) => {
        const key = /sec-websocket-key: (\S+)/i.exec(request.toString('latin1'))?.[1] ?? '';
        const accept = createHash('sha1')
          .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
          .digest('base64');
        socket.pause();
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
        );
        const ping = Buffer.concat([Buffer.from([0x89, 125]), Buffer.alloc(125, 65)]);
        const pings = Buffer.concat(Array.from({ length: 1_000 }, () => ping));
        const sendMore = (): void => {
          if (!socket.destroyed) socket.write(pings, () => setImmediate(sendMore));
        };
        sendMore();
      });
    });
    const life = open(`ws://127.0.0.1:${await listen(server)}`);
    expect(await life.closed).toMatch(/^peer does not read: \d+ bytes wait to be sent$/);
  });

  test('hands over text as text and binary as bytes, in order', async () => {
    const url = await serveSockets((socket) => {
      socket.send('{"price":"0.10"}');
      socket.send(Buffer.from([0x1f, 0x8b, 0]));
      socket.send('größer');
    });
    const life = open(url);
    await life.frame(3);
    expect(life.frames[0]).toBe('{"price":"0.10"}');
    expect(Array.from(life.frames[1] as Uint8Array)).toEqual([0x1f, 0x8b, 0]);
    expect(life.frames[2]).toBe('größer');
  });

  test('sends frames once it is open and drops them before', async () => {
    const received: string[] = [];
    let onText = (): void => undefined;
    const got = new Promise<void>((resolve) => (onText = resolve));
    const url = await serveSockets((socket) => {
      socket.on('message', (bytes: Buffer) => {
        received.push(bytes.toString());
        onText();
      });
    });
    const life = open(url);
    life.socket.send('too early');
    await life.opened;
    life.socket.send('in time');
    await got;
    expect(received).toEqual(['in time']);
  });

  test("answers the exchange's pings by itself", async () => {
    const ponged = await new Promise<string>((resolve) => {
      void serveSockets((socket) => {
        socket.on('pong', (payload) => resolve(payload.toString()));
        socket.ping('17');
      }).then((url) => open(url));
    });
    expect(ponged).toBe('17');
  });

  test('tells the close code and reason of the exchange, once', async () => {
    const url = await serveSockets((socket) => socket.close(1013, 'restart'));
    const life = open(url);
    expect(await life.closed).toBe('the exchange asks to come back later (1013): restart');
    life.socket.close('again');
    life.socket.send('nobody hears');
    expect(life.closings).toHaveLength(1);
  });

  test('an abrupt reset is told as a lost connection', async () => {
    const url = await serveSockets((socket) => socket.terminate());
    expect(await open(url).closed).toMatch(/lost without a close frame|connection failed/);
  });

  test('a frame above the limit closes the connection and is not handed over', async () => {
    const url = await serveSockets((socket) => socket.send('x'.repeat(2_000)));
    const life = open(url, { frameMaxBytes: 1_000 });
    expect(await life.closed).toBe('a frame was larger than 1000 bytes');
    expect(life.frames).toEqual([]);
  });

  test('a refused connection and an address that is none end in onClosed', async () => {
    const port = await listen(net.createServer());
    cleanups.pop()?.();
    expect(await open(`ws://127.0.0.1:${port}`).closed).toContain('connection failed');
    expect(await open('not an address').closed).toContain('cannot open not an address');
  });

  test('a server that never answers the handshake is given up', async () => {
    const port = await listen(net.createServer((socket) => cleanups.push(() => socket.destroy())));
    const life = open(`ws://127.0.0.1:${port}`, { handshakeTimeoutMs: 50 });
    expect(await life.closed).toContain('handshake has timed out');
  });

  test('an exchange that answers the handshake with a status is told with it', async () => {
    const url = await serveHttp((_request, response) => response.writeHead(429).end());
    expect(await open(url.replace('http', 'ws')).closed).toContain('429');
  });

  test('closing while the connection is being made ends it', async () => {
    const port = await listen(net.createServer((socket) => cleanups.push(() => socket.destroy())));
    const life = open(`ws://127.0.0.1:${port}`);
    life.socket.close('not needed');
    expect(await life.closed).toBe('closed by us: not needed');
  });

  test('nothing but onClosed comes after close, and the reason is cut to what a close frame holds', async () => {
    const reasons: string[] = [];
    const url = await serveSockets((socket) => {
      socket.on('close', (_code, reason) => reasons.push(reason.toString()));
      socket.send('first');
      socket.on('message', () => socket.send('second'));
    });
    const life = open(url);
    await life.frame(1);
    life.socket.send('go on');
    life.socket.close('ü'.repeat(200));
    await life.closed;
    expect(life.frames).toEqual(['first']);
    expect(reasons[0]).toBe('ü'.repeat(61));
  });

  test('a half-open peer that never answers the close is cut', async () => {
    let raw: net.Socket | undefined;
    const server = http.createServer();
    const sockets = new WebSocketServer({ server });
    server.on('connection', (socket) => (raw = socket));
    sockets.on('connection', () => raw?.pause());
    cleanups.push(() => raw?.destroy());
    const life = open(`ws://127.0.0.1:${await listen(server)}`);
    await life.opened;
    life.socket.close('dead');
    expect(await life.closed).toBe('closed by us: dead');
  });

  test('a paused socket holds the network back and loses nothing on resume', async () => {
    const frame = 'y'.repeat(100_000);
    const frameCount = 200;
    let serverBuffered = (): number => 0;
    const url = await serveSockets((socket) => {
      serverBuffered = () => socket.bufferedAmount;
      socket.once('message', () => {
        for (let index = 0; index < frameCount; index++) socket.send(frame);
      });
    });
    const life = open(url);
    await life.opened;
    life.socket.send('start');
    await life.frame(1);
    life.socket.pause();
    let before = -1;
    while (before !== serverBuffered()) {
      before = serverBuffered();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(life.frames.length).toBeLessThan(frameCount);
    expect(before).toBeGreaterThan(0);
    life.socket.resume();
    await life.frame(frameCount);
    expect(life.frames.every((each) => each === frame)).toBe(true);
  });
});

describe('a live REST request', () => {
  const limits = { timeoutMs: 5_000, bodyMaxBytes: 10_000 };

  test('returns status and body of any answer, over one kept connection', async () => {
    let connectionCount = 0;
    const server = http.createServer((request, response) => {
      if (request.url === '/bad') response.writeHead(400).end('{"code":-1121}');
      else response.end(`{"path":"${request.url ?? ''}"}`);
    });
    server.on('connection', () => connectionCount++);
    cleanups.push(() => server.closeAllConnections());
    const base = `http://127.0.0.1:${await listen(server)}`;
    const feeds = transport();
    expect(await feeds.request({ url: `${base}/a?b=1` }, limits)).toMatchObject({
      status: 200,
      body: '{"path":"/a?b=1"}',
      retryAfterMs: undefined,
    });
    expect(await feeds.request({ url: `${base}/bad` }, limits)).toMatchObject({
      status: 400,
      body: '{"code":-1121}',
    });
    expect(connectionCount).toBe(1);
  });

  test('unpacks gzip and counts the limit on unpacked bytes', async () => {
    const base = await serveHttp((request, response) => {
      const body = request.url === '/bomb' ? 'z'.repeat(1_000_000) : '{"ok":true}';
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(body));
    });
    const feeds = transport();
    expect((await feeds.request({ url: `${base}/fine` }, limits)).body).toBe('{"ok":true}');
    const failure: unknown = await feeds
      .request({ url: `${base}/bomb` }, limits)
      .catch((error: unknown) => error);
    expect(hasErrorCode(failure, 'FEED_REQUEST') && failure.fields['why']).toBe(
      'the body is larger than 10000 bytes',
    );
  });

  test('429 carries its Retry-After in ms, as seconds or as a date', async () => {
    const base = await serveHttp((_request, response) =>
      response.writeHead(429, { 'retry-after': '7' }).end('slow down'),
    );
    expect(await transport().request({ url: base }, limits)).toMatchObject({
      status: 429,
      retryAfterMs: 7_000,
      body: 'slow down',
    });
    const nowMs = Date.parse('2026-11-20T10:00:00Z');
    expect(parseRetryAfter('Fri, 20 Nov 2026 10:00:30 GMT', nowMs)).toBe(30_000);
    expect(parseRetryAfter('Fri, 20 Nov 2026 09:00:00 GMT', nowMs)).toBe(0);
    expect(parseRetryAfter('soon', nowMs)).toBeUndefined();
  });

  test('a kept connection that the server dropped is replaced without failing the request', async () => {
    let requestCount = 0;
    const base = await serveHttp((request, response) => {
      requestCount++;
      response.end('ok', () => {
        if (requestCount === 1) setImmediate(() => request.socket.resetAndDestroy());
      });
    });
    const feeds = transport();
    await feeds.request({ url: base }, limits);
    expect((await feeds.request({ url: base }, limits)).body).toBe('ok');
  });

  test.each<[string, http.RequestListener, string]>([
    ['no answer', () => undefined, 'no whole answer within 80 ms'],
    [
      'a body that trickles',
      (_request, response) => void response.writeHead(200).write('{'),
      'no whole answer within 80 ms',
    ],
    ['a reset', (request) => request.socket.resetAndDestroy(), 'ECONNRESET'],
    [
      'a connection that breaks in the middle',
      (_request, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('{', () => response.socket?.destroy());
      },
      '',
    ],
  ])('%s is a FEED_REQUEST error that can be tried again', async (_name, listener, why) => {
    const base = await serveHttp(listener);
    const failure: unknown = await transport()
      .request({ url: base }, { timeoutMs: 80, bodyMaxBytes: 1_000 })
      .catch((error: unknown) => error);
    expect(hasErrorCode(failure, 'FEED_REQUEST')).toBe(true);
    if (!hasErrorCode(failure, 'FEED_REQUEST')) return;
    expect(failure.isRetryable).toBe(true);
    expect(failure.message).toContain(why);
  });

  test('an address that is none is a FEED_REQUEST error that trying again can not help', async () => {
    const failure: unknown = await transport()
      .request({ url: 'ftp://x' }, limits)
      .catch((error: unknown) => error);
    expect(hasErrorCode(failure, 'FEED_REQUEST') && failure.isRetryable).toBe(false);
  });
});
