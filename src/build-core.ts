/**
 * What every node is made of, alone or in a cluster: publisher, actor system, exchanges, instruments. Everything that touches the world comes in as a
 * value, so that a process (`main.ts`) and the deterministic simulation share this wiring. Who runs which instrument is decided by `build-node.ts`
 * and `build-cluster-node.ts`.
 */
import type { ExchangeMessage } from './actors/exchange.ts';
import { exchangeActor } from './actors/exchange.ts';
import { ExchangeGate } from './actors/exchange-gate.ts';
import { FeedBudget } from './actors/feed-budget.ts';
import { groupActor } from './actors/group.ts';
import type { Placement } from './actors/instruments.ts';
import type { RunningSymbol } from './actors/running-instrument.ts';
import { Instruments } from './actors/instruments.ts';
import type { LeaseKeeperOptions } from './actors/lease-keeper.ts';
import { LeaseKeeper } from './actors/lease-keeper.ts';
import type { ActorRef, AnyActorRef } from './actors/kernel/actor-types.ts';
import type { ActorSystem } from './actors/kernel/actor-system.ts';
import { createActorSystem } from './actors/kernel/actor-system.ts';
import type { FeedTransport } from './actors/feed-ports.ts';
import type {
  DesiredInstrument,
  InstrumentCatalog,
  Journal,
  MarketTables,
  OperationsRecords,
  ShardHolder,
} from './actors/ports.ts';
import { PublishSchedule } from './actors/publish-schedule.ts';
import { StaleWatch } from './actors/stale-watch.ts';
import { LEASE_LOST_REASON } from './actors/lease-keeper.ts';
import type { SymbolSpawnerOptions } from './actors/symbol-spawner.ts';
import { spawnSymbol } from './actors/symbol-spawner.ts';
import type { Clock, RandomSource, Timers } from './base/clock.ts';
import type { Log } from './base/log.ts';
import type { Closers } from './closers.ts';
import type { ExchangeAdapter } from './exchanges/adapter.ts';
import { adapters } from './exchanges/registry.ts';
import { InProcessChannels } from './publishing/in-process-channels.ts';
import { createRedisDocuments } from './publishing/redis-documents.ts';
import type { RedisPublisherOptions } from './publishing/redis-publisher.ts';
import { RedisPublisher } from './publishing/redis-publisher.ts';
import type { PublicationListener } from './publishing/shared-publisher.ts';
import { SharedPublisher } from './publishing/shared-publisher.ts';
import type { Settings } from './settings-schema.ts';
import { failureRate, restartWithBackoff } from './supervision/strategy.ts';

/** Time, chance, the log. */
export type Surroundings = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly log: Log;
};

export type CoreParts = {
  readonly settings: Settings;
  readonly surroundings: Surroundings;
  readonly storage: {
    readonly journal: Journal;
    readonly tables: MarketTables;
    readonly catalog: InstrumentCatalog;
    readonly records: OperationsRecords;
  };
  readonly redis: Pick<RedisPublisherOptions, 'url' | 'connect'>;
  readonly transport: FeedTransport;
  /** Hears all that is published beside Redis and this process's viewers. */
  readonly listener?: PublicationListener | undefined;
  /** The moment before the claim was sent, and how to ask whether it still holds. */
  readonly lease: Pick<LeaseKeeperOptions, 'claimed' | 'claimedAt' | 'ask'>;
  readonly closers: Closers;
  /** Distinguishes this run of the node from earlier ones. */
  readonly runId: string;
  /** Of what is said of the node itself. */
  readonly epoch: number;
};

export type Core = {
  readonly instruments: Instruments;
  readonly system: ActorSystem;
  readonly publisher: RedisPublisher;
  /** What is published, for readers in this process. */
  readonly channels: InProcessChannels;
  /** What waits between sockets and symbol actors. */
  readonly feedBudget: FeedBudget;
  readonly gates: readonly ExchangeGate[];
  readonly exchanges: ReadonlyMap<string, ActorRef<ExchangeMessage>>;
  readonly lease: LeaseKeeper;
  /** Parent of the shards. */
  readonly shards: AnyActorRef;
  /** Resolves when another node owns the instruments: nothing is written or published any more, what is left is to close. */
  readonly whenFenced: Promise<ShardHolder | undefined>;
  readonly fence: (holder: ShardHolder | undefined) => void;
  spawnSymbol(instrument: DesiredInstrument, shard: SymbolPlace): RunningSymbol;
};

