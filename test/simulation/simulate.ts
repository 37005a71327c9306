/** One seed from its beginning to its verdict: a world, a product in it, faults, then peace, and everything that must be true at the end. */
import { adapters } from '../../src/exchanges/registry.ts';
import type { InstrumentPolicy } from '../../src/market/instrument-state.ts';
import type { Settings } from '../../src/settings-schema.ts';
import { loadSettings } from '../../src/settings.ts';
import { checkCandles } from './checks/candles.ts';
import type { DurablePosition } from './checks/publications.ts';
import { checkDurableFirst, checkLiveBooks, checkPublishOrder } from './checks/publications.ts';
import type { LiveState, Refold } from './checks/refold.ts';
import { refold } from './checks/refold.ts';
import { checkSureBooks } from './checks/sure-books.ts';
import { checkTrades, marketIdOf } from './checks/trades.ts';
import type { Violation } from './checks/violation.ts';
import { checkWriters } from './checks/writers.ts';
import { checkLiving } from './checks/living.ts';
import { FaultPlan } from './faults/fault-plan.ts';
import { FaultSwitches } from './faults/fault-switches.ts';
import { History } from './history.ts';
import { PostgresServer } from './models/postgres-server.ts';
import { RedisModel } from './models/redis-model.ts';
import { Operator } from './operator.ts';
import { HeldBooksWatch } from './held-books-watch.ts';
import type { ExchangeName, MarketTruth } from './simulated-markets.ts';
import { SimulatedMarkets, bookText } from './simulated-markets.ts';
import { World } from './world/world.ts';

export type SeedResult = {
  readonly seed: number;
  /** The same for each run of the seed with the same code. */
  readonly traceHash: string;
  readonly violations: readonly Violation[];
  readonly faults: ReadonlyMap<string, number>;
  readonly reached: ReadonlyMap<string, number>;
  readonly simulatedMs: number;
  readonly stepCount: number;
  readonly processorMs: number;
};

/** What the world may take, after the last fault, until everything is live again: a silent Binance connection is replaced after 150 s. */
const HEAL_MAX_MS = 240_000;
/** A live book that was true this long ago is one whose feed goes on. */
const FRESH_MS = 2_000;
const HEAL_POLL_MS = 1_000;
/** After the market stands still: what is on its way arrives. */
const SETTLE_MS = 4_000;
/** A fault that waited for its frame may have struck the last one; its resync may take a refused and a slow snapshot. */
const STILL_MAX_MS = 60_000;
/** Until trades that were missed are fetched: refusals are waited for. */
const CATCH_UP_MAX_MS = 60_000;
const SCHEMA = 'tampines';

type PublishedBook = {
  readonly status: string;
  readonly bids: [string, string][];
  readonly asks: [string, string][];
};

