import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChangeFlags } from '../../src/actors/change-flags.ts';
import type { ScheduledInstrument } from '../../src/actors/publish-schedule.ts';
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

/** The plain form: each instrument is looked at in each of its rounds. */
class VisitAll {
  readonly #sent: Told[];
  readonly #entries: (PlainEntry | undefined)[] = [];

  constructor(sent: Told[]) {
    this.#sent = sent;
  }

  add(changes: PlainChanges): void {
    const place = this.#entries.length;
    this.#entries.push({ changes, round: Math.floor(place / 10), isPending: false, isRefused: false });
  }

  remove(place: number): void {
    this.#entries[place] = undefined;
  }

  entry(place: number): PlainEntry | undefined {
    return this.#entries[place];
  }

  tick(slot: number, isTaking: boolean): void {
    for (let place = slot; place < this.#entries.length; place += 10) {
      const entry = this.#entries[place];
      if (entry !== undefined) this.#visit(place, entry, isTaking);
    }
  }

  #visit(place: number, entry: PlainEntry, isTaking: boolean): void {
    const { changes } = entry;
    const round = entry.round++;
    if (round % 6 === 0 && (changes.state || round % 60 === 0)) {
      this.#sent.push({ place, told: 'checkpoint' });
      if (isTaking) changes.state = false;
    }
    const refresh = round % 4 === 0;
    if (entry.isPending && !(entry.isRefused && refresh)) return;
    const ticker = changes.ticker && round % 2 === 0;
    const candles = changes.candles && round % 3 === 0;
    if (!changes.book && !ticker && !candles && !refresh) return;
    entry.isPending = true;
    entry.isRefused = !isTaking;
    this.#sent.push({ place, told: `${ticker} ${candles} ${refresh}` });
  }
}

type PlainChanges = { book: boolean; ticker: boolean; candles: boolean; state: boolean };
type PlainEntry = { readonly changes: PlainChanges; round: number; isPending: boolean; isRefused: boolean };
type Told = { readonly place: number; readonly told: string };

const PUBLISHED = ['book', 'ticker', 'candles'] as const;
const FLAGS = [...PUBLISHED, 'state'] as const;

/** What happens between two ticks. */
const step = fc.oneof(
  { weight: 1, arbitrary: fc.record({ type: fc.constant('add' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('remove' as const), place: fc.nat(9) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('change' as const),
      place: fc.nat(9),
      flag: fc.constantFrom(...FLAGS),
    }),
  },
  // The actors take their turns: what was due is published, and perhaps more that came meanwhile.
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('turns' as const),
      flags: fc.oneof(fc.constant(PUBLISHED), fc.subarray([...PUBLISHED])),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('taking' as const), isTaking: fc.boolean() }) },
  {
    weight: 12,
    arbitrary: fc.record({ type: fc.constant('ticks' as const), count: fc.integer({ min: 1, max: 30 }) }),
  },
);

it('the publish schedule tells each instrument what it would hear if all were visited in every round', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.array(step, { maxLength: 200, size: 'max' }),
      (count, steps) => {
        const time = new FakeClock();
        let isTaking = true;
        const told: Told[] = [];
        const expected: Told[] = [];
        const plain = new VisitAll(expected);
        const scheduled: ScheduledInstrument[] = [];
        const schedule = new PublishSchedule({
          timers: time,
          bookIntervalMs: 100,
          tickerIntervalMs: 200,
          candleIntervalMs: 300,
          refreshIntervalMs: 400,
          checkpointIntervalMs: 600,
          send: ({ path }, message) => {
            const isWakeUp = message.type === 'PublishDue';
            const what = isWakeUp ? `${message.ticker} ${message.candles} ${message.refresh}` : 'checkpoint';
            told.push({ place: Number(path), told: what });
            return isTaking;
          },
        });
        const add = (): void => {
          const place = scheduled.length;
          const { instrument } = instrumentOf(`I${place}-USD`);
          const added = {
            instrument,
            target: { path: String(place) },
            changes: new ChangeFlags(),
            wakeUp: { isPending: false, takenCount: 0 },
          };
          scheduled.push(added);
          // The keys of a new instrument were marked before anybody looked after it.
          added.changes.book = true;
          plain.add({ book: true, ticker: false, candles: false, state: false });
          schedule.add(added);
        };
        let tickCount = 0;
        const tick = (): void => {
          told.length = expected.length = 0;
          time.advanceNow(10);
          plain.tick(tickCount++ % 10, isTaking);
          const byPlace = (a: Told, b: Told): number => a.place - b.place;
          expect(told.toSorted(byPlace)).toEqual(expected.toSorted(byPlace));
        };
        schedule.start();
        for (let place = 0; place < count; place++) add();
        for (const each of steps) {
          if (each.type === 'add') add();
          else if (each.type === 'taking') ({ isTaking } = each);
          else if (each.type === 'ticks') {
            for (let count = 0; count < each.count; count++) tick();
          } else if (each.type === 'turns') {
            for (const [place, own] of scheduled.entries()) {
              const entry = plain.entry(place);
              if (entry?.isPending !== true || entry.isRefused) continue;
              own.wakeUp.isPending = entry.isPending = false;
              for (const flag of each.flags) own.changes[flag] = entry.changes[flag] = false;
            }
          } else {
            const own = scheduled[each.place];
            const entry = plain.entry(each.place);
            if (own === undefined || entry === undefined) continue;
            if (each.type === 'change') own.changes[each.flag] = entry.changes[each.flag] = true;
            else {
              schedule.remove(own.instrument);
              plain.remove(each.place);
            }
          }
        }
      },
    ),
    { seed: 6, numRuns: 100 },
  );
});
