/** A node in a simulated process that feeds the log of events with what it holds leases of, and does nothing else. */
import { IngestLeases } from '../../../../src/cluster/ingest-leases.ts';
import type { LeaseTable } from '../../../../src/cluster/ports.ts';
import { INGEST_ROLE } from '../../../../src/cluster/ports.ts';
import type { DesiredInstrument } from '../../../../src/actors/ports.ts';
import type { Log } from '../../../../src/base/log.ts';
import { buildClusterNode } from '../../../../src/build-cluster-node.ts';
import { Closers } from '../../../../src/closers.ts';
import type { KnownTrades } from '../../../../src/market/instrument-state.ts';
import type { InstrumentKey } from '../../../../src/market/symbols.ts';
import { createStorage } from '../../../../src/persistence/open-storage.ts';
import { ShardPositions } from '../../../../src/persistence/shard-positions.ts';
import type { Settings } from '../../../../src/settings-schema.ts';
import type { MemoryEventLog } from '../../../support/memory-event-log.ts';
import type { FaultSwitches } from '../../faults/fault-switches.ts';
import type { NetworkExchange } from '../../models/market-network.ts';
import { NetworkTransport } from '../../models/market-network.ts';
import type { PostgresServer } from '../../models/postgres-server.ts';
import type { RedisModel } from '../../models/redis-model.ts';
import { SimRedisClient } from '../../models/redis-model.ts';
import { SimDatabase } from '../../models/sim-database.ts';
import { Process } from '../../world/world.ts';
import type { World } from '../../world/world.ts';
import type { CallPoints } from '../cluster/call-points.ts';
import { watchLeases } from './watched-leases.ts';
import { openWatchedWriter } from './watched-writer.ts';

/** Of the end in order: for so long it waits for who stands ready. */
const HAND_OVER_MS = 2_000;

export type IngestSurroundings = {
  readonly world: World;
  readonly settings: Settings;
  readonly exchanges: ReadonlyMap<string, NetworkExchange>;
  readonly instruments: readonly DesiredInstrument[];
  readonly log: MemoryEventLog;
  readonly table: LeaseTable;
  readonly postgres: PostgresServer;
  readonly redis: RedisModel;
  readonly faults: FaultSwitches;
  readonly points: CallPoints;
  /** Names of nodes that are alive, as far as anybody can see. */
  readonly members: () => readonly string[];
  readonly readKnownTrades: (instrument: InstrumentKey) => KnownTrades | undefined;
};

export class IngestNode {
  readonly process: Process;
  hasEnded = false;
  /** It has let go of its role. */
  isLeaving = false;
  readonly #world: World;
  readonly #closers: Closers;
  readonly #leases: IngestLeases;

  constructor(name: string, surroundings: IngestSurroundings) {
    const { world, settings, exchanges, instruments, points, redis, faults, postgres } = surroundings;
    const process = new Process(name);
    this.process = process;
    this.#world = world;
    const [clock, timers] = [world.clockOf(process), world.timersOf(process)];
    const own = { clock, timers, random: world.stream(`chance of ${name}`), log: SILENT };
    this.#closers = new Closers({ log: SILENT, deadlineMs: settings.shutdown.deadlineMs, clock, timers });
    const { schema } = settings.postgres;
    const database = new SimDatabase({ world, process, server: postgres, faults, schema });
    const storage = createStorage(database, own);
    this.#closers.add('storage', () => storage.close());
    const transport = new NetworkTransport({ world, process, exchanges, faults });
    process.onKilled.push(() => {
      this.hasEnded = true;
      transport.abandon();
    });
    this.#leases = new IngestLeases({
      ...{ node: { name, runId: name }, clock, timers, log: SILENT },
      table: watchLeases(surroundings.table, { world, process, points }),
      leaseMs: settings.node.leaseMs,
      slotCount: settings.feed.slots,
      redundancy: 1,
      exchanges: () => [...exchanges.keys()],
      nodes: () =>
        surroundings.members().map((member) => ({ name: member, runId: member, roles: [INGEST_ROLE] })),
      onGained: (lease) => built.ingest.gained(lease),
      onAwaited: (slot) => built.ingest.prepare(slot),
      onForgone: (slot) => built.ingest.lost(slot),
      onLost: (lease) => built.ingest.lost(lease),
    });
    const built = buildClusterNode({
      ...{ settings, surroundings: own, storage, transport, closers: this.#closers, runId: name },
      redis: {
        url: 'redis://redis.sim',
        connect: () => new SimRedisClient({ world, process, server: redis, faults }),
      },
      log: {
        openWriter: (events) => openWatchedWriter({ world, process, points, log: surroundings.log }, events),
        openReader: () => Promise.reject(new Error('this node runs nothing')),
      },
      claimShard: () => Promise.reject(new Error('this node runs nothing')),
      positions: new ShardPositions(database, 0),
      readKnownTrades: (instrument) => Promise.resolve(surroundings.readKnownTrades(instrument)),
      mayFeed: (part) => this.#leases.isHeld(part),
      isWanted: () => true,
      onWantedChanged: () => undefined,
      resyncElsewhere: () => undefined,
    });
    this.#closers.add('ingest leases', () => this.#leases.stop(HAND_OVER_MS));
    world.soon(process, 'begin', () => {
      built.takePart();
      built.ingest.follow(instruments);
      this.#leases.start();
    });
  }

  /** The ordered end. */
  stop(): void {
    this.isLeaving = true;
    this.#world.soon(this.process, 'stop', () => {
      void this.#closers.closeAll().then(() => this.#world.kill(this.process));
    });
  }
}

const SILENT: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
