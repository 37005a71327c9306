import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BookRules } from '../../src/exchanges/book-sync.ts';
import { BookSync, GAPS_KEPT_MAX } from '../../src/exchanges/book-sync.ts';
import { BUFFERED_DELTAS_MAX } from '../../src/exchanges/held-deltas.ts';
import { FrameOutbox } from '../../src/exchanges/frame-outbox.ts';
import { RESYNC_DELAY_MAX_MS, ResyncPace } from '../../src/exchanges/resync-pace.ts';
import type { BookDelta, BookSnapshot } from '../../src/market/events.ts';

const restRules: BookRules = {
  snapshotPolicy: 'rest',
  continuityScope: 'book',
  resync: 'refetch',
  continuity: (last, range) => {
    const was = Number(range.last);
    if (was <= Number(last)) return { verdict: 'ignore' };
    return was === Number(last) + 1
      ? { verdict: 'apply' }
      : { verdict: 'gap', expected: Number(last) + 1, was };
  },
  isSnapshotTooOld: (sequence, first) => Number(sequence) + 1 < Number(first.last),
};
const streamRules: BookRules = { ...restRules, snapshotPolicy: 'inStream', resync: 'resubscribe' };

const book = { eventTimeMs: 1, scales: { price: 0, quantity: 0 }, bids: [], asks: [], checksum: undefined };
const snapshot = (sequence: number | undefined, receiveTimeMs = 1): BookSnapshot => ({
  type: 'BookSnapshot',
  ...book,
  receiveTimeMs,
  depth: undefined,
  sequence,
});
const delta = (sequence: number, receiveTimeMs = 1): BookDelta => ({
  type: 'BookDelta',
  ...book,
  receiveTimeMs,
  sequence,
});

function start(rules: BookRules) {
  const story: string[] = [];
  const requests: string[] = [];
  const sync = new BookSync({
    rules,
    random: () => 0.5,
    effects: {
      deliver: (event) => void story.push(`${event.type} ${event.sequence ?? '-'}`),
      stale: () => void story.push('stale'),
      request: (request) => requests.push(request),
    },
  });
  sync.subscriptionSent(0);
  const show = (sequence: number | undefined, nowMs = 1): void =>
    sync.snapshot(snapshot(sequence, nowMs), nowMs);
  const take = (sequence: number, nowMs = 1): void =>
    sync.delta(delta(sequence, nowMs), { last: sequence }, nowMs);
  return { sync, story, requests, show, take };
}

