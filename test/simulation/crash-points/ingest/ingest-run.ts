/**
 * One run of nodes that feed the log of events from exchanges: one is killed and begins again, another one takes a part of its slots, the first is
 * stopped in order; and meanwhile one call of one of them to Kafka or the table of leases meets the fate that was chosen. The plain fold of the log is
 * then held against what the exchanges had: every book that it shows as live, the last one, and every trade.
 */
import { decide } from '../../../../src/market/decide.ts';
import { evolve } from '../../../../src/market/evolve.ts';
import type { Trade } from '../../../../src/market/events.ts';
import { createInstrumentState } from '../../../../src/market/instrument-state.ts';
import type { KnownTrades } from '../../../../src/market/instrument-state.ts';
import {
  splitInstrumentKey,
  toExchangeId,
  toNativeSymbol,
  toUnifiedSymbol,
} from '../../../../src/market/symbols.ts';
import type { InstrumentKey } from '../../../../src/market/symbols.ts';
import { loadSettings } from '../../../../src/settings.ts';
import type { Settings } from '../../../../src/settings-schema.ts';
import { ModelLeaseTable } from '../../../cluster/model-lease-table.ts';
import { MemoryEventLog } from '../../../support/memory-event-log.ts';
import { marketIdOf } from '../../checks/trades.ts';
import type { Violation } from '../../checks/violation.ts';
import type { AppendedRecord } from '../../cluster/cluster-fold.ts';
import { ClusterFold, policyOf } from '../../cluster/cluster-fold.ts';
import { FaultSwitches } from '../../faults/fault-switches.ts';
import { History } from '../../history.ts';
import { PostgresServer } from '../../models/postgres-server.ts';
import { RedisModel } from '../../models/redis-model.ts';
import type { MarketTruth } from '../../simulated-markets.ts';
import { bookText, SimulatedMarkets } from '../../simulated-markets.ts';
import { World } from '../../world/world.ts';
import type { Call, Trial } from '../cluster/call-points.ts';
import { CallPoints } from '../cluster/call-points.ts';
import { IngestNode } from './ingest-node.ts';

export type IngestRun = {
  readonly calls: readonly Call[];
  readonly struck: Call | undefined;
  readonly violations: readonly Violation[];
  readonly recordCount: number;
  readonly tradeCount: number;
};

const SEED = 20261129;
const SCHEMA = 'tampines';
const PARTITIONS = 2;
const LEASE_MS = 1_500;
/** Others see that a node is gone after this. */
const SEEN_GONE_MS = 1_000;
const RESTART_MS = 700;
const KILL_AT_MS = 5_000;
const SECOND_AT_MS = 9_000;
const STOP_AT_MS = 14_000;
const END_AT_MS = 18_000;
const SETTLE_MS = 12_000;

export async function runIngest(trial: Trial | undefined): Promise<IngestRun> {
  const world = new World(SEED);
  const faults = new FaultSwitches(world.stream('switches'));
  const history = new History();
  const redis = new RedisModel(world, history);
  const postgres = new PostgresServer({ clock: world.clockOf(world.nature), history, schema: SCHEMA });
  const markets = new SimulatedMarkets(world, { binance: 2, kraken: 2 }, 8);
  const settings = settingsOf();
  const log = new MemoryEventLog(PARTITIONS);
  const appended = new Map<InstrumentKey, AppendedRecord[]>(
    markets.truths.map(({ instrument }) => [instrument, []]),
  );
  log.onAppended = (partition, offset, instrument, batch) =>
    appended.get(instrument)!.push({ order: history.nextOrder(), partition, offset, batch });
  const nodes: IngestNode[] = [];
  const seenGone = new Set<string>();
  const points = new CallPoints(trial, (process) => {
    world.kill(process);
    world.after(world.nature, SEEN_GONE_MS, 'seen to be gone', () => void seenGone.add(process.name));
    world.after(world.nature, RESTART_MS, 'begins again', startNode);
  });
  const startNode = (): void => {
    nodes.push(
      new IngestNode(`node-${nodes.length + 1}`, {
        ...{ world, settings, exchanges: markets.exchanges, log, postgres, redis, faults, points },
        table,
        instruments: markets.truths.map(({ instrument, symbol }, index) => {
          const [exchange, name] = splitInstrumentKey(instrument);
          return {
            ...{ instrument, instrumentId: index + 1, exchange: toExchangeId(exchange) },
            ...{ symbol: toUnifiedSymbol(name), nativeSymbol: toNativeSymbol(symbol.nativeSymbol) },
          };
        }),
        members: () =>
          nodes
            .filter(({ process, isLeaving }) => !isLeaving && !seenGone.has(process.name))
            .map(({ process }) => process.name),
        readKnownTrades: (instrument) =>
          knownTrades(foldTrades(instrument, appended.get(instrument)!, settings)),
      }),
    );
  };
  const table = new ModelLeaseTable(world.clockOf(world.nature));
  const oldest = (): IngestNode | undefined =>
    nodes.find(({ hasEnded, isLeaving }) => !hasEnded && !isLeaving);
  for (const { protocol } of markets.exchanges.values()) protocol.market.start();
  startNode();
  await world.run(KILL_AT_MS);
  const first = oldest();
  if (first !== undefined) points.kill(first.process);
  await world.run(SECOND_AT_MS);
  startNode();
  await world.run(STOP_AT_MS);
  oldest()?.stop();
  await world.run(END_AT_MS);

  points.isCounting = false;
  await world.run(END_AT_MS + SETTLE_MS);
  markets.stop();
  await world.run(END_AT_MS + 2 * SETTLE_MS);
  const violations: Violation[] = [
    ...world.uncaught.map(({ process, error }) => ({
      ...{ rule: 'every failure is caught', instrument: process.name, expected: 'none' },
      was: error instanceof Error ? (error.stack ?? error.message) : String(error),
    })),
    ...markets.truths.flatMap((truth) => {
      const records = appended.get(truth.instrument)!;
      return [
        ...checkBooksOf(truth, new ClusterFold(truth.instrument, records, settings)),
        ...checkTradesOf(truth, foldTrades(truth.instrument, records, settings)),
      ];
    }),
  ];
  return {
    ...{ calls: points.calls, struck: points.struck, violations },
    recordCount: log.partitions.reduce((sum, { endOffset }) => sum + endOffset, 0),
    tradeCount: markets.truths.reduce((sum, { trades }) => sum + trades().length, 0),
  };
}

