/**
 * Moves the log of events of a stopped cluster to a topic of another number of partitions.
 *
 * States say by places in the log what they hold. Places in the new topic count on from beyond all of the old one, so no state has to be changed: of each
 * instrument exactly those records are copied that its newest state does not hold, in their order, and whoever reads the new topic folds what is missing.
 * The old topic is only read. Until one transaction says that the new topic is the log, an attempt that ends in its middle has changed nothing; the next one
 * makes a topic of its own.
 */
import { TampinesError } from '../base/errors.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import type { LogMoveStore, LogTopics, MovableLog, ShardBounds, ShardRange } from './ports.ts';

export type LogMovePlan = {
  readonly from: MovableLog;
  readonly ranges: readonly ShardRange[];
  readonly statePlaces: ReadonlyMap<InstrumentKey, number>;
  /** Of the new topic. */
  readonly firstPlace: number;
};

type Edges = { readonly store: LogMoveStore; readonly topics: LogTopics };

/** @throws TampinesError `EVENT_LOG_SHORT` · `EVENT_LOG_LOST` · `EVENT_TOPIC_UNFIT` */
export async function planLogMove({ store, topics }: Edges): Promise<LogMovePlan> {
  // Before the states: one that comes meanwhile makes another digest, and the plan is not followed.
  const from = await store.read();
  const bounds = await readBounds(topics, from);
  const nextPlaces = new Map(from.shards.map(({ shard, nextPlace }) => [shard, nextPlace]));
  const ranges = bounds.map(({ shard, firstPlace, endPlace }) => {
    const fromPlace = nextPlaces.get(shard) ?? from.firstPlace;
    requireReach(topics.nameOf(from.generation), { shard, firstPlace, endPlace }, fromPlace);
    return { shard, fromPlace, endPlace };
  });
  const ends = bounds.map(({ endPlace }) => endPlace);
  return {
    from,
    ranges,
    statePlaces: await store.readStatePlaces(),
    firstPlace: Math.max(from.newestStatePlace, ...ends),
  };
}

/**
 * Follows the plan. Returns how many records went to each partition of the new topic.
 * @throws TampinesError `CLUSTER_RUNNING` · `EVENT_LOG_MOVED` · `EVENT_LOG_SHORT` · `EVENT_TOPIC_UNFIT`; the log is where it was then
 */
export async function moveLog(
  { store, topics }: Edges,
  { from, ranges, statePlaces, firstPlace }: LogMovePlan,
  options: {
    readonly partitions: number;
    /** The new topic is there. */
    readonly onCreated: (generation: number) => void;
    readonly onRead: (recordCount: number) => void;
  },
): Promise<readonly number[]> {
  const { partitions, onCreated, onRead } = options;
  requireStopped(await store.findRunning());
  const generation = await store.begin(from);
  const to = { generation, firstPlace, partitions };
  await topics.create(to);
  onCreated(generation);
  const isNeeded = (instrument: InstrumentKey, place: number): boolean =>
    place >= (statePlaces.get(instrument) ?? 0);
  const counts = await topics.copy({ from, to, ranges, isNeeded, onRead });
  await store.finish({ from, to }, async (running) => {
    requireStopped(running);
    for (const { shard, endPlace } of await topics.boundsOf(from)) {
      if (ranges[shard]?.endPlace !== endPlace) {
        requireStopped([`something was written to partition ${shard} meanwhile`]);
      }
    }
    for (const { shard, endPlace } of await topics.boundsOf(to)) {
      const expected = firstPlace + (counts[shard] ?? 0);
      if (endPlace === expected) continue;
      throw new TampinesError(
        'EVENT_TOPIC_UNFIT',
        `The topic ${topics.nameOf(generation)} is not what was copied to it: partition ${shard} ends at ${endPlace}, expected ${expected}; somebody else writes to it`,
      );
    }
  });
  return counts;
}

/** Returns the bounds of the partitions of the log, by number. @throws TampinesError `EVENT_TOPIC_UNFIT` */
export async function readBounds(
  topics: Pick<LogTopics, 'boundsOf' | 'nameOf'>,
  from: MovableLog,
): Promise<readonly ShardBounds[]> {
  const bounds = await topics.boundsOf(from);
  if (bounds.length !== from.partitions) {
    throw new TampinesError(
      'EVENT_TOPIC_UNFIT',
      `The topic ${topics.nameOf(from.generation)} has ${bounds.length} partitions, and was used with ${from.partitions}: ` +
        'its partitions were changed behind the back of the nodes, so that instruments are in two places',
    );
  }
  return bounds;
}

/**
 * @param running what says that somebody works
 * @throws TampinesError `CLUSTER_RUNNING`
 */
export function requireStopped(running: readonly string[]): void {
  if (running.length === 0) return;
  throw new TampinesError(
    'CLUSTER_RUNNING',
    `The log is changed while every node is stopped, and the cluster is at work: ${running.join(', ')}. ` +
      'Stop all nodes, wait until their leases have run out, and run this again',
    { fields: { running } },
  );
}

function requireReach(topic: string, { shard, firstPlace, endPlace }: ShardBounds, fromPlace: number): void {
  const fields = { shard, neededFrom: fromPlace, firstPlace, endPlace };
  if (fromPlace < firstPlace) {
    throw new TampinesError(
      'EVENT_LOG_SHORT',
      `Partition ${shard} of ${topic} is needed from ${fromPlace} on and begins at ${firstPlace}: what is missing is in no state. ` +
        'Start the nodes as they were: they go on with what is there, and say what is missing. Then stop them in order and run this again',
      { fields },
    );
  }
  if (fromPlace > endPlace) {
    throw new TampinesError(
      'EVENT_LOG_LOST',
      `Partition ${shard} of ${topic} ends at ${endPlace}, before ${fromPlace}, which was read already: the topic was made anew`,
      { fields },
    );
  }
}
