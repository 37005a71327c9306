/** One process's way to the log of events in memory: each call that Kafka's client would make, and each answer that says something by itself, may meet its fate. */
import type { EventLogReader, EventLogReaderEvents } from '../../../../src/actors/event-log.ts';
import { TampinesError } from '../../../../src/base/errors.ts';
import type { MemoryEventLog, MemoryReader } from '../../../support/memory-event-log.ts';
import type { LogAccess } from '../../cluster/sim-cluster-node.ts';
import { GROUP, wayOf } from '../../cluster/sim-cluster-node.ts';
import type { Process, World } from '../../world/world.ts';
import type { CallPoints, Fate } from './call-points.ts';
import { DYING, never, OF_A_READING } from './call-points.ts';

/** What was fetched is being folded by then. */
const AFTER_FETCH_MS = 2;
const TRAVEL_MAX_MS = 4;
const OF_A_FETCH: readonly Fate[] = [...DYING, 'lost', 'done, answer lost'];

export type WatchedLogOptions = {
  readonly world: World;
  readonly process: Process;
  readonly log: MemoryEventLog;
  readonly points: CallPoints;
};

export class WatchedLog implements LogAccess {
  member: MemoryReader | undefined;
  readonly #options: WatchedLogOptions;

  constructor(options: WatchedLogOptions) {
    this.#options = options;
  }

  openReader(events: EventLogReaderEvents): Promise<EventLogReader> {
    const { log } = this.#options;
    return this.#call('join the group', OF_A_READING, () => {
      this.member = log.openReader(GROUP, this.#watchReader(events), this.#newWay());
      return Promise.resolve(this.#callsOf(this.member));
    });
  }

  #newWay() {
    const { world, process } = this.#options;
    return wayOf(world, process, TRAVEL_MAX_MS);
  }

  #watchReader(events: EventLogReaderEvents): EventLogReaderEvents {
    const { points, process, world } = this.#options;
    const told = (name: string, tell: () => void): void => {
      if (process.isDead) return;
      const fate = points.next(`Kafka: ${name}`, DYING);
      if (fate !== 'dies before') tell();
      if (fate !== undefined) points.kill(process);
    };
    return {
      onAssigned: (assignment) => told('partitions are assigned', () => events.onAssigned(assignment)),
      onRevoked: (partitions) => told('partitions are revoked', () => events.onRevoked(partitions)),
      onPositionLost: (partition, lost) => events.onPositionLost(partition, lost),
      onFailed: (error) => events.onFailed(error),
      onRecords: (partition, records) => {
        if (process.isDead) return undefined;
        const fate = points.next('Kafka: fetch', OF_A_FETCH);
        if (fate === 'dies before') points.kill(process);
        if (fate === 'lost' || fate === 'done, answer lost') this.#failReader();
        if (fate === 'dies before' || fate === 'lost') return undefined;
        const room = events.onRecords(partition, records);
        if (fate === 'done, dies') {
          world.after(world.nature, AFTER_FETCH_MS, 'dies', () => points.kill(process));
        }
        return room;
      },
    };
  }

  #callsOf(reader: MemoryReader): EventLogReader {
    const { points, process } = this.#options;
    return {
      knownEndOf: (partition) => reader.knownEndOf(partition),
      endOf: (partition) => this.#call('list offsets', OF_A_READING, () => reader.endOf(partition)),
      start: (partition, offset) => {
        if (process.isDead) return false;
        const fate = points.next('Kafka: seek', OF_A_READING);
        if (fate === 'dies before') points.kill(process);
        if (fate === 'lost') this.#failReader();
        const isOwn = fate === undefined || fate === 'done, dies' ? reader.start(partition, offset) : true;
        if (fate === 'done, dies') points.kill(process);
        return isOwn;
      },
      noteSaved: () => {
        if (process.isDead) return;
        if (points.next('Kafka: commit offsets', DYING) !== undefined) points.kill(process);
      },
      close: () => this.#call('leave the group', OF_A_READING, () => reader.close()),
    };
  }

  /** Kafka's client gives up and says so, a turn later. */
  #failReader(): void {
    const { world, process } = this.#options;
    const { member } = this;
    world.soon(process, 'reader fails', () => member?.fail(away()));
  }

  #call<Value>(name: string, fates: readonly Fate[], execute: () => Promise<Value>): Promise<Value> {
    const { points, process } = this.#options;
    if (process.isDead) return never();
    const fate = points.next(`Kafka: ${name}`, fates);
    if (fate === 'lost') return Promise.reject(away());
    if (fate === 'dies before') {
      points.kill(process);
      return never();
    }
    const answer = execute();
    if (fate === undefined) return answer;
    points.kill(process);
    return never();
  }
}

function away(): TampinesError {
  return new TampinesError('SERVICE_UNAVAILABLE', 'Kafka can not be reached: connection reset', {
    isRetryable: true,
  });
}
