/** A client that reads slowly, or not at all, or has gone: what it gets and when it is let go. */
import { describe, expect, it } from 'vitest';
import {
  ALL_EVENTS_MAX_BYTES,
  CLIENT_EVENTS_MAX,
  CLIENT_EVENTS_MAX_BYTES,
  CLOSE_GRACE_MS,
  DISCONNECT_LATE_MS,
  LOOK_EVERY_MS,
  PING_EVERY_MS,
  WARN_LATE_MS,
} from '../../../src/admin/gateway/gateway-limits.ts';
import { createSession } from './session-support.ts';

const BOOK = 'orderbook:binance:BTC-USDT:1';
const TICKER = 'ticker:binance:BTC-USDT';
const TRADES = 'trades:binance:BTC-USDT';

type Session = ReturnType<typeof createSession>;

/** Time goes on as the gateway sees it: it looks at its clients now and then, and they answer pings. */
function live(client: Session, durationMs: number, answers = true): void {
  for (let passedMs = 0; passedMs < durationMs; passedMs += LOOK_EVERY_MS) {
    client.clock.advanceNow(LOOK_EVERY_MS);
    if (answers) client.session.heard();
    client.session.look(0);
    client.flush();
  }
}

/** A client that has subscribed to all three and read the answer. */
function connected(): Session {
  const client = createSession();
  client.subscribe(BOOK, TICKER, TRADES);
  client.socket.read();
  return client;
}

const numbersOf = (told: ReturnType<Session['socket']['read']>): unknown[] =>
  told.map(({ channel, value }) => [channel, value?.seq]);

