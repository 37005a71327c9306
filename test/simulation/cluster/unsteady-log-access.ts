/**
 * A process's way to the log on which fetches come again (whole, in part, from before the asked place, at once or later) and a reader gets nothing
 * for a while, then all of it, whether or not the group still counts it as a member.
 */
import type { EventLogReader, EventLogReaderEvents } from '../../../src/actors/event-log.ts';
import type { RandomSource } from '../../../src/base/clock.ts';
import { decodeRecord } from '../../../src/kafka/record-codec.ts';
import type { Later, MemoryEventLog, MemoryReader } from '../../support/memory-event-log.ts';
import type { FaultSwitches } from '../faults/fault-switches.ts';
import type { Process, World } from '../world/world.ts';
import type { LogAccess } from './sim-cluster-node.ts';
import { GROUP, wayOf } from './sim-cluster-node.ts';

type Records = Parameters<EventLogReaderEvents['onRecords']>[1];

const AGAIN_MAX_MS = 3_000;
const BEFORE_MAX_RECORDS = 30;

/** Keeps what arrives on it until it is released, in order. */
class HoldableWay {
  readonly #way: Later;
  #held: (() => void)[] | undefined;

  constructor(way: Later) {
    this.#way = way;
  }

  readonly later: Later = (action) =>
    this.#way(() => {
      if (this.#held === undefined) action();
      else this.#held.push(action);
    });

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const action of held) action();
  }
}

export class UnsteadyLogAccess implements LogAccess {
  member: MemoryReader | undefined;
  readonly #world: World;
  readonly #process: Process;
  readonly #log: MemoryEventLog;
  readonly #faults: FaultSwitches;
  readonly #random: RandomSource;
  #way: HoldableWay | undefined;
  /** Fetches that are still to come again. */
  #repeatCount = 0;
  /** Beginnings at another place that are still to find what was fetched before. */
  #leftOverCount = 0;

  constructor(
    options: { readonly world: World; readonly log: MemoryEventLog; readonly faults: FaultSwitches },
    process: Process,
  ) {
    this.#world = options.world;
    this.#process = process;
    this.#log = options.log;
    this.#faults = options.faults;
    this.#random = options.world.stream(`fetches of ${process.name}`);
  }

  openReader(events: EventLogReaderEvents): Promise<EventLogReader> {
    const way = new HoldableWay(wayOf(this.#world, this.#process));
    const fetched = new Map<number, Records>();
    const member = this.#log.openReader(
      GROUP,
      {
        ...events,
        onRecords: (partition, records) => {
          fetched.set(partition, records);
          if (!this.#log.group(GROUP).members.has(member)) this.#faults.sometimes('read by no member');
          if (this.#repeatCount === 0) return events.onRecords(partition, records);
          this.#repeatCount--;
          return this.#repeat(member, partition, records, events);
        },
      },
      way.later,
    );
    this.#way = way;
    this.member = member;
    return Promise.resolve({
      knownEndOf: (partition) => member.knownEndOf(partition),
      endOf: (partition) => member.endOf(partition),
      noteSaved: () => member.noteSaved(),
      close: () => member.close(),
      start: (partition, offset) => {
        const isStarted = member.start(partition, offset);
        const before = fetched.get(partition);
        if (!isStarted || before === undefined || this.#leftOverCount === 0) return isStarted;
        // As if it had been handed out just before, and lain there.
        this.#leftOverCount--;
        this.#faults.count('duplicate fetch');
        if (before[0]!.offset > offset)
          this.#faults.sometimes('fetched before it was read from further back');
        void events.onRecords(partition, before);
        return isStarted;
      },
    });
  }

  repeatFetches(count: number): void {
    this.#repeatCount = this.#leftOverCount = count;
  }

  /** Its reader gets nothing, not even word of the group, for so long. Returns what ends that sooner. */
  hold(forMs: number): () => void {
    const way = this.#way;
    const release = (): void => this.#world.soon(this.#process, 'reads on', () => way?.release());
    way?.hold();
    this.#world.after(this.#world.nature, forMs, 'reader goes on', release);
    return release;
  }

  #repeat(
    member: MemoryReader,
    partition: number,
    records: Records,
    events: EventLogReaderEvents,
  ): Promise<void> | undefined {
    const kind = this.#random();
    const cut = Math.floor(this.#random() * records.length);
    const hand = (fetched: Records): Promise<void> | undefined => events.onRecords(partition, fetched);
    this.#faults.count('duplicate fetch');
    if (kind < 0.3) {
      this.#faults.sometimes('fetched from before the place');
      return hand([...this.#before(partition, records[0]!.offset), ...records]);
    }
    if (kind < 0.5) {
      // The first part, and then from somewhere in it on.
      const first = hand(records.slice(0, cut + 1));
      const whole = hand(records.slice(Math.floor(this.#random() * (cut + 1))));
      return both(first, whole);
    }
    const again = kind < 0.8 ? records : records.slice(cut);
    const first = hand(records);
    if (this.#random() < 0.5) return both(first, hand(again));
    this.#world.after(this.#process, this.#random() * AGAIN_MAX_MS, 'fetched again', () => {
      // Of a partition that went to others nothing comes any more.
      if (member === this.member && member.held.includes(partition)) void hand(again);
    });
    return first;
  }

  #before(partition: number, offset: number): Records {
    const { firstOffset, records } = this.#log.partitions[partition]!;
    const from = Math.max(firstOffset, offset - 1 - Math.floor(this.#random() * BEFORE_MAX_RECORDS));
    return records
      .slice(from - firstOffset, offset - firstOffset)
      .map((record, index) => decodeRecord(from + index, record));
  }
}

function both(one: Promise<void> | undefined, other: Promise<void> | undefined): Promise<void> | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Promise.all([one, other]).then(() => undefined);
}
