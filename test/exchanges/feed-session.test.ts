import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExchangeAdapter, FeedMessage } from '../../src/exchanges/adapter.ts';
import { cryptocomAdapter } from '../../src/exchanges/cryptocom.ts';
import { REJECTED_TEXT_MAX_CHARS } from '../../src/exchanges/frame-rejections.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';
import { SessionHarness } from '../support/session-harness.ts';

/** A made-up exchange whose frames are already messages, so that a test says exactly what the session is told. */
const plainAdapter: ExchangeAdapter = {
  ...cryptocomAdapter,
  protocol: 'test',
  limits: {
    ...cryptocomAdapter.limits,
    settleMs: 0,
    symbolsPerSubscribeFrame: 2,
    framesPerConnection: { count: 2, windowMs: 1000 },
  },
  deadAfterMs: 30_000,
  createDecoder: () => ({ decode: (frame) => JSON.parse(String(frame)) as FeedMessage[] }),
  subscribeFrames: (symbols, channels) => [`+${symbols.join(',')} ${channels.join(',')}`],
  unsubscribeFrames: (symbols, channels) => [`-${symbols.join(',')} ${channels.join(',')}`],
};

const countingAdapter: ExchangeAdapter = {
  ...plainAdapter,
  continuityScope: 'connection',
  resync: 'reconnect',
  nextConnectionSequence: (last) => Number(last) + 1,
};

const times = { eventTimeMs: 1, receiveTimeMs: 1 };
const scales = { price: 0, quantity: 0 };
const book = { ...times, scales, bids: [10, 1], asks: [11, 1], checksum: undefined };

function snapshot(symbol: string, sequence: number | undefined, receiveTimeMs = 1) {
  const event = { type: 'BookSnapshot', ...book, receiveTimeMs, depth: undefined, sequence };
  return { type: 'book', nativeSymbol: symbol, event };
}

function delta(symbol: string, previous: number, last: number, receiveTimeMs = 1) {
  const event = { type: 'BookDelta', ...book, receiveTimeMs, sequence: last };
  return { type: 'delta', nativeSymbol: symbol, event, range: { previous, last } };
}

function opened(adapter: ExchangeAdapter, symbols: readonly string[]): SessionHarness {
  const harness = new SessionHarness(adapter, symbols);
  harness.opened(0);
  return harness;
}

const TICK_MS = 250;

/** Lets time pass as a connection does, which ticks four times a second. */
function pass(harness: SessionHarness, fromMs: number, toMs: number, isPaused = false): void {
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += TICK_MS) harness.tick(nowMs, { isPaused });
}

