import { beforeEach, describe, expect, it } from 'vitest';
import type { DesiredInstrument } from '../../src/actors/ports.ts';
import { DesiredInstruments } from '../../src/cluster/desired-instruments.ts';
import type { ChangeNotifications } from '../../src/cluster/ports.ts';
import { toExchangeId, toInstrumentKey, toNativeSymbol, toUnifiedSymbol } from '../../src/market/symbols.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RecordingLog } from '../support/recording-log.ts';

type Handlers = Parameters<ChangeNotifications['start']>[0];

function desired(id: number): DesiredInstrument {
  const [exchange, symbol] = [toExchangeId('kraken'), toUnifiedSymbol(`S${String(id)}-USD`)];
  return {
    instrument: toInstrumentKey(exchange, symbol),
    instrumentId: id,
    exchange,
    symbol,
    nativeSymbol: toNativeSymbol(`S${String(id)}`),
  };
}

describe('the desired instruments', () => {
  let clock: FakeClock;
  let log: RecordingLog;
  let stored: DesiredInstrument[];
  let readings: number;
  let isAway: boolean;
  let isFollowerFailing: boolean;
  let told: number[][];
  let handlers: Handlers;
  let followed: DesiredInstruments;
  beforeEach(async () => {
    clock = new FakeClock();
    log = new RecordingLog();
    stored = [desired(1)];
    readings = 0;
    isAway = false;
    isFollowerFailing = false;
    told = [];
    followed = new DesiredInstruments({
      source: {
        list: async () => {
          readings++;
          await clock.sleep(5);
          if (isAway) throw new Error('the database is away');
          return [...stored];
        },
      },
      notifications: { start: (given) => (handlers = given), stop: () => Promise.resolve() },
      clock,
      timers: clock,
      log,
      onChanged: (instruments) => {
        told.push(instruments.map(({ instrumentId }) => instrumentId));
        if (isFollowerFailing) throw new Error('the set could not be followed');
      },
    });
    followed.start();
    await clock.advance(10);
  });

  it('are told whole at the start, also where there are none, and whenever they differ', async () => {
    expect(told).toEqual([[1]]);
    stored = [desired(1), desired(2)];
    await clock.advance(1_010);
    stored = [];
    await clock.advance(1_010);
    expect(told).toEqual([[1], [1, 2], []]);
    expect(followed.current).toEqual([]);
  });

  it('are told where nothing differs but how one of them is to be published', async () => {
    stored = [{ ...desired(1), settings: { bookDepth: 7 } }];
    await clock.advance(1_010);
    expect(told).toEqual([[1], [1]]);
    expect(followed.current[0]?.settings).toEqual({ bookDepth: 7 });
  });

  it('are told again to whoever failed on them, until it has taken them', async () => {
    isFollowerFailing = true;
    stored = [desired(1), desired(2)];
    await clock.advance(1_010);
    expect(told).toEqual([[1], [1, 2]]);
    isFollowerFailing = false;
    await clock.advance(5_010);
    expect(told).toEqual([[1], [1, 2], [1, 2]]);
    await clock.advance(30_000);
    expect(told).toHaveLength(3);
  });

  it('are not told again while they stay', async () => {
    await clock.advance(30_000);
    expect(told).toEqual([[1]]);
    expect(readings).toBeGreaterThan(25);
  });

  it('are followed at once where the database tells of changes, and looked at rarely then', async () => {
    handlers.onListening(true);
    await clock.advance(1_000);
    readings = 0;
    stored = [desired(2)];
    handlers.onChange();
    await clock.advance(110);
    expect(told.at(-1)).toEqual([2]);
    await clock.advance(20_000);
    expect(readings).toBeLessThan(6);
    stored = [desired(3)];
    await clock.advance(5_200);
    expect(told.at(-1)).toEqual([3]);
  });

  it('are looked at every second again when nobody tells of changes any more', async () => {
    handlers.onListening(true);
    await clock.advance(2_000);
    handlers.onListening(false);
    await clock.advance(200);
    stored = [desired(4)];
    await clock.advance(1_100);
    expect(told.at(-1)).toEqual([4]);
  });

  it('are read few times for a thousand words of change, and not before the last of them', async () => {
    readings = 0;
    for (let id = 2; id <= 1_000; id++) {
      stored.push(desired(id));
      handlers.onChange();
      await clock.advance(1);
    }
    await clock.advance(300);
    expect(readings).toBeLessThanOrEqual(15);
    expect(told.at(-1)).toHaveLength(1_000);
  });

  it('stay the last known ones while the database is away, which is said once', async () => {
    isAway = true;
    await clock.advance(10_000);
    expect(followed.current.map(({ instrumentId }) => instrumentId)).toEqual([1]);
    expect(log.countOf('warn')).toBe(1);
    isAway = false;
    stored = [desired(9)];
    await clock.advance(1_100);
    expect(told).toEqual([[1], [9]]);
    expect(log.countOf('warn')).toBe(1);
  });

  it('are told no more after the end, and no timer is left', async () => {
    stored = [desired(5)];
    followed.check();
    await clock.advance(92);
    await followed.stop();
    await clock.advance(5_000);
    expect(told).toEqual([[1]]);
    expect(clock.pendingTimerCount).toBe(0);
  });
});
