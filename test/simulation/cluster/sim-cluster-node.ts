/** A node of a cluster in a simulated process: it runs the shards that the group gives it, over the log in memory; others write that log. */
import type { EventLogReader, EventLogReaderEvents } from '../../../src/actors/event-log.ts';
import type { ShardClaim } from '../../../src/actors/ports.ts';
import { TampinesError } from '../../../src/base/errors.ts';
import type { Log } from '../../../src/base/log.ts';
import type { BuiltClusterNode } from '../../../src/build-cluster-node.ts';
import { buildClusterNode } from '../../../src/build-cluster-node.ts';
import { Closers } from '../../../src/closers.ts';
import type { InstrumentKey } from '../../../src/market/symbols.ts';
import type { Database } from '../../../src/persistence/database.ts';
import { createStorage } from '../../../src/persistence/open-storage.ts';
import type { WantedOutputs } from '../../../src/persistence/output-outbox.ts';
import { ShardPositions } from '../../../src/persistence/shard-positions.ts';
import type { Settings } from '../../../src/settings-schema.ts';
import type { MemoryEventLog, MemoryReader } from '../../support/memory-event-log.ts';
import type { FaultSwitches } from '../faults/fault-switches.ts';
import { NetworkTransport } from '../models/market-network.ts';
import type { RedisModel } from '../models/redis-model.ts';
import { SimRedisClient } from '../models/redis-model.ts';
import { Process } from '../world/world.ts';
import type { World } from '../world/world.ts';

export const GROUP = 'shards';
const LOG_TRAVEL_MAX_MS = 30;

/** A process's way to the log of events. */
export interface LogAccess {
  /** Of the reader that was opened last. */
  readonly member: MemoryReader | undefined;
  openReader(events: EventLogReaderEvents): Promise<EventLogReader>;
}

export type ClusterSurroundings = {
  readonly world: World;
  readonly settings: Settings;
  readonly redis: RedisModel;
  readonly log: MemoryEventLog;
  readonly faults: FaultSwitches;
  /** The group gives up on a member that was not heard for so long. */
  readonly sessionMs: number;
  readonly databaseOf: (process: Process) => Database;
  readonly logAccessOf: (process: Process) => LogAccess;
  readonly outputs?: WantedOutputs | undefined;
  readonly onResyncWanted: (instrument: InstrumentKey, replica: number) => void;
  /** The node has claimed the shard, and knows it. */
  readonly onClaimed?: (node: SimClusterNode, shard: number) => void;
  readonly onLog: (process: Process, level: string, fields: object, message: string) => void;
};

/** Returns a way on which nothing overtakes what was sent before it. */
export function wayOf(world: World, process: Process, travelMaxMs = LOG_TRAVEL_MAX_MS) {
  const random = world.stream(`way of ${process.name}`);
  const underway: (() => void)[] = [];
  let lastMs = 0;
  return (action: () => void): void => {
    underway.push(action);
    lastMs = Math.max(lastMs, world.nowMs + random() * travelMaxMs);
    world.after(process, lastMs - world.nowMs, 'log', () => underway.shift()?.());
  };
}

export class SimClusterNode {
  readonly process: Process;
  readonly built: BuiltClusterNode;
  hasEnded = false;
  isEnding = false;
  readonly #surroundings: ClusterSurroundings;
  readonly #closers: Closers;
  readonly #logAccess: LogAccess;
  readonly #claim: (shard: number) => Promise<ShardClaim>;
  #client: SimRedisClient | undefined;

  constructor(name: string, surroundings: ClusterSurroundings) {
    this.#surroundings = surroundings;
    const { world, settings, redis, faults, databaseOf, logAccessOf, outputs } = surroundings;
    this.process = new Process(name);
    this.#logAccess = logAccessOf(this.process);
    const clock = world.clockOf(this.process);
    const timers = world.timersOf(this.process);
    const log = this.#log();
    const own = { clock, timers, random: world.stream(`chance of ${name}`), log };
    this.#closers = new Closers({ log, deadlineMs: settings.shutdown.deadlineMs, clock, timers });
    const database = databaseOf(this.process);
    const storage = createStorage(database, own, outputs);
    this.#closers.add('storage', () => storage.close());
    this.#claim = async (shard) => {
      const claim = await storage.journal.claim(shard, name);
      surroundings.onClaimed?.(this, shard);
      return claim;
    };
    this.built = buildClusterNode({
      settings,
      surroundings: own,
      storage,
      redis: {
        url: 'redis://redis.sim',
        connect: () =>
          (this.#client = new SimRedisClient({ world, process: this.process, server: redis, faults })),
      },
      transport: new NetworkTransport({ world, process: this.process, exchanges: new Map(), faults }),
      closers: this.#closers,
      runId: name,
      log: {
        openWriter: () => Promise.reject(new Error('this node feeds nothing')),
        openReader: (events) => this.#logAccess.openReader(events),
      },
      claimShard: (shard) => this.#claim(shard),
      positions: new ShardPositions(database, 0),
      readKnownTrades: () => Promise.resolve(undefined),
      mayFeed: () => false,
      isWanted: () => true,
      onWantedChanged: () => undefined,
      resyncElsewhere: (instrument, _reason, replica) => surroundings.onResyncWanted(instrument, replica),
    });
    this.built.takePart();
  }

  /** Of the group, as far as this node knows. */
  get reader(): MemoryReader | undefined {
    return this.#logAccess.member;
  }

  /** `kill -9`; the group misses it after a while. */
  kill(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    const { world, redis, log, sessionMs } = this.#surroundings;
    world.kill(this.process);
    if (this.#client !== undefined) redis.clients.delete(this.#client);
    const { reader } = this;
    if (reader !== undefined)
      world.after(world.nature, sessionMs, 'session over', () => log.group(GROUP).leave(reader));
  }

  /** The ordered end. */
  stop(): void {
    const { world } = this.#surroundings;
    this.isEnding = true;
    world.soon(this.process, 'stop', () => void this.#closers.closeAll().then(() => this.kill()));
  }

  /** The group has given it up, which it hears of only later: until then it goes on as before. */
  loseMembership(forMs: number): boolean {
    const { world, log } = this.#surroundings;
    const { reader } = this;
    if (reader === undefined) return false;
    log.group(GROUP).leave(reader);
    world.after(this.process, forMs, 'no member', () => reader.fail(away('no member of the group any more')));
    return true;
  }

  /** Takes a shard that nobody gave it, and does nothing with it: whoever runs it is fenced, and has to claim it again. */
  claimOutOfTurn(shard: number): void {
    this.#surroundings.world.soon(
      this.process,
      'claim',
      () => void this.#claim(shard).catch(() => undefined),
    );
  }

  failReader(): boolean {
    const { reader } = this;
    if (reader === undefined) return false;
    this.#surroundings.world.soon(this.process, 'reader fails', () => reader.fail(away('crashed')));
    return true;
  }

  #log(): Log {
    const { onLog } = this.#surroundings;
    const write =
      (level: string) =>
      (fields: object, message: string): void =>
        onLog(this.process, level, fields, message);
    return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  }
}

function away(message: string): TampinesError {
  return new TampinesError('SERVICE_UNAVAILABLE', message, { isRetryable: true });
}
