/**
 * A process's part in a cluster: the topic of events, the built node, and the control plane that tells it what to do. `join` begins it, once the admin
 * REST listens where others are to reach it.
 */
import { randomUUID } from 'node:crypto';
import type { BuiltClusterNode, ClusterNodeParts } from './build-cluster-node.ts';
import { buildClusterNode } from './build-cluster-node.ts';
import { ClusterClient } from './admin/cluster-client.ts';
import type { ElsewhereChannels } from './admin/cluster-options.ts';
import { ClusterDirectory } from './cluster/cluster-directory.ts';
import { ClusterMembership, NODE_ALIVE_MS } from './cluster/cluster-membership.ts';
import type { ExchangePulse } from './actors/instrument-pulse.ts';
import { DesiredInstruments } from './cluster/desired-instruments.ts';
import { checkFeedDivision, reportFeedDivision } from './cluster/feed-division.ts';
import { IngestLeases } from './cluster/ingest-leases.ts';
import type { JsonValue } from './cluster/ports.ts';
import { INGEST_ROLE } from './cluster/ports.ts';
import type { InstrumentKey } from './market/symbols.ts';
import { splitInstrumentKey } from './market/symbols.ts';
import { provideEventTopic } from './kafka/event-topic.ts';
import type { EventTopic } from './kafka/kafka-options.ts';
import { KafkaEventLogReader } from './kafka/kafka-event-log-reader.ts';
import { KafkaEventLogWriter } from './kafka/kafka-event-log-writer.ts';
import { PostgresNotifications } from './persistence/change-notifications.ts';
import { PostgresPictureSource } from './persistence/cluster-picture.ts';
import { PostgresLeaseTable } from './persistence/lease-table.ts';
import { readNewestTrade } from './persistence/newest-trade.ts';
import { PostgresNodeTable } from './persistence/node-table.ts';
import type { Storage } from './persistence/open-storage.ts';
import { RedisChannels } from './publishing/redis-channels.ts';
import { ShardPositions } from './persistence/shard-positions.ts';
import type { Settings } from './settings-schema.ts';
import { adminTokens } from './settings.ts';
import { describeCause } from './supervision/failure.ts';

export type ClusterProcess = BuiltClusterNode & {
  readonly directory: ClusterDirectory;
  /** What other nodes publish, for clients of this node's stream. */
  readonly elsewhere: ElsewhereChannels;
  /** @param adminUrl where other nodes reach this one, unless the settings name another address */
  join(adminUrl: string): Promise<void>;
};

export type ClusterProcessParts = Pick<
  ClusterNodeParts,
  'settings' | 'surroundings' | 'redis' | 'transport' | 'closers' | 'listener'
> & { readonly storage: Storage };

type ResyncMeans = {
  readonly settings: Settings;
  readonly client: ClusterClient;
  readonly directory: ClusterDirectory;
};

/** Which topic is the log, by what the database says. */
export type ClusterLog = { readonly generation: number; readonly topic: EventTopic };

const RESYNC_TIMEOUT_MS = 5_000;
/** Of the time that a shutdown may take: shards and what waits for the log need the rest. */
const HAND_OVER_PART = 0.6;