describe('a feed session', () => {
  it('tells every symbol first that it is connected, last that it is disconnected', () => {
    const harness = opened(plainAdapter, ['A', 'B']);
    harness.frame([snapshot('A', 1)], 1);
    harness.closed('reset by peer', 5);
    harness.frame([snapshot('B', 1)], 6);
    expect(harness.story('A')).toEqual(['connected', 'snapshot 1', 'disconnected']);
    expect(harness.story('B')).toEqual(['connected', 'disconnected']);
    expect(harness.session.status()).toMatchObject({ state: 'closed', syncedCount: 0 });
  });

  it('says nothing of a connection that never opened', () => {
    const harness = new SessionHarness(plainAdapter, ['A']);
    harness.closed('refused', 5);
    expect(harness.events).toEqual([]);
  });

  it('tells a frame of ever so many unreadable parts by a few dead letters and a number', () => {
    const harness = opened(plainAdapter, ['A']);
    const unreadable = { type: 'rejected', nativeSymbol: 'A', reason: 'no level' };
    harness.frame(
      Array.from({ length: 1_000 }, () => unreadable),
      1,
    );
    expect(harness.rejections).toHaveLength(11);
    expect(harness.rejections.at(-1)?.detail).toBe("990 more parts of the frame can't be used");
    expect(harness.suspectedTrades).toHaveLength(11);
    harness.frame([unreadable], 2);
    expect(harness.rejections).toHaveLength(12);
  });

  it('cuts the symbol of a dead letter, whatever the exchange calls a symbol', () => {
    const harness = opened(plainAdapter, ['A']);
    harness.frame([{ type: 'rejected', nativeSymbol: 'S'.repeat(1_000_000), reason: 'no level' }], 1);
    expect(harness.rejections.map(({ symbol }) => symbol)).toEqual(['S'.repeat(64)]);
  });

  it('sends no more frames than the window allows, in order, and the rest when its time has come', () => {
    const harness = opened(plainAdapter, ['A', 'B', 'C', 'D', 'E', 'F', 'G']);
    expect(harness.sent).toEqual(['+A,B book,trades', '+C,D book,trades']);
    harness.tick(999);
    expect(harness.sent).toHaveLength(2);
    harness.tick(1000);
    expect(harness.sent.slice(2)).toEqual(['+E,F book,trades', '+G book,trades']);
  });

  it('lets an answer to a heartbeat pass before everything, whatever the window', () => {
    const harness = opened(plainAdapter, ['A', 'B', 'C', 'D', 'E']);
    harness.frame([{ type: 'reply', frame: 'pong' }], 10);
    expect(harness.sent.at(-1)).toBe('pong');
    expect(harness.session.status().queuedFrames).toBe(1);
  });

  it('subscribes what is new only, and delivers nothing of what is no longer watched', () => {
    const harness = opened(plainAdapter, ['A']);
    harness.watch(['A', 'B', 'B'], 2000);
    harness.unwatch(['A', 'Z'], 4000);
    expect(harness.sent).toEqual(['+A book,trades', '+B book,trades', '-A book,trades']);
    harness.frame([snapshot('A', 1), snapshot('B', 1)], 4100);
    expect(harness.story('A')).toEqual(['connected']);
    expect(harness.story('B')).toEqual(['connected', 'snapshot 1']);
    expect(harness.session.counters(toNativeSymbol('A'))).toBeUndefined();
  });

  it('calls nobody silent while it does not listen itself', () => {
    const harness = opened(plainAdapter, ['A']);
    harness.frame([{ type: 'alive' }], 20_000);
    pass(harness, 0, 20_000);
    pass(harness, 20_250, 90_000, true);
    pass(harness, 90_250, 120_000);
    expect(harness.reconnects).toEqual([]);
    harness.tick(120_001);
    expect(harness.reconnects).toHaveLength(1);
  });

  it('calls nobody silent for a frame of before the pause that is read only after it', () => {
    const harness = opened(plainAdapter, ['A']);
    pass(harness, 0, 20_000);
    pass(harness, 20_250, 90_000, true);
    harness.frame([{ type: 'alive' }], 20_100);
    pass(harness, 90_250, 120_000);
    expect(harness.reconnects).toEqual([]);
    expect(harness.session.status().lastSound?.wallMs).toBe(20_100);
  });

  it.each([
    ['in a paused socket', (harness: SessionHarness) => pass(harness, 250, 20_000, true)],
    ['in a process that stands still', (harness: SessionHarness) => harness.tick(20_000)],
  ])('asks for no book again whose first snapshot may wait unread %s', (_where, away) => {
    const harness = opened(plainAdapter, ['A']);
    away(harness);
    pass(harness, 20_250, 34_750);
    expect([harness.sent, harness.story('A')]).toEqual([['+A book,trades'], ['connected']]);
    pass(harness, 35_000, 35_000);
    expect(harness.sent).toEqual(['+A book,trades', '-A book', '+A book']);
    expect(harness.story('A').at(-1)).toBe('stale: no book snapshot within 15000 ms');
  });

  it('calls nobody silent for what lay unread while the process stood still', () => {
    const harness = opened(plainAdapter, ['A']);
    harness.frame([{ type: 'alive' }], 10_000);
    pass(harness, 0, 10_000);
    harness.tick(80_000);
    expect([harness.reconnects, harness.session.isDeaf]).toEqual([[], true]);
    pass(harness, 80_250, 110_000);
    expect([harness.reconnects, harness.session.isDeaf]).toEqual([[], false]);
    harness.tick(110_250);
    expect(harness.reconnects).toHaveLength(1);
  });

  it('asks for another connection once when this one falls silent, and every frame counts as sound', () => {
    const harness = opened(plainAdapter, ['A']);
    harness.frame([{ type: 'alive' }], 20_000);
    pass(harness, 0, 50_000);
    expect(harness.reconnects).toEqual([]);
    harness.tick(50_001);
    pass(harness, 50_250, 60_000);
    expect(harness.reconnects).toEqual([{ reason: 'silent for 30001 ms', urgency: 'now' }]);
  });

  it('pings when idle long enough, and again only after as long', () => {
    const clientPing = { frame: (nowMs: number) => `ping ${nowMs}`, everyMs: 10_000, whenIdle: true };
    const harness = opened({ ...plainAdapter, clientPing, deadAfterMs: 100_000 }, []);
    for (let nowMs = 0; nowMs <= 40_000; nowMs += 1000) {
      if (nowMs === 15_000) harness.frame([{ type: 'alive' }], nowMs);
      harness.tick(nowMs);
    }
    expect(harness.sent).toEqual(['ping 10000', 'ping 25000', 'ping 35000']);
  });

  it.each([-3_600_000, 3_600_000])(
    'does the same at the same time when the wall clock is set by %i ms meanwhile, but for what it stamps',
    (byMs) => {
      const clientPing = { frame: () => 'ping', everyMs: 10_000, whenIdle: true };
      const adapter = { ...plainAdapter, clientPing };
      const play = (setByMs: number) => {
        const actions: string[] = [];
        const harness = new SessionHarness(adapter, ['A', 'B', 'C', 'D', 'E']);
        const note = (atMs: number) => {
          for (const frame of harness.sent.splice(0)) actions.push(`${atMs} ${frame}`);
          for (const { reason } of harness.reconnects.splice(0)) actions.push(`${atMs} ${reason}`);
        };
        const momentOf = (monotonicMs: number) => ({
          monotonicMs,
          wallMs: 1_800_000_000_000 + monotonicMs + (monotonicMs >= 2_000 ? setByMs : 0),
        });
        harness.session.opened(momentOf(0));
        for (let nowMs = 0; nowMs <= 80_000; nowMs += TICK_MS) {
          const now = momentOf(nowMs);
          if (nowMs === 1_500) harness.session.frame(JSON.stringify([snapshot('A', 1)]), now);
          if (nowMs === 2_500) harness.session.frame(JSON.stringify([delta('A', 5, 6)]), now);
          if (nowMs === 3_000) harness.session.frame(JSON.stringify([snapshot('A', 8)]), now);
          if (nowMs === 3_250) harness.session.resync(toNativeSymbol('A'), 'wrong', now);
          harness.session.tick(now);
          note(nowMs);
        }
        return { actions, stamps: harness.events.map(({ event }) => event.receiveTimeMs) };
      };
      const undisturbed = play(0);
      const disturbed = play(byMs);
      expect(undisturbed.actions).toContain('33250 silent for 30250 ms');
      expect(disturbed.actions).toEqual(undisturbed.actions);
      expect(disturbed.stamps.some((atMs, index) => atMs !== undisturbed.stamps[index])).toBe(true);
    },
  );

  it('turns a throwing decoder into a dead letter of bounded size', () => {
    const harness = opened(plainAdapter, ['A']);
    harness.frame(`not JSON ${'x'.repeat(10_000)}`, 10);
    harness.frame(new Uint8Array(10_000), 11);
    expect(harness.rejections.map(({ reason, text }) => [reason, text.length])).toEqual([
      ['bad-frame', REJECTED_TEXT_MAX_CHARS],
      ['bad-frame', REJECTED_TEXT_MAX_CHARS],
    ]);
    expect(harness.session.status()).toMatchObject({ framesReceived: 2, framesRejected: 2 });
  });

  it('makes a book stale when a part of it could not be read, and no other', () => {
    const harness = opened(plainAdapter, ['A', 'B']);
    harness.frame([snapshot('A', 1), snapshot('B', 1)], 10);
    harness.frame([{ type: 'rejected', nativeSymbol: 'A', reason: 'bad trade' }], 20);
    expect(harness.session.status().syncedCount).toBe(2);
    harness.frame([{ type: 'rejected', nativeSymbol: 'A', reason: 'bad level', damagesBook: true }], 30);
    harness.frame([delta('A', 1, 2), delta('B', 1, 2)], 40);
    expect(harness.story('A').slice(2)).toEqual(['stale: lost a part of the book: bad level']);
    expect(harness.story('B').slice(2)).toEqual(['delta 2']);
  });

  it('suspects trades of whatever could not be read, unless it was surely a book', () => {
    const harness = opened(plainAdapter, ['A', 'B']);
    harness.frame([{ type: 'rejected', nativeSymbol: 'A', reason: 'bad level', damagesBook: true }], 10);
    expect(harness.suspectedTrades).toEqual([]);
    harness.frame([{ type: 'rejected', nativeSymbol: 'A', reason: 'bad trade' }], 20);
    harness.frame([{ type: 'rejected', nativeSymbol: undefined, reason: 'garbage' }], 30);
    expect(harness.suspectedTrades).toEqual(['A', undefined]);
  });

  it('makes all books stale by an unreadable frame only where no sequence and no checksum would tell', () => {
    const garbage = [{ type: 'rejected', nativeSymbol: undefined, reason: 'garbage' }];
    const unproven: ExchangeAdapter = { ...plainAdapter, continuityScope: 'none' };
    const staleOf = (adapter: ExchangeAdapter): number => {
      const harness = opened(adapter, ['A', 'B']);
      harness.frame([snapshot('A', 1), snapshot('B', 1)], 10);
      harness.frame(garbage, 20);
      return 2 - harness.session.status().syncedCount;
    };
    expect(staleOf(unproven)).toBe(2);
    expect(staleOf({ ...unproven, checksum: () => 0 })).toBe(0);
    expect(staleOf(plainAdapter)).toBe(0);
  });

  it('resynchronises a book when asked to, once, however long the frames wait in the queue', () => {
    const harness = opened(plainAdapter, ['A']);
    harness.frame([snapshot('A', 1)], 2000);
    harness.resync('A', 'checksum mismatch', 3000);
    harness.resync('A', 'checksum mismatch', 3001);
    for (let nowMs = 3100; nowMs < 17_000; nowMs += 100) {
      harness.frame([{ type: 'alive' }], nowMs);
      harness.tick(nowMs);
    }
    expect(harness.story()).toEqual(['connected', 'snapshot 1', 'stale: checksum mismatch']);
    expect(harness.sent).toEqual(['+A book,trades', '-A book', '+A book']);
    harness.frame([snapshot('A', 9)], 17_000);
    expect(harness.session.status().syncedCount).toBe(1);
  });
});

