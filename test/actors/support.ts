/** Actors of one exchange on a clock that stands still, with storage in memory, a plain exchange, and a transport that tests speak through. */
import type { ConnectionStatus } from '../../src/actors/connection-status.ts';
import type { ConnectionMessage, ConnectionOptions } from '../../src/actors/connection.ts';
import { ExchangeGate } from '../../src/actors/exchange-gate.ts';
import type { FeedLimits } from '../../src/actors/feed-budget.ts';
import { FeedBudget } from '../../src/actors/feed-budget.ts';
import { groupActor } from '../../src/actors/group.ts';
import type { RunningSymbol } from '../../src/actors/running-instrument.ts';
import type { ActorRef } from '../../src/actors/kernel/actor-types.ts';
import type { FeedSocketHandlers, FeedTransport, HttpAnswer } from '../../src/actors/feed-ports.ts';
import type {
  DesiredInstrument,
  Journal,
  MarketTables,
  Publication,
  Publisher,
} from '../../src/actors/ports.ts';
import type { SymbolMessage, SymbolView } from '../../src/actors/symbol-protocol.ts';
import type { SymbolSpawnerOptions } from '../../src/actors/symbol-spawner.ts';
import { spawnSymbol } from '../../src/actors/symbol-spawner.ts';
import { logCodec } from '../../src/codec/log-codec.ts';
import type { ExchangeAdapter, FeedMessage } from '../../src/exchanges/adapter.ts';
import { toExchangeId, toInstrumentKey, toNativeSymbol, toUnifiedSymbol } from '../../src/market/symbols.ts';
import { MemoryJournal, MemoryJournalStorage } from '../../src/persistence/memory-journal.ts';
import { MemoryMarketTables } from '../../src/persistence/memory-market-tables.ts';
import { MemoryOperationsRecords } from '../../src/persistence/memory-operations-records.ts';
import { redisDocuments } from '../../src/publishing/redis-documents.ts';
import { restartWithBackoff } from '../../src/supervision/strategy.ts';
import { bookDelta, bookSnapshot, trade } from '../support/market-events.ts';
import { createTestSystem } from './kernel/support.ts';

export const silentLog = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** One socket that was opened, and what was done with it. */
export type ScriptedSocket = {
  readonly url: string;
  readonly handlers: FeedSocketHandlers;
  readonly sent: string[];
  isPaused: boolean;
  closedReason: string | undefined;
};

export class ScriptedTransport implements FeedTransport {
  readonly sockets: ScriptedSocket[] = [];
  readonly requested: string[] = [];
  /** Answers requests; a test may replace it. */
  answer: (url: string) => Promise<HttpAnswer> = () => Promise.reject(new Error('nothing is answered'));

  get last(): ScriptedSocket {
    return this.sockets.at(-1)!;
  }

  open({ url }: { url: string }, handlers: FeedSocketHandlers) {
    const socket: ScriptedSocket = { url, handlers, sent: [], isPaused: false, closedReason: undefined };
    this.sockets.push(socket);
    return {
      send: (frame: string) => void socket.sent.push(frame),
      pause: () => void (socket.isPaused = true),
      resume: () => void (socket.isPaused = false),
      close: (reason: string) => void (socket.closedReason ??= reason),
    };
  }

  request({ url }: { url: string }): Promise<HttpAnswer> {
    this.requested.push(url);
    return this.answer(url);
  }
}

