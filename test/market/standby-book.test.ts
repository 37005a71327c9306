/** When the book of the second feed takes the place of the one that is followed, and when it must not. */
import { describe, expect, it } from 'vitest';
import { sourceUnderLease } from '../../src/market/book-sources.ts';
import type { MarketEvent, Trade } from '../../src/market/events.ts';
import { FEED_GONE_MS, FEED_SILENT_MS, followedSilence } from '../../src/market/standby-book.ts';
import { MAX_OTHER_IDS } from '../../src/market/trade-identities.ts';
import { InstrumentRun } from '../support/instrument-runs.ts';
import {
  NOON_MS,
  bookDelta,
  bookSnapshot,
  feedStatus,
  heartbeat,
  timesAt,
  trade,
} from '../support/market-events.ts';

const FIRST = sourceUnderLease(5, 'first');
const SECOND = sourceUnderLease(3, 'second', 1);
const LATER_MS = NOON_MS + 10 * FEED_SILENT_MS;

/** Says them one after the other, each source with ordinals of its own. */
class Stage {
  readonly run = new InstrumentRun();
  readonly #ordinals = new Map<string, number>();

  say(source: string, ...events: readonly MarketEvent[]): void {
    const firstOrdinal = (this.#ordinals.get(source) ?? 0) + 1;
    this.#ordinals.set(source, firstOrdinal + events.length - 1);
    this.run.deliver({ source, firstOrdinal, events });
  }

  /** Heartbeats by which so much time passes, a second at a time. */
  beat(source: string, fromMs: number, forMs: number): void {
    for (let atMs = fromMs; atMs <= fromMs + forMs; atMs += 1_000) this.say(source, heartbeat(atMs));
  }

  /** A change of the market that both tell. */
  tellBoth(atMs: number): void {
    for (const source of [FIRST, SECOND]) this.say(source, bookDelta({ ...timesAt(atMs), bids: [9_970, 1] }));
  }

  get followed(): string {
    return this.run.snapshot.bookSources.at(-1)!;
  }

  get status(): string {
    return this.run.state.bookStatus.status;
  }
}

/** Both have sure books; the first is followed. */
function both(): Stage {
  const stage = new Stage();
  stage.say(FIRST, bookSnapshot({ bids: [10_000, 1], sequence: 1 }));
  stage.say(SECOND, bookSnapshot({ bids: [10_000, 2], sequence: 1 }));
  expect(stage.followed).toBe(FIRST);
  return stage;
}

const stale = feedStatus({ status: 'stale', reason: 'gap' });

describe('the book of a second feed', () => {
  it('does not touch the one that is followed, whatever becomes of it', () => {
    const stage = both();
    stage.say(SECOND, bookDelta({ bids: [10_000, 9] }), bookDelta({ bids: [10_010, 1] }));
    stage.say(SECOND, feedStatus({ status: 'disconnected' }), feedStatus({ status: 'connected' }));
    expect(stage.run.state.book.snapshot().bids).toEqual([10_000, 1]);
    expect(stage.status).toBe('live');
    expect(stage.run.statusChanges).toEqual([]);
    expect(stage.run.told).toEqual([['unsure', 'crossed book: best bid 100.1, best ask 100.1']]);
  });

  it.each([
    ['a status', stale],
    ['a wrong checksum', bookDelta({ checksum: -1 })],
    ['a crossed book', bookDelta({ bids: [10_010, 1] })],
  ])('takes the place of one that is not sure any more by %s, at once and without a gap', (_name, event) => {
    const stage = both();
    stage.say(SECOND, bookDelta({ bids: [9_980, 4], sequence: 2 }));
    stage.say(FIRST, event);
    expect(stage.followed).toBe(SECOND);
    expect(stage.run.state.book.snapshot().bids).toEqual([10_000, 2, 9_980, 4]);
    expect(stage.run.state.bookStatus).toEqual({ status: 'live', reason: '', sinceMs: NOON_MS });
    expect(stage.run.statusChanges).toEqual([]);
    stage.say(SECOND, bookDelta({ bids: [9_970, 4], sequence: 3 }));
    expect(stage.run.state.lastBookEvent?.sequence).toBe(3);
  });

  it('takes it by an event that was refused, whose feed is asked for a fresh book', () => {
    const stage = both();
    const { resyncReason } = stage.run.deliver({
      source: FIRST,
      firstOrdinal: 2,
      events: [bookDelta({ eventTimeMs: -1 })],
    });
    expect(resyncReason).toContain('book event rejected');
    expect([stage.followed, stage.status]).toEqual([SECOND, 'live']);
  });

  it('takes it when it becomes sure while the other one is not, and then the gap ends', () => {
    const stage = both();
    stage.say(SECOND, stale);
    stage.say(FIRST, stale);
    expect([stage.followed, stage.status]).toEqual([FIRST, 'stale']);
    stage.say(SECOND, bookSnapshot(timesAt(NOON_MS + 7)));
    expect([stage.followed, stage.status]).toEqual([SECOND, 'live']);
    expect(stage.run.statusChanges).toEqual([
      { status: 'stale', reason: 'gap', lastSoundMs: NOON_MS },
      { status: 'live', sinceMs: NOON_MS + 7 },
    ]);
  });

  it('takes the place of one whose feed has been silent for long by the clock of its own', () => {
    const stage = both();
    stage.beat(SECOND, NOON_MS, 2_000);
    expect(stage.followed).toBe(FIRST);
    stage.beat(SECOND, NOON_MS + 3_000, 0);
    expect([stage.followed, stage.status]).toEqual([SECOND, 'live']);
    expect(stage.run.statusChanges).toEqual([]);
  });

  it('stays where it is when the first one speaks again, and gives its place back when it is lost itself', () => {
    const stage = both();
    stage.beat(SECOND, NOON_MS, 3_000);
    stage.say(FIRST, bookDelta({ bids: [9_980, 4], sequence: 2 }));
    expect(stage.followed).toBe(SECOND);
    stage.say(SECOND, stale);
    expect([stage.followed, stage.status]).toEqual([FIRST, 'live']);
    expect(stage.run.state.book.snapshot().bids).toEqual([10_000, 1, 9_980, 4]);
    expect(stage.run.state.standby?.switchCount).toBe(2);
  });

  it('takes no place while its own feed is silent, however sure its book was', () => {
    const stage = both();
    stage.beat(FIRST, NOON_MS, 3_000);
    stage.say(FIRST, stale);
    expect([stage.followed, stage.status]).toEqual([FIRST, 'stale']);
  });

  it('takes no place while it is behind the other one by more than a silence, however much it says', () => {
    const stage = both();
    stage.tellBoth(NOON_MS);
    for (let count = 1; count <= 20; count++) {
      const nowMs = NOON_MS + count * 1_000;
      stage.say(FIRST, bookDelta({ ...timesAt(nowMs), bids: [9_980, count] }));
      // What it says now is of long ago, as it was when it was received.
      stage.say(SECOND, bookDelta({ ...timesAt(NOON_MS + count), bids: [9_980, count] }));
    }
    stage.say(FIRST, stale);
    expect([stage.followed, stage.status]).toEqual([FIRST, 'stale']);
    stage.say(SECOND, bookDelta({ ...timesAt(NOON_MS + 18_000), bids: [9_980, 18] }));
    expect([stage.followed, stage.status]).toEqual([SECOND, 'live']);
  });

  it('takes the place of one that is behind it by more than a silence', () => {
    const stage = both();
    stage.tellBoth(NOON_MS);
    for (let count = 1; count <= 4; count++) {
      stage.say(FIRST, bookDelta({ ...timesAt(NOON_MS + count), bids: [9_980, count] }));
      stage.say(SECOND, bookDelta({ ...timesAt(NOON_MS + count * 1_000), bids: [9_980, count] }));
    }
    expect(stage.followed).toBe(FIRST);
    for (let count = 5; count <= 8; count++) {
      stage.say(FIRST, bookDelta({ ...timesAt(NOON_MS + count), bids: [9_980, count] }));
      stage.say(SECOND, bookDelta({ ...timesAt(NOON_MS + count * 1_000), bids: [9_980, count] }));
    }
    expect([stage.followed, stage.status]).toEqual([SECOND, 'live']);
    expect(stage.run.statusChanges).toEqual([]);
  });

  it.each([
    ['when it was asked for', {}],
    ['that of its newest level', { eventTimeMs: NOON_MS }],
  ])(
    'is not behind in a quiet market where the time of its snapshot is %s, nor is the other one',
    (_of, times) => {
      const stage = both();
      stage.tellBoth(NOON_MS);
      stage.say(SECOND, stale);
      stage.say(FIRST, bookDelta({ ...timesAt(NOON_MS + 50_000), bids: [9_980, 1] }));
      stage.say(SECOND, bookSnapshot({ ...timesAt(LATER_MS + 60_000), ...times }));
      for (let atMs = LATER_MS + 60_000; atMs < LATER_MS + 70_000; atMs += 1_000) {
        stage.say(SECOND, heartbeat(atMs));
        stage.say(FIRST, heartbeat(atMs));
        expect(stage.run.state.standby?.heard.silentMs).toBeLessThan(FEED_SILENT_MS);
      }
      expect(stage.followed).toBe(FIRST);
      stage.say(FIRST, stale);
      expect([stage.followed, stage.status]).toEqual([SECOND, 'live']);
      stage.say(FIRST, bookSnapshot(timesAt(LATER_MS + 80_000)), heartbeat(LATER_MS + 81_000));
      stage.say(SECOND, stale);
      expect([stage.followed, stage.status]).toEqual([FIRST, 'live']);
    },
  );

  it('is kept no longer when its feed was silent for long, and is fetched anew should that come back', () => {
    const stage = both();
    stage.beat(FIRST, NOON_MS, FEED_GONE_MS - 1_000);
    expect(stage.run.snapshot.standby?.bookStatus.status).toBe('live');
    stage.beat(FIRST, NOON_MS + FEED_GONE_MS, 1_000);
    expect(stage.run.snapshot.standby).toMatchObject({
      bookStatus: { status: 'stale', reason: 'nothing came from its feed for 60 s' },
      book: { bids: [] },
    });
    expect(stage.run.told).toEqual([]);
    stage.say(SECOND, bookDelta({ bids: [9_980, 4], sequence: 2 }), heartbeat(NOON_MS));
    expect(stage.run.told).toEqual([['unsure', 'nothing came from its feed for 60 s']]);
    stage.say(FIRST, stale);
    expect([stage.followed, stage.status]).toEqual([FIRST, 'stale']);
    stage.say(SECOND, bookSnapshot(timesAt(LATER_MS)));
    expect([stage.followed, stage.status]).toEqual([SECOND, 'live']);
  });

  it('is not asked for where a feed that was gone announces it by itself', () => {
    const stage = both();
    stage.beat(FIRST, NOON_MS, FEED_GONE_MS + 1_000);
    stage.say(SECOND, feedStatus({ status: 'connected' }), heartbeat(NOON_MS));
    expect(stage.run.told).toEqual([]);
  });

  it('takes the place of one whose lease another node has, which can’t come back', () => {
    const stage = both();
    stage.say(sourceUnderLease(6, 'trades of another node'), heartbeat(NOON_MS));
    expect([stage.followed, stage.status]).toEqual([SECOND, 'live']);
    stage.say(FIRST, bookDelta({ bids: [9_980, 4] }));
    stage.say(SECOND, stale);
    expect([stage.followed, stage.status]).toEqual([SECOND, 'stale']);
    stage.say(sourceUnderLease(6, 'book of another node'), bookSnapshot(timesAt(LATER_MS)));
    expect([stage.followed, stage.status]).toEqual([sourceUnderLease(6, 'book of another node'), 'live']);
  });

  it('is of no use once another node has its lease', () => {
    const stage = both();
    stage.say(sourceUnderLease(4, 'trades of another node', 1), heartbeat(NOON_MS));
    stage.say(FIRST, stale);
    expect([stage.followed, stage.status]).toEqual([FIRST, 'stale']);
  });

  it('keeps no levels while it is not sure', () => {
    const stage = both();
    stage.say(SECOND, stale);
    expect(stage.run.snapshot.standby?.book.bids).toEqual([]);
    stage.say(SECOND, bookSnapshot({ bids: [9_000, 1] }));
    expect(stage.run.snapshot.standby?.book.bids).toEqual([9_000, 1]);
  });
});

describe('a trade of a feed that is behind', () => {
  /** More of them, a second apart, than are remembered. */
  const tradesBeyondMemory = (): Trade[] =>
    Array.from({ length: MAX_OTHER_IDS + 200 }, (_, index) =>
      trade({ ...timesAt(NOON_MS + index * 1_000), tradeId: `t-${index}` }),
    );
  const counted = ({ run }: Stage): number =>
    run.state.counters.tradesLive + run.state.counters.tradesHistory;

  it('counts once, though so many came meanwhile that it is forgotten', () => {
    const stage = both();
    const trades = tradesBeyondMemory();
    stage.say(FIRST, ...trades);
    expect(counted(stage)).toBe(trades.length);
    for (const each of trades) stage.say(SECOND, each);
    expect(counted(stage)).toBe(trades.length);
  });

  it('counts where it was fetched to fill a gap, where it is not old, and where there is no other feed', () => {
    const stage = both();
    const trades = tradesBeyondMemory();
    stage.say(FIRST, ...trades);
    const { eventTimeMs } = trades.at(-1)!;
    stage.say(SECOND, trade({ ...timesAt(NOON_MS), tradeId: 'fetched', isHistory: true }));
    stage.say(SECOND, trade({ ...timesAt(eventTimeMs - 59_000), tradeId: 'late' }));
    expect(counted(stage)).toBe(trades.length + 2);
    const alone = new Stage();
    alone.say(FIRST, bookSnapshot(), ...trades, trade({ ...timesAt(NOON_MS), tradeId: 'old' }));
    expect(counted(alone)).toBe(trades.length + 1);
  });
});

describe('the silence of a feed', () => {
  it('is not told by a clock that was set', () => {
    const stage = both();
    stage.say(SECOND, heartbeat(NOON_MS));
    stage.say(SECOND, heartbeat(LATER_MS));
    expect(stage.followed).toBe(FIRST);
    stage.say(SECOND, heartbeat(NOON_MS));
    stage.beat(SECOND, NOON_MS, 2_000);
    expect(stage.followed).toBe(SECOND);
  });

  it('is ended by whatever comes of its node, by any connection', () => {
    const stage = both();
    stage.beat(SECOND, NOON_MS, 2_000);
    stage.say(sourceUnderLease(5, 'trades'), heartbeat(NOON_MS));
    stage.beat(SECOND, NOON_MS + 3_000, 1_000);
    expect(stage.followed).toBe(FIRST);
  });

  it('is not ended by what a node says whose lease is over', () => {
    const stage = both();
    stage.beat(SECOND, NOON_MS, 2_000);
    stage.say(sourceUnderLease(4, 'trades of a frozen node'), heartbeat(NOON_MS));
    stage.beat(SECOND, NOON_MS + 3_000, 1_000);
    expect(stage.followed).toBe(SECOND);
  });

  it('makes the followed book doubtful where the other one can’t take its place, until it speaks again', () => {
    const stage = both();
    stage.say(SECOND, stale);
    stage.beat(SECOND, NOON_MS, 2_000);
    expect(followedSilence(stage.run.state)).toBeUndefined();
    stage.beat(SECOND, NOON_MS + 3_000, 0);
    expect(followedSilence(stage.run.state)).toContain('the feed of its book has been silent or behind');
    stage.say(FIRST, heartbeat(NOON_MS));
    expect(followedSilence(stage.run.state)).toBeUndefined();
    expect([stage.followed, stage.status]).toEqual([FIRST, 'live']);
  });
});
