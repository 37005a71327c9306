/**
 * Replays one recording through the whole system: connection actors, symbol actors, journal, tables. Each recording has a database schema of
 * its own, so that replays never mix; the same command again goes on where the last run ended, and comes to the same bytes.
 */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { ConnectionStatus } from '../actors/connection-status.ts';
import type { ConnectionMessage, WatchRequest } from '../actors/connection.ts';
import { connectionActor } from '../actors/connection.ts';
import { ExchangeGate } from '../actors/exchange-gate.ts';
import { FeedBudget } from '../actors/feed-budget.ts';
import type { RunningSymbol } from '../actors/running-instrument.ts';
import type { ActorRef } from '../actors/kernel/actor-types.ts';
import type { ActorSystem } from '../actors/kernel/actor-system.ts';
import { createActorSystem } from '../actors/kernel/actor-system.ts';
import { groupActor } from '../actors/group.ts';
import type { Publisher } from '../actors/ports.ts';
import type { SymbolMessage } from '../actors/symbol-protocol.ts';
import { spawnSymbol } from '../actors/symbol-spawner.ts';
import { createSeededRandom, systemClock, systemTimers } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { encodeState } from '../codec/state-codec.ts';
import type { Channel, ExchangeLimits } from '../exchanges/adapter.ts';
import type { BookSyncCounters } from '../exchanges/book-sync.ts';
import type { InstrumentSnapshot } from '../market/instrument-state.ts';
import { snapshotInstrument } from '../market/instrument-state.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import type { DatabaseLocation } from '../persistence/open-database.ts';
import type { Storage } from '../persistence/open-storage.ts';
import { openStorage } from '../persistence/open-storage.ts';
import { sumTrades } from '../persistence/trade-sums.ts';
import { redisDocuments } from '../publishing/redis-documents.ts';
import type { Settings } from '../settings-schema.ts';
import { restartWithBackoff } from '../supervision/strategy.ts';
import type { PlannedConnection, RecordingPlan } from './recording-plan.ts';
import { planRecording } from './recording-plan.ts';
import type { Lane } from './replay-lanes.ts';
import { planLanes } from './replay-lanes.ts';
import type { Playback } from './replay-playback.ts';
import { preparePlayback } from './replay-playback.ts';
import { summariseBook, summariseTrades } from './replay-summary.ts';

export type ReplayOptions = {
  readonly path: string;
  readonly through: 'direct' | 'socket';
  readonly location: DatabaseLocation;
  readonly settings: Settings;
  readonly log: Log;
  readonly publisher: Publisher;
  readonly onProgress: (progress: { phase: 'reading' | 'playing'; share: number }) => void;
};

export type ReplaySummary = {
  readonly recording: string;
  readonly exchange: string;
  readonly through: 'direct' | 'socket';
  readonly frames: RecordingPlan['frameCounts'];
  /** Deltas whose sequence was right, and gaps, over all books. */
  readonly chain: { readonly ok: number; readonly broken: number };
  readonly symbols: Record<string, Record<string, unknown>>;
};

const SHARD = 0;
const ASK_TIMEOUT_MS = 60_000;
const POLL_MS = 5;

/** @throws TampinesError `RECORDING_INVALID`, and what the storage throws */
export async function replayRecording(options: ReplayOptions): Promise<ReplaySummary> {
  const { path, log, onProgress } = options;
  const plan = await planRecording(path, {
    onProgress: ({ readBytes, totalBytes }) =>
      onProgress({ phase: 'reading', share: readBytes / totalBytes }),
  });
  const recording = nameOf(path);
  const context = { clock: systemClock, timers: systemTimers, random: Math.random, log };
  const storage = await openStorage({ location: options.location, schema: replaySchemaOf(path), context });
  try {
    const playback = await preparePlayback(path, options.through);
    try {
      const run = await startRun(options, { recording, plan, playback, storage });
      await playback.play((share) => onProgress({ phase: 'playing', share }));
      await run.drain();
      const symbols = await run.summarise();
      const exchange = plan.connections[0]?.adapter.exchange ?? '';
      return { recording, exchange, through: options.through, frames: plan.frameCounts, ...symbols };
    } finally {
      await playback.close();
    }
  } finally {
    await storage.close();
  }
}

type Parts = {
  readonly recording: string;
  readonly plan: RecordingPlan;
  readonly playback: Playback;
  readonly storage: Storage;
};