/** An exchange whose frames are feed messages in JSON, and whose books come in the stream with sequences that grow by one. */
export function plainAdapter(overrides: Partial<ExchangeAdapter> = {}): ExchangeAdapter {
  return {
    exchange: toExchangeId('plain'),
    protocol: '1',
    snapshotPolicy: 'inStream',
    continuityScope: 'book',
    defaultEndpoints: { ws: 'ws://plain', rest: 'http://plain' },
    connectionKinds: [{ name: 'market', channels: ['book', 'trades'], url: ({ ws }) => ws }],
    limits: {
      maxSymbolsPerConnection: 2,
      framesPerConnection: { count: 1_000, windowMs: 1 },
      connects: { count: 1_000, windowMs: 1 },
      requests: { weight: 10, windowMs: 1_000, weightOf: () => 1 },
      settleMs: 0,
      symbolsPerSubscribeFrame: 100,
      frameMaxBytes: 1_000_000,
    },
    clientPing: undefined,
    deadAfterMs: 60_000,
    resync: 'resubscribe',
    createDecoder: () => ({ decode: (frame) => JSON.parse(String(frame)) as FeedMessage[] }),
    subscribeFrames: (symbols, channels) => [`subscribe ${symbols.join()} ${channels.join()}`],
    unsubscribeFrames: (symbols, channels) => [`unsubscribe ${symbols.join()} ${channels.join()}`],
    continuity: (last, { last: was = 0 }) => {
      const expected = Number(last) + 1;
      return was === expected ? { verdict: 'apply' } : { verdict: 'gap', expected, was };
    },
    isSnapshotTooOld: () => false,
    nextConnectionSequence: (last) => Number(last) + 1,
    snapshotRequest: () => undefined,
    readSnapshot: () => ({ ok: false, reason: 'there is none' }),
    tradeHistory: { identity: 'none', reason: 'there is none' },
    instrumentsRequests: ({ rest }) => [{ url: `${rest}/symbols` }],
    readInstruments: (body) => {
      const symbols = JSON.parse(body) as string[];
      const listings = symbols.map((symbol) => ({
        nativeSymbol: toNativeSymbol(symbol.replace('-', '')),
        symbol: toUnifiedSymbol(symbol),
        tickSize: '0.01',
        lotSize: '0.001',
        isTrading: true,
      }));
      return { ok: true, listings };
    },
    checksum: undefined,
    ...overrides,
  };
}

/** Limits that no test meets, but for those given. */
export function feedBudget(limits: Partial<FeedLimits> = {}): FeedBudget {
  const far = 1_000_000_000;
  return new FeedBudget({
    maxPendingEvents: 1_000,
    maxPendingBytes: far,
    maxPendingTradeBytes: far,
    maxPendingNodeBytes: far,
    ...limits,
  });
}

export const frames = {
  book: (symbol: string, sequence: number): FeedMessage => ({
    type: 'book',
    nativeSymbol: toNativeSymbol(symbol),
    event: bookSnapshot({ sequence }),
  }),
  delta: (symbol: string, sequence: number, bids: readonly number[] = [10_000, sequence]): FeedMessage => ({
    type: 'delta',
    nativeSymbol: toNativeSymbol(symbol),
    event: bookDelta({ sequence, bids }),
    range: { last: sequence },
  }),
  trade: (symbol: string, tradeId: string): FeedMessage => ({
    type: 'trade',
    nativeSymbol: toNativeSymbol(symbol),
    event: trade({ tradeId }),
  }),
};

export function instrumentOf(symbol: string): DesiredInstrument {
  const exchange = toExchangeId('plain');
  const unified = toUnifiedSymbol(symbol);
  const nativeSymbol = toNativeSymbol(symbol.replace('-', ''));
  const instrument = toInstrumentKey(exchange, unified);
  return { instrument, instrumentId: 1, exchange, symbol: unified, nativeSymbol };
}

type Surroundings = Partial<{
  journal: Journal;
  tables: MarketTables;
  maxRestarts: number;
  restartMs: number;
}>;

