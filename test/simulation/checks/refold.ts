/** Folds everything that an instrument's journal ever held once more, from nothing: what any state, snapshot and row is compared to. */
import type { Trade } from '../../../src/market/events.ts';
import type { CandleText } from '../../../src/market/candle-text.ts';
import { formatCandle } from '../../../src/market/candle-text.ts';
import { logCodec } from '../../../src/codec/log-codec.ts';
import type { EvolveOutputs } from '../../../src/market/evolve.ts';
import { evolve } from '../../../src/market/evolve.ts';
import type { InstrumentPolicy } from '../../../src/market/instrument-state.ts';
import { createInstrumentState, snapshotInstrument } from '../../../src/market/instrument-state.ts';
import type { AppendRecord, SnapshotRecord } from '../history.ts';
import type { DurablePosition } from './publications.ts';
import type { LoggedBatch } from './sure-books.ts';
import type { Violation } from './violation.ts';

export type LiveState = { readonly position: number; readonly status: string; readonly bytes: Uint8Array };

export type Refold = {
  /** Trades that counted, in log order. */
  readonly trades: readonly Trade[];
  /** Ids of those that were too late for every candle. */
  readonly lateIds: ReadonlySet<string>;
  /** Closed candles by interval and open time, in their last revision. */
  readonly candles: ReadonlyMap<string, CandleText>;
  readonly positions: readonly DurablePosition[];
  readonly log: readonly LoggedBatch[];
  readonly violations: readonly Violation[];
};

/**
 * @param snapshots of the instrument: each must be byte for byte the state after its batch
 * @param live a state that a running actor had; `undefined` where none could be asked
 */
export function refold(
  instrument: string,
  {
    appends,
    snapshots,
    live,
  }: {
    readonly appends: readonly AppendRecord[];
    readonly snapshots: readonly SnapshotRecord[];
    readonly live: LiveState | undefined;
  },
  policy: InstrumentPolicy,
): Refold {
  const state = createInstrumentState(policy);
  const trades: Trade[] = [];
  const lateIds = new Set<string>();
  const candles = new Map<string, CandleText>();
  const positions: DurablePosition[] = [];
  const log: LoggedBatch[] = [];
  const violations: Violation[] = [];
  const saved = new Map<number, SnapshotRecord[]>();
  for (const snapshot of snapshots) {
    const same = saved.get(snapshot.batchNumber);
    if (same === undefined) saved.set(snapshot.batchNumber, [snapshot]);
    else same.push(snapshot);
  }
  const outputs: EvolveOutputs = {
    onTrade: (trade) => {
      trades.push(trade);
    },
    onCandleClosed: (candle) => {
      const text = formatCandle(candle, { isClosed: true });
      candles.set(`${text.interval} ${text.openTimeMs}`, text);
    },
    onLateTrade: ({ tradeId }) => {
      lateIds.add(tradeId);
    },
    onCandlesSkipped: () => undefined,
    onBookUnsure: () => undefined,
    onBookStatus: () => undefined,
  };
  for (const { schemaId, entry, order, batchNumber, epoch } of appends) {
    const logged = logCodec.decodeLogEntry(schemaId, entry);
    evolve(state, logged, policy, outputs);
    positions.push({ order, position: state.position });
    log.push({ epoch, position: state.position, events: logged.events });
    const here = saved.get(batchNumber) ?? [];
    const isLive = live?.position === state.position;
    if (here.length === 0 && !isLive) continue;
    const expected = Buffer.from(logCodec.encodeState(snapshotInstrument(state)));
    if (isLive && !expected.equals(live.bytes)) {
      violations.push({
        rule: 'the live state is the fold of its log',
        instrument,
        expected: `the bytes of a fold from nothing at position ${state.position}`,
        was: firstDifference(expected, live.bytes),
      });
    }
    for (const snapshot of here) {
      if (snapshot.position === state.position && expected.equals(snapshot.state)) continue;
      violations.push({
        rule: 'a saved state is the fold of the log before it',
        instrument,
        expected: `position ${state.position} and the bytes of a fold from nothing at batch ${batchNumber}`,
        was: `position ${snapshot.position}, ${firstDifference(expected, snapshot.state)}`,
      });
    }
  }
  if (live !== undefined && !positions.some(({ position }) => position === live.position)) {
    violations.push({
      rule: 'the live state is the fold of its log',
      instrument,
      expected: `a position at the end of a batch`,
      was: String(live.position),
    });
  }
  return { trades, lateIds, candles, positions, log, violations };
}

function firstDifference(expected: Uint8Array, was: Uint8Array): string {
  if (expected.length !== was.length) return `${was.length} bytes in place of ${expected.length}`;
  const at = expected.findIndex((byte, index) => byte !== was[index]);
  return at < 0 ? 'the same bytes' : `byte ${at} is ${was[at]!} in place of ${expected[at]!}`;
}
