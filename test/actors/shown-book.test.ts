/** How a book of two feeds is shown: what only stands by changes nothing, and what takes over is told in full. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ShownBook } from '../../src/actors/shown-book.ts';
import { StandbyReadings } from '../../src/actors/standby-readings.ts';
import { sourceUnderLease } from '../../src/market/book-sources.ts';
import type { MarketEvent } from '../../src/market/events.ts';
import { InstrumentRun } from '../support/instrument-runs.ts';
import { NOON_MS, bookDelta, bookSnapshot, feedStatus, heartbeat } from '../support/market-events.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { wantedInstrument } from './shards/shard-world.ts';

const FIRST = sourceUnderLease(5, 'first');
const SECOND = sourceUnderLease(3, 'second', 1);
const SURE = { isRecovering: false, isUnsure: false };
const instrument = wantedInstrument('BTC-USD');

let run: InstrumentRun;
let shown: ShownBook;
let standbys: StandbyReadings;
let log: RecordingLog;
let isHeld: boolean;
const ordinals = new Map<string, number>();

/** Returns what it may have changed. */
function say(source: string, event: MarketEvent): string {
  const firstOrdinal = (ordinals.get(source) ?? 0) + 1;
  ordinals.set(source, firstOrdinal);
  run.deliver({ source, firstOrdinal, events: [event] });
  return shown.noteFolded(run.state, source, log);
}

const status = (): string => shown.statusOf(run.state, SURE).status;

beforeEach(() => {
  ordinals.clear();
  run = new InstrumentRun();
  standbys = new StandbyReadings();
  log = new RecordingLog();
  isHeld = true;
  shown = new ShownBook({
    instrument,
    standbys,
    lease: { isHeld: () => isHeld, onHeld: () => () => undefined },
  });
});

describe('the book that is shown', () => {
  it('is what its feed tells while there is one', () => {
    expect([say(FIRST, bookSnapshot()), say(FIRST, bookDelta())]).toEqual(['told', 'told']);
    expect(standbys.books()).toEqual([]);
    expect(status()).toBe('live');
  });

  it('is touched by nothing that the second feed says of its own', () => {
    say(FIRST, bookSnapshot());
    say(SECOND, bookSnapshot());
    expect(say(SECOND, bookDelta())).toBe('none');
    expect(say(SECOND, feedStatus())).toBe('none');
    expect(say(FIRST, bookDelta())).toBe('told');
    expect(standbys.books()).toEqual([
      { exchange: instrument.exchange, status: 'empty', count: 0 },
      { exchange: instrument.exchange, status: 'live', count: 0 },
      { exchange: instrument.exchange, status: 'stale', count: 1 },
    ]);
  });

  it('is told whole when the other feed’s takes its place, with a line in the log and a count', () => {
    say(FIRST, bookSnapshot());
    say(SECOND, bookSnapshot());
    expect(say(FIRST, feedStatus({ reason: 'gap' }))).toBe('whole');
    expect(status()).toBe('live');
    expect(log.lines).toMatchObject([
      {
        level: 'info',
        fields: { instrument: instrument.instrument, from: FIRST, to: SECOND, reason: 'gap' },
      },
    ]);
    expect([...standbys.switches()]).toEqual([[instrument.exchange, 1]]);
    expect(say(SECOND, bookDelta())).toBe('told');
  });

  it('is doubtful while the feed that it follows is silent and the other one is not sure', () => {
    say(FIRST, bookSnapshot());
    say(SECOND, feedStatus({ status: 'connected' }));
    for (let ms = 1_000; ms < 3_000; ms += 1_000) say(SECOND, heartbeat(NOON_MS + ms));
    expect(status()).toBe('live');
    expect(say(SECOND, heartbeat(NOON_MS + 3_000))).toBe('whole');
    expect(shown.statusOf(run.state, SURE)).toMatchObject({
      status: 'stale',
      reason: expect.stringContaining('the feed of its book has been silent or behind') as unknown,
    });
    expect(say(FIRST, heartbeat(NOON_MS))).toBe('whole');
    expect(status()).toBe('live');
  });

  it('stays doubtful after all were silent until the feed that it follows is heard', () => {
    say(FIRST, bookSnapshot());
    say(SECOND, feedStatus({ status: 'connected' }));
    shown.noteSilence('nothing has come from its feeds');
    say(SECOND, heartbeat(NOON_MS));
    say(sourceUnderLease(4, 'late'), heartbeat(NOON_MS));
    expect(status()).toBe('stale');
    say(sourceUnderLease(5, 'trades'), heartbeat(NOON_MS));
    expect(status()).toBe('live');
  });

  it('is not shown as live without the lease, nor before the log was read, nor before its feed spoke', () => {
    say(FIRST, bookSnapshot());
    expect(shown.statusOf(run.state, { isRecovering: true, isUnsure: false }).status).toBe('stale');
    expect(shown.statusOf(run.state, { isRecovering: false, isUnsure: true }).status).toBe('stale');
    isHeld = false;
    expect(status()).toBe('stale');
  });

  it('counts no more when its instrument is gone', () => {
    say(FIRST, bookSnapshot());
    say(SECOND, bookSnapshot());
    shown.end();
    expect(standbys.books().map(({ count }) => count)).toEqual([0, 0, 0]);
  });
});
