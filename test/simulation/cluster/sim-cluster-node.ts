/** A node of a cluster in a simulated process: it runs the shards that the group gives it, over the log in memory; others write that log. */
import type { EventLogReaderEvents } from '../../../src/actors/event-log.ts';
import { TampinesError } from '../../../src/base/errors.ts';
import type { Log } from '../../../src/base/log.ts';
import type { BuiltClusterNode } from '../../../src/build-cluster-node.ts';
import { buildClusterNode } from '../../../src/build-cluster-node.ts';
import { Closers } from '../../../src/closers.ts';
import type { InstrumentKey } from '../../../src/market/symbols.ts';
import { createStorage } from '../../../src/persistence/open-storage.ts';
import { ShardPositions } from '../../../src/persistence/shard-positions.ts';
import type { Settings } from '../../../src/settings-schema.ts';
import type { MemoryEventLog, MemoryReader } from '../../support/memory-event-log.ts';
import type { FaultSwitches } from '../faults/fault-switches.ts';
import { NetworkTransport } from '../models/market-network.ts';
import type { PostgresServer } from '../models/postgres-server.ts';
import type { RedisModel } from '../models/redis-model.ts';
import { SimRedisClient } from '../models/redis-model.ts';
import { SimDatabase } from '../models/sim-database.ts';
import { Process } from '../world/world.ts';
import type { World } from '../world/world.ts';

export const GROUP = 'shards';
const LOG_TRAVEL_MAX_MS = 30;
const SESSION_MS = 6_000;

export type ClusterSurroundings = {
  readonly world: World;
  readonly settings: Settings;
  readonly postgres: PostgresServer;
  readonly redis: RedisModel;
  readonly log: MemoryEventLog;
  readonly faults: FaultSwitches;
  readonly onResyncWanted: (instrument: InstrumentKey) => void;
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
  /** Of its life that was opened last. */
  reader: MemoryReader | undefined;
  hasEnded = false;
  isEnding = false;
  readonly #surroundings: ClusterSurroundings;
  readonly #closers: Closers;
  #client: SimRedisClient | undefined;

  constructor(name: string, surroundings: ClusterSurroundings) {
    this.#surroundings = surroundings;
    const { world, settings, postgres, redis, faults } = surroundings;
    this.process = new Process(name);
    const clock = world.clockOf(this.process);
    const timers = world.timersOf(this.process);
    const log = this.#log();
    const own = { clock, timers, random: world.stream(`chance of ${name}`), log };
    this.#closers = new Closers({ log, deadlineMs: settings.shutdown.deadlineMs, clock, timers });
    const database = new SimDatabase({
      ...{ world, process: this.process, server: postgres, faults, schema: settings.postgres.schema },
    });
    const storage = createStorage(database, own);
    this.#closers.add('storage', () => storage.close());
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
        openReader: (events) => this.#openReader(events),
      },
      claimShard: (shard) => storage.journal.claim(shard, name),
      positions: new ShardPositions(database),
      readKnownTrades: () => Promise.resolve(undefined),
      mayFeed: () => false,
      isWanted: () => true,
      onWantedChanged: () => undefined,
      resyncElsewhere: (instrument) => surroundings.onResyncWanted(instrument),
    });
    this.built.takePart();
  }

  /** `kill -9`; the group misses it after a while. */
  kill(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    const { world, redis, log } = this.#surroundings;
    world.kill(this.process);
    if (this.#client !== undefined) redis.clients.delete(this.#client);
    const { reader } = this;
    if (reader !== undefined)
      world.after(world.nature, SESSION_MS, 'session over', () => log.group(GROUP).leave(reader));
  }

  /** The ordered end. */
  stop(): void {
    const { world } = this.#surroundings;
    this.isEnding = true;
    world.soon(this.process, 'stop', () => void this.#closers.closeAll().then(() => this.kill()));
  }

  /** The group has given it up, which it hears of only later: until then it goes on as before. */
  loseMembership(forMs: number): void {
    const { world, log } = this.#surroundings;
    const { reader } = this;
    if (reader === undefined) return;
    log.group(GROUP).leave(reader);
    world.after(this.process, forMs, 'no member', () => reader.fail(away('no member of the group any more')));
  }

  failReader(): void {
    const { reader } = this;
    if (reader !== undefined)
      this.#surroundings.world.soon(this.process, 'reader fails', () => reader.fail(away('crashed')));
  }

  #openReader(events: EventLogReaderEvents): Promise<MemoryReader> {
    const { world, log } = this.#surroundings;
    this.reader = log.openReader(GROUP, events, wayOf(world, this.process));
    return Promise.resolve(this.reader);
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
