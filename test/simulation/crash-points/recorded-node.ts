/** A node on a recorded feed: the real actors, journal, tables and publisher on the models, so that the same frames must always end in the same bytes. */
import type { ConnectionMessage } from '../../../src/actors/connection.ts';
import { connectionActor } from '../../../src/actors/connection.ts';
import type { ConnectionStatus } from '../../../src/actors/connection-status.ts';
import { ExchangeGate } from '../../../src/actors/exchange-gate.ts';
import { FeedBudget } from '../../../src/actors/feed-budget.ts';
import { groupActor } from '../../../src/actors/group.ts';
import type { RunningSymbol } from '../../../src/actors/running-instrument.ts';
import type { ActorRef } from '../../../src/actors/kernel/actor-types.ts';
import type { ActorSystem } from '../../../src/actors/kernel/actor-system.ts';
import { createActorSystem } from '../../../src/actors/kernel/actor-system.ts';
import { PublishSchedule } from '../../../src/actors/publish-schedule.ts';
import type { SymbolMessage } from '../../../src/actors/symbol-protocol.ts';
import { spawnSymbol } from '../../../src/actors/symbol-spawner.ts';
import { SHARD } from '../../../src/build-node.ts';
import { encodeState } from '../../../src/codec/state-codec.ts';
import { krakenAdapter as kraken } from '../../../src/exchanges/kraken.ts';
import type { InstrumentSnapshot } from '../../../src/market/instrument-state.ts';
import { snapshotInstrument } from '../../../src/market/instrument-state.ts';
import type { InstrumentKey, NativeSymbol, UnifiedSymbol } from '../../../src/market/symbols.ts';
import { createStorage } from '../../../src/persistence/open-storage.ts';
import { redisDocuments } from '../../../src/publishing/redis-documents.ts';
import { RedisPublisher } from '../../../src/publishing/redis-publisher.ts';
import { restartWithBackoff } from '../../../src/supervision/strategy.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import type { FaultSwitches } from '../faults/fault-switches.ts';
import type { PostgresServer } from '../models/postgres-server.ts';
import type { RedisModel } from '../models/redis-model.ts';
import { SimRedisClient } from '../models/redis-model.ts';
import { SimDatabase } from '../models/sim-database.ts';
import type { Process, World } from '../world/world.ts';
import type { CrashPoints } from './crash-points.ts';
import type { RecordedFrame } from './recorded-feed.ts';
import { RecordedFeed } from './recorded-feed.ts';

export type RecordedInstrument = {
  readonly nativeSymbol: NativeSymbol;
  readonly symbol: UnifiedSymbol;
  readonly instrument: InstrumentKey;
};

export type RecordedNodeOptions = {
  readonly world: World;
  readonly process: Process;
  readonly points: CrashPoints;
  readonly postgres: PostgresServer;
  readonly redis: RedisModel;
  readonly faults: FaultSwitches;
  readonly schema: string;
  readonly instruments: readonly RecordedInstrument[];
  readonly frames: readonly RecordedFrame[];
};

/** The same in every life, so that the same events keep the same ordinals. */
const SOURCE = 'recording:crash-points#1';
const ASK_TIMEOUT_MS = 10_000;

export class RecordedNode {
  readonly #options: RecordedNodeOptions;
  readonly #feed: RecordedFeed;
  #system: ActorSystem | undefined;
  #connection: ActorRef<ConnectionMessage> | undefined;
  readonly #symbols = new Map<InstrumentKey, RunningSymbol>();
  #readyCount = 0;
  /** Everything of the recording is durable. */
  isDone = false;
  /** Crash points reached when the last instrument had recovered. */
  recoveredAtPoint: number | undefined;
  failure: unknown;

  constructor(options: RecordedNodeOptions) {
    this.#options = options;
    const { world, process, frames } = options;
    this.#feed = new RecordedFeed(world, process, frames);
    world.soon(process, 'start', () => {
      this.#start().catch((error: unknown) => (this.failure = error));
    });
  }