/** @param trace gets every task and log line */
export async function simulateSeed(seed: number, trace?: (line: string) => void): Promise<SeedResult> {
  const startedMs = processorMs();
  const world = new World(seed);
  world.trace.lines = trace;
  const random = world.stream('shape');
  const faults = new FaultSwitches(world.stream('switches'));
  const history = new History();
  const redis = new RedisModel(world, history);
  const postgres = new PostgresServer({ clock: world.clockOf(world.nature), history, schema: SCHEMA });
  const markets = new SimulatedMarkets(world, drawSymbols(random), 4 + Math.floor(random() * 12));
  const settings = drawSettings(random, markets);
  const operator = new Operator({
    world,
    settings,
    postgres,
    redis,
    exchanges: markets.exchanges,
    faults,
    onLog: (process, level, fields, message) =>
      trace?.(`    ${process.name} ${level} ${message} ${JSON.stringify(fields, withErrors)}`),
  });
  const heldBooks = new HeldBooksWatch({
    world,
    redis,
    operator,
    calmMs: 2 * settings.publish.staleAfterMs,
  });
  redis.onSetBack = () => heldBooks.begin();
  const plan = new FaultPlan({ world, faults, operator, markets, postgres, redis });
  for (const { protocol } of markets.exchanges.values()) protocol.market.start();
  const faultyMs = 15_000 + Math.floor(random() ** 2 * 60_000);
  operator.start();
  plan.begin(faultyMs);
  await world.run(faultyMs);

  plan.end();
  if (operator.current === undefined) operator.start();
  const healedMs = await heal(world, operator, markets, redis);
  markets.stop();
  await untilStill(world, markets, redis);
  await untilTradesStored(world, markets, postgres);

  const living = await checkLiving({ world, operator, markets, redis, healedMs });
  const refolds = refoldAll(markets, history, settings, living.states);
  const violations: Violation[] = [
    ...world.uncaught.map(({ process, error }) => uncaught(process.name, error)),
    ...checkWriters(history),
    ...checkPublishOrder(history.published),
    ...checkDurableFirst(history.published, positionsOf(refolds)),
    ...checkSureBooks(
      history.published,
      new Map([...refolds].map(([instrument, { log }]) => [instrument, log])),
    ),
    ...checkLiveBooks(
      history.published,
      (instrument, { bids, asks }) =>
        markets.truths.find((truth) => truth.instrument === instrument)?.books.has(bookText(bids, asks)) ??
        false,
    ),
    ...heldBooks.violations,
    ...living.violations,
  ];
  for (const truth of markets.truths) {
    const { instrument, symbol } = truth;
    const folded = refolds.get(instrument)!;
    const id = postgres.tables.instruments.get(instrument)?.id;
    const isOurs = (row: { readonly instrumentId: number }): boolean => row.instrumentId === id;
    violations.push(...folded.violations);
    violations.push(
      ...checkTrades({
        instrument,
        symbol,
        made: truth.trades(),
        folded: folded.trades,
        rows: [...postgres.tables.trades.values()].filter(isOurs),
        givenUp: tradesGivenUp(history, instrument),
      }),
      ...checkCandles({
        instrument,
        folded: folded.candles,
        rows: [...postgres.tables.candles.values()].filter(isOurs),
        trades: folded.trades.filter(({ tradeId }) => !folded.lateIds.has(tradeId)),
      }),
    );
  }
  for (const violation of violations) world.trace.add(JSON.stringify(violation));
  return {
    seed,
    traceHash: world.trace.text,
    violations,
    faults: faults.counts,
    reached: faults.reached,
    simulatedMs: world.elapsedMs,
    stepCount: world.taskCount,
    processorMs: processorMs() - startedMs,
  };
}

/** Ids of the instrument's trades that nodes gave up as poison. */
function tradesGivenUp({ poison }: History, instrument: string): Set<number> {
  const ids = new Set<number>();
  for (const { symbol, text } of poison) {
    if (symbol !== instrument) continue;
    const event = JSON.parse(text) as { readonly type: string; readonly tradeId: string };
    if (event.type === 'Trade') ids.add(marketIdOf(event.tradeId));
  }
  return ids;
}

function drawSymbols(random: () => number): Partial<Record<ExchangeName, number>> {
  const symbols: Partial<Record<ExchangeName, number>> = {};
  const names: ExchangeName[] = ['binance', 'kraken', 'cryptocom'];
  const wanted = 2 + Math.floor(random() * 3);
  for (let count = 0; count < wanted; count++) {
    const name = names[Math.floor(random() * names.length)]!;
    symbols[name] = (symbols[name] ?? 0) + 1;
  }
  return symbols;
}

function drawSettings(random: () => number, markets: SimulatedMarkets): Settings {
  const { settings } = loadSettings({
    assignments: [
      `postgres.schema=${SCHEMA}`,
      `instruments=${markets.truths.map(({ instrument }) => instrument).join(',')}`,
      'exchanges.binance.wsUrl=ws://binance.sim',
      'exchanges.binance.restUrl=http://binance.sim',
      'exchanges.kraken.wsUrl=ws://kraken.sim/v2',
      'exchanges.kraken.restUrl=http://kraken.sim/0/public',
      `exchanges.kraken.depth=${random() < 0.5 ? 10 : 25}`,
      'exchanges.cryptocom.wsUrl=ws://cryptocom.sim/exchange/v1/market',
      'exchanges.cryptocom.restUrl=http://cryptocom.sim/exchange/v1',
      'candles.intervals=1s,1m',
      `candles.outOfOrdernessMs=${random() < 0.5 ? 500 : 5_000}`,
      'publish.bookDepth=10',
      'publish.bookResolutions=1,10',
      `checkpoint.everyMs=${1_000 + Math.floor(random() * 15_000)}`,
      `checkpoint.everyEntries=${50 + Math.floor(random() * 1_000)}`,
      'supervision.maxRestarts=1000',
      'supervision.restartMaxMs=2000',
      'shutdown.deadlineMs=10000',
    ],
  });
  return settings;
}

