import { afterEach, describe, expect, test } from 'vitest';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import { createLiveTransport } from '../../src/feeds/live-transport.ts';
import { createRecordingServer } from '../../src/feeds/recording-server.ts';
import type { LineSketch } from './recording-files.ts';
import { answer, frame, open, writeRecording } from './recording-files.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const DEPTH = 'https://www.example.com/api/v1/depth?limit=1000&symbol=BTCUSDT';

async function serve(lines: readonly LineSketch[], requestWaitMs = 5_000) {
  const server = await createRecordingServer(writeRecording(lines), { timers: systemTimers, requestWaitMs });
  cleanups.push(() => server.close());
  const transport = createLiveTransport({ clock: systemClock });
  cleanups.push(() => transport.close());
  const seen: (string | number[])[] = [];
  const ask = async (pathAndQuery: string) => {
    const limits = { timeoutMs: 10_000, bodyMaxBytes: 1_000_000 };
    const { status, body } = await transport.request({ url: server.endpoints.rest + pathAndQuery }, limits);
    seen.push(status === 200 ? body : `refused ${status}`);
  };
  const watch = (conn: number, onFrame: (data: string) => void = () => undefined) => {
    let onClosed = (_reason: string): void => undefined;
    const closed = new Promise<string>((resolve) => (onClosed = resolve));
    const socket = transport.open(
      { url: server.endpoints.connection(conn), frameMaxBytes: 1_000_000, handshakeTimeoutMs: 5_000 },
      {
        onOpen: () => undefined,
        onFrame: (data) => {
          seen.push(typeof data === 'string' ? data : [...data]);
          if (typeof data === 'string') onFrame(data);
        },
        onClosed: (reason) => onClosed(reason),
      },
    );
    return { socket, closed };
  };
  return { server, seen, ask, watch };
}

describe('a recording served over sockets', () => {
  test('sends frames as text and bytes in order, and closes with 1000 at the end', async () => {
    const { server, seen, watch } = await serve([
      open(1, 'wss://x/ws'),
      frame(1, 'größer'),
      { dir: 'out', data: 'not for the client' },
      { dir: 'in', enc: 'base64', data: Buffer.from([0x1f, 0x8b, 0]).toString('base64') },
      frame(1, 'last'),
    ]);
    const { socket, closed } = watch(1);
    socket.send('{"op":"subscribe"}');
    expect(await server.drained).toBe(3);
    expect(await closed).toContain('(1000)');
    expect(seen).toEqual(['größer', [0x1f, 0x8b, 0], 'last']);
  });

  test('an answer comes between the frames where it was recorded, read whole before the next frame', async () => {
    const body = 'b'.repeat(500_000);
    const { server, seen, ask, watch } = await serve([
      open(1, 'wss://x/ws'),
      frame(1, 'first delta'),
      answer(DEPTH, body),
      ...Array.from({ length: 20 }, (_, index) => frame(1, `later ${index}`)),
    ]);
    const { closed } = watch(1, (data) => {
      if (data === 'first delta') void ask('/api/v3/depth?symbol=BTCUSDT&limit=5000');
    });
    await server.drained;
    await closed;
    expect(seen.slice(0, 3)).toEqual(['first delta', body, 'later 0']);
    expect(seen).toHaveLength(22);
  });

  test('lists are served before the connections are opened, and playback waits for all of them', async () => {
    const { server, seen, ask, watch } = await serve([
      answer('https://x/api/exchangeInfo', 'list'),
      open(1, 'wss://x/a'),
      open(2, 'wss://x/b'),
      frame(2, 'b'),
      frame(1, 'a'),
    ]);
    await ask('/api/v3/exchangeInfo');
    const first = watch(1);
    await ask('/api/v3/exchangeInfo');
    expect(seen).toEqual(['list', 'list']);
    const second = watch(2);
    await server.drained;
    await Promise.all([first.closed, second.closed]);
    expect(seen.slice(2).sort()).toEqual(['a', 'b']);
  });

  test('a slow client holds the playback back and loses nothing', async () => {
    const big = 'x'.repeat(100_000);
    const { server, seen, watch } = await serve([
      open(1, 'wss://x/ws'),
      ...Array.from({ length: 150 }, () => frame(1, big)),
    ]);
    let isDrained = false;
    const drained = server.drained.then(() => (isDrained = true));
    let seenCount = 0;
    const { socket, closed } = watch(1, () => {
      if (++seenCount !== 1) return;
      socket.pause();
      setTimeout(() => {
        expect(isDrained).toBe(false);
        socket.resume();
      }, 100);
    });
    await drained;
    await closed;
    expect(seen).toHaveLength(150);
  });

  test('an answer that nobody wants holds nothing up for long, and what the recording lacks is refused at its end', async () => {
    const { server, seen, ask, watch } = await serve(
      [open(1, 'wss://x/ws'), frame(1, 'a'), answer(DEPTH, 'unwanted'), frame(1, 'b')],
      10,
    );
    const asked = ask('/api/v3/depth?symbol=ETHUSDT');
    const { closed } = watch(1);
    expect(await server.drained).toBe(2);
    await Promise.all([closed, asked]);
    expect(seen).toContain('refused 404');
    expect(seen.filter((each) => each === 'a' || each === 'b')).toEqual(['a', 'b']);
  });

  test('a connection that was not recorded is refused', async () => {
    const { watch } = await serve([open(1, 'wss://x/ws'), frame(1, 'a')]);
    expect(await watch(2).closed).toContain('404');
  });
});
