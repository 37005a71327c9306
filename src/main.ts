/**
 * Wires a node together and takes it apart in order. No logic of its own: what starts first stops last, and every phase of the shutdown has
 * a deadline.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Instruments } from './actors/instruments.ts';
import type { ActorSystem } from './actors/kernel/actor-system.ts';
import type { LeaseKeeper } from './actors/lease-keeper.ts';
import type { ShardHolder } from './actors/ports.ts';
import type { AdminClusterOptions } from './admin/cluster-options.ts';
import type { MetricSource } from './admin/metrics.ts';
import type { AdminServer } from './admin/admin-server.ts';
import { createAdminServer } from './admin/admin-server.ts';
import { momentOf, systemClock, systemTimers } from './base/clock.ts';
import { TampinesError } from './base/errors.ts';
import type { QueueReading } from './base/queue-reading.ts';
import { LoopDelay } from './base/loop-delay.ts';
import type { Log } from './base/log.ts';
import type { Core } from './build-core.ts';
import { liveAdapters } from './build-core.ts';
import { SHARD, buildNode } from './build-node.ts';
import { Closers } from './closers.ts';
import { createLiveTransport } from './feeds/live-transport.ts';
import { shardOf } from './market/shards.ts';
import type { InstrumentKey } from './market/symbols.ts';
import type { Storage } from './persistence/open-storage.ts';
import { isTransient } from './persistence/database.ts';
import { openStorage } from './persistence/open-storage.ts';
import { eventTopicOf } from './kafka/kafka-options.ts';
import { claimEventLog, JOURNAL } from './persistence/event-log-kind.ts';
import { askWhoseShard } from './persistence/shard-holder.ts';
import {
  clusterMetricSources,
  gateMetricSources,
  nodeMetricSources,
  progressMetricSources,
} from './node-metric-sources.ts';
import { checkReadiness } from './node-readiness.ts';
import { readQueues } from './queue-readings.ts';
import { createRedisDocuments } from './publishing/redis-documents.ts';
import type { ProvidedRedis } from './publishing/redis-provider.ts';
import { provideRedis } from './publishing/redis-provider.ts';
import type { RedisPublisher } from './publishing/redis-publisher.ts';
import type { Settings } from './settings-schema.ts';
import type { SettingOrigins } from './settings.ts';
import { adminTokens, checkRoles, describeSettings } from './settings.ts';
import type { KafkaOutputs } from './kafka/kafka-outputs.ts';
import { createOutputs, outputMetricSources, wantedOutputs } from './start-outputs.ts';
import type { ClusterProcessParts } from './start-cluster.ts';

export type NodeOptions = {
  readonly settings: Settings;
  readonly origins: SettingOrigins;
  readonly log: Log;
};

export type TampinesNode = {
  readonly adminUrl: string;
  readonly redisUrl: string;
  readonly instruments: Instruments;
  readonly system: ActorSystem;
  readonly publisher: RedisPublisher;
  readonly storage: Storage;
  readonly lease: LeaseKeeper;
  /** Resolves when another node owns the instruments; what is left is to stop. */
  readonly whenFenced: Promise<ShardHolder | undefined>;
  /** Resolves when everything is durable and closed. */
  stop(): Promise<void>;
};

const BOOK_DEPTH_MAX = 5_000;
/** The build puts it beside this file; a node that runs from its sources takes it from there too. */
const DASHBOARD_FOLDER = join(
  import.meta.dirname,
  import.meta.filename.endsWith('.ts') ? '../dist/web' : 'web',
);