/** Lets time go on until every instrument is live in Redis and at the market's book. Returns how long it took; `undefined`: it never was. */
async function heal(
  world: World,
  operator: Operator,
  markets: SimulatedMarkets,
  redis: RedisModel,
): Promise<number | undefined> {
  const startMs = world.elapsedMs;
  // A connection that died with the last fault may look alive until its silence is noticed.
  const startedAtMs = world.nowMs;
  const isLive = ({ instrument, books }: MarketTruth): boolean => {
    const text = redis.get(`orderbook:${instrument}:1`);
    if (text?.startsWith(`{"epoch":${operator.current?.epoch ?? 0},`) !== true) return false;
    const { status, bids, asks } = JSON.parse(text) as PublishedBook;
    const trueAtMs = books.get(bookText(bids, asks)) ?? 0;
    return status === 'live' && trueAtMs > startedAtMs && world.nowMs - trueAtMs < FRESH_MS;
  };
  while (world.elapsedMs - startMs < HEAL_MAX_MS) {
    await world.run(world.elapsedMs + HEAL_POLL_MS);
    const isSettled = operator.nodes.filter(({ status }) => status !== 'ended').length === 1;
    if (isSettled && markets.truths.every(isLive)) return world.elapsedMs - startMs;
  }
  return undefined;
}

/** Lets what is on its way arrive, and a resync that was begun with the last frames come to its end. */
async function untilStill(world: World, markets: SimulatedMarkets, redis: RedisModel): Promise<void> {
  const startMs = world.elapsedMs;
  const isAtTruth = ({ instrument, currentBook }: MarketTruth): boolean => {
    const text = redis.get(`orderbook:${instrument}:1`);
    if (text === undefined) return false;
    const { status, bids, asks } = JSON.parse(text) as PublishedBook;
    return status === 'live' && bookText(bids, asks) === currentBook();
  };
  await world.run(world.elapsedMs + SETTLE_MS);
  while (world.elapsedMs - startMs < STILL_MAX_MS && !markets.truths.every(isAtTruth)) {
    await world.run(world.elapsedMs + HEAL_POLL_MS);
  }
}

/** Lets time go on until what was missed is fetched and stored, or for as long as that may take. */
async function untilTradesStored(
  world: World,
  markets: SimulatedMarkets,
  postgres: PostgresServer,
): Promise<void> {
  const startMs = world.elapsedMs;
  const isStored = (truth: MarketTruth): boolean => {
    const id = postgres.tables.instruments.get(truth.instrument)?.id;
    const stored = [...postgres.tables.trades.values()].filter(({ instrumentId }) => instrumentId === id);
    const firstLive = Math.min(
      ...stored.filter(({ isHistory }) => !isHistory).map(({ tradeId }) => marketIdOf(tradeId)),
    );
    const ids = tradesGivenUp(postgres.history, truth.instrument);
    for (const { tradeId } of stored) ids.add(marketIdOf(tradeId));
    return truth.trades().every(({ tradeId }) => tradeId < firstLive || ids.has(tradeId));
  };
  while (world.elapsedMs - startMs < CATCH_UP_MAX_MS && !markets.truths.every(isStored)) {
    await world.run(world.elapsedMs + HEAL_POLL_MS);
  }
}

function refoldAll(
  markets: SimulatedMarkets,
  history: History,
  settings: Settings,
  states: ReadonlyMap<string, LiveState>,
): Map<string, Refold> {
  const refolds = new Map<string, Refold>();
  for (const { instrument, exchange } of markets.truths) {
    const policy: InstrumentPolicy = {
      checksum: adapters.get(exchange)?.checksum,
      candles: settings.candles,
      maxFutureMs: settings.feed.maxFutureMs,
    };
    const isOurs = (record: { readonly instrument: string }): boolean => record.instrument === instrument;
    refolds.set(
      instrument,
      refold(
        instrument,
        {
          appends: history.appends.filter(isOurs),
          snapshots: history.snapshots.filter(isOurs),
          live: states.get(instrument),
        },
        policy,
      ),
    );
  }
  return refolds;
}

function positionsOf(refolds: ReadonlyMap<string, Refold>): Map<string, readonly DurablePosition[]> {
  return new Map([...refolds].map(([instrument, { positions }]) => [instrument, positions]));
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function uncaught(process: string, error: unknown): Violation {
  return {
    rule: 'every failure is caught',
    instrument: process,
    expected: 'none',
    was: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}

function withErrors(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}
