import { describe, expect, test } from 'vitest';
import { hasErrorCode } from '../../src/base/errors.ts';
import type { FeedSocket } from '../../src/actors/feed-ports.ts';
import { isSameRequest } from '../../src/feeds/recorded-answers.ts';
import type { RecordingTransport } from '../../src/feeds/recording-transport.ts';
import { createRecordingTransport } from '../../src/feeds/recording-transport.ts';
import { answer, frame, open, writeRecording } from './recording-files.ts';

const DEPTH = 'https://www.example.com/api/v1/depth?limit=1000&symbol=BTCUSDT';
const OPEN = { frameMaxBytes: 1_000_000, handshakeTimeoutMs: 1_000 };
const LIMITS = { timeoutMs: 1_000, bodyMaxBytes: 1_000_000 };

/** A client that notes all it sees, in order. */
function watch(transport: RecordingTransport, url: string, name: string, seen: string[]): FeedSocket {
  return transport.open(
    { url, ...OPEN },
    {
      onOpen: () => seen.push(`${name} open`),
      onFrame: (data, receiveTimeMs) => seen.push(`${name} ${data as string} @${receiveTimeMs}`),
      onClosed: (reason) => seen.push(`${name} closed: ${reason}`),
    },
  );
}

const note = async (transport: RecordingTransport, url: string, seen: string[]): Promise<void> => {
  const { body, receiveTimeMs, status } = await transport.request({ url }, LIMITS);
  seen.push(`answer ${body} ${status} @${receiveTimeMs}`);
};