  /** State bytes of an instrument. */
  async readState(instrument: InstrumentKey): Promise<Uint8Array> {
    const snapshot = await this.#system!.ask<SymbolMessage, InstrumentSnapshot>(
      this.#symbols.get(instrument)!.ref,
      (reply) => ({ type: 'GetView', read: ({ state }) => reply(snapshotInstrument(state)) }),
      ASK_TIMEOUT_MS,
    );
    return encodeState(snapshot);
  }

  async #start(): Promise<void> {
    const { world, process, points, postgres, redis, faults, schema } = this.#options;
    const surroundings = {
      clock: world.clockOf(process),
      timers: world.timersOf(process),
      random: world.stream(`chance of ${process.name}`),
      log: new RecordingLog(),
    };
    const database = points.database(new SimDatabase({ world, process, server: postgres, faults, schema }));
    const storage = createStorage(database, surroundings);
    const claim = await storage.journal.claim(SHARD, process.name);
    const system = createActorSystem({
      ...surroundings,
      name: process.name,
      onSupervisionEvent: (event) => storage.records.recordSupervisionEvent(event),
      onDeadLetter: () => undefined,
    });
    this.#system = system;
    const publisher = new RedisPublisher({
      ...surroundings,
      url: 'redis://redis.sim',
      connect: () => points.redis(new SimRedisClient({ world, process, server: redis, faults })),
      keyTtlMs: 600_000,
      closedCandlesMax: 500,
    });
    const schedule = new PublishSchedule({
      timers: surroundings.timers,
      bookIntervalMs: 40,
      tickerIntervalMs: 100,
      candleIntervalMs: 100,
      refreshIntervalMs: 200_000,
      checkpointIntervalMs: 150,
      send: (target, message) => system.send(target, message),
    });
    const shard = system.spawn(system.root, groupActor('shard'));
    for (const [index, { instrument, nativeSymbol, symbol }] of this.#options.instruments.entries()) {
      const running = spawnSymbol(
        {
          system,
          shard,
          claim,
          journal: storage.journal,
          tables: storage.tables,
          records: storage.records,
          publisher,
          documents: redisDocuments,
          candles: {
            intervals: ['1s', '1m'],
            outOfOrdernessMs: 300,
            allowedLatenessMs: 2_000,
            emptyIntervals: 'carry',
          },
          maxFutureMs: 60_000,
          checksumOf: () => kraken.checksum,
          bookResolutions: [1, 10],
          bookDepth: 5,
          checkpointEveryEntries: 60,
          strategy: restartWithBackoff({ initialMs: 10, maxMs: 100, jitter: 0, then: 'park' }),
          isRecording: true,
          onReady: () => {
            this.#readyCount++;
            if (this.#readyCount === this.#options.instruments.length)
              this.recoveredAtPoint = points.reachedCount;
          },
        },
        { instrument, instrumentId: index + 1, exchange: kraken.exchange, symbol, nativeSymbol },
      );
      this.#symbols.set(instrument, running);
      schedule.add(running.scheduled);
    }
    schedule.start();
    this.#connection = system.spawn(
      system.root,
      connectionActor(this.#connectionOptions(surroundings, storage)),
    );
    this.#watchForEnd();
  }

  #connectionOptions(
    surroundings: Pick<RecordedSurroundings, 'clock' | 'timers' | 'random' | 'log'>,
    { records }: Pick<ReturnType<typeof createStorage>, 'records'>,
  ): Parameters<typeof connectionActor>[0] {
    return {
      adapter: kraken,
      kind: { name: 'market', channels: ['book', 'trades'], url: () => 'ws://recording.sim' },
      name: 'market-1',
      endpoints: kraken.defaultEndpoints,
      adapterOptions: { depth: undefined },
      transport: this.#feed,
      gate: new ExchangeGate({
        ...surroundings,
        exchange: kraken.exchange,
        limits: kraken.limits,
        transport: this.#feed,
      }),
      records,
      random: surroundings.random,
      source: SOURCE,
      strategy: restartWithBackoff({ initialMs: 10, maxMs: 100, jitter: 0, then: 'park' }),
      reconnect: { initialMs: 100, maxMs: 1_000, jitter: 0 },
      heartbeats: undefined,
      budget: new FeedBudget({
        maxPendingEvents: 1_000,
        maxPendingBytes: 10_000_000,
        maxPendingTradeBytes: 10_000_000,
        maxPendingNodeBytes: 10_000_000,
      }),
      isRecording: true,
      watched: () =>
        this.#options.instruments.map(({ instrument, nativeSymbol }) => ({
          type: 'Watch',
          nativeSymbol,
          channels: ['book', 'trades'],
          instrument,
          target: this.#symbols.get(instrument)!.ref,
          metadata: undefined,
        })),
    };
  }

  #watchForEnd(): void {
    const { world, process } = this.#options;
    world.after(process, 20, 'is it over', () => {
      if (!this.#feed.isAtEnd) {
        this.#watchForEnd();
        return;
      }
      void this.#system!.ask<ConnectionMessage, ConnectionStatus>(
        this.#connection!,
        (reply) => ({ type: 'GetStatus', reply }),
        ASK_TIMEOUT_MS,
      ).then(({ pendingEvents }) => {
        if (pendingEvents === 0) this.isDone = true;
        else this.#watchForEnd();
      });
    });
  }
}

type RecordedSurroundings = Parameters<typeof createActorSystem>[0];