/** A node's actors without their node. `restart` gives a second one that finds the journal of the first. */
export async function createActors(surroundings: Surroundings = {}, storage = new MemoryJournalStorage()) {
  const kernel = createTestSystem();
  const { time, system } = kernel;
  const journal = surroundings.journal ?? new MemoryJournal({ storage, codec: logCodec, log: silentLog });
  const tables = surroundings.tables ?? new MemoryMarketTables();
  const records = new MemoryOperationsRecords();
  const claim = await journal.claim(0, 'test');
  const publications: Publication[] = [];
  const shown: Shown[] = [];
  const markedKeys: string[] = [];
  const publisher: Publisher = {
    publish: (published) => {
      publications.push(...published);
      for (const { key, value } of published)
        if (key.startsWith('orderbook:')) shown.push(JSON.parse(value) as Shown);
    },
    refresh: () => undefined,
    markStale: (marks) => {
      markedKeys.push(...marks.map(({ key }) => key));
      const books = marks.filter(({ key }) => key.startsWith('orderbook:'));
      shown.push(...books.map(({ reason }) => ({ status: 'stale' as const, reason })));
    },
    expire: () => undefined,
    flush: () => Promise.resolve(),
  };
  const shard = system.spawn(system.root, groupActor('shard'));
  const transport = new ScriptedTransport();

  const spawn = (
    symbol: string,
    logged: Partial<Pick<SymbolSpawnerOptions, 'sharedLog' | 'onReady'>> = {},
  ): RunningSymbol =>
    spawnSymbol(
      {
        system,
        shard,
        claim,
        journal,
        tables,
        records,
        publisher,
        documents: redisDocuments,
        candles: {
          intervals: ['1s'],
          outOfOrdernessMs: 1_000,
          allowedLatenessMs: 60_000,
          emptyIntervals: 'carry',
        },
        maxFutureMs: Number.MAX_SAFE_INTEGER,
        checksumOf: () => undefined,
        bookResolutions: [1],
        bookDepth: 10,
        checkpointEveryEntries: 1_000_000,
        strategy: restartWithBackoff({
          initialMs: surroundings.restartMs ?? 100,
          maxMs: surroundings.restartMs ?? 100,
          jitter: 0,
          maxRestarts: surroundings.maxRestarts ?? 100,
          withinMs: 3_600_000,
          then: 'park',
        }),
        onReady: () => undefined,
        ...logged,
      },
      instrumentOf(symbol),
    );

  const gateOf = (adapter: ExchangeAdapter): ExchangeGate =>
    new ExchangeGate({
      exchange: adapter.exchange,
      limits: adapter.limits,
      transport,
      clock: time,
      timers: time,
      random: () => 0,
      log: silentLog,
    });

  const connectionOptions = (overrides: Partial<ConnectionOptions> = {}): ConnectionOptions => {
    const adapter = overrides.adapter ?? plainAdapter();
    return {
      adapter,
      kind: adapter.connectionKinds[0]!,
      name: 'market-1',
      endpoints: adapter.defaultEndpoints,
      adapterOptions: { depth: undefined },
      transport,
      gate: gateOf(adapter),
      records,
      random: () => 0.5,
      source: `plain/market-1@run-${claim.epoch}`,
      strategy: restartWithBackoff({ initialMs: 1_000, maxMs: 1_000, jitter: 0 }),
      reconnect: { initialMs: 500, maxMs: 4_000, jitter: 0 },
      heartbeats: undefined,
      budget: feedBudget(),
      isRecording: false,
      watched: () => [],
      ...overrides,
    };
  };

  return {
    ...kernel,
    journal,
    tables,
    records,
    publications,
    /** What subscribers of books got to see, published or marked, in order. */
    shown,
    /** Keys that were marked stale, in order. */
    markedKeys,
    transport,
    spawn,
    gateOf,
    connectionOptions,
    /** Asks the exchange's connection to carry the symbol. */
    watch(connection: ActorRef<ConnectionMessage>, symbol: string, target: ActorRef<SymbolMessage>): void {
      const { instrument, nativeSymbol } = instrumentOf(symbol);
      const channels = ['book', 'trades'] as const;
      system.send(connection, {
        type: 'Watch',
        nativeSymbol,
        channels,
        instrument,
        target,
        metadata: undefined,
      });
    },
    view: (ref: ActorRef<SymbolMessage>): Promise<Omit<SymbolView, 'state'> & ViewedState> =>
      system.ask<SymbolMessage, Omit<SymbolView, 'state'> & ViewedState>(
        ref,
        (reply) => ({
          type: 'GetView',
          read: ({ state, ...rest }) => {
            const { counters, position, metadata } = state;
            const { tradesLive: trades, deltasApplied: deltas, bookSnapshots: snapshots } = counters;
            const { tradesHistory: pastTrades } = counters;
            reply({ ...rest, position, trades, pastTrades, deltas, snapshots, tickSize: metadata?.tickSize });
          },
        }),
        1_000,
      ),
    status: (ref: ActorRef<ConnectionMessage>): Promise<ConnectionStatus> =>
      system.ask<ConnectionMessage, ConnectionStatus>(ref, (reply) => ({ type: 'GetStatus', reply }), 1_000),
    actorStatus: kernel.status,
    restart: async () => {
      await system.shutdown();
      return createActors(surroundings, storage);
    },
  };
}

