/**
 * What every instrument must be at every place of its log: the plain fold of its records, event by event, from nothing. And what is compared to it:
 * saved states, saved places, published books.
 */
import { logCodec } from '../../../src/codec/log-codec.ts';
import { adapters } from '../../../src/exchanges/registry.ts';
import { decide } from '../../../src/market/decide.ts';
import type { EventBatch } from '../../../src/market/events.ts';
import type { EvolveOutputs } from '../../../src/market/evolve.ts';
import { evolve } from '../../../src/market/evolve.ts';
import { groupLevels } from '../../../src/market/grouping.ts';
import type { InstrumentPolicy } from '../../../src/market/instrument-state.ts';
import { createInstrumentState, snapshotInstrument } from '../../../src/market/instrument-state.ts';
import { formatLevels } from '../../../src/publishing/level-text.ts';
import type { Settings } from '../../../src/settings-schema.ts';
import type { History, PublishedRecord } from '../history.ts';
import { instrumentOf } from '../checks/publications.ts';
import type { Violation } from '../checks/violation.ts';

export type AppendedRecord = {
  /** In the history, when it became durable. */
  readonly order: number;
  readonly partition: number;
  readonly offset: number;
  readonly batch: EventBatch;
};

/** The state after an event: of one position of the instrument there is one. */
type Step = {
  readonly order: number;
  /** All records before it are in the state; that at it in part, or whole. */
  readonly offset: number;
  readonly position: number;
  readonly status: string;
  readonly bids: string;
  readonly asks: string;
};

const NOTHING: EvolveOutputs = {
  onTrade: () => undefined,
  onCandleClosed: () => undefined,
  onLateTrade: () => undefined,
  onCandlesSkipped: () => undefined,
  onBookUnsure: () => undefined,
  onBookStatus: () => undefined,
};

export function policyOf(instrument: string, settings: Settings): InstrumentPolicy {
  return {
    checksum: adapters.get(instrument.split(':')[0]!)?.checksum,
    candles: settings.candles,
    maxFutureMs: settings.feed.maxFutureMs,
  };
}

export class ClusterFold {
  readonly instrument: string;
  readonly records: readonly AppendedRecord[];
  readonly #policy: InstrumentPolicy;
  /** By position. */
  readonly #steps: Step[] = [];

  constructor(instrument: string, records: readonly AppendedRecord[], settings: Settings) {
    this.instrument = instrument;
    this.records = records;
    this.#policy = policyOf(instrument, settings);
    this.#fold();
  }

  /** Position of the state that has all records before `place`. */
  positionAt(place: number): number {
    return this.#steps.findLast(({ offset }) => offset < place)?.position ?? 0;
  }

  /** Of the book with the record at this offset in it. */
  statusAfter(offset: number): string | undefined {
    return this.#steps[this.positionAt(offset + 1) - 1]?.status;
  }

  get end(): Step | undefined {
    return this.#steps.at(-1);
  }

  at(position: number): Step | undefined {
    return this.#steps[position - 1];
  }

  /** The bytes of the state at these positions, in one more fold. */
  bytesAt(positions: ReadonlySet<number>): Map<number, Buffer> {
    const bytes = new Map<number, Buffer>();
    this.#fold((position, read) => {
      if (positions.has(position)) bytes.set(position, Buffer.from(read()));
    });
    return bytes;
  }

  #fold(visit?: (position: number, read: () => Uint8Array) => void): void {
    const state = createInstrumentState(this.#policy);
    for (const { batch, order, offset } of this.records) {
      for (const [index, event] of batch.events.entries()) {
        const single = { source: batch.source, firstOrdinal: batch.firstOrdinal + index, events: [event] };
        const { entry } = decide(state, single, this.#policy);
        if (entry === undefined) continue;
        evolve(state, entry, this.#policy, NOTHING);
        if (visit !== undefined) {
          visit(state.position, () => logCodec.encodeState(snapshotInstrument(state)));
          continue;
        }
        const { scales, bids, asks } = groupLevels(state.book, {
          tickSize: state.metadata?.tickSize,
          resolution: 1,
          groupsMax: 10,
        });
        this.#steps.push({
          ...{ order, offset, position: state.position, status: state.bookStatus.status },
          ...{ bids: formatLevels(bids, scales), asks: formatLevels(asks, scales) },
        });
      }
    }
  }
}

