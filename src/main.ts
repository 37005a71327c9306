/**
 * Wires a node together and takes it apart in order. No logic of its own: what starts first stops last, and every phase of the shutdown has
 * a deadline.
 */
import { randomUUID } from 'node:crypto';
import type { ExchangeMessage } from './actors/exchange.ts';
import { exchangeActor } from './actors/exchange.ts';
import { ExchangeGate } from './actors/exchange-gate.ts';
import { groupActor } from './actors/group.ts';
import { Instruments } from './actors/instruments.ts';
import type { ActorRef, AnyActorRef } from './actors/kernel/actor-types.ts';
import type { ActorSystem } from './actors/kernel/actor-system.ts';
import { createActorSystem } from './actors/kernel/actor-system.ts';
import type { FeedTransport, ShardClaim } from './actors/ports.ts';
import { PublishSchedule } from './actors/publish-schedule.ts';
import { spawnSymbol } from './actors/symbol-spawner.ts';
import type { AdminServer } from './admin/admin-server.ts';
import { createAdminServer } from './admin/admin-server.ts';
import type { TimerHandle } from './base/clock.ts';
import { systemClock, systemTimers } from './base/clock.ts';
import { TampinesError } from './base/errors.ts';
import type { Log } from './base/log.ts';
import type { ExchangeAdapter } from './exchanges/adapter.ts';
import { adapters } from './exchanges/registry.ts';
import { createLiveTransport } from './feeds/live-transport.ts';
import type { Storage } from './persistence/open-storage.ts';
import { openStorage } from './persistence/open-storage.ts';
import { nodeMetricSources } from './node-metric-sources.ts';
import { createRedisDocuments } from './publishing/redis-documents.ts';
import type { ProvidedRedis } from './publishing/redis-provider.ts';
import { provideRedis } from './publishing/redis-provider.ts';
import { RedisPublisher } from './publishing/redis-publisher.ts';
import type { SettingOrigins, Settings } from './settings.ts';
import { describeSettings } from './settings.ts';
import { failureRate, restartWithBackoff } from './supervision/strategy.ts';

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
  /** Resolves when everything is durable and closed. */
  stop(): Promise<void>;
};

const SHARD = 0;
const RECONNECT = { initialMs: 500, maxMs: 30_000, jitter: 0.2 };
const WANTED_RETRY_MS = 5_000;
const BOOK_DEPTH_MAX = 5_000;

/** Starts a node; resolves when it answers and its instruments are on their way. @throws TampinesError of whatever could not be started */
export async function startNode(options: NodeOptions): Promise<TampinesNode> {
  const { settings, log } = options;
  checkExchangeNames(settings);
  const closers = new Closers(log, settings.shutdown.deadlineMs);
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
    const claim = await storage.journal.claim(SHARD, settings.node.name);
    log.info(
      {
        node: settings.node.name,
        epoch: claim.epoch,
        redis: redis.kind,
        postgres: settings.postgres.url === '' ? 'embedded' : 'external',
      },
      'node starting',
    );
    const node = buildNode(options, { storage, redis, claim, closers });
    await node.instruments.start();
    const admin = await startAdmin(options, node, { storage, claim, redis }).catch((cause: unknown) => {
      throw cannotListen(settings, cause);
    });
    closers.add('admin', () => admin.close());
    node.keepWanted();
    log.info({ admin: admin.url, docs: `${admin.url}/docs`, redis: redis.url }, 'node ready');
    return { ...node, adminUrl: admin.url, redisUrl: redis.url, storage, stop: () => closers.closeAll() };
  } catch (error) {
    await closers.closeAll();
    throw error;
  }
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

function openNodeStorage(settings: Settings, log: Log): Promise<Storage> {
  const { url, schema } = settings.postgres;
  return openStorage({
    location: url === '' ? { dataDirectory: `${settings.node.dataDirectory}/postgres` } : { url },
    schema,
    context: { clock: systemClock, timers: systemTimers, random: Math.random, log },
  });
}

type Parts = {
  readonly storage: Storage;
  readonly redis: ProvidedRedis;
  readonly claim: ShardClaim;
  readonly closers: Closers;
};
type BuiltNode = Pick<TampinesNode, 'instruments' | 'system' | 'publisher'> & { keepWanted(): void };