/** @throws TampinesError `EVENT_TOPIC_UNFIT` · `SERVICE_UNAVAILABLE` */
export async function createClusterProcess(
  parts: ClusterProcessParts,
  { generation, topic }: ClusterLog,
): Promise<ClusterProcess> {
  const { settings, surroundings, storage, closers } = parts;
  const { clock, timers, random, log } = surroundings;
  const { kafka, node } = settings;
  const clientId = `tampines-${node.name}`;
  await provideEventTopic({
    kafka,
    topic,
    checkpointEveryMs: settings.checkpoint.everyMs,
    clientId,
    clock,
    timers,
    log,
  });

  const runId = randomUUID().slice(0, 8);
  const holder = { name: node.name, runId };
  const client = new ClusterClient(node.name, timers);
  const pictureSource = new PostgresPictureSource(storage.database);
  const directory = new ClusterDirectory({
    source: pictureSource,
    clock,
    shardCount: kafka.partitions,
    slotCount: settings.feed.slots,
    redundancy: settings.feed.redundancy,
    leaseMs: node.leaseMs,
  });
  const desired = new DesiredInstruments({
    source: storage.catalog,
    notifications: new PostgresNotifications({
      url: settings.postgres.url,
      schema: settings.postgres.schema,
      timers,
      random,
      log,
      // Or somebody stands ready for one, or roles changed: who gave a slot up may be about to stop, and that is in its row by now.
      onSlotsGivenUp: () => {
        membership?.refresh();
        leases.check();
      },
    }),
    clock,
    timers,
    log,
    onChanged: (instruments) => {
      built.ingest.follow(instruments);
      for (const { instrument, settings: own } of instruments)
        built.instruments.applySettings(instrument, own);
      built.shardKeeper.wantedChanged();
      leases.check();
    },
  });
  const leases = new IngestLeases({
    node: holder,
    table: new PostgresLeaseTable(storage.database),
    leaseMs: node.leaseMs,
    slotCount: settings.feed.slots,
    redundancy: settings.feed.redundancy,
    clock,
    timers,
    log,
    exchanges: () => [...new Set(desired.current.map(({ exchange }) => exchange))].sort(),
    nodes: () => membership?.nodes() ?? [],
    onGained: (lease) => built.ingest.gained(lease),
    onLost: (lease) => built.ingest.lost(lease),
    onAwaited: (slot) => built.ingest.prepare(slot),
    onForgone: (slot) => built.ingest.lost(slot),
  });
  let membership: ClusterMembership | undefined;
  closers.add('cluster membership', () => membership?.stop() ?? Promise.resolve());
  const built = buildClusterNode({
    ...parts,
    runId,
    log: {
      openWriter: (events) =>
        KafkaEventLogWriter.open({ kafka, topic, clientId, clock, timers, random, log, events }),
      openReader: (events) =>
        KafkaEventLogReader.open({
          kafka,
          topic,
          group: `${kafka.topicPrefix}.shards`,
          clientId,
          clock,
          timers,
          log,
          events,
        }),
    },
    claimShard: (shard) => storage.journal.claim(shard, node.name),
    positions: new ShardPositions(storage.database, generation),
    readKnownTrades: async (instrument) => {
      const newest = await readNewestTrade(storage.database, storage.ids, instrument);
      if (newest === undefined) return undefined;
      return { newest, latestTradeId: newest.tradeId, timeMs: newest.eventTimeMs };
    },
    mayFeed: (part) => leases.isHeld(part),
    isWanted: (key) => desired.current.some(({ instrument }) => instrument === key),
    onWantedChanged: () => desired.check(),
    resyncElsewhere: (instrument, reason, replica) => {
      askForResync({ settings, client, directory }, instrument, replica).catch((error: unknown) => {
        const fields = { instrument, reason, cause: describeCause(error) };
        log.warn(fields, 'no other node could be asked for a fresh book');
      });
    },
  });
  const redisChannels = new RedisChannels({
    url: parts.redis.url,
    channels: built.channels,
    clock,
    timers,
    random,
    log,
  });
  closers.add('channels of other nodes', () => {
    redisChannels.close();
    return Promise.resolve();
  });
  // Closed in the reverse order: while slots are handed over the database still tells who stands ready.
  closers.add('wanted set', () => desired.stop());
  closers.add('ingest leases', async (deadlineMs) => {
    membership?.setRoles(node.roles.filter((role) => role !== INGEST_ROLE));
    await leases.stop(HAND_OVER_PART * deadlineMs);
  });

  const report = (): JsonValue => {
    const nowMs = clock.monotonicMs();
    // A monotonic clock means nothing to other processes.
    const shards = built.shardKeeper
      .readings()
      .map(({ unsavedSinceMs = nowMs, ...reading }) => ({ ...reading, unsavedMs: nowMs - unsavedSinceMs }));
    return {
      shards,
      lag: shards.reduce((sum, { lag }) => sum + lag, 0),
      eventAgeMs: oldestOfNewest(built.instruments.readPulses().values(), clock.nowMs()),
      instruments: built.instruments.keys().length,
      feeds: built.ingest.fedCount,
      ...reportFeedDivision(settings.feed),
      // What a node does not do can't be in trouble.
      logTrouble: node.roles.includes(INGEST_ROLE) ? built.outlet.trouble : '',
      groupTrouble: node.roles.includes('compute') ? built.shardKeeper.trouble : '',
    };
  };
  return {
    ...built,
    directory,
    elsewhere: {
      find: (name) =>
        desired.current.find(
          ({ instrument, instrumentId }) => instrument === name || String(instrumentId) === name,
        ),
      follow: (channel) => redisChannels.follow(channel),
      keep: (isElsewhere) => redisChannels.keep(isElsewhere),
    },
    join: async (adminUrl) => {
      membership = new ClusterMembership({
        node: { ...holder, adminUrl: node.advertisedUrl || adminUrl, roles: node.roles },
        table: new PostgresNodeTable(storage.database, generation),
        clock,
        timers,
        log,
        report,
        onChanged: () => leases.check(),
        onDisplaced: () => built.fence(undefined),
      });
      await membership.start();
      // Of two that start at the same time each has told its own before it looks at the other's.
      const { nodes } = await pictureSource.read({ aliveMs: NODE_ALIVE_MS, leaseMs: node.leaseMs });
      checkFeedDivision(nodes, settings.feed);
      built.takePart();
      if (node.roles.includes(INGEST_ROLE)) leases.start();
      desired.start();
    },
  };
}

async function askForResync(
  { settings, client, directory }: ResyncMeans,
  instrument: InstrumentKey,
  replica: number,
): Promise<void> {
  const { name, adminUrl } = (await directory.ingestOwnerOf(instrument, replica)) ?? {};
  if (name === undefined || adminUrl === undefined) throw new Error('no node feeds it at present');
  const [named] = adminTokens(settings);
  const [exchange, symbol] = splitInstrumentKey(instrument);
  const { status, body } = await client.ask(
    { name, adminUrl },
    {
      method: 'POST',
      path: `/v1/instruments/${encodeURIComponent(exchange)}/${encodeURIComponent(symbol)}/resync`,
      query: new URLSearchParams(),
      headers: named === undefined ? {} : { authorization: `Bearer ${named.token}` },
      timeoutMs: RESYNC_TIMEOUT_MS,
    },
  );
  if (status >= 300) throw new Error(`${name} answered ${status}: ${body.toString('utf8').slice(0, 300)}`);
}

/** How far behind, by the clocks of exchanges, the exchange is that is furthest; null while nothing was read of any. */
function oldestOfNewest(pulses: Iterable<ExchangePulse>, nowMs: number): number | null {
  const times = Array.from(pulses, ({ eventTimeMs }) => eventTimeMs).filter((timeMs) => timeMs > 0);
  return times.length === 0 ? null : Math.max(0, nowMs - Math.min(...times));
}
