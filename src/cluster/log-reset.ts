/**
 * Takes instruments of a stopped cluster back to a state of before, from which on they read the log again: what was folded wrongly since is folded anew.
 *
 * A state says by its place in the log what it holds, so it alone decides where reading begins: newer states are set aside, and the place of the shard
 * falls to that of the state. Other instruments of the shard keep theirs and leave out what they have. Nothing is changed before the one transaction
 * that does it all, so an attempt that ends in its middle is simply made again.
 */
import { TampinesError } from '../base/errors.ts';
import type { CandlePolicy } from '../market/candle.ts';
import { rowsAhead } from '../market/rows-ahead.ts';
import { shardOf } from '../market/shards.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import { readBounds, requireStopped } from './log-move.ts';
import type {
  ClosedCandleLists,
  InstrumentReset,
  LogResetStore,
  LogTopics,
  MovableLog,
  ResetPoint,
  ResetTarget,
  ShardBounds,
  ShardRange,
} from './ports.ts';

/** States that are in memory at once: each may have megabytes. */
const POINTS_AT_ONCE = 8;

export type LogResetPlan = {
  readonly from: MovableLog;
  readonly resets: readonly InstrumentReset[];
  /** What shards read again, those that read nothing left out. */
  readonly ranges: readonly ShardRange[];
};

export type LogResetEdges = {
  readonly store: LogResetStore;
  readonly topics: Pick<LogTopics, 'boundsOf' | 'nameOf'>;
  readonly lists: ClosedCandleLists;
};

/** @throws TampinesError `INSTRUMENT_UNKNOWN` · `SAVEPOINT_UNKNOWN` · `STATE_UNREADABLE` · `EVENT_LOG_SHORT` · `EVENT_LOG_LOST` · `EVENT_TOPIC_UNFIT` */
export async function planLogReset(
  { store, topics }: Pick<LogResetEdges, 'store' | 'topics'>,
  {
    target,
    instruments,
    policy,
  }: {
    readonly target: ResetTarget;
    /** `undefined`: all that are wanted and have a state. */
    readonly instruments: readonly InstrumentKey[] | undefined;
    readonly policy: CandlePolicy;
  },
): Promise<LogResetPlan> {
  // Before the states: one that comes meanwhile makes another digest, and the plan is not followed.
  const from = await store.read();
  const bounds = await readBounds(topics, from);
  const keys = instruments ?? (await store.listInstruments());
  const resets: InstrumentReset[] = [];
  requireRead(topics.nameOf(from.generation), from, bounds);
  const fromPlaces = new Map<number, number>();
  for (let at = 0; at < keys.length; at += POINTS_AT_ONCE) {
    const some = keys.slice(at, at + POINTS_AT_ONCE);
    for (const point of await Promise.all(some.map((key) => store.findPoint(key, target)))) {
      const shard = shardOf(point.instrument, from.partitions);
      const fromPlace = requireReach(topics.nameOf(from.generation), { from, point, bounds: bounds[shard]! });
      fromPlaces.set(shard, Math.min(fromPlace, fromPlaces.get(shard) ?? Infinity));
      const { state, ...rest } = point;
      const hasState = state !== undefined;
      resets.push({ ...rest, hasState, position: state?.position ?? 0, rows: rowsAhead(state, policy) });
    }
  }
  const ranges = bounds.flatMap(({ shard, endPlace }) => {
    const fromPlace = fromPlaces.get(shard) ?? endPlace;
    return fromPlace < endPlace ? [{ shard, fromPlace, endPlace }] : [];
  });
  return { from, resets, ranges };
}

/** @throws TampinesError `CLUSTER_RUNNING` · `EVENT_LOG_MOVED` · `SERVICE_UNAVAILABLE`; everything is as it was then */
export async function resetLog(
  { store, lists }: Pick<LogResetEdges, 'store' | 'lists'>,
  { from, resets }: LogResetPlan,
): Promise<void> {
  requireStopped(await store.findRunning());
  await store.reset(from, resets, async (running) => {
    requireStopped(running);
    // Last, and before the rest stands: a list refuses what is older than its newest candle, so none may outlive the reset.
    await lists.dropAfter(resets);
  });
}

/** A log that ends before what was read of it already has lost records: rows of theirs would never come again. */
function requireRead(topic: string, { shards }: MovableLog, bounds: readonly ShardBounds[]): void {
  for (const { shard, nextPlace } of shards) {
    const endPlace = bounds[shard]?.endPlace ?? 0;
    if (nextPlace <= endPlace) continue;
    throw new TampinesError(
      'EVENT_LOG_LOST',
      `Partition ${shard} of ${topic} ends at ${endPlace}, before ${nextPlace}, which was read already: the topic was made anew`,
      { fields: { shard, nextPlace, endPlace } },
    );
  }
}

/** Returns from which place on the log is read for the instrument. */
function requireReach(
  topic: string,
  { from, point, bounds }: { from: MovableLog; point: ResetPoint; bounds: ShardBounds },
): number {
  const { instrument, place, state, isNewest } = point;
  const { shard, firstPlace, endPlace } = bounds;
  const fields = { instrument, shard, place, firstPlace, endPlace };
  const what =
    state === undefined
      ? `${instrument} has no state of that time or before, so its log would be needed from its beginning on`
      : `The state of ${instrument} holds the log up to ${place}`;
  // What the newest state of then did not hold was copied from the log before, and no more.
  const isLeftBehind = place < from.firstPlace && (state === undefined || !isNewest);
  const fromPlace = Math.max(place, from.firstPlace);
  if (isLeftBehind || fromPlace < firstPlace) {
    throw new TampinesError(
      'EVENT_LOG_SHORT',
      `${what}, and partition ${shard} of ${topic} begins at ${firstPlace}` +
        (isLeftBehind ? ': the log was moved to another number of partitions since' : '') +
        '. Choose a later state, or leave the instrument out',
      { fields },
    );
  }
  if (fromPlace > endPlace) {
    throw new TampinesError(
      'EVENT_LOG_LOST',
      `${what}, and partition ${shard} of ${topic} ends at ${endPlace}: the topic was made anew`,
      { fields },
    );
  }
  return fromPlace;
}