/** Below which shard a symbol actor runs, and under which claim. */
export type SymbolPlace = Pick<
  SymbolSpawnerOptions,
  'shard' | 'claim' | 'sharedLog' | 'standbys' | 'onReady'
>;

const FENCED_REASON = 'another node owns the instruments now';
const RECONNECT = { initialMs: 500, maxMs: 30_000, jitter: 0.2 };

/** @param placementOf asked once, with the rest of the node made */
export function buildCore(
  parts: CoreParts,
  placementOf: (core: Omit<Core, 'instruments'>) => Placement,
): Core {
  const { settings, surroundings, storage, redis, closers } = parts;
  const { publish, candles, checkpoint, supervision, feed } = settings;
  const lease = new LeaseKeeper({
    ...surroundings,
    ...parts.lease,
    leaseMs: settings.node.leaseMs,
    onLost: () => instruments.markStale(LEASE_LOST_REASON),
    onRegained: () => instruments.publishAgain(),
    onFenced: (holder) => fence(holder),
  });
  const fence = (holder: ShardHolder | undefined): void => {
    publisher.close();
    channels.close(FENCED_REASON);
    void system.release(shards, FENCED_REASON);
    noteFenced(holder);
  };
  let noteFenced: (holder: ShardHolder | undefined) => void = () => undefined;
  const whenFenced = new Promise<ShardHolder | undefined>((resolve) => {
    noteFenced = resolve;
  });
  closers.add('lease', () => {
    lease.stop();
    return Promise.resolve();
  });
  const publisher = new RedisPublisher({
    ...surroundings,
    ...redis,
    lease,
    keyTtlMs: publish.keyTtlMs,
    closedCandlesMax: publish.closedCandles,
    streamMaxLength: publish.streamMaxLength,
    onKeysLost: () => {
      // What they publish waits for the lease, a mark does not.
      if (!lease.isHeld()) instruments.markStale(LEASE_LOST_REASON);
      instruments.publishAgain();
    },
  });
  closers.add('publisher', async (deadlineMs) => {
    // For instruments that failed while they were stopped, and had no last word of their own.
    instruments.markStale('the node was stopped');
    await publisher.flush(deadlineMs);
    publisher.close();
  });
  const channels = new InProcessChannels({ clock: surroundings.clock, epoch: parts.epoch });
  const ownPublisher = new SharedPublisher(publisher, channels);
  const sharedPublisher =
    parts.listener === undefined ? ownPublisher : new SharedPublisher(ownPublisher, parts.listener);
  const system = createActorSystem({
    ...surroundings,
    name: 'tampines',
    onSupervisionEvent: (event) => {
      storage.records.recordSupervisionEvent(event);
      channels.tellSupervision(event);
      if (event.kind === 'fenced') lease.check();
      staleWatch.lookAt(event.path);
    },
    onDeadLetter: () => undefined,
  });
  const staleWatch = new StaleWatch({
    timers: surroundings.timers,
    staleAfterMs: publish.staleAfterMs,
    system,
  });
  closers.add('actors', () => system.shutdown());

  const symbolStrategy = restartWithBackoff({
    initialMs: supervision.restartInitialMs,
    maxMs: supervision.restartMaxMs,
    jitter: 0.2,
    maxRestarts: supervision.maxRestarts,
    withinMs: supervision.restartWindowMs,
    then: 'park',
  });
  const shards = system.spawn(system.root, groupActor('shards'));
  const schedule = new PublishSchedule({
    timers: surroundings.timers,
    bookIntervalMs: publish.bookIntervalMs,
    tickerIntervalMs: publish.tickerIntervalMs,
    candleIntervalMs: publish.candleIntervalMs,
    // Twice in the life of a key: one may be late by half of it.
    refreshIntervalMs: publish.keyTtlMs / 2,
    checkpointIntervalMs: checkpoint.everyMs,
    send: (target, message) => system.send(target, message),
  });
  const feedBudget = new FeedBudget(feed);
  const { exchanges, group, gates } = spawnExchanges(system, parts, feedBudget);
  const rest = {
    system,
    publisher,
    channels,
    feedBudget,
    gates,
    exchanges,
    lease,
    shards,
    whenFenced,
    fence,
    spawnSymbol: (instrument: DesiredInstrument, place: SymbolPlace) =>
      spawnSymbol(
        {
          ...place,
          system,
          lease,
          journal: storage.journal,
          tables: storage.tables,
          records: storage.records,
          publisher: sharedPublisher,
          liveReaders: channels,
          documents: createRedisDocuments(publish.naming),
          candles,
          maxFutureMs: feed.maxFutureMs,
          checksumOf: (exchange) => adapters.get(exchange)?.checksum,
          bookResolutions: publish.bookResolutions,
          bookDepth: publish.bookDepth,
          checkpointEveryEntries: checkpoint.everyEntries,
          strategy: symbolStrategy,
        },
        instrument,
      ),
  };
  const instruments = new Instruments({
    system,
    catalog: storage.catalog,
    exchanges,
    schedule,
    staleWatch,
    log: surroundings.log,
    placement: placementOf(rest),
  });
  schedule.start();
  staleWatch.start();
  lease.start();
  closers.add('publish schedule', () => {
    schedule.stop();
    staleWatch.stop();
    return Promise.resolve();
  });
  // Feeds end first: what they still say (`disconnected`) reaches the instruments, which drain and checkpoint after them.
  closers.add('feeds', () => system.stop(group));
  return { ...rest, instruments };
}

