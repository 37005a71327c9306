/** The log of a stopped cluster as a model: topics of records in memory, and what a database says of them. */
import { TampinesError } from '../../src/base/errors.ts';
import type {
  LogCopy,
  LogGeneration,
  LogMove,
  LogMoveStore,
  LogTopics,
  MovableLog,
  ShardBounds,
} from '../../src/cluster/ports.ts';
import { shardOf } from '../../src/market/shards.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';

/** The n-th record of an instrument. */
export type ModelRecord = { readonly instrument: InstrumentKey; readonly number: number };

type ModelPartition = { records: ModelRecord[]; firstOffset: number };

export class ModelTopics implements LogTopics {
  /** By generation. */
  readonly topics = new Map<number, ModelPartition[]>();
  /** Called after each record that was copied: a test may throw, or let something happen. */
  onCopied: () => void = () => undefined;

  nameOf(generation: number): string {
    return `model.events.${generation}`;
  }

  write(generation: number, partition: number, record: ModelRecord): number {
    const { records, firstOffset } = this.topics.get(generation)![partition]!;
    return firstOffset + records.push(record) - 1;
  }

  boundsOf({ generation, firstPlace }: LogGeneration): Promise<ShardBounds[]> {
    return Promise.resolve(
      this.topics.get(generation)!.map(({ records, firstOffset }, shard) => ({
        shard,
        firstPlace: firstPlace + firstOffset,
        endPlace: firstPlace + firstOffset + records.length,
      })),
    );
  }

  create({ generation, partitions }: LogCopy['to']): Promise<void> {
    if (this.topics.has(generation)) throw new Error(`generation ${generation} is there already`);
    this.topics.set(
      generation,
      Array.from({ length: partitions }, () => ({ records: [], firstOffset: 0 })),
    );
    return Promise.resolve();
  }

  async copy({ from, to, ranges, isNeeded, onRead }: LogCopy): Promise<readonly number[]> {
    const counts = Array.from({ length: to.partitions }, () => 0);
    // The last first: nothing is said of the order between partitions.
    for (const { shard, fromPlace, endPlace } of [...ranges].reverse()) {
      const { records, firstOffset } = this.topics.get(from.generation)![shard]!;
      for (let place = fromPlace; place < endPlace; place++) {
        const record = records[place - from.firstPlace - firstOffset]!;
        onRead(1);
        if (!isNeeded(record.instrument, place)) continue;
        const partition = shardOf(record.instrument, to.partitions);
        this.write(to.generation, partition, record);
        counts[partition]!++;
        this.onCopied();
        await Promise.resolve();
      }
    }
    return counts;
  }
}

export class ModelLogStore implements LogMoveStore {
  log: MovableLog;
  readonly statePlaces = new Map<InstrumentKey, number>();
  running: readonly string[] = [];
  lastGeneration = 0;

  constructor(log: Pick<MovableLog, 'partitions' | 'shards'>) {
    this.log = { generation: 0, firstPlace: 0, newestStatePlace: 0, statesDigest: '', ...log };
  }

  read(): Promise<MovableLog> {
    return Promise.resolve({
      ...this.log,
      newestStatePlace: Math.max(0, ...this.statePlaces.values()),
      statesDigest: JSON.stringify([...this.statePlaces]),
    });
  }

  readStatePlaces(): Promise<ReadonlyMap<InstrumentKey, number>> {
    return Promise.resolve(new Map(this.statePlaces));
  }

  findRunning(): Promise<string[]> {
    return Promise.resolve([...this.running]);
  }

  begin({ generation }: MovableLog): Promise<number> {
    if (generation !== this.log.generation) throw new TampinesError('EVENT_LOG_MOVED', 'moved');
    return Promise.resolve(++this.lastGeneration);
  }

  async finish({ from, to }: LogMove, confirm: (running: readonly string[]) => Promise<void>): Promise<void> {
    if (from.generation !== this.log.generation || to.generation !== this.lastGeneration) {
      throw new TampinesError('EVENT_LOG_MOVED', 'moved');
    }
    const isAsRead = JSON.stringify(await this.read()) === JSON.stringify(from);
    await confirm(isAsRead ? this.running : [...this.running, 'states were saved']);
    const epoch = Math.max(0, ...from.shards.map((shard) => shard.epoch)) + 1;
    const shards = Array.from({ length: to.partitions }, (_, shard) => ({
      shard,
      epoch,
      nextPlace: to.firstPlace,
    }));
    this.log = { ...this.log, ...to, shards };
  }
}