/** Starts a node; resolves when it answers and its instruments are on their way. @throws TampinesError of whatever could not be started */
export async function startNode(options: NodeOptions): Promise<TampinesNode> {
  const { settings, log } = options;
  checkExchangeNames(settings);
  checkShared(settings);
  checkRoles(settings, options.origins);
  const closers = new Closers({
    log,
    deadlineMs: settings.shutdown.deadlineMs,
    clock: systemClock,
    timers: systemTimers,
  });
  try {
    const storage = await openNodeStorage(settings, log);
    closers.add('storage', () => storage.close());
    const redis = await provideRedis({
      url: settings.redis.url,
      port: settings.redis.port,
      timers: systemTimers,
      log,
    });
    closers.add('redis', () => redis.close());
    const transport = createLiveTransport({ clock: systemClock });
    closers.add('transport', () => {
      transport.close();
      return Promise.resolve();
    });
    const surroundings = { clock: systemClock, timers: systemTimers, random: Math.random, log };
    const outputs = await createOutputs({ settings, surroundings, storage });
    closers.add('outputs', () => outputs?.stop() ?? Promise.resolve());
    const parts = {
      settings,
      surroundings,
      listener: settings.outputs.kafka.topics.includes('tickers') ? outputs?.tickers : undefined,
      storage,
      redis: { url: redis.url },
      transport,
      closers,
    };
    const node = settings.kafka.brokers.length > 0 ? await createInCluster(parts) : await createAlone(parts);
    log.info(
      {
        epoch: node.epoch,
        redis: redis.kind,
        postgres: settings.postgres.url === '' ? 'embedded' : 'external',
        kafka: settings.kafka.brokers,
      },
      'node starting',
    );
    const loopDelay = new LoopDelay({ clock: systemClock, timers: systemTimers });
    loopDelay.start();
    closers.add('loop delay', () => {
      loopDelay.stop();
      return Promise.resolve();
    });
    outputs?.start(() => node.lease.isHeld());
    await node.begin();
    const admin = await startAdmin(options, node, { storage, redis, loopDelay, outputs }).catch(
      (cause: unknown) => {
        throw cannotListen(settings, cause);
      },
    );
    closers.add('admin', () => admin.close());
    await node.join(admin.url);
    node.keepWanted();
    // The address of an external one holds a password.
    const redisShown = redis.kind === 'external' ? redis.kind : redis.url;
    log.info({ admin: admin.url, docs: `${admin.url}/docs`, redis: redisShown }, 'node ready');
    return { ...node, adminUrl: admin.url, redisUrl: redis.url, storage, stop: () => closers.closeAll() };
  } catch (error) {
    await closers.closeAll();
    throw cannotStartYet(error);
  }
}

/** A node of either kind, as this file starts it. */
type CreatedNode = Core & {
  /** Of what is said of the node itself. */
  readonly epoch: number;
  readonly ownQueues: () => readonly QueueReading[];
  readonly ownMetrics: readonly MetricSource[];
  readonly kafkaTrouble?: () => string;
  readonly deleteSavepoint: (instrument: InstrumentKey, batchNumber: number) => Promise<void>;
  readonly cluster?: AdminClusterOptions;
  keepWanted(): void;
  /** Before the admin REST listens. */
  begin(): Promise<void>;
  join(adminUrl: string): Promise<void>;
};

async function createAlone(parts: ClusterProcessParts): Promise<CreatedNode> {
  const { settings, storage } = parts;
  await claimEventLog(storage.database, JOURNAL);
  const claimedAt = momentOf(systemClock);
  const claim = await storage.journal.claim(SHARD, settings.node.name);
  const node = buildNode({
    ...parts,
    claim,
    lease: {
      claimed: claim,
      claimedAt,
      ask: (timeoutMs) => askWhoseShard(storage.database, claim, timeoutMs),
    },
    runId: randomUUID().slice(0, 8),
  });
  return {
    ...node,
    epoch: claim.epoch,
    ownQueues: () => [],
    ownMetrics: [],
    deleteSavepoint: (instrument, batchNumber) =>
      storage.journal.deleteSavepoint(claim, instrument, batchNumber),
    begin: () => node.instruments.start(),
    join: () => Promise.resolve(),
  };
}

async function createInCluster(parts: ClusterProcessParts): Promise<CreatedNode> {
  const { settings, storage } = parts;
  const { kafka } = settings;
  const { name } = eventTopicOf(kafka);
  const moved = await claimEventLog(storage.database, { name, partitions: kafka.partitions });
  const { generation } = moved;
  // Kafka's client alone is a quarter of all modules that a start would load.
  const { createClusterProcess } = await import('./start-cluster.ts');
  const node = await createClusterProcess(parts, { generation, topic: eventTopicOf(kafka, moved) });
  return {
    ...node,
    ownMetrics: clusterMetricSources({ ...node, clock: systemClock }),
    ownQueues: () => (node.outlet.queue === undefined ? [] : [node.outlet.queue]),
    deleteSavepoint: async (instrument, batchNumber) => {
      const claim = node.shardKeeper.claimOf(shardOf(instrument, settings.kafka.partitions));
      if (claim === undefined) {
        throw new TampinesError('INSTRUMENT_UNKNOWN', `${instrument} is not running here`);
      }
      await storage.journal.deleteSavepoint(claim, instrument, batchNumber);
    },
    begin: () => Promise.resolve(),
    cluster: {
      directory: node.directory,
      elsewhere: node.elsewhere,
      feed: {
        isFedHere: (instrument) => node.ingest.find(instrument) !== undefined,
        resync: (instrument, reason) => node.instruments.resync(instrument, reason),
      },
    },
  };
}