/** Each snapshot is the fold of what is before its place, and perhaps of a part of the record at it; and was saved when that was durable. */
export function checkSnapshots(fold: ClusterFold, { snapshots }: History): Violation[] {
  const own = snapshots.filter(({ instrument }) => instrument === fold.instrument);
  const bytes = fold.bytesAt(new Set(own.map(({ position }) => position)));
  return own.flatMap(({ order, batchNumber, position, epoch, shardEpoch, state }) => {
    const found = (rule: string, expected: string, was: string): Violation[] => [
      { rule, instrument: fold.instrument, expected, was },
    ];
    if (epoch !== shardEpoch)
      return found('a state is saved by the owner', `epoch ${shardEpoch}`, `epoch ${epoch}`);
    const step = fold.at(position);
    if (position > 0 && (step === undefined || step.order > order))
      return found('a saved state is of the log', 'a position that was durable', String(position));
    const whole = fold.positionAt(batchNumber);
    // Records of others may lie between its place and its own next record, which an actor that has failed on it takes event by event.
    const nextOffset = fold.at(whole + 1)?.offset ?? batchNumber;
    if (position < whole || (step !== undefined && step.offset > nextOffset))
      return found(
        'a saved state has what its place says',
        `position ${whole} at place ${batchNumber}, or within the record at ${nextOffset}`,
        `position ${position}${step === undefined ? '' : `, of the record at ${step.offset}`}`,
      );
    if (position > 0 && !bytes.get(position)!.equals(state))
      return found(
        'a saved state is the plain fold of its log',
        `the bytes of a fold from nothing at position ${position}`,
        `${state.length} other bytes`,
      );
    return [];
  });
}

/** From where on a log is said to be needed nothing before is missing in the newest saved states. */
export function checkPositions(
  folds: ReadonlyMap<string, ClusterFold>,
  partitionOf: (instrument: string) => number,
  { snapshots, positions }: History,
): Violation[] {
  return positions.flatMap(({ order, shard, epoch, shardEpoch, nextOffset }) => {
    if (epoch !== shardEpoch) {
      const rule = 'a place is saved by the owner';
      return [{ rule, instrument: `shard ${shard}`, expected: `epoch ${shardEpoch}`, was: `epoch ${epoch}` }];
    }
    return [...folds.values()].flatMap((fold) => {
      if (partitionOf(fold.instrument) !== shard) return [];
      const saved = Math.max(
        0,
        ...snapshots
          .filter((each) => each.instrument === fold.instrument && each.order < order)
          .map(({ position }) => position),
      );
      const needed = fold.positionAt(nextOffset);
      if (saved >= needed) return [];
      return [
        {
          rule: 'the place of a shard passes nothing that is not saved',
          instrument: fold.instrument,
          expected: `at least position ${needed} in a snapshot, for ${nextOffset} is saved as the place`,
          was: `position ${saved}`,
        },
      ];
    });
  });
}

/**
 * A book that is shown as live is that of its position, durable by then, and none is older than one that was shown before, by whomever; but for what
 * an owner showed after somebody else had claimed the shard, before it knew.
 */
export function checkBooks(
  folds: ReadonlyMap<string, ClusterFold>,
  partitionOf: (instrument: string) => number,
  { claims, published }: History,
): Violation[] {
  const violations: Violation[] = [];
  const isRival = (held: PublishedRecord, { key, epoch }: PublishedRecord): boolean => {
    const shard = partitionOf(instrumentOf(key));
    return claims.some((claim) => claim.shard === shard && claim.epoch === epoch && claim.order < held.order);
  };
  const newest = new Map<string, PublishedRecord>();
  for (const record of published) {
    const { key, text, seq, order, life } = record;
    if (!key.startsWith('orderbook:') || !key.endsWith(':1') || !text.includes('"status":"live"')) continue;
    const instrument = instrumentOf(key);
    const found = (rule: string, expected: string, was: string): void => {
      violations.push({ rule, instrument, expected, was });
    };
    const step = folds.get(instrument)!.at(seq);
    if (step === undefined || step.order > order) {
      found('nothing is published before it is durable', 'a position of the log', text.slice(0, 300));
      continue;
    }
    if (step.status !== 'live' || !text.includes(`"bids":${step.bids},"asks":${step.asks}`))
      found(
        'a live book is that of its position in the log',
        `${step.status} ${step.bids} ${step.asks} at ${seq}`,
        text,
      );
    const held = newest.get(key);
    if (held?.life === life && seq < held.seq && (held.epoch === record.epoch || !isRival(held, record)))
      found(
        'a live book is never older than one before',
        `at least position ${held.seq}`,
        text.slice(0, 300),
      );
    newest.set(key, record);
  }
  return violations;
}