describe('the synchroniser of a book', () => {
  it('holds a bounded number of deltas, and still aligns on the newest of them', () => {
    const { sync, show, story, take } = start(restRules);
    const count = BUFFERED_DELTAS_MAX * 3;
    for (let sequence = 1; sequence <= count; sequence++) take(sequence);
    show(10);
    expect(story).toEqual([]);
    show(count - 2);
    expect(story).toEqual([`BookSnapshot ${count - 2}`, `BookDelta ${count - 1}`, `BookDelta ${count}`]);
    const { updates, applied, ignoredStale, buffered } = sync.counters;
    expect({ updates, applied, ignoredStale, buffered }).toEqual({
      updates: count,
      applied: 2,
      ignoredStale: count - 2,
      buffered: count,
    });
  });

  it.each([
    ['fetched', restRules, 'fetchSnapshot'],
    ['streamed', streamRules, 'resubscribe'],
  ])(
    'does not stay sure of a %s book that one wrong sequence put beyond all others',
    (_name, rules, request) => {
      const { sync, show, story, requests, take } = start(rules);
      show(1_000_000, 1_000);
      requests.length = 0;
      for (let sequence = 1; sequence <= 10; sequence++) take(sequence, 1_000 + sequence * 1_000);
      expect(story).toEqual(['BookSnapshot 1000000']);
      take(11, 12_001);
      expect(story.at(-1)).toBe('stale');
      expect(sync.isSynced).toBe(false);
      expect(requests).toEqual([request]);
      show(11, 12_100);
      take(12, 12_200);
      expect(story.slice(-2)).toEqual(['BookSnapshot 11', 'BookDelta 12']);
    },
  );

  it('takes old deltas among new ones for what they are', () => {
    const { sync, show, story, take } = start(restRules);
    show(5, 1_000);
    for (let sequence = 6; sequence <= 40; sequence++) {
      take(sequence - 1, sequence * 1_000);
      take(sequence, sequence * 1_000);
    }
    expect(story).not.toContain('stale');
    expect(sync.counters).toMatchObject({ applied: 35, ignoredStale: 35, gapCount: 0 });
  });

  it('takes deltas that were held for long behind a late snapshot for what they are', () => {
    const { sync, show, story, take } = start(restRules);
    for (let sequence = 1; sequence <= 60; sequence++) take(sequence, sequence * 1_000);
    show(58, 60_500);
    expect(story).toEqual(['BookSnapshot 58', 'BookDelta 59', 'BookDelta 60']);
    expect(sync.counters).toMatchObject({ applied: 2, ignoredStale: 58, gapCount: 0 });
  });

  it('drops what comes before the snapshot on a stream that sends it', () => {
    const { sync, show, story, take } = start(streamRules);
    take(5);
    show(6);
    take(7);
    expect(story).toEqual(['BookSnapshot 6', 'BookDelta 7']);
    expect(sync.counters).toMatchObject({ updates: 2, applied: 1, ignoredStale: 1, buffered: 0 });
  });

  it('lets a later snapshot on the stream replace the book at any time', () => {
    const { show, story, take } = start(streamRules);
    show(6);
    show(2);
    take(3);
    expect(story).toEqual(['BookSnapshot 6', 'BookSnapshot 2', 'BookDelta 3']);
  });

  it('ignores a fetched snapshot that comes when the book is sure already', () => {
    const { sync, show, story, take } = start(restRules);
    take(5);
    show(5);
    show(1);
    take(6);
    expect(story).toEqual(['BookSnapshot 5', 'BookDelta 6']);
    expect(sync.counters.snapshots).toBe(1);
  });

  it('takes a reset by the exchange as the new count', () => {
    const { sync, show, story, take } = start({ ...streamRules, continuity: () => ({ verdict: 'reset' }) });
    show(1000);
    take(3);
    expect(story).toEqual(['BookSnapshot 1000', 'BookDelta 3']);
    expect(sync.counters.finalSequence).toBe(3);
  });

  it('is stale when a snapshot gave no sequence to follow on', () => {
    const { show, story, take } = start(streamRules);
    show(undefined);
    take(3);
    expect(story).toEqual(['BookSnapshot -', 'stale']);
  });

  it('keeps the numbers of the newest gaps and counts all', () => {
    const { sync, show, take } = start(streamRules);
    for (let gap = 1; gap <= GAPS_KEPT_MAX + 5; gap++) {
      show(0);
      take(10 + gap, gap);
    }
    expect(sync.counters.gapCount).toBe(GAPS_KEPT_MAX + 5);
    expect(sync.counters.gaps).toHaveLength(GAPS_KEPT_MAX);
    expect(sync.counters.gaps.at(-1)).toEqual({
      atMs: GAPS_KEPT_MAX + 5,
      expected: 1,
      was: GAPS_KEPT_MAX + 15,
    });
  });

  it('asks for a new connection where the book has no other fresh start', () => {
    const { show, requests, take } = start({ ...streamRules, resync: 'reconnect' });
    show(0);
    take(5);
    expect(requests).toEqual(['reconnect']);
  });

  it('asks for nothing when the connection is replaced anyway', () => {
    const { sync, show, story, requests } = start(streamRules);
    show(0);
    sync.lost('gap of the connection', 5, { isConnectionReplaced: true });
    expect([story.at(-1), requests]).toEqual(['stale', []]);
  });

  it('asks again for a snapshot whose answer was lost', () => {
    const { sync, requests, take } = start(restRules);
    take(5);
    sync.tick(119_000, { isDeaf: false });
    expect(requests).toEqual(['fetchSnapshot']);
    sync.tick(1_800_001, { isDeaf: false });
    expect(requests).toEqual(['fetchSnapshot', 'fetchSnapshot']);
  });
});

describe('the pace of resyncs', () => {
  it('is at once, then doubling to a minute, spread by a fifth', () => {
    const pace = new ResyncPace(() => 0.5);
    const delays = Array.from({ length: 12 }, () => pace.nextDelayMs(0));
    expect(delays).toEqual([0, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000]);
    const early = new ResyncPace(() => 0);
    early.nextDelayMs(0);
    expect(early.nextDelayMs(0)).toBe(400);
  });

  it('is forgiven after a minute of a sure book, not before', () => {
    const pace = new ResyncPace(() => 0.5);
    for (let attempt = 0; attempt < 20; attempt++) pace.nextDelayMs(0);
    pace.held(1000);
    expect(pace.nextDelayMs(60_999)).toBe(RESYNC_DELAY_MAX_MS);
    pace.held(70_000);
    expect(pace.nextDelayMs(130_000)).toBe(0);
  });
});

