/** An admin server before a real actor system with storage in memory. The exchange is a small actor that lists what tests need. */
import type { ConnectionStatus } from '../../src/actors/connection-status.ts';
import type { ConnectionMessage } from '../../src/actors/connection.ts';
import type { ExchangeMessage } from '../../src/actors/exchange.ts';
import type { GateStatus } from '../../src/actors/exchange-gate.ts';
import { groupActor } from '../../src/actors/group.ts';
import type { RunningSymbol } from '../../src/actors/running-instrument.ts';
import { Instruments } from '../../src/actors/instruments.ts';
import type { ActorSystem } from '../../src/actors/kernel/actor-system.ts';
import { createActorSystem } from '../../src/actors/kernel/actor-system.ts';
import type { ActorRef, ActorSpec } from '../../src/actors/kernel/actor-types.ts';
import type { Publication, Publisher, TradeRow } from '../../src/actors/ports.ts';
import { PublishSchedule } from '../../src/actors/publish-schedule.ts';
import type { FeedReply, SymbolMessage } from '../../src/actors/symbol-protocol.ts';
import { spawnSymbol } from '../../src/actors/symbol-spawner.ts';
import type { AdminOptions } from '../../src/admin/admin-options.ts';
import { createSeededRandom, systemTimers } from '../../src/base/clock.ts';
import type { MarketEvent } from '../../src/market/events.ts';
import { toNativeSymbol, toUnifiedSymbol } from '../../src/market/symbols.ts';
import { MemoryInstrumentCatalog } from '../../src/persistence/memory-instrument-catalog.ts';
import { MemoryJournal, MemoryJournalStorage } from '../../src/persistence/memory-journal.ts';
import { MemoryMarketTables } from '../../src/persistence/memory-market-tables.ts';
import { MemoryOperationsRecords } from '../../src/persistence/memory-operations-records.ts';
import { InProcessChannels } from '../../src/publishing/in-process-channels.ts';
import { redisDocuments } from '../../src/publishing/redis-documents.ts';
import { SharedPublisher } from '../../src/publishing/shared-publisher.ts';
import { failureRate } from '../../src/supervision/strategy.ts';
import { logCodec } from '../../src/codec/log-codec.ts';
import { NOON_MS } from '../support/market-events.ts';

export const LISTINGS = [
  ['BTC-USDT', 'BTCUSDT', '0.01'],
  ['ETH-USDT', 'ETHUSDT', '0.01'],
  ['币安人生-USDT', '币安人生USDT', '0.0001'],
  ['XBT-EUR', 'XBT/EUR', '0.1'],
].map(([symbol, nativeSymbol, tickSize]) => ({
  symbol: toUnifiedSymbol(symbol!),
  nativeSymbol: toNativeSymbol(nativeSymbol!),
  tickSize,
  lotSize: '0.001',
  isTrading: true,
}));

const BOOK_RESOLUTIONS = [1, 10];
const BOOK_DEPTH = 50;
const CANDLE_INTERVALS = ['1s', '1m', '1h'] as const;

export type LogLine = { readonly level: string; readonly fields: object; readonly message: string };

export type World = {
  readonly options: AdminOptions;
  readonly system: ActorSystem;
  readonly instruments: Instruments;
  readonly catalog: MemoryInstrumentCatalog;
  readonly tables: MemoryMarketTables;
  readonly records: MemoryOperationsRecords;
  readonly logLines: readonly LogLine[];
  /** What would have gone to Redis. */
  readonly publications: Publication[];
  readonly channels: InProcessChannels;
  /** Marks the published books of an instrument stale, as if somebody saw from outside that it can't speak. */
  markStale(key: string, reason: string): void;
  /** Native symbols that were asked to be resynchronised. */
  readonly resyncs: readonly string[];
  /** Sends events to an instrument as its feed would; resolves when they are durable. Rejects where the actor fails on them. */
  deliver(key: string, events: readonly MarketEvent[]): Promise<void>;
  /** Lets the instrument publish everything now. */
  publishAll(key: string): Promise<void>;
  actorStatus(key: string): string | undefined;
  /** As if a stored trade had never been. */
  forgetTrade(tradeId: string): void;
  /** The next state snapshot of any instrument can't be saved. */
  failNextSnapshot(error: Error): void;
  end(): Promise<void>;
};

