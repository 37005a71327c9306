/** A whole node on simulated exchanges, with real Postgres and a real Redis: what operators and subscribers may rely on. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { demoSymbols } from '../../src/feeds/simulators/demo-symbols.ts';
import type { SimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import { createSimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import type { SimulatedKraken } from '../../src/feeds/simulators/simulated-kraken.ts';
import { createSimulatedKraken } from '../../src/feeds/simulators/simulated-kraken.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { connectTo } from '../publishing/redis-testing.ts';
import type { RunningNode } from '../support/running-node.ts';
import { eventually, isTrue, queryRows, runNode, storedTradeIds, viewBook } from '../support/running-node.ts';
import { dropSchema, freshName, noteServiceUse, testRedisUrl } from '../support/services.ts';

const BTC = 'binance:BTC-USDT' as InstrumentKey;
const ETH = 'binance:ETH-USDT' as InstrumentKey;
const KRAKEN_BTC = 'kraken:BTC-USD' as InstrumentKey;
/** Of Kraken's books, the adapter's choice; all levels of Binance's are compared. */
const WHOLE = Number.MAX_SAFE_INTEGER;

type Message = { channel: string; epoch: number; seq: number; status: string; reason: string };
type Problem = { status: number; code: string; detail: string };

const schema = freshName('node');
let binance: SimulatedBinance;
let kraken: SimulatedKraken;
let redisUrl: string;
let reader: Redis;
let subscriber: Redis;
let node: RunningNode;
const messages: Message[] = [];

const startNode = (assignments: readonly string[] = []): Promise<RunningNode> =>
  runNode({
    schema,
    redisUrl,
    exchanges: { binance: binance.endpoints, kraken: kraken.endpoints },
    assignments,
  });

beforeAll(async () => {
  const surroundings = { clock: systemClock, timers: systemTimers, stepsPerSecond: 20 };
  const random = createSeededRandom(20261121);
  binance = await createSimulatedBinance({
    ...surroundings,
    random,
    symbols: demoSymbols.binance.slice(0, 2),
  });
  kraken = await createSimulatedKraken({ ...surroundings, random, symbols: demoSymbols.kraken.slice(0, 1) });
  redisUrl = testRedisUrl();
  noteServiceUse('Redis');
  reader = await connectTo(redisUrl);
  subscriber = await connectTo(redisUrl);
  // Values of an earlier run may carry a newer epoch than the fresh schema's first.
  for (const pattern of ['orderbook:*', 'ticker:*', 'candle:*']) {
    const keys = await reader.keys(pattern);
    if (keys.length > 0) await reader.del(keys);
  }
  subscriber.on('pmessage', (_pattern: string, channel: string, text: string) => {
    messages.push({ ...(JSON.parse(text) as Message), channel });
  });
  await subscriber.psubscribe('*');
  node = await startNode();
});

afterAll(async () => {
  await node.stop();
  reader.disconnect();
  subscriber.disconnect();
  await binance.close();
  await kraken.close();
  await dropSchema(schema);
});