function buildNode({ settings, log }: NodeOptions, { storage, redis, claim, closers }: Parts): BuiltNode {
  const { publish, candles, checkpoint, supervision, feed } = settings;
  const publisher = new RedisPublisher({
    url: redis.url,
    clock: systemClock,
    timers: systemTimers,
    random: Math.random,
    log,
    keyTtlMs: publish.keyTtlMs,
    closedCandlesMax: publish.closedCandles,
    streamMaxLength: publish.streamMaxLength,
    onKeysLost: () => instruments.publishAgain(),
  });
  closers.add('publisher', async (deadlineMs) => {
    await publisher.flush(deadlineMs);
    publisher.close();
  });
  const system = createActorSystem({
    name: 'tampines',
    clock: systemClock,
    timers: systemTimers,
    random: Math.random,
    log,
    onSupervisionEvent: (event) => storage.records.recordSupervisionEvent(event),
    onDeadLetter: () => undefined,
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
  const shard = system.spawn(shards, groupActor(String(SHARD)));
  const schedule = new PublishSchedule({
    timers: systemTimers,
    bookIntervalMs: publish.bookIntervalMs,
    tickerIntervalMs: publish.tickerIntervalMs,
    candleIntervalMs: publish.candleIntervalMs,
    refreshIntervalMs: publish.keyTtlMs / 3,
    checkpointIntervalMs: checkpoint.everyMs,
    send: (target, message) => system.send(target, message),
  });
  const { exchanges, group } = spawnExchanges(system, settings, storage, closers);
  const instruments = new Instruments({
    system,
    catalog: storage.catalog,
    exchanges,
    schedule,
    log,
    spawnSymbol: (instrument) =>
      spawnSymbol(
        {
          system,
          shard,
          claim,
          journal: storage.journal,
          tables: storage.tables,
          records: storage.records,
          publisher,
          documents: createRedisDocuments(publish.naming),
          candles,
          maxFutureMs: feed.maxFutureMs,
          checksumOf: (exchange) => adapters.get(exchange)?.checksum,
          bookResolutions: publish.bookResolutions,
          bookDepth: publish.bookDepth,
          checkpointEveryEntries: checkpoint.everyEntries,
          strategy: symbolStrategy,
          onReady: () => undefined,
        },
        instrument,
      ),
  });
  schedule.start();
  closers.add('symbols', () => system.stop(shards));
  closers.add('publish schedule', () => {
    schedule.stop();
    return Promise.resolve();
  });
  // Feeds end first: what they still say (`disconnected`) reaches the instruments, which drain and checkpoint after them.
  closers.add('feeds', () => system.stop(group));
  return {
    instruments,
    system,
    publisher,
    keepWanted: () => keepWanted(settings, instruments, log, closers),
  };
}

/** Adapters that speak to live exchanges; the others only read recordings of older wire forms. */
function liveAdapters(): ExchangeAdapter[] {
  return [...adapters].filter(([name, adapter]) => name === adapter.exchange).map(([, adapter]) => adapter);
}

function spawnExchanges(
  system: ActorSystem,
  settings: Settings,
  storage: Storage,
  closers: Closers,
): { exchanges: Map<string, ActorRef<ExchangeMessage>>; group: AnyActorRef } {
  const group = system.spawn(system.root, groupActor('exchanges'));
  const transport = createLiveTransport({ clock: systemClock });
  closers.add('transport', () => {
    transport.close();
    return Promise.resolve();
  });
  const runId = randomUUID().slice(0, 8);
  const exchanges = new Map<string, ActorRef<ExchangeMessage>>();
  for (const adapter of liveAdapters()) {
    exchanges.set(
      adapter.exchange,
      system.spawn(group, exchangeActor(exchangeOptions(adapter, { settings, storage, transport, runId }))),
    );
  }
  return { exchanges, group };
}

function exchangeOptions(
  adapter: ExchangeAdapter,
  parts: { settings: Settings; storage: Storage; transport: FeedTransport; runId: string },
): Parameters<typeof exchangeActor>[0] {
  const { settings, storage, transport, runId } = parts;
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
    gate: new ExchangeGate({ limits: adapter.limits, transport, clock: systemClock, timers: systemTimers }),
    records: storage.records,
    random: Math.random,
    strategy: restartWithBackoff({ initialMs: 500, maxMs: 30_000, jitter: 0.2 }),
    connectionStrategy: failureRate({ maxFailures: 10, withinMs: 300_000, delayMs: 1_000, then: 'escalate' }),
    reconnect: RECONNECT,
    heartbeatMs: settings.feed.heartbeatMs,
    maxPendingEvents: settings.feed.maxPendingEvents,
    runId,
  };
}

/** Spawns the instruments of the settings that do not run yet, again and again while their exchange does not answer. */
function keepWanted(settings: Settings, instruments: Instruments, log: Log, closers: Closers): void {
  let isOver = false;
  const retries = new Set<TimerHandle>();
  closers.add('wanted instruments', () => {
    isOver = true;
    for (const retry of retries) retry.cancel();
    return Promise.resolve();
  });
  const want = async (name: string): Promise<void> => {
    const [exchange, symbol] = splitName(name);
    try {
      await instruments.spawn(exchange, symbol);
    } catch (error) {
      if (isOver) return;
      const code = error instanceof TampinesError ? error.code : undefined;
      if (code === 'INSTRUMENT_EXISTS') return;
      if (code === 'UNKNOWN_EXCHANGE' || code === 'UNKNOWN_SYMBOL') {
        log.error(
          { instrument: name, cause: (error as TampinesError).message },
          'a wanted instrument can not be started',
        );
        return;
      }
      log.warn({ instrument: name, err: error }, 'a wanted instrument could not be started yet');
      const retry = systemTimers.after(WANTED_RETRY_MS, () => {
        retries.delete(retry);
        void want(name);
      });
      retries.add(retry);
    }
  };
  for (const name of settings.instruments) {
    if (!instruments.has(name as Parameters<Instruments['has']>[0])) void want(name);
  }
}

function splitName(name: string): [exchange: string, symbol: string] {
  const colon = name.indexOf(':');
  return [name.slice(0, colon), name.slice(colon + 1)];
}

function startAdmin(
  { settings, origins, log }: NodeOptions,
  node: BuiltNode,
  { storage, claim, redis }: { storage: Storage; claim: ShardClaim; redis: ProvidedRedis },
): Promise<AdminServer> {
  return createAdminServer({
    host: settings.admin.host,
    port: settings.admin.port,
    token: settings.admin.token,
    log,
    clock: systemClock,
    instruments: node.instruments,
    system: node.system,
    tables: storage.tables,
    records: storage.records,
    documents: createRedisDocuments(settings.publish.naming),
    readiness: async () => [
      await checkPostgres(storage),
      {
        name: 'redis',
        isReady: node.publisher.isConnected,
        detail: node.publisher.isConnected
          ? redis.kind
          : node.publisher.metrics.lastErrorText || 'not connected yet',
      },
    ],
    settingsInForce: () => describeSettings(settings, origins),
    epoch: claim.epoch,
    node: settings.node.name,
    metricSources: nodeMetricSources(node.publisher),
    exchangeNames: liveAdapters().map(({ exchange }) => exchange),
    bookDepthMax: BOOK_DEPTH_MAX,
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

async function checkPostgres(storage: Storage): Promise<{ name: string; isReady: boolean; detail: string }> {
  try {
    await storage.database.query({ text: 'SELECT 1' });
    return { name: 'postgres', isReady: true, detail: storage.database.isEmbedded ? 'embedded' : 'external' };
  } catch (error) {
    return {
      name: 'postgres',
      isReady: false,
      detail: error instanceof Error ? error.message : String(error),
    };
  }
}

/** What has to be closed, in the reverse order of its start; a phase that fails or takes too long does not keep the others from closing. */
class Closers {
  readonly #log: Log;
  readonly #deadlineMs: number;
  readonly #phases: { name: string; close: (deadlineMs: number) => Promise<void> }[] = [];
  #closing: Promise<void> | undefined;

  constructor(log: Log, deadlineMs: number) {
    this.#log = log;
    this.#deadlineMs = deadlineMs;
  }

  add(name: string, close: (deadlineMs: number) => Promise<void>): void {
    this.#phases.push({ name, close });
  }

  closeAll(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const endMs = systemClock.monotonicMs() + this.#deadlineMs;
    for (const { name, close } of this.#phases.reverse()) {
      // A late phase still gets a moment, else one slow phase would keep the storage open.
      const remainingMs = Math.max(200, endMs - systemClock.monotonicMs());
      const outcome = await withDeadline(close(remainingMs), remainingMs);
      if (outcome === 'late')
        this.#log.warn(
          { phase: name, deadlineMs: Math.round(remainingMs) },
          'shutdown phase took too long, going on',
        );
      else if (outcome !== 'done')
        this.#log.error({ phase: name, err: outcome }, 'shutdown phase failed, going on');
    }
  }
}

/** Resolves with how the work ended: `done`, `late` when it was not done in time, else the error it failed with. */
async function withDeadline(work: Promise<void>, deadlineMs: number): Promise<unknown> {
  let timer: TimerHandle | undefined;
  const late = new Promise((resolve) => {
    timer = systemTimers.after(deadlineMs, () => resolve('late'));
  });
  const done = work.then(
    () => 'done',
    (error: unknown) => error,
  );
  const outcome = await Promise.race([done, late]);
  timer?.cancel();
  return outcome;
}
