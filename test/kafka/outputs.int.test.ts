/** What goes out to Kafka, on a broker of this file's own and a real Postgres: what is said, in which order, and what is left of it when the broker or its sender goes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startKafka } from '../../scripts/services/kafka.mjs';
import type { OutputTopic } from '../../src/actors/outputs.ts';
import type { CandleRow, TradeRow } from '../../src/actors/ports.ts';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import { KafkaOutputs } from '../../src/kafka/kafka-outputs.ts';
import type { KafkaOptions } from '../../src/kafka/kafka-options.ts';
import { outputTopicName } from '../../src/kafka/output-topics.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import type { Storage } from '../../src/persistence/open-storage.ts';
import { openStorage } from '../../src/persistence/open-storage.ts';
import { PostgresOutputOutbox } from '../../src/persistence/output-outbox.ts';
import { testKafkaOptions } from '../support/kafka-options.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { eventually } from '../support/running-node.ts';
import { dropSchema, freshName, noteServiceUse, testDatabaseUrl } from '../support/services.ts';
import type { TopicReader } from '../support/topic-reader.ts';
import { readTopic, withoutRepeats } from '../support/topic-reader.ts';
import { waitUntil } from '../support/wait-until.ts';
import { contextOf } from '../support/writer-context.ts';

const TOPICS: readonly OutputTopic[] = ['candles', 'tickers', 'trades', 'supervision', 'deadLetters'];
const START_MS = Date.UTC(2026, 10, 29);

function tradeOf(instrument: string, number: number): TradeRow {
  return {
    instrument: instrument as InstrumentKey,
    tradeId: String(number),
    eventTimeMs: START_MS + number,
    receiveTimeMs: START_MS + number + 3,
    price: '9007199254740993.00000001',
    quantity: '0.10',
    takerSide: 'buy',
    isHistory: false,
  };
}

const candle: CandleRow = {
  instrument: 'outputs:C-USD' as InstrumentKey,
  interval: '1m',
  openTimeMs: START_MS,
  revision: 0,
  open: '1.50',
  high: '2',
  low: '1',
  close: '1.75',
  volume: '10',
  quoteVolume: '17.5',
  takerBuyVolume: '4',
  tradeCount: 3,
};

/** All of a row but its key. */
function fieldsOf(row: TradeRow | CandleRow): object {
  return Object.fromEntries(Object.entries(row).filter(([name]) => name !== 'instrument'));
}