/** Adapters that speak to live exchanges; the others only read recordings of older wire forms. */
export function liveAdapters(): ExchangeAdapter[] {
  return [...adapters].filter(([name, adapter]) => name === adapter.exchange).map(([, adapter]) => adapter);
}

function spawnExchanges(
  system: ActorSystem,
  parts: CoreParts,
  budget: FeedBudget,
): { exchanges: Map<string, ActorRef<ExchangeMessage>>; group: AnyActorRef; gates: ExchangeGate[] } {
  const group = system.spawn(system.root, groupActor('exchanges'));
  const exchanges = new Map<string, ActorRef<ExchangeMessage>>();
  const gates: ExchangeGate[] = [];
  for (const adapter of liveAdapters()) {
    const options = exchangeOptions(adapter, parts, budget);
    gates.push(options.gate);
    exchanges.set(adapter.exchange, system.spawn(group, exchangeActor(options)));
  }
  return { exchanges, group, gates };
}

function exchangeOptions(
  adapter: ExchangeAdapter,
  { settings, surroundings, storage, transport, runId }: CoreParts,
  budget: FeedBudget,
): Parameters<typeof exchangeActor>[0] {
  const own = settings.exchanges[adapter.exchange];
  const { ws, rest } = adapter.defaultEndpoints;
  return {
    adapter,
    endpoints: {
      ws: own?.wsUrl === undefined || own.wsUrl === '' ? ws : own.wsUrl,
      rest: own?.restUrl === undefined || own.restUrl === '' ? rest : own.restUrl,
    },
    adapterOptions: { depth: own?.depth === undefined || own.depth === 0 ? undefined : own.depth },
    transport,
    gate: new ExchangeGate({
      ...surroundings,
      exchange: adapter.exchange,
      limits: adapter.limits,
      transport,
    }),
    records: storage.records,
    random: surroundings.random,
    strategy: restartWithBackoff({ initialMs: 500, maxMs: 30_000, jitter: 0.2 }),
    connectionStrategy: failureRate({ maxFailures: 10, withinMs: 300_000, delayMs: 1_000, then: 'escalate' }),
    reconnect: RECONNECT,
    heartbeats: { quietMs: settings.feed.heartbeatMs, turnMs: settings.feed.emptyHeartbeatMs },
    budget,
    runId,
  };
}