describe('a feed session whose sequence counts over the connection', () => {
  it('checks every frame, also those without a book', () => {
    const harness = opened(countingAdapter, ['A']);
    for (let sequence = 5; sequence < 10; sequence++)
      harness.frame([{ type: 'connectionSequence', sequence }], sequence);
    expect(harness.session.status()).toMatchObject({ connectionSequenceChecksOk: 4, connectionGapCount: 0 });
    expect(harness.reconnects).toEqual([]);
  });

  it('makes every book stale at a gap, before what the frame holds, and asks for another connection once', () => {
    const harness = opened(countingAdapter, ['A', 'B']);
    harness.frame(
      [{ type: 'connectionSequence', sequence: 1 }, snapshot('A', undefined), snapshot('B', undefined)],
      10,
    );
    harness.frame([{ type: 'connectionSequence', sequence: 3 }, delta('A', 0, 0)], 20);
    harness.frame([{ type: 'connectionSequence', sequence: 5 }, delta('B', 0, 0)], 30);
    const reason = 'connection sequence gap: expected 2, was 3';
    expect(harness.story('A')).toEqual(['connected', 'snapshot -', `stale: ${reason}`]);
    expect(harness.story('B')).toEqual(['connected', 'snapshot -', `stale: ${reason}`]);
    expect(harness.reconnects).toEqual([{ reason, urgency: 'now' }]);
  });

  it('asks for nothing more for books of a connection that is to be replaced', () => {
    const harness = opened(countingAdapter, ['A', 'B']);
    harness.frame([{ type: 'connectionSequence', sequence: 1 }, snapshot('A', undefined)], 10);
    harness.frame([{ type: 'connectionSequence', sequence: 3 }], 20);
    const sentCount = harness.sent.length;
    for (let nowMs = 0; nowMs <= 40_000; nowMs += TICK_MS) {
      harness.frame([{ type: 'alive' }], nowMs);
      harness.tick(nowMs);
    }
    expect(harness.sent).toHaveLength(sentCount);
    expect(harness.story('B')).toEqual(['connected']);
  });

  it('resubscribes a book that never starts, and leaves the connection to the others', () => {
    const harness = opened(countingAdapter, ['A', 'B']);
    harness.frame([snapshot('A', undefined)], 10);
    for (let nowMs = 0; nowMs <= 16_000; nowMs += 500) {
      harness.frame([{ type: 'alive' }], nowMs);
      harness.tick(nowMs);
    }
    expect(harness.reconnects).toEqual([]);
    expect(harness.sent.slice(1)).toEqual(['-B book', '+B book']);
  });
});

