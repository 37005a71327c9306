/**
 * A node of a cluster: feeds the log of events with what it holds leases of, and runs the instruments of the shards that the group gives it. Which other
 * nodes there are, and what they do, is the control plane's business (`src/cluster/`).
 */
import { groupActor } from './actors/group.ts';
import type { IngestPart } from './actors/ingest/ingest.ts';
import { Ingest } from './actors/ingest/ingest.ts';
import { LogOutlet } from './actors/ingest/log-outlet.ts';
import type {
  EventLogReader,
  EventLogReaderEvents,
  EventLogWriter,
  EventLogWriterEvents,
} from './actors/event-log.ts';
import type { ShardClaim } from './actors/ports.ts';
import type { ClaimedPositions } from './actors/shards/shard-keeper.ts';
import { ShardKeeper } from './actors/shards/shard-keeper.ts';
import { StandbyReadings } from './actors/standby-readings.ts';
import { momentOf } from './base/clock.ts';
import type { Core, CoreParts } from './build-core.ts';
import { buildCore } from './build-core.ts';
import { keepWanted } from './keep-wanted.ts';
import { replicaOf } from './market/book-sources.ts';
import type { KnownTrades } from './market/instrument-state.ts';
import { shardOf } from './market/shards.ts';
import type { InstrumentKey } from './market/symbols.ts';

export type ClusterNodeParts = Omit<CoreParts, 'lease' | 'epoch'> & {
  readonly log: {
    readonly openWriter: (events: EventLogWriterEvents) => Promise<EventLogWriter>;
    readonly openReader: (events: EventLogReaderEvents) => Promise<EventLogReader>;
  };
  readonly claimShard: (shard: number) => Promise<ShardClaim>;
  readonly positions: ClaimedPositions;
  /** The newest trade that is stored of an instrument. */
  readonly readKnownTrades: (instrument: InstrumentKey) => Promise<KnownTrades | undefined>;
  /** Whether this node may feed the part of the exchange now. */
  readonly mayFeed: (part: IngestPart) => boolean;
  readonly isWanted: (instrument: InstrumentKey) => boolean;
  /** The wanted set was changed here. */
  readonly onWantedChanged: () => void;
  /** Has a fresh book fetched by whichever node feeds this replica of the instrument. */
  readonly resyncElsewhere: (instrument: InstrumentKey, reason: string, replica: number) => void;
};

export type BuiltClusterNode = Core & {
  readonly epoch: number;
  readonly ingest: Ingest;
  readonly outlet: LogOutlet;
  readonly shardKeeper: ShardKeeper;
  readonly standbys: StandbyReadings;
  /** Why it does not write or read the log of events; empty where it does, or need not. */
  kafkaTrouble(): string;
  /** Writes and reads the log of events from now on: not before it is known that no other node has this one's name, for whoever joins the group moves shards. */
  takePart(): void;
  keepWanted(): void;
};

/** Feeds tell the time every `feed.heartbeatMs`; who misses this many may be gone. */
const SILENT_HEARTBEATS = 3;
const SILENT_MIN_MS = 3_000;
/** What waits for Kafka when the node stops is written within this. */
const DRAIN_WITHIN_MS = 2_000;

export function buildClusterNode(parts: ClusterNodeParts): BuiltClusterNode {
  const { settings, surroundings, storage, closers } = parts;
  const { roles } = settings.node;
  const { timers, random, log } = surroundings;
  // Of supervision events: those of a later run count as newer.
  const epoch = Math.floor(surroundings.clock.nowMs() / 1_000);
  const core = buildCore(
    {
      ...parts,
      epoch,
      lease: {
        claimed: { node: settings.node.name },
        claimedAt: momentOf(surroundings.clock),
        ask: async (timeoutMs) => {
          await shardKeeper.verify(timeoutMs);
          return { isOwn: true };
        },
      },
    },
    () => {
      closers.add('shards', () => shardKeeper.stop());
      return {
        kind: 'shared',
        isWanted: parts.isWanted,
        onChanged: parts.onWantedChanged,
        findFed: (key) => ingest.find(key),
      };
    },
  );
  const { system, instruments } = core;
  const outlet = new LogOutlet({ openWriter: parts.log.openWriter, timers, random, log });
  const ingest = new Ingest({
    system,
    group: system.spawn(system.root, groupActor('ingest')),
    exchanges: core.exchanges,
    outlet,
    slots: settings.feed.slots,
    isHeld: parts.mayFeed,
    readKnownTrades: parts.readKnownTrades,
    readConnections: (exchange) => instruments.connections(exchange),
    timers,
  });
  const standbys = new StandbyReadings();
  const replicas = Array.from({ length: settings.feed.redundancy }, (_, replica) => replica);
  const shardKeeper = new ShardKeeper({
    system,
    group: core.shards,
    timers,
    random,
    log,
    records: storage.records,
    openReader: parts.log.openReader,
    checkpointEveryMs: settings.checkpoint.everyMs,
    silentAfterMs: Math.max(SILENT_MIN_MS, SILENT_HEARTBEATS * settings.feed.heartbeatMs),
    claim: parts.claimShard,
    positions: parts.positions,
    readWanted: async (shard) => {
      const wanted = await storage.catalog.list();
      return wanted.filter(({ instrument }) => shardOf(instrument, settings.kafka.partitions) === shard);
    },
    onResyncWanted: (instrument, reason, source) => {
      for (const replica of source === undefined ? replicas : [replicaOf(source)]) {
        if (ingest.replicaOf(instrument) === replica) instruments.resync(instrument, reason);
        else parts.resyncElsewhere(instrument, reason, replica);
      }
    },
    host: {
      run: (instrument, { claim, ref, onBegun, onSaved }) => {
        const symbol = core.spawnSymbol(instrument, {
          shard: ref,
          claim,
          sharedLog: { onSaved },
          standbys,
          onReady: (_instrument, place, life, fellBack) => onBegun(place, life, fellBack),
        });
        instruments.run(instrument, symbol);
        return symbol;
      },
      end: async (key, symbol) => {
        await instruments.end(key);
        symbol.expirePublications();
      },
      endAll: async (shard) => {
        const running = instruments.keys().filter((key) => shardOf(key, settings.kafka.partitions) === shard);
        await Promise.all(running.map((key) => instruments.end(key)));
      },
    },
  });
  closers.add('log of events', () => outlet.close(DRAIN_WITHIN_MS));
  closers.add('ingest', () => ingest.stop());
  const kafkaTrouble = (): string =>
    (roles.includes('ingest') && outlet.trouble) || (roles.includes('compute') && shardKeeper.trouble) || '';
  return {
    ...core,
    epoch,
    ingest,
    outlet,
    shardKeeper,
    standbys,
    kafkaTrouble,
    takePart: () => {
      if (roles.includes('ingest')) outlet.start();
      if (roles.includes('compute')) shardKeeper.start();
    },
    keepWanted: () => keepWanted(parts, instruments),
  };
}