describe('outputs to Kafka', () => {
  const schema = freshName('outputs');
  const readers = new Map<OutputTopic, TopicReader>();
  let cluster: Awaited<ReturnType<typeof startKafka>>;
  let kafka: KafkaOptions;
  let storage: Storage;
  let outputs: KafkaOutputs;
  const log = new RecordingLog();

  beforeAll(async () => {
    noteServiceUse('Kafka nodes that are killed');
    cluster = await startKafka();
    kafka = testKafkaOptions([cluster.url]);
    storage = await openStorage({
      location: { url: testDatabaseUrl() },
      schema,
      context: contextOf(log),
      outputs: { topics: new Set(TOPICS), source: 'one/7' },
    });
    outputs = openOutputs('one');
    outputs.start(() => true);
    await waitUntil(() => outputs.trouble === '');
    for (const topic of TOPICS) {
      readers.set(topic, await readTopic([cluster.url], outputTopicName(kafka.topicPrefix, topic)));
    }
  });

  afterAll(async () => {
    await outputs.stop();
    await Promise.all([...readers.values()].map((reader) => reader.close()));
    await storage.close();
    await dropSchema(schema);
    await cluster.stop();
  });

  function openOutputs(node: string): KafkaOutputs {
    return new KafkaOutputs({
      kafka,
      topics: TOPICS,
      outbox: new PostgresOutputOutbox({ database: storage.database, clock: systemClock, node }),
      clientId: node,
      clock: systemClock,
      timers: systemTimers,
      random: Math.random,
      log,
    });
  }

  const readOf = (topic: OutputTopic, key: string) =>
    readers.get(topic)!.records.filter((record) => record.key === key);

  it('say each row as it is stored, exactly, under the key of its instrument and an id that follows from it', async () => {
    const key = 'outputs:A-USD';
    const row = tradeOf(key, 1);
    await storage.tables.write({ trades: [row], candles: [candle] });
    await waitUntil(
      () => readOf('trades', key).length > 0 && readOf('candles', candle.instrument).length > 0,
    );
    expect(readOf('trades', key)).toMatchObject([
      {
        id: `${key}/${row.eventTimeMs}/1`,
        value: { type: 'trade', version: 1, exchange: 'outputs', symbol: 'A-USD', ...fieldsOf(row) },
      },
    ]);
    expect(readOf('candles', candle.instrument)).toMatchObject([
      {
        id: `${candle.instrument}/1m/${START_MS}/0`,
        value: { type: 'candle', symbol: 'C-USD', ...fieldsOf(candle) },
      },
    ]);
  });

  it('say nothing of what is stored already, and each newer revision of a candle', async () => {
    const key = 'outputs:A-USD';
    const revised = { ...candle, revision: 1, close: '1.8' };
    for (let times = 0; times < 2; times++) {
      await storage.tables.write({ trades: [tradeOf(key, 1)], candles: [candle] });
    }
    await storage.tables.write({ trades: [tradeOf(key, 2)], candles: [revised] });
    await waitUntil(
      () => readOf('trades', key).length > 1 && readOf('candles', candle.instrument).length > 1,
    );
    expect(readOf('trades', key).map(({ value }) => value['tradeId'])).toEqual(['1', '2']);
    expect(readOf('candles', candle.instrument).map(({ value }) => value['revision'])).toEqual([0, 1]);
  });

  it('say what supervisors decide and what could not be read, each with an id of its own', async () => {
    const event = {
      timeMs: START_MS,
      path: '/shards/0/outputs/A-USD',
      kind: 'restarted',
      cause: 'a test',
      decision: 'restart',
      attempt: 1,
      delayMs: 100,
      recoveredPosition: undefined,
    };
    storage.records.recordSupervisionEvent(event);
    storage.records.recordSupervisionEvent({ ...event, attempt: 2 });
    const letter = {
      timeMs: START_MS,
      exchange: 'outputs',
      reason: 'bad-frame',
      detail: 'none',
      text: '{\0',
    };
    storage.records.recordDeadLetter({ ...letter, symbol: 'AUSD' });
    await waitUntil(
      () => readOf('supervision', event.path).length > 1 && readOf('deadLetters', 'outputs:AUSD').length > 0,
    );
    const said = readOf('supervision', event.path);
    expect(said.map(({ id }) => id)).toEqual(['one/7/1', 'one/7/2']);
    expect(said.map(({ value }) => value['attempt'])).toEqual([1, 2]);
    expect(said[0]!.value['recoveredPosition']).toBeNull();
    expect(readOf('deadLetters', 'outputs:AUSD')).toMatchObject([{ id: 'one/7/3', value: letter }]);
  });

  const tickerOf = (seq: number) => ({
    key: 'ticker:outputs:A-USD',
    epoch: 3,
    seq,
    kind: 'latest' as const,
    value: `{"epoch":3,"seq":${seq},"exchange":"outputs","symbol":"A-USD","last":"0.10"}`,
  });

  it('say the newest ticker only, as Redis has it', async () => {
    outputs.tickers.publish([tickerOf(1), { ...tickerOf(9), key: 'orderbook:outputs:A-USD:1' }]);
    outputs.tickers.publish([tickerOf(2)]);
    await waitUntil(() => readOf('tickers', 'outputs:A-USD').length > 0);
    expect(readOf('tickers', 'outputs:A-USD')).toMatchObject([
      { id: 'outputs:A-USD/3/2', value: { seq: 2, last: '0.10' } },
    ]);
    expect(outputs.readings.conflatedCount).toBe(1);
  });

  it('lose nothing, and keep the order of each instrument, while the broker is killed and senders follow one another', async () => {
    const keys = ['outputs:X-USD', 'outputs:Y-USD', 'outputs:Z-USD'];
    const count = 3_000;
    for (let number = 1; number <= count; number += 50) {
      const rows = keys.flatMap((key) =>
        Array.from({ length: 50 }, (_, index) => tradeOf(key, number + index)),
      );
      // Nobody who writes rows waits for the broker.
      await storage.tables.write({ trades: rows, candles: [] });
      if (number === 501) await cluster.nodes[0]!.kill();
      if (number === 1_501) {
        await waitUntil(() => outputs.trouble !== '');
        await cluster.nodes[0]!.start();
      }
      if (number === 2_001) {
        await outputs.stop();
        outputs = openOutputs('one');
        outputs.start(() => true);
      }
    }
    const told = (key: string) => withoutRepeats(readOf('trades', key));
    await eventually('every trade is told', () =>
      Promise.resolve(keys.every((key) => told(key).length === count) ? true : undefined),
    );
    for (const key of keys) {
      expect(told(key).map(({ value }) => Number(value['tradeId']))).toEqual(
        Array.from({ length: count }, (_, index) => index + 1),
      );
      expect(new Set(readOf('trades', key).map(({ partition }) => partition)).size).toBe(1);
    }
    await waitUntil(() => outputs.readings.waitingRecords === 0);
    expect(outputs.readings.refusedCount).toBe(0);
  });

  it('leave out what no broker takes, and go on with the rest', async () => {
    const key = 'outputs:L-USD';
    const long = { ...tradeOf(key, 2), tradeId: '2'.repeat(3_000_000) };
    // Too long for the index of the table: it goes straight into the outbox.
    await storage.database.query({
      text: `INSERT INTO ${schema}.output (topic, key, record_id, value) VALUES ('trades', $1, 'long', $2)`,
      values: [key, JSON.stringify(long)],
    });
    await storage.tables.write({ trades: [tradeOf(key, 3)], candles: [] });
    await waitUntil(() => readOf('trades', key).length > 0 && outputs.readings.refusedCount > 0);
    expect(readOf('trades', key).map(({ value }) => value['tradeId'])).toEqual(['3']);
    expect(outputs.readings.refusedCount).toBe(1);
  });

  it('are sent by one node at a time, by the next one when that is gone, and tickers by who holds the lease', async () => {
    const other = new PostgresOutputOutbox({
      database: storage.database,
      clock: { ...systemClock, monotonicMs: () => 0 },
      node: 'two',
    });
    expect(await other.takeTurn()).toBe(false);
    await outputs.stop();
    await storage.database.query({
      text: `UPDATE ${schema}.output_turn SET renewed_at = renewed_at - interval '1 minute'`,
    });
    outputs = openOutputs('two');
    outputs.start(() => false);
    outputs.tickers.publish([tickerOf(5)]);
    await storage.tables.write({ trades: [tradeOf('outputs:T-USD', 1)], candles: [] });
    await waitUntil(() => readOf('trades', 'outputs:T-USD').length > 0);
    expect(outputs.readings).toMatchObject({
      sentCounts: new Map([...TOPICS.map((topic) => [topic, 0] as const), ['trades', 1] as const]),
      waitingTickers: 1,
    });
  });
});