describe('a recording played straight in', () => {
  test('hands over frames and answers in the order of the file, with its times', async () => {
    const path = writeRecording([
      open(1, 'wss://a.example.com/ws'),
      { ...frame(1, 'before'), t: 1_001.9 },
      answer(DEPTH, 'book'),
      frame(1, 'after'),
      frame(1, 'last'),
    ]);
    const transport = await createRecordingTransport(path);
    const seen: string[] = [];
    watch(transport, 'wss://a.example.com/ws', 'a', seen);
    const asked = note(transport, 'https://api.example.com/api/v3/depth?symbol=BTCUSDT&limit=5000', seen);
    const summary = await transport.play();
    await asked;
    expect(seen).toEqual([
      'a open',
      'a before @1001',
      'answer book 200 @1002',
      'a after @1003',
      'a last @1004',
    ]);
    expect(summary).toEqual({
      frameCount: 3,
      leftOutCount: 0,
      unaskedAnswerCount: 0,
      lastReceiveTimeMs: 1_004,
    });
    expect(transport.replayClock.nowMs()).toBe(1_004);
  });

  test('a request caused by a frame is answered before the frame that follows its answer', async () => {
    const path = writeRecording([
      open(1, 'wss://a/ws'),
      frame(1, 'delta'),
      answer(DEPTH, 'book'),
      ...Array.from({ length: 50 }, (_, index) => frame(1, `later ${index}`)),
    ]);
    const transport = await createRecordingTransport(path);
    const seen: string[] = [];
    transport.open(
      { url: 'wss://a/ws', ...OPEN },
      {
        onOpen: () => undefined,
        onFrame: (data) => {
          seen.push(data as string);
          // As an actor does: a few turns later.
          if (data === 'delta') setImmediate(() => setImmediate(() => void note(transport, DEPTH, seen)));
        },
        onClosed: () => undefined,
      },
    );
    await transport.play();
    expect(seen.slice(0, 3)).toEqual(['delta', 'answer book 200 @1002', 'later 0']);
  });

  test('snapshots of one symbol go out in order, one for each request, and lists of instruments to all', async () => {
    const list = 'https://x/api/v3/exchangeInfo';
    const path = writeRecording([
      answer(list, 'list'),
      open(1, 'wss://a/ws'),
      answer(DEPTH, 'book 1'),
      answer(DEPTH.replace('BTC', 'ETH'), 'other'),
      answer(DEPTH, 'book 2'),
      frame(1, 'x'),
    ]);
    const transport = await createRecordingTransport(path);
    const seen: string[] = [];
    const playing = transport.play();
    await note(transport, list, seen);
    await note(transport, list, seen);
    watch(transport, 'wss://a/ws', 'a', seen);
    await playing;
    await note(transport, DEPTH, seen);
    await note(transport, DEPTH, seen);
    expect(seen.filter((line) => line.startsWith('answer')).map((line) => line.split(' 200')[0])).toEqual([
      'answer list',
      'answer list',
      'answer book 1',
      'answer book 2',
    ]);
  });

  test('a request without an answer fails at the end and not before', async () => {
    const transport = await createRecordingTransport(
      writeRecording([open(1, 'wss://a/ws'), frame(1, 'one'), frame(1, 'two')]),
    );
    const seen: string[] = [];
    const asked = note(transport, DEPTH, seen).catch((error: unknown) =>
      seen.push(hasErrorCode(error, 'FEED_REQUEST') ? 'FEED_REQUEST' : 'something else'),
    );
    watch(transport, 'wss://a/ws', 'a', seen);
    await transport.play();
    await asked;
    expect(seen).toEqual(['a open', 'a one @1001', 'a two @1002', 'FEED_REQUEST']);
    await expect(transport.request({ url: DEPTH }, LIMITS)).rejects.toThrow('holds no answer');
  });

  test('nothing is handed over while a socket is paused, and nothing is lost', async () => {
    const path = writeRecording([
      open(1, 'wss://a/ws'),
      ...Array.from({ length: 20 }, (_, index) => frame(1, String(index))),
    ]);
    const transport = await createRecordingTransport(path);
    const frames: string[] = [];
    const socket = transport.open(
      { url: 'wss://a/ws', ...OPEN },
      {
        onOpen: () => undefined,
        onFrame: (data) => {
          frames.push(data as string);
          if (frames.length !== 7) return;
          socket.pause();
          setTimeout(() => {
            expect(frames).toHaveLength(7);
            socket.resume();
          }, 20);
        },
        onClosed: () => undefined,
      },
    );
    await transport.play();
    expect(frames).toEqual(Array.from({ length: 20 }, (_, index) => String(index)));
  });

  test('each socket gets the connection of its own address, in the order of opening where addresses are alike', async () => {
    const path = writeRecording([
      open(1, 'wss://x/spot'),
      open(2, 'wss://x/linear'),
      open(3, 'wss://x/linear'),
      frame(3, 'c'),
      frame(1, 'a'),
      frame(2, 'b'),
    ]);
    const transport = await createRecordingTransport(path);
    const seen: string[] = [];
    watch(transport, 'wss://today/linear', 'first linear', seen);
    watch(transport, 'wss://today/spot', 'spot', seen);
    const playing = transport.play();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(seen).toEqual(['first linear open', 'spot open']);
    watch(transport, 'wss://today/linear', 'second linear', seen);
    await playing;
    expect(seen.slice(2)).toEqual([
      'second linear open',
      'second linear c @1003',
      'spot a @1004',
      'first linear b @1005',
    ]);
  });

  test('merged, one socket gets all connections; with a list, the others are left out', async () => {
    const path = writeRecording([open(1, 'wss://x/ws'), open(2, 'wss://x/ws'), frame(2, 'b'), frame(1, 'a')]);
    const merged = await createRecordingTransport(path, { connections: 'merged' });
    const seen: string[] = [];
    watch(merged, 'wss://x/ws', 'all', seen);
    await merged.play();
    expect(seen).toEqual(['all open', 'all b @1002', 'all a @1003']);

    const some = await createRecordingTransport(path, { connections: [2] });
    const chosen: string[] = [];
    watch(some, 'wss://x/ws', 'two', chosen);
    expect(await some.play()).toMatchObject({ frameCount: 1, leftOutCount: 1 });
    expect(chosen).toEqual(['two open', 'two b @1002']);
  });

  test('a client that comes back goes on where it left', async () => {
    const path = writeRecording([open(1, 'wss://a/ws'), frame(1, 'one'), frame(1, 'two')]);
    const transport = await createRecordingTransport(path);
    const seen: string[] = [];
    const first = transport.open(
      { url: 'wss://a/ws', ...OPEN },
      {
        onOpen: () => undefined,
        onFrame: (data) => {
          seen.push(data as string);
          first.close('resync');
        },
        onClosed: (reason) => {
          seen.push(reason);
          watch(transport, 'wss://a/ws', 'again', seen);
        },
      },
    );
    await transport.play();
    expect(seen).toEqual(['one', 'closed by us: resync', 'again open', 'again two @1002']);
  });

  test('stop ends a playback that waits, and closes the sockets', async () => {
    const path = writeRecording([open(1, 'wss://a/ws'), open(2, 'wss://b/ws'), frame(1, 'x')]);
    const transport = await createRecordingTransport(path);
    const seen: string[] = [];
    const socket = watch(transport, 'wss://a/ws', 'a', seen);
    socket.pause();
    const playing = transport.play();
    setTimeout(() => transport.stop(), 10);
    expect(await playing).toMatchObject({ frameCount: 0 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual(['a open', 'a closed: the playback has ended']);
  });
});

describe('matching of requests', () => {
  test.each([
    [DEPTH, 'https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=5000', true],
    [DEPTH, 'https://api.binance.com/api/v3/depth?symbol=ETHUSDT&limit=1000', false],
    [DEPTH, 'https://api.binance.com/api/v3/trades?symbol=BTCUSDT', false],
    ['https://h/v2/public/get-instruments', 'https://h/exchange/v1/public/get-instruments', true],
    [
      'https://h/v5/market/instruments-info?&category=linear&status=Trading',
      'http://127.0.0.1:1/v5/market/instruments-info?category=linear&limit=1000',
      true,
    ],
    [
      'https://h/v5/market/instruments-info?category=spot',
      'https://h/v5/market/instruments-info?category=linear',
      false,
    ],
    ['https://h/api/v2/order_book/btcusd/', 'https://h/api/v2/order_book/BTCUSD?group=1', true],
  ])('%s and %s: %s', (recorded, asked, isSame) => {
    expect(isSameRequest(asked, recorded)).toBe(isSame);
  });
});