type Shown = { readonly status: string; readonly reason: string };

export type Actors = Awaited<ReturnType<typeof createActors>>;

type ViewedState = {
  readonly position: number;
  readonly trades: number;
  readonly pastTrades: number;
  readonly deltas: number;
  readonly snapshots: number;
  readonly tickSize: string | undefined;
};

/** Lets one frame with these messages arrive at the newest socket. */
export function receive({ transport, time }: Actors, ...messages: readonly FeedMessage[]): void {
  transport.last.handlers.onFrame(JSON.stringify(messages), time.nowMs());
}

/** Opens the newest socket when there are `count`; time goes on by at most 10 s meanwhile. */
export async function openSocket({ transport, time }: Actors, count = 1): Promise<void> {
  for (let step = 0; step < 40 && transport.sockets.length < count; step++) await time.advance(250);
  transport.last.handlers.onOpen();
}

/** A journal in memory whose appends wait while it is held, or fail. */
export function holdableJournal() {
  const inner = new MemoryJournal({
    storage: new MemoryJournalStorage(),
    codec: logCodec,
    log: silentLog,
  });
  const failures: { before?: Error; after?: Error }[] = [];
  let hold = Promise.resolve();
  let release: () => void = () => undefined;
  const journal: Journal = Object.assign(Object.create(inner) as Journal, {
    claim: (shard: number, owner: string) => inner.claim(shard, owner),
    append: async (...[claim, key, batchNumber, entry]: Parameters<Journal['append']>) => {
      await hold;
      const failure = failures.shift();
      if (failure?.before !== undefined) throw failure.before;
      await inner.append(claim, key, batchNumber, entry);
      if (failure?.after !== undefined) throw failure.after;
    },
    latestSnapshot: (...parameters: Parameters<Journal['latestSnapshot']>) =>
      inner.latestSnapshot(...parameters),
    readBatches: (...parameters: Parameters<Journal['readBatches']>) => inner.readBatches(...parameters),
    saveSnapshot: (...parameters: Parameters<Journal['saveSnapshot']>) => inner.saveSnapshot(...parameters),
    prune: (key: Parameters<Journal['prune']>[0]) => inner.prune(key),
    flush: () => inner.flush(),
  });
  return {
    journal,
    /** Taken by the next appends, first one first: fail before or after the entry is in the journal. */
    failures,
    hold: (): void => {
      hold = new Promise((resolve) => {
        release = resolve;
      });
    },
    release: (): void => {
      release();
    },
  };
}

/** Of published books, in order. */
export function publishedStatuses(publications: readonly Publication[]): unknown[] {
  return publications
    .filter(({ key }) => key.startsWith('orderbook:'))
    .map(({ value }) => (JSON.parse(value) as { status: string }).status);
}