function settingsOf(): Settings {
  const { settings } = loadSettings({
    assignments: [
      `postgres.schema=${SCHEMA}`,
      'kafka.brokers=kafka.sim:9092',
      `kafka.partitions=${PARTITIONS}`,
      'node.roles=ingest',
      `node.leaseMs=${LEASE_MS}`,
      'feed.slots=2',
      'feed.redundancy=1',
      'exchanges.binance.wsUrl=ws://binance.sim',
      'exchanges.binance.restUrl=http://binance.sim',
      'exchanges.kraken.wsUrl=ws://kraken.sim/v2',
      'exchanges.kraken.restUrl=http://kraken.sim/0/public',
      'exchanges.kraken.depth=25',
      'candles.intervals=1m',
      'shutdown.deadlineMs=10000',
    ],
    environment: {
      TAMPINES_POSTGRES_URL: 'postgres://postgres.sim',
      TAMPINES_REDIS_URL: 'redis://redis.sim',
    },
  });
  return settings;
}

/** Those that count, in the order of the log. */
function foldTrades(
  instrument: InstrumentKey,
  records: readonly AppendedRecord[],
  settings: Settings,
): Trade[] {
  const policy = policyOf(instrument, settings);
  const state = createInstrumentState(policy);
  const trades: Trade[] = [];
  for (const { batch } of records) {
    const { entry } = decide(state, batch, policy);
    if (entry === undefined) continue;
    evolve(state, entry, policy, {
      onTrade: (trade) => void trades.push(trade),
      onCandleClosed: () => undefined,
      onLateTrade: () => undefined,
      onCandlesSkipped: () => undefined,
      onBookUnsure: () => undefined,
      onBookStatus: () => undefined,
    });
  }
  return trades;
}

/** What the owner of the instrument would have stored by now. */
function knownTrades(trades: readonly Trade[]): KnownTrades | undefined {
  let newest: Trade | undefined;
  for (const trade of trades)
    if (newest === undefined || trade.eventTimeMs >= newest.eventTimeMs) newest = trade;
  if (newest === undefined) return undefined;
  const { tradeId, eventTimeMs } = newest;
  return { newest: { tradeId, eventTimeMs }, latestTradeId: tradeId, timeMs: eventTimeMs };
}

function checkBooksOf(truth: MarketTruth, fold: ClusterFold): Violation[] {
  const { instrument, books, currentBook } = truth;
  const { end } = fold;
  const textOf = ({ bids, asks }: { bids: string; asks: string }): string =>
    bookText(JSON.parse(bids) as [string, string][], JSON.parse(asks) as [string, string][]);
  const last = end === undefined ? 'nothing' : `${end.status} ${textOf(end)}`;
  const violations: Violation[] = [];
  if (last !== `live ${currentBook()}`) {
    const rule = 'in the end the log has the book of the exchange';
    violations.push({ rule, instrument, expected: `live ${currentBook()}`, was: last });
  }
  for (const { offset } of fold.records) {
    const step = fold.at(fold.positionAt(offset + 1));
    if (step?.status !== 'live' || books.has(textOf(step))) continue;
    const rule = 'a live book is one that the exchange had';
    return [...violations, { rule, instrument, expected: `that at offset ${offset}`, was: textOf(step) }];
  }
  return violations;
}

function checkTradesOf({ instrument, trades }: MarketTruth, folded: readonly Trade[]): Violation[] {
  const ids = folded.map(({ tradeId }) => marketIdOf(tradeId));
  const firstLive = Math.min(
    ...folded.filter(({ isHistory }) => !isHistory).map(({ tradeId }) => marketIdOf(tradeId)),
  );
  const violations: Violation[] = [];
  if (new Set(ids).size !== ids.length)
    violations.push({
      rule: 'a trade counts once',
      instrument,
      expected: String(new Set(ids).size),
      was: String(ids.length),
    });
  const counted = new Set(ids);
  const missing = trades().filter(({ tradeId }) => tradeId > firstLive && !counted.has(tradeId));
  if (missing.length === 0 && folded.length > 0) return violations;
  const rule = 'no trade is missing from the first live one on';
  const was = `${missing.length} missing: ${missing
    .slice(0, 5)
    .map(({ tradeId }) => tradeId)
    .join(', ')}`;
  return [...violations, { rule, instrument, expected: `all after ${firstLive}`, was }];
}
