/** A whole node on simulated exchanges, with real Postgres and Redis, and what tests ask of it. */
import { Decimal } from 'decimal.js';
import pg from 'pg';
import type { BookTruth } from '../../src/feeds/simulators/simulated-market.ts';
import type { TampinesNode } from '../../src/main.ts';
import { startNode } from '../../src/main.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import type { Units } from '../../src/market/units.ts';
import { formatUnits } from '../../src/market/units.ts';
import { loadSettings } from '../../src/settings.ts';
import { RecordingLog } from './recording-log.ts';
import { testDatabaseUrl } from './services.ts';

export type RunningNode = TampinesNode & { readonly log: RecordingLog };

export async function runNode(options: {
  schema: string;
  redisUrl: string;
  exchanges: Readonly<Record<string, { readonly ws: string; readonly rest: string }>>;
  assignments?: readonly string[];
  /** Other than that of the tests: a proxy before it. */
  databaseUrl?: string;
}): Promise<RunningNode> {
  const log = new RecordingLog();
  const { settings, origins } = loadSettings({
    environment: {
      TAMPINES_POSTGRES_URL: options.databaseUrl ?? testDatabaseUrl(),
      TAMPINES_REDIS_URL: options.redisUrl,
    },
    assignments: [
      `postgres.schema=${options.schema}`,
      'admin.port=0',
      'candles.intervals=1s,1m',
      'candles.outOfOrdernessMs=500',
      'supervision.restartInitialMs=200',
      'supervision.restartMaxMs=400',
      'supervision.maxRestarts=1000',
      'shutdown.deadlineMs=30000',
      ...Object.entries(options.exchanges).flatMap(([exchange, { ws, rest }]) => [
        `exchanges.${exchange}.wsUrl=${ws}`,
        `exchanges.${exchange}.restUrl=${rest}`,
      ]),
      ...(options.assignments ?? []),
    ],
  });
  const node = await startNode({ settings, origins, log });
  return { ...node, log };
}

const WAIT_MAX_MS = 40_000;
const POLL_MS = 20;

/** Resolves with the first value that `ask` finds; what it throws counts as not yet. */
export async function eventually<Value>(what: string, ask: () => Promise<Value | undefined>): Promise<Value> {
  let last: unknown;
  for (let waitedMs = 0; waitedMs < WAIT_MAX_MS; waitedMs += POLL_MS) {
    try {
      const value = await ask();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`Waited in vain until ${what}`, { cause: last });
}

export type BookView = {
  readonly status: string;
  readonly position: number;
  readonly bids: readonly string[];
  readonly asks: readonly string[];
};

/** The book as the symbol actor holds it: `price quantity`, best first. */
export function viewBook(node: TampinesNode, key: string): Promise<BookView> {
  return node.instruments.view(key as InstrumentKey, ({ state, status }) => {
    const { book } = state;
    const level = (price: Units, quantity: Units): string =>
      `${formatUnits(price, book.scales.price)} ${formatUnits(quantity, book.scales.quantity)}`;
    return {
      status,
      position: state.position,
      bids: Array.from({ length: book.bidCount }, (_, index) =>
        level(book.bidPrice(index), book.bidQuantity(index)),
      ),
      asks: Array.from({ length: book.askCount }, (_, index) =>
        level(book.askPrice(index), book.askQuantity(index)),
      ),
    };
  });
}

/** Whether the view is live and its best `depth` levels are what the market truly holds. */
export function isTrue(view: BookView, truth: BookTruth, depth: number): boolean {
  const text = (levels: BookTruth['bids']): string =>
    levels
      .slice(0, depth)
      .map(([price, quantity]) => `${new Decimal(price).toFixed()} ${new Decimal(quantity).toFixed()}`)
      .join();
  return (
    view.status === 'live' &&
    view.bids.slice(0, depth).join() === text(truth.bids) &&
    view.asks.slice(0, depth).join() === text(truth.asks)
  );
}

/** Asks Postgres directly, as somebody else would. */
export async function queryRows<Row extends pg.QueryResultRow>(
  text: string,
  values: readonly unknown[],
): Promise<Row[]> {
  const client = new pg.Client(testDatabaseUrl());
  await client.connect();
  try {
    return (await client.query<Row>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

export async function storedTradeIds(schema: string, key: string): Promise<string[]> {
  const rows = await queryRows<{ trade_id: string }>(
    `SELECT trade_id FROM ${schema}.trade JOIN ${schema}.instrument ON id = instrument_id WHERE key = $1 ORDER BY trade_id::bigint`,
    [key],
  );
  return rows.map(({ trade_id }) => trade_id);
}
