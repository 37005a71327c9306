import { describe, expect, it } from 'vitest';
import { ChangeFlags } from '../../src/actors/change-flags.ts';
import { PublishSchedule } from '../../src/actors/publish-schedule.ts';
import type { InstrumentSettings } from '../../src/actors/ports.ts';
import type { SymbolMessage } from '../../src/actors/symbol-protocol.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { instrumentOf } from './support.ts';

function createSchedule() {
  const time = new FakeClock();
  const sent: { path: string; message: SymbolMessage; atMs: number }[] = [];
  let isTaking = true;
  const schedule = new PublishSchedule({
    timers: time,
    bookIntervalMs: 100,
    tickerIntervalMs: 1_000,
    candleIntervalMs: 1_000,
    refreshIntervalMs: 10_000,
    checkpointIntervalMs: 60_000,
    send: ({ path }, message) => {
      sent.push({ path, message, atMs: time.monotonicMs() });
      return isTaking;
    },
  });
  const add = (symbol: string, intervals?: InstrumentSettings) => {
    const scheduled = {
      intervals,
      instrument: instrumentOf(symbol).instrument,
      target: { path: symbol },
      changes: new ChangeFlags(),
      wakeUp: { isPending: false, takenCount: 0 },
    };
    schedule.add(scheduled);
    return scheduled;
  };
  const setTaking = (value: boolean): void => {
    isTaking = value;
  };
  const wakeUps = () => sent.filter(({ message }) => message.type === 'PublishDue');
  schedule.start();
  return { time, schedule, sent, add, setTaking, wakeUps };
}

describe('the publish schedule', () => {
  it('spreads instruments over the book interval', () => {
    const { time, add, wakeUps } = createSchedule();
    for (let number = 0; number < 20; number++) add(`A${number}-B`).changes.book = true;
    time.advanceNow(100);
    expect(wakeUps().map(({ atMs }) => atMs)).toEqual(
      Array.from({ length: 20 }, (_, index) => 10 * (1 + Math.floor(index / 2))),
    );
  });

  it('wakes an actor again only when it took the last wake-up, and not at all when nothing changed', () => {
    const { time, add, wakeUps } = createSchedule();
    const scheduled = add('BTC-USDT');
    time.advanceNow(100);
    scheduled.wakeUp.isPending = false;
    const before = wakeUps().length;
    time.advanceNow(900);
    expect(wakeUps()).toHaveLength(before);
    scheduled.changes.book = true;
    time.advanceNow(1_000);
    expect(wakeUps()).toHaveLength(before + 1);
    scheduled.wakeUp.isPending = false;
    time.advanceNow(100);
    expect(wakeUps()).toHaveLength(before + 2);
  });

  it('wakes one that wants to be published otherwise in its own intervals, and the others in theirs', () => {
    const { time, add, sent } = createSchedule();
    const own = add('BTC-USDT', { bookIntervalMs: 500, tickerIntervalMs: 2_000 });
    const usual = add('ETH-USDT');
    for (let tenth = 0; tenth < 40; tenth++) {
      for (const { changes, wakeUp } of [own, usual]) {
        changes.book = changes.ticker = changes.candles = true;
        wakeUp.isPending = false;
      }
      time.advanceNow(100);
    }
    const dueOf = (path: string, part: 'book' | 'ticker' | 'candles') =>
      sent.filter(({ path: to, message }) => to === path && message.type === 'PublishDue' && message[part])
        .length;
    expect((['book', 'ticker', 'candles'] as const).map((part) => dueOf('BTC-USDT', part))).toEqual([
      8, 2, 4,
    ]);
    expect((['book', 'ticker', 'candles'] as const).map((part) => dueOf('ETH-USDT', part))).toEqual([
      40, 4, 4,
    ]);
  });

  it('tries an actor that refused its wake-up again, but rarely', () => {
    const { time, add, setTaking, wakeUps } = createSchedule();
    setTaking(false);
    add('BTC-USDT').changes.book = true;
    time.advanceNow(9_000);
    expect(wakeUps()).toHaveLength(1);
    setTaking(true);
    time.advanceNow(2_000);
    expect(wakeUps()).toHaveLength(2);
  });

  it('asks for checkpoints where something changed, and ten times less often where nothing but time was told', () => {
    const { time, add, sent } = createSchedule();
    const busy = add('BTC-USDT');
    add('ETH-USDT');
    for (let minute = 0; minute < 20; minute++) {
      busy.changes.state = true;
      time.advanceNow(60_000);
    }
    const asked = sent.filter(({ message }) => message.type === 'CheckpointDue').map(({ path }) => path);
    expect(asked.filter((path) => path === 'BTC-USDT')).toHaveLength(20);
    expect(asked.filter((path) => path === 'ETH-USDT')).toHaveLength(2);
  });

  it('asks again for a checkpoint that was refused', () => {
    const { time, add, setTaking } = createSchedule();
    setTaking(false);
    const { changes } = add('BTC-USDT');
    changes.state = true;
    time.advanceNow(60_000);
    expect(changes.state).toBe(true);
    setTaking(true);
    time.advanceNow(60_000);
    expect(changes.state).toBe(false);
  });

  it('lets go of a removed instrument, and of its timer when it stops', () => {
    const { time, schedule, add, sent } = createSchedule();
    const scheduled = add('BTC-USDT');
    scheduled.changes.book = true;
    schedule.remove(scheduled.instrument);
    time.advanceNow(120_000);
    expect(sent).toEqual([]);
    schedule.stop();
    expect(time.pendingTimerCount).toBe(0);
  });
});