async function startRun(options: ReplayOptions, { recording, plan, playback, storage }: Parts) {
  const { settings, log } = options;
  const system = createActorSystem({
    name: 'replay',
    clock: playback.clock,
    timers: systemTimers,
    random: createSeededRandom(1),
    log,
    onSupervisionEvent: (event) => storage.records.recordSupervisionEvent(event),
    onDeadLetter: () => undefined,
  });
  const claim = await storage.journal.claim(SHARD, `replay of ${recording}`);
  const shard = system.spawn(system.root, groupActor('shard'));
  const lanes = planLanes(plan);
  const symbols = new Map<Lane, RunningSymbol>();
  for (const lane of lanes) {
    const surroundings = {
      system,
      shard,
      claim,
      journal: storage.journal,
      tables: storage.tables,
      records: storage.records,
      publisher: options.publisher,
      documents: redisDocuments,
      candles: settings.candles,
      maxFutureMs: settings.feed.maxFutureMs,
      checksumOf: () => lane.adapter.checksum,
      bookResolutions: settings.publish.bookResolutions,
      bookDepth: settings.publish.bookDepth,
      checkpointEveryEntries: settings.checkpoint.everyEntries,
      strategy: restartWithBackoff({ initialMs: 10, maxMs: 1_000, jitter: 0, then: 'park' }),
      isRecording: true,
      onReady: () => undefined,
    };
    symbols.set(lane, spawnSymbol(surroundings, lane.instrument));
  }
  const connections = new Map<number, ActorRef<ConnectionMessage>>();
  for (const planned of plan.connections) {
    connections.set(
      planned.conn,
      spawnConnection(system, planned, { recording, playback, storage, settings, log, symbols }),
    );
  }
  const checkpoints = systemTimers.every(settings.checkpoint.everyMs, () => {
    for (const { ref } of symbols.values()) system.send(ref, { type: 'CheckpointDue' });
  });

  return {
    /** Resolves when everything that was played is durable. */
    async drain(): Promise<void> {
      for (const connection of connections.values()) {
        for (;;) {
          const { pendingEvents, isSocketOpen } = await readStatus(system, connection);
          if (pendingEvents === 0 && !(playback.closesSockets && isSocketOpen)) break;
          await systemTimers.sleep(POLL_MS);
        }
      }
      checkpoints.cancel();
    },

    async summarise(): Promise<Pick<ReplaySummary, 'chain' | 'symbols'>> {
      const states = new Map<Lane, InstrumentSnapshot>();
      const counters = new Map<Lane, BookSyncCounters>();
      for (const [lane, symbol] of symbols) {
        states.set(lane, await readState(system, symbol.ref));
        if (lane.book === undefined) continue;
        counters.set(
          lane,
          await readCounters(system, connections.get(lane.book.conn)!, lane.book.nativeSymbol),
        );
      }
      // The final checkpoint comes after the rows of everything before it, so the tables are complete once the actors have stopped.
      for (const { ref } of symbols.values()) await system.stop(ref);
      const summary: Record<string, Record<string, unknown>> = {};
      for (const [lane, state] of states) {
        summary[lane.name] = await summariseLane(storage, lane, state, counters.get(lane));
      }
      await system.shutdown();
      const all = [...counters.values()];
      const chain = {
        ok: all.reduce((sum, { sequenceChecksOk }) => sum + sequenceChecksOk, 0),
        broken: all.reduce((sum, { gapCount }) => sum + gapCount, 0),
      };
      return { chain, symbols: summary };
    },
  };
}

function spawnConnection(
  system: ActorSystem,
  planned: PlannedConnection,
  parts: {
    recording: string;
    playback: Playback;
    storage: Storage;
    settings: Settings;
    log: Log;
    symbols: ReadonlyMap<Lane, RunningSymbol>;
  },
): ActorRef<ConnectionMessage> {
  const { adapter, conn } = planned;
  const { playback, storage, settings } = parts;
  const watched = watchRequests(planned, parts.symbols);
  const connection = system.spawn(
    system.root,
    connectionActor({
      adapter: { ...adapter, limits: withoutBudgets(adapter.limits) },
      kind: { name: `conn-${conn}`, channels: ['book', 'trades'], url: () => playback.urlOf(planned) },
      name: `conn-${conn}`,
      endpoints: playback.endpointsOf(adapter),
      adapterOptions: { depth: undefined },
      transport: playback.transport,
      gate: new ExchangeGate({
        exchange: adapter.exchange,
        limits: withoutBudgets(adapter.limits),
        transport: playback.transport,
        clock: systemClock,
        timers: systemTimers,
        random: createSeededRandom(conn),
        log: parts.log,
      }),
      records: storage.records,
      random: createSeededRandom(conn),
      source: `recording:${parts.recording}#${conn}`,
      strategy: restartWithBackoff({ initialMs: 10, maxMs: 1_000, jitter: 0, maxRestarts: 3, then: 'park' }),
      reconnect: { initialMs: 100, maxMs: 1_000, jitter: 0 },
      heartbeats: undefined,
      budget: new FeedBudget(settings.feed),
      isRecording: true,
      watched: () => watched,
    }),
  );
  return connection;
}

