import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LANE_MAX_RECORDS, LogLane } from '../../../src/actors/shards/log-lane.ts';
import type { LogRecord } from '../../../src/actors/event-log.ts';
import type { LoggedPlace } from '../../../src/actors/symbol-protocol.ts';
import type { EventBatch } from '../../../src/market/events.ts';
import type { InstrumentKey } from '../../../src/market/symbols.ts';
import { trade } from '../../support/market-events.ts';
import { foldPlainly, LaneModel } from './lane-model.ts';

const TROUBLED_STEPS = 400;
const HEAL_STEPS_MAX = 200_000;

/** Runs a seed to its end. Throws where it comes to none. */
function runSeed(seed: number, recordCount: number): LaneModel {
  const model = new LaneModel(seed, recordCount);
  for (let step = 0; step < Math.max(TROUBLED_STEPS, recordCount); step++) model.step(true);
  model.heal();
  for (let step = 0; step < HEAL_STEPS_MAX; step++) {
    model.step(false);
    if (model.isAtEnd && model.lane.isReady) return model;
  }
  throw new Error(`stalled: outstanding from ${model.lane.firstOutstanding}`);
}

function expectPlainFold(model: LaneModel): void {
  expect(model.folded).toEqual(foldPlainly(model.log));
  expect(new Set(model.givenUp)).toEqual(model.log.poison);
}

const record = (offset: number, firstOrdinal = offset + 1): LogRecord => ({
  type: 'batch',
  offset,
  instrument: 'model:BTC-USD' as InstrumentKey,
  batch: { source: 's', firstOrdinal, events: [trade({ tradeId: String(firstOrdinal) })] },
});

/** A lane whose actor takes what it is sent while `takes` says so. */
function laneWith(takes: () => boolean) {
  const sent: { batch: EventBatch; logged: LoggedPlace }[] = [];
  const lane = new LogLane({
    send: (batch, logged) => {
      if (!takes()) return false;
      sent.push({ batch, logged });
      return true;
    },
    onPoison: () => undefined,
  });
  const acknowledge = (): number | undefined => {
    const { batch, logged } = sent.at(-1)!;
    const lastOrdinal = batch.firstOrdinal + batch.events.length - 1;
    return lane.acknowledge({ source: batch.source, lastOrdinal, batchNumber: logged.to });
  };
  return { lane, sent, acknowledge };
}

describe('the lane of an instrument', () => {
  it('has every record folded once and in order, poison aside, whatever its actor, its reader and its answers do', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), fc.integer({ min: 0, max: 150 }), (seed, count) => {
        expectPlainFold(runSeed(seed, count));
      }),
      { numRuns: 300, seed: 20261128 },
    );
  });

  it('does so when far more waits than it keeps', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
        expectPlainFold(runSeed(seed, 3 * LANE_MAX_RECORDS));
      }),
      { numRuns: 8, seed: 20261128 },
    );
  });

  it('has what it dropped while its actor took nothing read again, though no new life begins', () => {
    let takes = true;
    const { lane, sent, acknowledge } = laneWith(() => takes);
    lane.begin(0, 1);
    takes = false;
    for (let offset = 0; offset < LANE_MAX_RECORDS + 10; offset++) lane.take(record(offset));
    takes = true;
    lane.retry();
    expect(sent.map(({ logged }) => logged)).toEqual([{ life: 1, after: 0, to: 1 }]);
    expect(lane.firstOutstanding).toBe(0);
    expect(acknowledge()).toBe(1);
    for (let offset = 1; offset < 3; offset++) lane.take(record(offset));
    expect(sent.map(({ logged }) => logged)).toEqual([
      { life: 1, after: 0, to: 1 },
      { life: 1, after: 1, to: 2 },
    ]);
  });

  it('counts as taking nothing while it is refused, until something is acknowledged', () => {
    let takes = false;
    const { lane, acknowledge } = laneWith(() => takes);
    lane.begin(0, 1);
    expect(lane.isTaking).toBe(true);
    lane.take(record(0));
    lane.take(record(1));
    expect(lane.isTaking).toBe(false);
    takes = true;
    lane.retry();
    expect(acknowledge()).toBeUndefined();
    expect(lane.isTaking).toBe(true);
  });
});