async function ask(method: string, path: string, body?: string): Promise<{ status: number; body: unknown }> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  const answer = await fetch(`${node.adminUrl}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
}

const spawn = (exchange: string, symbol: string) =>
  ask('POST', '/v1/instruments', JSON.stringify({ exchange, symbol }));

const positionOf = async (key: string): Promise<number> => (await viewBook(node, key)).position;

/**
 * The market stands still until the book of the node is what it truly is; then it moves again. A book that is being resynchronised may
 * need the next change for it, so a market that stood still too early moves on for another try.
 */
async function expectTruth(
  key: string,
  market: SimulatedBinance['market'],
  nativeSymbol: string,
  depth: number,
) {
  const isTrueNow = async () => isTrue(await viewBook(node, key), market.bookOf(nativeSymbol), depth);
  await eventually(`${key} is live and true`, async () => {
    market.start();
    // A market that stood still would never show a book that it goes on without something.
    const { position } = await viewBook(node, key);
    await eventually(`${key} goes on and is live`, async () => {
      const book = await viewBook(node, key);
      return book.position > position + 5 && book.status === 'live';
    });
    market.stop();
    for (let tries = 0; tries < 100; tries++) {
      if (await isTrueNow()) return true;
      await systemTimers.sleep(20);
    }
    return false;
  });
  market.start();
}

/** From the first stored trade on, the table holds each trade of the market once. */
async function expectAllTrades(key: string, market: SimulatedBinance['market'], nativeSymbol: string) {
  market.stop();
  try {
    await eventually(`${key} has all trades`, async () => {
      const stored = await storedTradeIds(schema, key);
      const made = market.tradesOf(nativeSymbol).map(({ tradeId }) => String(tradeId));
      return stored.length > 0 && stored.join() === made.slice(made.indexOf(stored[0]!)).join();
    });
  } finally {
    market.start();
  }
}

const liveMessagesAfter = (index: number, key: string) =>
  messages
    .slice(index)
    .filter(({ channel, status }) => channel === `orderbook:${key}:1` && status === 'live');

const staleSince = (index: number, key: string) =>
  messages.slice(index).find(({ channel, status }) => channel === `orderbook:${key}:1` && status === 'stale');

describe('an instrument spawned over REST', () => {
  it.each([
    ['binance', 'BTC-USDT', BTC],
    ['binance', 'ETHUSDT', ETH],
    ['kraken', 'BTC-USD', KRAKEN_BTC],
  ])('%s %s has a live book in Redis', async (exchange, symbol, key) => {
    expect((await spawn(exchange, symbol)).status).toBe(201);
    await eventually(`${key} is live in Redis`, async () => {
      const text = await reader.get(`orderbook:${key}:1`);
      return text !== null && (JSON.parse(text) as Message).status === 'live';
    });
  });

  it('holds exactly the book and the trades of the market', async () => {
    await expectTruth(BTC, binance.market, 'BTCUSDT', WHOLE);
    await expectTruth(KRAKEN_BTC, kraken.market, 'BTC/USD', 10);
    await expectAllTrades(BTC, binance.market, 'BTCUSDT');
  });

  it.each([
    ['a second spawn', { exchange: 'binance', symbol: 'BTC-USDT' }, 409, 'INSTRUMENT_EXISTS'],
    ['an unknown symbol', { exchange: 'binance', symbol: 'NO-SUCH' }, 404, 'UNKNOWN_SYMBOL'],
    ['an unknown exchange', { exchange: 'nowhere', symbol: 'BTC-USDT' }, 404, 'UNKNOWN_EXCHANGE'],
    ['a body without a symbol', { exchange: 'binance' }, 400, 'REQUEST_INVALID'],
  ])('%s is refused as a problem with code and detail', async (_what, body, status, code) => {
    const answer = await ask('POST', '/v1/instruments', JSON.stringify(body));
    expect(answer.status).toBe(status);
    expect((answer.body as Problem).code).toBe(code);
    expect((answer.body as Problem).detail.length).toBeGreaterThan(10);
  });

  it('that is stopped leaves a final snapshot, lets its keys expire, and goes on from there when spawned again', async () => {
    const before = await positionOf(ETH);
    expect((await ask('DELETE', '/v1/instruments/binance/ETH-USDT')).status).toBe(204);
    const rows = await queryRows<{ position: string; epoch: number }>(
      `SELECT position, epoch FROM ${schema}.state_snapshot JOIN ${schema}.instrument ON id = instrument_id
       WHERE key = $1 ORDER BY batch_number DESC LIMIT 1`,
      [ETH],
    );
    const saved = Number.parseInt(rows[0]!.position, 10);
    expect(saved).toBeGreaterThanOrEqual(before);
    await eventually('its keys are gone', async () => (await reader.exists(`orderbook:${ETH}:1`)) === 0);
    const from = messages.length;
    expect((await spawn('binance', 'ETH-USDT')).status).toBe(201);
    await eventually('it is live again', () => Promise.resolve(liveMessagesAfter(from, ETH)[0]));
    expect(await positionOf(ETH)).toBeGreaterThan(saved);
    expect(liveMessagesAfter(from, ETH)[0]!.epoch).toBe(rows[0]!.epoch);
    const recovered = node.log.lines.findLast(
      ({ message, fields }) =>
        message === 'instrument recovered' && 'instrument' in fields && fields.instrument === ETH,
    );
    expect(recovered?.fields).toMatchObject({ position: saved, entriesReplayed: 0 });
  });
});

it('tells the address of an external Redis, which may hold a password, in no line of its log', () => {
  const ready = node.log.lines.find(({ message }) => message === 'node ready');
  expect(ready?.fields).toMatchObject({ redis: 'external' });
  expect(JSON.stringify(node.log.lines)).not.toContain(testRedisUrl());
});

describe('what subscribers hear', () => {
  it('comes on book, ticker and candle channels, and never goes back', async () => {
    for (const kind of ['orderbook', 'ticker', 'candle']) {
      await eventually(`a ${kind} message`, () =>
        Promise.resolve(messages.find(({ channel }) => channel.startsWith(`${kind}:`))),
      );
    }
    await eventually('a closed candle', () =>
      Promise.resolve(messages.find(({ channel }) => channel.endsWith(':1s:closed'))),
    );
    const newest = new Map<string, { epoch: number; seq: number; status: string }>();
    for (const { channel, epoch, seq, status } of messages) {
      const last = newest.get(channel);
      newest.set(channel, { epoch, seq, status });
      // Several candles close by one event, and a status may change without one.
      if (last === undefined || channel.endsWith(':closed')) continue;
      const isNewer = epoch > last.epoch || seq > last.seq || (seq === last.seq && status !== last.status);
      expect([channel, last, { epoch, seq, status }, isNewer]).toEqual([
        channel,
        last,
        { epoch, seq, status },
        true,
      ]);
    }
  });

  it('is durable already: when the node dies at once, its log reaches at least as far', async () => {
    const count = messages.length;
    await eventually('more messages', () => Promise.resolve(messages.length > count + 50));
    const shown = messages.findLast(({ channel }) => channel === `orderbook:${BTC}:1`)!;
    const { journal } = node.storage;
    // Read once: a checkpoint may come at any moment.
    const snapshot = await journal.latestSnapshot(BTC);
    let position = snapshot?.position ?? 0;
    await journal.readBatches(BTC, snapshot?.batchNumber ?? 0, ({ entry }) => {
      position += entry.events.length;
    });
    expect(position).toBeGreaterThanOrEqual(shown.seq);
  });
});

describe('a failing symbol actor', () => {
  it('restarts alone from its log, losing and doubling nothing, while others go on', async () => {
    const from = messages.length;
    node.instruments.failNextDelivery(BTC, 'a fault of the drill');
    const event = await eventually('its restart is recorded', async () => {
      const events = await node.storage.records.readSupervisionEvents({ path: undefined, limit: 100 });
      return events.find(({ cause, kind }) => cause.includes('a fault of the drill') && kind === 'restarted');
    });
    expect(event.path).toContain(BTC);
    expect(event).toMatchObject({ decision: 'restart', attempt: 1 });
    expect(event.delayMs).toBeGreaterThan(0);
    await eventually('the others publish', () => Promise.resolve(liveMessagesAfter(from, ETH)[3]));
    await expectTruth(BTC, binance.market, 'BTCUSDT', WHOLE);
    await expectAllTrades(BTC, binance.market, 'BTCUSDT');
    expect(node.instruments.list().filter(({ restarts }) => restarts > 0)).toHaveLength(1);
  });

  it('gives an event up that fails it again and again, as a dead letter, and goes on', async () => {
    let injectedAt = -1;
    const letter = await eventually('the poison is a dead letter', async () => {
      const status = node.instruments.list().find(({ instrument }) => instrument.instrument === ETH)!;
      if (status.restarts > injectedAt) {
        injectedAt = status.restarts;
        node.instruments.failNextDelivery(ETH, 'poisoned by the drill');
      }
      const letters = await node.storage.records.readDeadLetters({ exchange: 'binance', limit: 100 });
      return letters.find(({ reason }) => reason === 'poison');
    });
    expect(letter.detail).toContain('poisoned by the drill');
    expect(letter.text).toContain('"type"');
    await expectTruth(ETH, binance.market, 'ETHUSDT', WHOLE);
  });
});

describe('faults of the exchange', () => {
  // Subscribers hear the latest of each interval: a book that is sure again sooner was never seen stale.
  beforeAll(() => {
    binance.faults.slowSnapshot(500);
    kraken.faults.slowSnapshot(500);
  });
  it.each(['dropNextDelta', 'crossedBook'] as const)(
    'Binance, %s: the book is shown as stale, then live and true again',
    async (fault) => {
      const from = messages.length;
      binance.faults[fault]('BTCUSDT');
      await eventually('it is shown as stale', () => Promise.resolve(staleSince(from, BTC)));
      await expectTruth(BTC, binance.market, 'BTCUSDT', WHOLE);
    },
  );

  // A change that Kraken leaves out beyond its ten best levels shows in no checksum, so leaving one out is no sure fault.
  it.each(['crossedBook', 'wrongChecksum'] as const)(
    'Kraken, %s: the book is shown as stale, then live and true again',
    async (fault) => {
      const from = messages.length;
      kraken.faults[fault]('BTC/USD');
      await eventually('it is shown as stale', () => Promise.resolve(staleSince(from, KRAKEN_BTC)));
      await expectTruth(KRAKEN_BTC, kraken.market, 'BTC/USD', 10);
    },
  );

  it('a trade that is sent twice counts once', async () => {
    const count = (await storedTradeIds(schema, ETH)).length;
    binance.faults.duplicateTrade('ETHUSDT');
    await eventually('more trades', async () => (await storedTradeIds(schema, ETH)).length > count + 2);
    const ids = await storedTradeIds(schema, ETH);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('a corrupt frame is a dead letter with reason and text', async () => {
    const before = (await node.storage.records.readDeadLetters({ exchange: 'binance', limit: 100 })).length;
    binance.faults.corruptFrame();
    const letters = await eventually('a new dead letter', async () => {
      const found = await node.storage.records.readDeadLetters({ exchange: 'binance', limit: 100 });
      return found.length > before ? found : undefined;
    });
    expect(letters[0]).toMatchObject({ reason: 'bad-frame' });
    expect(letters[0]!.text).toContain('{"');
    await expectTruth(BTC, binance.market, 'BTCUSDT', WHOLE);
  });

  it('a broken connection: books are stale, then live and true again', async () => {
    const from = messages.length;
    binance.faults.disconnect();
    await eventually('it is shown as stale', () => Promise.resolve(staleSince(from, BTC)));
    await expectTruth(BTC, binance.market, 'BTCUSDT', WHOLE);
    await expectTruth(ETH, binance.market, 'ETHUSDT', WHOLE);
  });
});

describe('a node that is stopped and started again', () => {
  it('goes on from its snapshots with the next epoch and doubles no trade', async () => {
    const epochBefore = messages.at(-1)!.epoch;
    await node.stop();
    const from = messages.length;
    node = await startNode();
    for (const key of [BTC, ETH, KRAKEN_BTC]) {
      const first = await eventually(`${key} is live`, () =>
        Promise.resolve(liveMessagesAfter(from, key)[0]),
      );
      expect(first.epoch).toBe(epochBefore + 1);
      const recovered = node.log.lines.find(
        ({ message, fields }) =>
          message === 'instrument recovered' && 'instrument' in fields && fields.instrument === key,
      );
      // A stop takes a last snapshot, so nothing is left to replay.
      expect(recovered?.fields).toMatchObject({ entriesReplayed: 0 });
      expect((recovered!.fields as { position: number }).position).toBeGreaterThan(0);
    }
    await expectTruth(BTC, binance.market, 'BTCUSDT', WHOLE);
    const ids = await storedTradeIds(schema, BTC);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('two nodes on one storage', () => {
  it('only the newer writes: the older is fenced and overwrites none of its keys', async () => {
    const older = node;
    const epochBefore = messages.at(-1)!.epoch;
    node = await startNode();
    const from = messages.length;
    await eventually('the newer is live', () =>
      Promise.resolve(liveMessagesAfter(from, BTC).find(({ epoch }) => epoch === epochBefore + 1)),
    );
    await eventually('the older has given its instruments up', () => {
      const running = older.instruments.list().filter(({ actorStatus }) => actorStatus === 'running');
      return Promise.resolve(running.length === 0);
    });
    await older.stop();
    const stored = JSON.parse((await reader.get(`orderbook:${BTC}:1`))!) as Message;
    expect(stored.epoch).toBe(epochBefore + 1);
    await expectTruth(BTC, binance.market, 'BTCUSDT', WHOLE);
  });
});