function watchRequests(
  { conn, books, trades }: PlannedConnection,
  symbols: ReadonlyMap<Lane, RunningSymbol>,
): WatchRequest[] {
  const requests: WatchRequest[] = [];
  for (const [lane, symbol] of symbols) {
    for (const nativeSymbol of new Set([...books, ...trades])) {
      const isHere = (source: { conn: number; nativeSymbol: NativeSymbol } | undefined): boolean =>
        source?.conn === conn && source.nativeSymbol === nativeSymbol;
      const channels: Channel[] = [];
      if (isHere(lane.book)) channels.push('book');
      if (lane.trades.some(isHere)) channels.push('trades');
      if (channels.length === 0) continue;
      requests.push({
        type: 'Watch',
        nativeSymbol,
        channels,
        instrument: lane.instrument.instrument,
        target: symbol.ref,
        metadata: undefined,
      });
    }
  }
  return requests;
}

async function summariseLane(
  storage: Storage,
  lane: Lane,
  state: InstrumentSnapshot,
  counters: BookSyncCounters | undefined,
): Promise<Record<string, unknown>> {
  const sums = await sumTrades(storage.database, storage.ids, lane.instrument.instrument);
  // Where several connections feed one instrument, which was last heard of is chance: the order of their batches in the log is.
  const sources = [...state.sources].sort((a, b) => (a.source < b.source ? -1 : 1));
  const bytes = encodeState({ ...state, sources });
  return {
    ...(counters === undefined ? {} : { book: summariseBook(counters, state, lane.adapter) }),
    ...(sums.length === 0 ? {} : { trades: summariseTrades(sums, sideNameOf(lane)) }),
    state: {
      position: state.position,
      size_bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    },
  };
}

/** Coinbase's feeds name the maker's side, and so do the expected results of its recordings. */
function sideNameOf(lane: Lane): (takerSide: 'buy' | 'sell') => string {
  if (!lane.adapter.exchange.startsWith('coinbase')) return (takerSide) => takerSide;
  return (takerSide) => (takerSide === 'buy' ? 'maker-sell' : 'maker-buy');
}

function readStatus(system: ActorSystem, connection: ActorRef<ConnectionMessage>): Promise<ConnectionStatus> {
  return system.ask<ConnectionMessage, ConnectionStatus>(
    connection,
    (reply) => ({ type: 'GetStatus', reply }),
    ASK_TIMEOUT_MS,
  );
}

async function readCounters(
  system: ActorSystem,
  connection: ActorRef<ConnectionMessage>,
  nativeSymbol: NativeSymbol,
): Promise<BookSyncCounters> {
  const counters = await system.ask<ConnectionMessage, BookSyncCounters | undefined>(
    connection,
    (reply) => ({ type: 'GetCounters', nativeSymbol, reply }),
    ASK_TIMEOUT_MS,
  );
  if (counters === undefined)
    throw new Error(
      `The connection no longer knows ${nativeSymbol}: it must have been replaced during the replay`,
    );
  return counters;
}

function readState(system: ActorSystem, symbol: ActorRef<SymbolMessage>): Promise<InstrumentSnapshot> {
  return system.ask<SymbolMessage, InstrumentSnapshot>(
    symbol,
    (reply) => ({
      type: 'GetView',
      read: ({ state }) => {
        reply(snapshotInstrument(state));
      },
    }),
    ASK_TIMEOUT_MS,
  );
}

/** A recording spares no exchange: budgets would only make it wait. */
function withoutBudgets(limits: ExchangeLimits): ExchangeLimits {
  const none = { count: Number.MAX_SAFE_INTEGER, windowMs: 1 };
  return {
    ...limits,
    framesPerConnection: none,
    connects: none,
    requests: { weight: Number.MAX_SAFE_INTEGER, windowMs: 1, weightOf: () => 0 },
    settleMs: 0,
  };
}

/** The schema of a recording's replay, by the name of its file. Short and plain; the hash keeps recordings of similar names apart. */
export function replaySchemaOf(path: string): string {
  const recording = nameOf(path);
  const hash = createHash('sha256').update(recording).digest('hex').slice(0, 8);
  return `replay_${recording
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .slice(0, 30)}_${hash}`;
}

function nameOf(path: string): string {
  return basename(path).replace(/\.jsonl(\.gz)?$/, '');
}