describe('the outbox of a connection', () => {
  it('slides its window: no span of it ever holds more frames than allowed', () => {
    const sentAtMs: number[] = [];
    let nowMs = 0;
    const outbox = new FrameOutbox({ budget: { count: 3, windowMs: 100 }, send: () => sentAtMs.push(nowMs) });
    for (let frame = 0; frame < 10; frame++) outbox.push({ text: `${frame}` }, { isUrgent: false });
    outbox.flush(0);
    expect(sentAtMs).toEqual([]);
    outbox.openAt(50);
    for (nowMs = 0; nowMs < 500; nowMs += 10) outbox.flush(nowMs);
    expect(sentAtMs).toEqual([50, 50, 50, 150, 150, 150, 250, 250, 250, 350]);
  });

  it('sends nothing after it was closed', () => {
    const sent: string[] = [];
    const outbox = new FrameOutbox({
      budget: { count: 3, windowMs: 100 },
      send: (frame) => sent.push(frame),
    });
    outbox.openAt(0);
    outbox.push({ text: 'late' }, { isUrgent: true });
    outbox.close();
    outbox.flush(10);
    expect([sent, outbox.queuedCount]).toEqual([[], 0]);
  });
});

/** What may happen to a book; `ticks` are quarters of a second. */
const happening = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('delta' as const), step: fc.integer({ min: -1, max: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('snapshot' as const), step: fc.integer({ min: -3, max: 1 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom('failed', 'lost', 'suspect', 'ended', 'sent') }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('ticks' as const),
      count: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 60, max: 8_000 })),
      isDeaf: fc.boolean(),
    }),
  },
);

it.each([
  ['fetched', restRules],
  ['in the stream', streamRules],
])('a book whose snapshot is %s and that waits for nothing needs no tick', (_, rules) => {
  let requestCount = 0;
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60, size: 'max' }), (happenings) => {
      const waiting = new Set<BookSync>();
      const story: string[][] = [[], []];
      let nowMs = 0;
      const syncs = story.map(
        (told) =>
          new BookSync({
            rules,
            random: () => 0.5,
            waiting,
            effects: {
              deliver: (event) => void told.push(`${nowMs}: ${event.type} ${event.sequence ?? '-'}`),
              stale: (reason) => void told.push(`${nowMs}: stale, ${reason}`),
              request: (request, reason) => void told.push(`${nowMs}: ${request}, ${reason}`),
            },
          }),
      );
      const [always, seldom] = syncs;
      let sequence = 10;
      const happen = (each: (typeof happenings)[number], sync: BookSync): void => {
        if (each.type === 'delta') sync.delta(delta(sequence, nowMs), { last: sequence }, nowMs);
        else if (each.type === 'snapshot') sync.snapshot(snapshot(sequence, nowMs), nowMs);
        else if (each.type === 'failed') sync.snapshotFailed('test', nowMs);
        else if (each.type === 'lost') sync.lost('test', nowMs, { isConnectionReplaced: false });
        else if (each.type === 'suspect') sync.suspect('test', nowMs, () => undefined);
        else if (each.type === 'ended') sync.subscriptionEnded();
        else sync.subscriptionSent(nowMs);
      };
      for (const each of happenings) {
        if (each.type === 'ticks') {
          for (let count = 0; count < each.count; count++) {
            nowMs += 250;
            always!.tick(nowMs, { isDeaf: each.isDeaf });
            if (waiting.has(seldom!)) seldom!.tick(nowMs, { isDeaf: each.isDeaf });
          }
        } else {
          if ('step' in each) sequence += each.step;
          for (const sync of syncs) happen(each, sync);
        }
      }
      expect(story[1]).toEqual(story[0]);
      requestCount += story[0]!.filter((line) => /fetch|resubscribe/.test(line)).length;
    }),
    { seed: 9, numRuns: 40 },
  );
  expect(requestCount).toBeGreaterThan(50);
});