describe('a client that does not read', () => {
  it('has one value of each channel waiting, the latest, those that waited longest first', () => {
    const client = connected();
    client.socket.capacity = 0;
    client.publish(BOOK);
    const ticker = client.publish(TICKER);
    for (let count = 0; count < 1_000; count++) client.publish(BOOK);
    const book = client.publish(BOOK);
    client.socket.capacity = 10;
    client.flush();
    const told = client.socket.read();
    expect(numbersOf(told)).toEqual([
      [BOOK, book],
      [TICKER, ticker],
    ]);
    // The hole in the numbers tells it how many it did not see.
    expect(told.map(({ number }) => number)).toEqual([1_002, 1]);
    expect(client.totals.replacedCount).toBe(1_001);
  });

  it('keeps what can not be replaced up to a limit, and is told where how many are missing', () => {
    const client = connected();
    client.socket.capacity = 0;
    const first = client.tellTrade(TRADES);
    for (let count = 1; count < CLIENT_EVENTS_MAX + 7; count++) client.tellTrade(TRADES);
    expect(client.totals.droppedCount).toBe(7);
    client.socket.capacity = Number.POSITIVE_INFINITY;
    client.flush();
    const after = client.tellTrade(TRADES);
    const told = client.socket.read();
    expect(told.slice(0, CLIENT_EVENTS_MAX).map(({ value }) => value!.seq)).toEqual(
      Array.from({ length: CLIENT_EVENTS_MAX }, (_, index) => first + index),
    );
    expect(told[CLIENT_EVENTS_MAX]).toEqual({ type: 'dropped', channel: TRADES, count: 7 });
    expect(numbersOf(told.slice(CLIENT_EVENTS_MAX + 1))).toEqual([[TRADES, after]]);
    expect(client.totals.eventBytes).toBe(0);
  });

  it('is told of a hole before what comes after it, where it read a little in between', () => {
    const client = connected();
    client.socket.capacity = 0;
    for (let count = 0; count < CLIENT_EVENTS_MAX + 3; count++) client.tellTrade(TRADES);
    client.socket.capacity = 2;
    client.flush();
    client.socket.read();
    client.socket.capacity = 0;
    const next = client.tellTrade(TRADES);
    client.socket.capacity = Number.POSITIVE_INFINITY;
    client.flush();
    const told = client.socket.read();
    expect(told.at(-2)).toEqual({ type: 'dropped', channel: TRADES, count: 3 });
    expect(numbersOf(told.slice(-1))).toEqual([[TRADES, next]]);
  });

  it('keeps so many bytes of them and no more', () => {
    const client = connected();
    client.socket.capacity = 0;
    const text = 'x'.repeat(100_000);
    for (let count = 0; count < 20; count++) client.tellTrade(TRADES, text);
    expect(client.session.waiting.eventBytes).toBeLessThanOrEqual(CLIENT_EVENTS_MAX_BYTES);
    expect(client.session.waiting.eventCount).toBe(10);
    expect(client.totals.droppedCount).toBe(10);
  });

  it('all clients together keep so many bytes of them', () => {
    const client = connected();
    client.socket.capacity = 0;
    client.totals.eventBytes = ALL_EVENTS_MAX_BYTES - 1_000;
    client.tellTrade(TRADES, 'x'.repeat(500));
    client.tellTrade(TRADES, 'x'.repeat(500));
    expect([client.session.waiting.eventCount, client.totals.droppedCount]).toEqual([1, 1]);
  });

  it('is warned first, and then disconnected with the reason', () => {
    const client = connected();
    client.socket.capacity = 0;
    client.publish(BOOK);
    live(client, WARN_LATE_MS);
    expect(client.done.filter((what) => what !== 'ping')).toEqual([]);
    // It reads a single message: the warning comes before what waited.
    client.socket.capacity = 1;
    client.flush();
    expect(client.socket.read()).toMatchObject([
      { type: 'warning', code: 'SLOW_READER', lateMs: WARN_LATE_MS },
    ]);
    client.socket.capacity = 0;
    live(client, DISCONNECT_LATE_MS - WARN_LATE_MS);
    expect(client.done.filter((what) => what !== 'ping')).toEqual([
      `close 4008: reads too slowly: a message has waited for ${DISCONNECT_LATE_MS} ms`,
    ]);
    live(client, CLOSE_GRACE_MS);
    expect(client.done.at(-1)).toBe('terminate');
    expect(client.totals.endedCounts).toEqual(new Map([['slow', 1]]));
  });

  it('is not blamed while there is nothing for it to read', () => {
    const client = connected();
    client.socket.capacity = 0;
    live(client, 10 * DISCONNECT_LATE_MS);
    expect(client.done.filter((what) => what !== 'ping')).toEqual([]);
  });

  it('is read out of what it left behind: nothing is kept for who was disconnected', () => {
    const client = connected();
    client.socket.capacity = 0;
    for (let count = 0; count < 10; count++) client.tellTrade(TRADES);
    live(client, DISCONNECT_LATE_MS);
    expect(client.channels.isRead(TRADES)).toBe(false);
    expect(client.totals.eventBytes).toBe(0);
    expect(client.session.channelCount).toBe(0);
  });

  it('that asks and asks is disconnected once too many answers wait', () => {
    const client = connected();
    client.socket.capacity = 0;
    for (let count = 0; count <= CLIENT_EVENTS_MAX; count++) {
      client.session.receive('{"type":"ping"}');
      client.clock.advanceNow(50);
    }
    expect(client.done).toEqual(['close 4008: asks without reading the answers']);
  });
});

describe('a client that reads more slowly than things change', () => {
  it('is never disconnected as long as nothing waits for long: it gets the latest at its own pace', () => {
    const client = connected();
    const seen: number[] = [];
    client.socket.capacity = 1;
    for (let round = 0; round < 300; round++) {
      for (let count = 0; count < 10; count++) client.publish(BOOK);
      live(client, LOOK_EVERY_MS);
      seen.push(...client.socket.read().map(({ value }) => value!.seq));
      client.flush();
    }
    expect(client.done.filter((what) => what !== 'ping')).toEqual([]);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.length).toBeGreaterThan(250);
    expect(3_000 - seen.at(-1)!).toBeLessThanOrEqual(20);
  });
});