/** Words for a Postgres that answers but can't serve now (its disk is full, it recovers, it takes no more connections); other failures stay. */
export function cannotStartYet(cause: unknown): unknown {
  if (cause instanceof TampinesError || !isTransient(cause)) return cause;
  const said = cause instanceof Error ? cause.message : String(cause);
  return new TampinesError(
    'SERVICE_UNAVAILABLE',
    `Postgres can't serve the start of the node now: ${said}; mend that and start again, nothing is lost`,
    { cause, isRetryable: true },
  );
}

/** A misspelt name would otherwise follow the real exchange where another address was meant. */
function checkExchangeNames(settings: Settings): void {
  const known = liveAdapters().map(({ exchange }) => exchange as string);
  const unknown = Object.keys(settings.exchanges).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new TampinesError(
    'SETTINGS_INVALID',
    `Settings are not valid: exchanges.${unknown.join(', exchanges.')}: no such exchange; there are ${known.join(', ')}`,
  );
}

/** Embedded ones are each node's own. */
function checkShared({ kafka, postgres, redis }: Settings): void {
  if (kafka.brokers.length === 0 || (postgres.url !== '' && redis.url !== '')) return;
  throw new TampinesError(
    'SETTINGS_INVALID',
    'Settings are not valid: kafka.brokers is set, so nodes share a database and a Redis: set postgres.url and redis.url',
  );
}

function openNodeStorage(settings: Settings, log: Log): Promise<Storage> {
  const { url, schema } = settings.postgres;
  return openStorage({
    location: url === '' ? { dataDirectory: `${settings.node.dataDirectory}/postgres` } : { url },
    schema,
    context: { clock: systemClock, timers: systemTimers, random: Math.random, log },
    outputs: wantedOutputs(settings, systemClock.nowMs()),
  });
}

function startAdmin(
  { settings, origins, log }: NodeOptions,
  node: CreatedNode,
  parts: {
    storage: Storage;
    redis: ProvidedRedis;
    loopDelay: LoopDelay;
    outputs: KafkaOutputs | undefined;
  },
): Promise<AdminServer> {
  const { storage, redis, loopDelay, outputs } = parts;
  const { bookIntervalMs, tickerIntervalMs, candleIntervalMs, bookDepth } = settings.publish;
  return createAdminServer({
    host: settings.admin.host,
    port: settings.admin.port,
    tokens: adminTokens(settings),
    log,
    clock: systemClock,
    instruments: node.instruments,
    system: node.system,
    tables: storage.tables,
    records: storage.records,
    savepoints: {
      list: (instrument) => storage.journal.listSavepoints(instrument),
      delete: node.deleteSavepoint,
    },
    documents: createRedisDocuments(settings.publish.naming),
    readiness: () =>
      checkReadiness({
        database: storage.database,
        appends: storage.journal.appends,
        lease: node.lease,
        publisher: node.publisher,
        redisKind: redis.kind,
        loopDelay,
        kafkaTrouble: node.kafkaTrouble,
        outputsTrouble: outputs === undefined ? undefined : () => outputs.trouble,
      }),
    settingsInForce: () => describeSettings(settings, origins),
    epoch: node.epoch,
    ...(node.cluster === undefined ? {} : { cluster: node.cluster }),
    node: settings.node.name,
    metricSources: [
      ...nodeMetricSources(node.publisher),
      ...gateMetricSources(node.gates),
      ...node.ownMetrics,
      ...(outputs === undefined ? [] : outputMetricSources(outputs)),
      ...progressMetricSources({
        lease: node.lease,
        appends: storage.journal.appends,
        checkpoints: storage.journal.checkpoints,
        loopDelay,
      }),
    ],
    readQueues: () => [...readQueues({ ...node, storage }), ...node.ownQueues()],
    readBudgets: () => node.gates.map((gate) => gate.status()),
    exchangeNames: liveAdapters().map(({ exchange }) => exchange),
    bookDepthMax: BOOK_DEPTH_MAX,
    publishDefaults: { bookIntervalMs, tickerIntervalMs, candleIntervalMs, bookDepth },
    dashboardFolder: DASHBOARD_FOLDER,
    timers: systemTimers,
    stream: {
      channels: node.channels,
      lease: node.lease,
      allowedOrigins: settings.gateway.allowedOrigins,
      bookResolutions: settings.publish.bookResolutions,
      bookDepth: settings.publish.bookDepth,
      candleIntervals: settings.candles.intervals,
    },
  });
}

/** Words for a port that is taken or an address that is not here; other failures stay what they are. */
export function cannotListen({ admin }: Pick<Settings, 'admin'>, cause: unknown): unknown {
  if (!(cause instanceof Error && 'syscall' in cause && cause.syscall === 'listen')) return cause;
  return new TampinesError(
    'SETTINGS_INVALID',
    `Cannot listen on ${admin.host}:${admin.port} for the admin REST: ${cause.message}; set admin.port (0: any free one) or admin.host`,
    { cause },
  );
}
