import { describe, expect, it } from 'vitest';
import type { ExchangeAdapter, FeedMessage } from '../../src/exchanges/adapter.ts';
import { FeedPaces } from '../../src/exchanges/feed-pace.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';
import { frames, plainAdapter } from '../actors/support.ts';
import { SessionHarness } from '../support/session-harness.ts';

const { book, delta, trade } = frames;
const at = (message: FeedMessage, receiveTimeMs: number): FeedMessage =>
  'event' in message ? ({ ...message, event: { ...message.event, receiveTimeMs } } as FeedMessage) : message;

/** Two books that speak every 100 ms for two minutes; then `A` falls silent and `B` goes on. */
function lively(overrides: Partial<ExchangeAdapter> = {}, paces: FeedPaces | null = new FeedPaces()) {
  const harness = new SessionHarness(plainAdapter(overrides), ['A', 'B'], ['book', 'trades'], {
    paces: paces ?? undefined,
  });
  let nowMs = 0;
  let sequence = 1;
  const send = (...messages: FeedMessage[]) =>
    harness.frame(
      messages.map((message) => at(message, nowMs)),
      nowMs,
    );
  const pass = (forMs: number, each: () => void, options?: { isPaused?: boolean; tickMs?: number }) => {
    for (const endMs = nowMs + forMs; nowMs < endMs;) {
      nowMs += 100;
      each();
      if (nowMs % (options?.tickMs ?? 200) === 0) harness.tick(nowMs, options);
    }
  };
  harness.opened(0);
  send(book('A', 1), book('B', 1));
  pass(120_000, () => send(delta('A', ++sequence), delta('B', sequence)));
  let ofB = sequence;
  return {
    harness,
    send,
    pass,
    /** Sequence at which `A` fell silent. */
    lastOfA: sequence,
    speakB: () => send(delta('B', ++ofB)),
    restartsOfA: () => harness.sent.filter((frame) => frame === 'subscribe A book').length,
    stalesOfA: () => harness.story('A').filter((line) => line.startsWith('stale')),
    nowMs: () => nowMs,
  };
}

describe('a book that falls silent while others speak', () => {
  it('is stale, with the reason in numbers, and starts again', () => {
    const { pass, speakB, stalesOfA, restartsOfA, harness } = lively();
    pass(10_000, speakB);
    expect(stalesOfA()).toEqual([]);
    pass(200, speakB);
    expect(stalesOfA()).toEqual(['stale: silent for 10200 ms, usually every 100 ms']);
    expect(restartsOfA()).toBe(1);
    expect(harness.story('B')).not.toContain(expect.stringContaining('stale'));
  });

  it('is waited for longer the next time when the fresh book shows that nothing was missed', () => {
    const { pass, speakB, send, stalesOfA, lastOfA } = lively();
    pass(10_200, speakB);
    send(book('A', lastOfA));
    pass(30_000, speakB);
    expect(stalesOfA()).toHaveLength(1);
    pass(1_000, speakB);
    expect(stalesOfA()).toHaveLength(2);
  });

  it('is waited for no longer when the fresh book shows that something was missed', () => {
    const { pass, speakB, send, stalesOfA, lastOfA } = lively();
    pass(10_200, speakB);
    send(book('A', lastOfA + 7));
    pass(10_300, speakB);
    expect(stalesOfA()).toHaveLength(2);
  });

  it('is told quiet from dead by its checksum where it has no sequence', () => {
    const sum = (symbol: string, checksum: number): FeedMessage => {
      const message = book(symbol, 1);
      return message.type === 'book'
        ? { ...message, event: { ...message.event, sequence: undefined, checksum } }
        : message;
    };
    for (const [checksum, count] of [
      [5, 1],
      [6, 2],
    ] as const) {
      const { pass, speakB, send, stalesOfA } = lively({ continuityScope: 'none' });
      send(sum('A', 5));
      pass(10_200, speakB);
      send(sum('A', checksum));
      pass(10_300, speakB);
      expect([checksum, stalesOfA().length]).toEqual([checksum, count]);
    }
  });

  it('has its subscription started again when a fetched book shows that something was missed', () => {
    const fetched: Partial<ExchangeAdapter> = {
      snapshotPolicy: 'rest',
      resync: 'refetch',
      snapshotRequest: () => ({ url: 'depth' }),
      readSnapshot: (body) => {
        const message = book('A', Number(body));
        return message.type === 'book' ? { ok: true, event: message.event } : { ok: false, reason: '' };
      },
    };
    for (const [missed, restarts] of [
      [0, 0],
      [3, 1],
    ] as const) {
      const { pass, speakB, lastOfA, restartsOfA, harness, stalesOfA, nowMs } = lively(fetched);
      const fetchesBefore = harness.fetches.length;
      pass(10_200, speakB);
      expect(stalesOfA()).toHaveLength(1);
      expect(harness.fetches).toHaveLength(fetchesBefore + 1);
      harness.answer('A', lastOfA + missed, nowMs());
      pass(200, speakB);
      expect([missed, restartsOfA()]).toEqual([missed, restarts]);
    }
  });
});

describe('nobody is called silent', () => {
  it('while our own socket is paused, nor for what was waiting then', () => {
    const { pass, speakB, stalesOfA } = lively();
    pass(60_000, () => undefined, { isPaused: true });
    pass(10_000, speakB);
    expect(stalesOfA()).toEqual([]);
    pass(300, speakB);
    expect(stalesOfA()).toHaveLength(1);
  });

  it('when our own process stood still', () => {
    const { pass, speakB, stalesOfA } = lively();
    pass(40_000, speakB, { tickMs: 20_000 });
    pass(9_000, speakB);
    expect(stalesOfA()).toEqual([]);
  });

  it('where no pace is kept, as in a recording', () => {
    const { pass, speakB, stalesOfA } = lively({}, null);
    pass(600_000, speakB);
    expect(stalesOfA()).toEqual([]);
  });
});

describe('a connection on which nothing but keepalives is heard', () => {
  it('is a halted exchange rather than many dead books: they are checked later, one at a time', () => {
    const { pass, send, harness } = lively();
    const stales = () => harness.story().filter((line) => line.startsWith('stale'));
    pass(30_000, () => send({ type: 'alive' }));
    expect(stales()).toEqual([]);
    pass(200, () => send({ type: 'alive' }));
    expect(stales()).toHaveLength(1);
    pass(200, () => send({ type: 'alive' }));
    expect(stales()).toHaveLength(2);
  });

  it('is alive where trades go on', () => {
    const { pass, send, stalesOfA } = lively();
    let number = 0;
    pass(10_200, () => send(trade('B', String(++number))));
    expect(stalesOfA()).toHaveLength(1);
  });
});

it('a pace is known again after a reconnect, and forgotten with its symbol', () => {
  const paces = new FeedPaces();
  lively({}, paces);
  expect(paces.begin('A').patienceMs(130_000)).toBe(10_000);
  expect(paces.begin('A').lastMs).toBeUndefined();
  paces.forget(toNativeSymbol('A'));
  expect(paces.begin('A').patienceMs(130_000)).toBeUndefined();
});