describe('a client that says nothing', () => {
  it('is pinged, and is gone where it does not answer before the next ping', () => {
    const client = connected();
    live(client, PING_EVERY_MS, false);
    expect(client.done).toEqual(['ping']);
    live(client, PING_EVERY_MS, false);
    expect(client.done.slice(0, 2)).toEqual(['ping', 'terminate']);
    expect(client.totals.endedCounts).toEqual(new Map([['silent', 1]]));
    expect(client.channels.isRead(TRADES)).toBe(false);
  });

  it('but answers stays', () => {
    const client = connected();
    live(client, 10 * PING_EVERY_MS);
    expect(client.done).toEqual(Array(10).fill('ping'));
  });
});

describe('while the node can not be sure that its instruments are still its own', () => {
  it('values and trades wait, marks are told at once', () => {
    const client = connected();
    const sure = client.publish(BOOK);
    expect(numbersOf(client.socket.read())).toEqual([[BOOK, sure]]);
    client.lease.isHeld = false;
    client.publish(BOOK);
    client.publish(TICKER);
    client.tellTrade(TRADES);
    expect(client.socket.read()).toEqual([]);
    client.channels.markStale([{ key: BOOK, epoch: 1, reason: 'not sure' }]);
    expect(client.socket.read()).toMatchObject([
      { channel: BOOK, value: { status: 'stale', reason: 'not sure' } },
    ]);
    client.lease.isHeld = true;
    client.flush();
    expect(client.socket.read().map(({ channel }) => channel)).toEqual([TICKER, TRADES]);
  });

  it('a slow client does not get a live book that waited for it since before', () => {
    const client = connected();
    client.socket.capacity = 0;
    client.publish(BOOK);
    client.lease.isHeld = false;
    client.channels.markStale([{ key: BOOK, epoch: 1, reason: 'not sure' }]);
    client.socket.capacity = 10;
    client.flush();
    expect(client.socket.read()).toMatchObject([
      { channel: BOOK, value: { status: 'stale', reason: 'not sure' } },
    ]);
  });

  it('nobody is late for what waited for the lease', () => {
    const client = connected();
    client.lease.isHeld = false;
    client.publish(BOOK);
    client.clock.advanceNow(10 * DISCONNECT_LATE_MS);
    client.lease.isHeld = true;
    client.socket.capacity = 0;
    client.session.heard();
    client.session.look(client.clock.monotonicMs());
    expect(client.done.filter((what) => what !== 'ping')).toEqual([]);
  });
});

describe('a frame', () => {
  it('is made once for all clients, compressed once for those who take it', () => {
    const plain = [createSession(), createSession()];
    const packed = [createSession({ takesDeflate: true }), createSession({ takesDeflate: true })];
    const all = [...plain, ...packed];
    const { channels } = plain[0]!;
    for (const { session, socket } of all) {
      channels.join(BOOK, session);
      socket.read();
    }
    const value = JSON.stringify({ status: 'live', text: '91230.1 '.repeat(500) });
    channels.publish([{ key: BOOK, epoch: 1, seq: 1, value, kind: 'latest' }]);
    const [first, second, third, fourth] = all.map(({ socket }) => socket.frames[0]!);
    expect(second).toBe(first);
    expect(fourth).toBe(third);
    expect(third!.length).toBeLessThan(first!.length / 5);
    const told = all.map(({ socket }) => socket.read());
    expect(new Set(told.map((each) => JSON.stringify(each))).size).toBe(1);
  });

  it.each([100, 125, 126, 65_535, 65_536, 200_000])('of %i bytes and about can be read', (length) => {
    for (const takesDeflate of [false, true]) {
      for (let extra = -130; extra <= 20; extra += 10) {
        const client = createSession({ takesDeflate });
        client.channels.join(TRADES, client.session);
        client.socket.read();
        const text = 'y'.repeat(Math.max(0, length + extra));
        client.tellTrade(TRADES, text);
        expect(client.socket.read()).toMatchObject([{ value: { text } }]);
      }
    }
  });
});