describe('whatever is left out of a feed', () => {
  const steps = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 3, maxLength: 30 });

  it('the book is never sure again before the next snapshot', () => {
    fc.assert(
      fc.property(steps, fc.nat(), (jumps, pick) => {
        const harness = opened(plainAdapter, ['A']);
        harness.frame([snapshot('A', 0)], 1);
        // The last delta may be lost unnoticed: nothing after it tells.
        const lost = pick % (jumps.length - 1);
        let last = 0;
        for (const [index, jump] of jumps.entries()) {
          if (index !== lost) harness.frame([delta('A', last, last + jump, 2)], 2);
          last += jump;
        }
        const story = harness.story();
        expect(story.slice(0, lost + 2)).not.toContainEqual(expect.stringMatching(/^stale/));
        expect(story.slice(lost + 2)).toEqual([expect.stringMatching(/^stale: sequence gap/)]);
        harness.frame([snapshot('A', last)], 3);
        harness.frame([delta('A', last, last + 1)], 4);
        expect(harness.story().slice(-2)).toEqual([`snapshot ${last}`, `delta ${last + 1}`]);
      }),
      { seed: 20261122, numRuns: 200 },
    );
  });

  it('two frames that changed places are noticed too', () => {
    const harness = opened(plainAdapter, ['A']);
    harness.frame([snapshot('A', 0), delta('A', 5, 9), delta('A', 0, 5)], 1);
    expect(harness.story()).toEqual(['connected', 'snapshot 0', 'stale: sequence gap: expected 0, was 5']);
  });
});