export async function createWorld(overrides: Partial<AdminOptions> = {}): Promise<World> {
  const logLines: LogLine[] = [];
  const keep = (level: string) => (fields: object, message: string) =>
    void logLines.push({ level, fields, message });
  const log = { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
  const clock = { nowMs: () => NOON_MS, monotonicMs: () => performance.now() };
  const records = new MemoryOperationsRecords();
  const system = createActorSystem({
    name: 'test',
    clock,
    timers: systemTimers,
    random: createSeededRandom(7),
    log,
    onSupervisionEvent: (event) => {
      records.recordSupervisionEvent(event);
      channels.tellSupervision(event);
    },
    onDeadLetter: () => undefined,
  });
  const channels = new InProcessChannels({ clock, epoch: 1 });
  const resyncs: string[] = [];
  const targets = new Map<string, ActorRef<SymbolMessage>>();
  const exchangesRef = system.spawn(system.root, groupActor('exchanges'));
  const exchange = system.spawn(exchangesRef, exchangeSpec({ targets, resyncs }));
  const shard = system.spawn(system.root, groupActor('shard-0'));
  const journal = new FailingJournal({ storage: new MemoryJournalStorage(), codec: logCodec, log });
  const claim = await journal.claim(0, 'test');
  const tables = new ForgetfulTables();
  const catalog = new MemoryInstrumentCatalog();
  const publications: Publication[] = [];
  const redis: Publisher = {
    publish: (published) => void publications.push(...published),
    refresh: () => undefined,
    markStale: () => undefined,
    expire: () => undefined,
    flush: () => Promise.resolve(),
  };
  const symbols = new Map<string, RunningSymbol>();
  const instruments = new Instruments({
    system,
    catalog,
    exchanges: new Map([['binance', exchange]]),
    schedule: new PublishSchedule({
      timers: systemTimers,
      bookIntervalMs: 100,
      tickerIntervalMs: 100,
      candleIntervalMs: 100,
      refreshIntervalMs: 100,
      checkpointIntervalMs: 100,
      send: () => true,
    }),
    log,
    placement: {
      kind: 'here',
      spawnSymbol: (instrument) => {
        const symbol = spawnSymbol(
          {
            system,
            shard,
            claim,
            journal,
            tables,
            records,
            publisher: new SharedPublisher(redis, channels),
            liveReaders: channels,
            documents: redisDocuments,
            candles: {
              intervals: CANDLE_INTERVALS,
              outOfOrdernessMs: 1_000,
              allowedLatenessMs: 60_000,
              emptyIntervals: 'carry',
            },
            maxFutureMs: 600_000_000,
            checksumOf: () => undefined,
            bookResolutions: BOOK_RESOLUTIONS,
            bookDepth: BOOK_DEPTH,
            checkpointEveryEntries: 1_000,
            strategy: failureRate({ maxFailures: 1, withinMs: 60_000, delayMs: 1, then: 'park' }),
            onReady: () => undefined,
          },
          instrument,
        );
        symbols.set(instrument.instrument, symbol);
        return symbol;
      },
    },
  });
  const deliver = createDelivery(system, targets);
  return {
    options: {
      host: '127.0.0.1',
      port: 0,
      tokens: [],
      log,
      clock,
      instruments,
      system,
      tables,
      records,
      savepoints: {
        list: (instrument) => journal.listSavepoints(instrument),
        delete: (instrument, batchNumber) => journal.deleteSavepoint(claim, instrument, batchNumber),
      },
      documents: redisDocuments,
      readiness: () => Promise.resolve([{ name: 'postgres', isReady: true, detail: 'answers' }]),
      settingsInForce: () => [{ name: 'admin.port', value: 0, origin: 'flag' }],
      epoch: claim.epoch,
      node: 'node-1',
      metricSources: [],
      readQueues: () => [],
      readBudgets: () => [BUDGET],
      exchangeNames: ['binance'],
      bookDepthMax: 500,
      publishDefaults: {
        bookIntervalMs: 100,
        tickerIntervalMs: 100,
        candleIntervalMs: 100,
        bookDepth: BOOK_DEPTH,
      },
      dashboardFolder: 'nowhere',
      timers: systemTimers,
      stream: {
        channels,
        lease: { isHeld: () => true, onHeld: () => () => undefined },
        allowedOrigins: [],
        bookResolutions: BOOK_RESOLUTIONS,
        bookDepth: BOOK_DEPTH,
        candleIntervals: CANDLE_INTERVALS,
      },
      ...overrides,
    },
    system,
    instruments,
    catalog,
    tables,
    records,
    logLines,
    publications,
    channels,
    markStale: (key, reason) => symbols.get(key)!.markStale(reason),
    resyncs,
    deliver,
    async publishAll(key) {
      const due = { book: true, ticker: true, candles: true, refresh: false };
      system.send(targets.get(key)!, { type: 'PublishDue', ...due });
      await instruments.view(key as never, () => undefined);
    },
    actorStatus: (key) =>
      instruments.list().find(({ instrument }) => instrument.instrument === key)?.actorStatus,
    forgetTrade: (tradeId) => void tables.forgotten.add(tradeId),
    failNextSnapshot: (error) => {
      journal.snapshotFailure = error;
    },
    end: () => system.shutdown(),
  };
}

class ForgetfulTables extends MemoryMarketTables {
  readonly forgotten = new Set<string>();

  override async readTrades(query: Parameters<MemoryMarketTables['readTrades']>[0]): Promise<TradeRow[]> {
    return (await super.readTrades(query)).filter(({ tradeId }) => !this.forgotten.has(tradeId));
  }
}

class FailingJournal extends MemoryJournal {
  snapshotFailure: Error | undefined;

  override async saveSnapshot(...given: Parameters<MemoryJournal['saveSnapshot']>): Promise<void> {
    const failure = this.snapshotFailure;
    this.snapshotFailure = undefined;
    if (failure !== undefined) throw failure;
    return super.saveSnapshot(...given);
  }
}

/** Resolves when `isTrue`; fails after a great many turns of the event loop. */
export async function until(isTrue: () => boolean): Promise<void> {
  for (let turn = 0; turn < 5_000; turn++) {
    if (isTrue()) return;
    await systemTimers.sleep(1);
  }
  throw new Error('The condition did not come true');
}

function createDelivery(system: ActorSystem, targets: ReadonlyMap<string, ActorRef<SymbolMessage>>) {
  const accepted = new Map<number, () => void>();
  const feed = system.spawn(system.root, {
    name: 'feed',
    strategy: failureRate({ maxFailures: 0, withinMs: 1, delayMs: 0 }),
    initialState: () => accepted,
    receive: (state, message: FeedReply) => {
      if (message.type === 'BatchAccepted') state.get(message.lastOrdinal)?.();
      return state;
    },
  } satisfies ActorSpec<FeedReply, typeof accepted>);
  let nextOrdinal = 0;
  return async (key: string, events: readonly MarketEvent[]): Promise<void> => {
    const firstOrdinal = nextOrdinal;
    nextOrdinal += events.length;
    await until(() => targets.has(key));
    const whenAccepted = new Promise<void>((resolve) => accepted.set(nextOrdinal - 1, resolve));
    system.send(targets.get(key)!, {
      type: 'Deliver',
      batch: { source: 'test', firstOrdinal, events },
      feed,
    });
    await whenAccepted;
  };
}

function exchangeSpec(seen: {
  targets: Map<string, ActorRef<SymbolMessage>>;
  resyncs: string[];
}): ActorSpec<ExchangeMessage, { connection: ActorRef<ConnectionMessage> }> {
  return {
    name: 'binance',
    strategy: failureRate({ maxFailures: 0, withinMs: 1, delayMs: 0 }),
    initialState: (context) => ({ connection: context.spawn(connectionSpec) }),
    receive(state, message) {
      if (message.type === 'ResolveSymbol') {
        const { symbol } = message;
        const listing = LISTINGS.find((one) => one.symbol === symbol || one.nativeSymbol === symbol);
        message.reply(
          listing === undefined
            ? { ok: false, code: 'UNKNOWN_SYMBOL', message: `binance lists no symbol '${symbol}'` }
            : { ok: true, listing },
        );
      }
      if (message.type === 'ListSymbols') message.reply(LISTINGS);
      if (message.type === 'WatchInstrument') {
        // On one node it is the symbol actor itself.
        seen.targets.set(message.instrument, message.target as ActorRef<SymbolMessage>);
      }
      if (message.type === 'ResyncInstrument') seen.resyncs.push(message.nativeSymbol);
      if (message.type === 'GetConnections') message.reply([state.connection]);
      return state;
    },
  };
}

const BUDGET: GateStatus = {
  exchange: 'binance',
  weightSpent: 250,
  weightMax: 6_000,
  connectsSpent: 1,
  waitingRequests: 0,
  requestsUnderWay: 0,
  closedForMs: 0,
  refusedCount: 2,
  unwantedCount: 0,
  turnedAwayCount: 0,
};

const connectionStatus: ConnectionStatus = {
  name: 'market-1',
  url: 'wss://exchange.example/ws',
  state: 'open',
  subscriptions: ['BTCUSDT', 'ETHUSDT'],
  unsynced: [],
  syncedCount: 1,
  queuedFrames: 0,
  framesReceived: 1_000,
  framesRejected: 1,
  lastSound: { wallMs: NOON_MS, monotonicMs: 0 },
  connectionSequenceChecksOk: 0,
  connectionGapCount: 0,
  reconnects: 3,
  lastClosedReason: undefined,
  pendingEvents: 0,
  isPaused: false,
  isSocketOpen: true,
  catchingUpCount: 0,
  keptTrades: 0,
};

const connectionSpec: ActorSpec<ConnectionMessage, ConnectionStatus> = {
  name: 'market-1',
  strategy: failureRate({ maxFailures: 0, withinMs: 1, delayMs: 0 }),
  initialState: () => connectionStatus,
  receive: (status, message) => {
    if (message.type === 'GetStatus') message.reply(status);
    return status;
  },
};
