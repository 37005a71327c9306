/**
 * Three nodes of one cluster on a real Kafka, Postgres and Redis: what they run between them is what the exchanges truly hold, whoever comes and goes.
 * Here nodes are stopped in order; `cluster-kill.int.test.ts` kills them.
 */
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { createSimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import type { SimulatedExchange } from '../../src/feeds/simulators/simulated-exchange.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { keyOf, symbols, untilBooksAreTrue, untilTradesAreStored } from '../support/cluster-truth.ts';
import type { OwnRedis } from '../support/own-redis.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import type { RunningNode } from '../support/running-node.ts';
import { eventually, runNode, viewBook } from '../support/running-node.ts';
import { dropSchema, freshName, testDatabaseUrl, testKafkaBrokers } from '../support/services.ts';

const schema = freshName('cluster');
let binance: SimulatedExchange;
let server: OwnRedis;
const nodes = new Map<string, RunningNode>();

const start = async (name: string, ...assignments: readonly string[]): Promise<RunningNode> => {
  const node = await runNode({
    schema,
    redisUrl: server.url,
    exchanges: { binance: binance.endpoints },
    assignments: [
      `node.name=${name}`,
      'node.leaseMs=3000',
      `kafka.brokers=${testKafkaBrokers().join(',')}`,
      `kafka.topicPrefix=${schema.replaceAll('_', '-')}`,
      'kafka.partitions=6',
      'kafka.replicationFactor=1',
      'kafka.heartbeatMs=200',
      'kafka.sessionTimeoutMs=6000',
      'feed.heartbeatMs=500',
      'checkpoint.everyMs=2000',
      ...assignments,
    ],
  });
  nodes.set(name, node);
  return node;
};

const ownerOf = (key: InstrumentKey): RunningNode | undefined =>
  [...nodes.values()].find((node) => node.instruments.has(key));

/** Grows with each claim of a shard. */
async function shardEpochs(): Promise<number[]> {
  const client = new pg.Client(testDatabaseUrl());
  await client.connect();
  try {
    const { rows } = await client.query<{ epoch: number }>(`SELECT epoch FROM ${schema}.shard ORDER BY id`);
    return rows.map(({ epoch }) => epoch);
  } finally {
    await client.end();
  }
}

/** Of whichever node has it. */
async function expectTruth(): Promise<void> {
  await untilBooksAreTrue(binance, () =>
    Promise.all(
      symbols.map(async (symbol) => {
        const owner = ownerOf(keyOf(symbol));
        return owner && viewBook(owner, keyOf(symbol));
      }),
    ),
  );
}

async function expectAllTrades(): Promise<void> {
  binance.market.stop();
  await untilTradesAreStored(binance, schema);
  binance.market.start();
}

beforeAll(async () => {
  server = await startOwnRedis();
  binance = await createSimulatedBinance({
    clock: systemClock,
    timers: systemTimers,
    random: createSeededRandom(20261128),
    stepsPerSecond: 100,
    tradeShare: 0.4,
    symbols,
  });
});

afterAll(async () => {
  for (const node of nodes.values()) await node.stop();
  await server.close();
  await binance.close();
  await dropSchema(schema);
});

describe('a cluster', () => {
  it('of one node runs what is wanted, from Kafka', async () => {
    const first = await start('one');
    for (const { nativeSymbol } of symbols) await first.instruments.spawn('binance', nativeSymbol);
    await expectTruth();
    await expectAllTrades();
  });

  it('of three nodes shares shards and feeds, and each instrument runs on one', async () => {
    await start('two');
    await start('three');
    await eventually('each node has shards', async () => {
      const counts = [...nodes.values()].map((node) => node.instruments.keys().length);
      return Promise.resolve(
        counts.reduce((sum, count) => sum + count, 0) === symbols.length &&
          counts.filter((count) => count > 0).length > 1
          ? true
          : undefined,
      );
    });
    await expectTruth();
    await expectAllTrades();
  });

  it('is left alone by a process that bears the name of one of its nodes', async () => {
    const owners = (): (string | undefined)[] => symbols.map((symbol) => ownerOf(keyOf(symbol))?.adminUrl);
    const [before, epochs] = [owners(), await shardEpochs()];
    const running = nodes.get('two')!;
    await expect(start('two')).rejects.toMatchObject({ code: 'NODE_NAME_TAKEN' });
    expect([owners(), await shardEpochs(), nodes.get('two')]).toEqual([before, epochs, running]);
  });

  it('goes on when a node leaves, and Redis never went back', async () => {
    const redis = new Redis(server.url);
    const seen = new Map<string, { epoch: number; seq: number; bookSeq: number }>();
    const stepsBack: string[] = [];
    redis.on('message', (channel: string, text: string) => {
      const { epoch, seq } = JSON.parse(text) as { epoch: number; seq: number };
      const last = seen.get(channel) ?? { epoch: 0, seq: 0, bookSeq: 0 };
      const isOlder = epoch < last.epoch || (epoch === last.epoch && seq < last.seq);
      // A new owner marks what is held as its own at sequence 0; the book itself follows, and counts on where the log is.
      const isOlderBook = seq > 0 && seq < last.bookSeq;
      if (isOlder || isOlderBook) stepsBack.push(`${channel}: ${epoch}.${seq} after ${JSON.stringify(last)}`);
      seen.set(channel, { epoch, seq, bookSeq: Math.max(seq, last.bookSeq) });
    });
    await redis.subscribe(...symbols.map((symbol) => `orderbook:${keyOf(symbol)}:1`));
    try {
      await nodes.get('one')!.stop();
      nodes.delete('one');
      await expectTruth();
      await start('one');
      await expectTruth();
      await expectAllTrades();
    } finally {
      redis.disconnect();
    }
    expect(seen.size).toBe(symbols.length);
    expect(stepsBack).toEqual([]);
  });

  it('follows what any node wants', async () => {
    const symbol = symbols[0]!;
    const key = keyOf(symbol);
    const other = [...nodes.values()].find((node) => !node.instruments.has(key))!;
    const owner = ownerOf(key)!;
    await owner.instruments.stop(key);
    await eventually('it is stopped', () => Promise.resolve(ownerOf(key) === undefined ? true : undefined));
    await other.instruments.spawn('binance', symbol.nativeSymbol);
    await expectTruth();
  });
});
