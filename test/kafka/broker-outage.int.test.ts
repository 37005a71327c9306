/** What becomes of writers and readers when their broker goes: a broker of this file's own, killed and started again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startKafka } from '../../scripts/services/kafka.mjs';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import { provideEventTopic } from '../../src/kafka/event-topic.ts';
import { KafkaEventLogReader } from '../../src/kafka/kafka-event-log-reader.ts';
import { eventTopicOf } from '../../src/kafka/kafka-options.ts';
import { KafkaEventLogWriter } from '../../src/kafka/kafka-event-log-writer.ts';
import type { KafkaOptions } from '../../src/kafka/kafka-options.ts';
import type { EventBatch } from '../../src/market/events.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import type { EventLogStore } from '../suites/event-log-suite.ts';
import { openOwner, openReader, openWriter } from '../suites/event-log-suite.ts';
import type { CuttingProxy } from '../support/cutting-proxy.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { testKafkaOptions } from '../support/kafka-options.ts';
import { bookSnapshot, trade } from '../support/market-events.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { noteServiceUse } from '../support/services.ts';
import { waitUntil } from '../support/wait-until.ts';

const batchOf = (ordinal: number): EventBatch => ({
  source: 'outage/1',
  firstOrdinal: ordinal,
  events: [trade({ tradeId: String(ordinal) })],
});
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('when the broker is away', () => {
  let cluster: Awaited<ReturnType<typeof startKafka>>;
  let kafka: KafkaOptions;
  /** Writers go through it. */
  let proxy: CuttingProxy;
  let log: RecordingLog;
  let store: Pick<EventLogStore, 'openWriter' | 'openReader'>;

  beforeAll(async () => {
    noteServiceUse('Kafka nodes that are killed');
    const target = { host: '127.0.0.1', port: 0 };
    proxy = await startCuttingProxy(target);
    cluster = await startKafka({ proxyPorts: [[proxy.port]] });
    target.port = cluster.nodes[0]!.proxiedPorts[0]!;
    kafka = testKafkaOptions([cluster.url], ['kafka.sessionTimeoutMs=10000']);
    log = new RecordingLog();
    const surroundings = {
      kafka,
      topic: eventTopicOf(kafka),
      clientId: 'tampines-test',
      clock: systemClock,
      timers: systemTimers,
      random: Math.random,
      log,
    };
    await provideEventTopic({ ...surroundings, checkpointEveryMs: 60_000 });
    const throughProxy = { ...kafka, brokers: [`127.0.0.1:${proxy.port}`] };
    store = {
      openWriter: (events) => KafkaEventLogWriter.open({ ...surroundings, kafka: throughProxy, events }),
      openReader: (group, events) => KafkaEventLogReader.open({ ...surroundings, group, events }),
    };
  });

  afterAll(async () => {
    await Promise.all([cluster.stop(), proxy.close()]);
  });

  const broker = () => cluster.nodes[0]!;

  it('a writer writes what it has once when the broker is back, and a reader goes on, rebuilt or not', async () => {
    const instrument = 'outage:A-USD' as InstrumentKey;
    const { writer, durable, failures } = await openWriter(store);
    const owner = await openOwner(store);
    const count = 600;
    let killed: Promise<void> | undefined;
    for (const ordinal of range(count)) {
      expect(writer.offer(instrument, batchOf(ordinal))).toBe(true);
      // In the middle of it, with requests on their way.
      if (ordinal === 200) killed = broker().kill();
      if (ordinal % 20 === 0) await sleep(5);
    }
    await killed;
    expect(durable.length).toBeLessThan(count);
    await broker().start();
    await waitUntil(() => durable.length === count || failures.length > 0);
    expect(failures).toEqual([]);
    expect(durable.map(({ lastOrdinal }) => lastOrdinal)).toEqual(range(count));
    expect(await owner.readOrdinals(instrument, count)).toEqual(range(count));
    // One line that it is away and one that it is back, however many partitions and attempts there were.
    expect(
      log.lines.filter(({ message }) => message.startsWith('Kafka takes')).map(({ level }) => level),
    ).toEqual(expect.arrayContaining(['warn', 'info']));
    expect(log.countOf('warn')).toBe(1);
  });

  it('a writer refuses batches when no more may wait, and says when there is room', async () => {
    const instrument = 'outage:B-USD' as InstrumentKey;
    const written = await openWriter(store);
    const { writer, durable } = written;
    await broker().kill();
    const levels = Array.from({ length: 300_000 }, (_, index) => 2n ** 61n + BigInt(index));
    let offered = 1;
    const next = (): EventBatch => ({
      source: 'outage/1',
      firstOrdinal: offered,
      events: [bookSnapshot({ bids: levels, asks: [] })],
    });
    while (writer.offer(instrument, next())) offered++;
    const { depth, limit, fullCount } = writer.queue;
    expect(depth).toBeLessThanOrEqual(limit);
    expect(depth).toBeGreaterThan(0.9 * limit);
    expect(fullCount).toBe(1);
    expect(written.roomCount).toBe(0);
    await broker().start();
    await waitUntil(() => written.roomCount === 1);
    await waitUntil(() => durable.length === offered - 1);
    expect(writer.offer(instrument, next())).toBe(true);
    await waitUntil(() => durable.length === offered);
    expect(durable.map(({ lastOrdinal }) => lastOrdinal)).toEqual(range(offered));
    expect(written.failures).toEqual([]);
  });

  it('a request whose answer was lost is repeated, and stands in the log once', async () => {
    const instrument = 'outage:E-USD' as InstrumentKey;
    const { writer, durable } = await openWriter(store);
    const reader = await openReader(store);
    expect(writer.offer(instrument, batchOf(1))).toBe(true);
    await waitUntil(() => durable.length === 1);
    proxy.mode = 'no answers';
    expect(writer.offer(instrument, batchOf(2))).toBe(true);
    expect(writer.offer(instrument, batchOf(3))).toBe(true);
    // Past the proxy: what the writer was never told is in the log all the same.
    await waitUntil(() => reader.batchesOf(instrument).length >= 3);
    expect(durable).toHaveLength(1);
    proxy.mode = 'open';
    await waitUntil(() => durable.length === 3);
    expect(writer.offer(instrument, batchOf(4))).toBe(true);
    await waitUntil(() => durable.length === 4 && reader.batchesOf(instrument).length >= 4);
    expect(reader.batchesOf(instrument).map(({ firstOrdinal }) => firstOrdinal)).toEqual([1, 2, 3, 4]);
    const [first] = durable;
    expect(durable.map(({ offset, lastOrdinal }) => [offset - first!.offset, lastOrdinal])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ]);
  });

  it('a reader that gives up says so once, and another one takes its place', async () => {
    const instrument = 'outage:D-USD' as InstrumentKey;
    const { write } = await openWriter(store);
    const group = 'outage-crash';
    const reader = await openReader(store, { group });
    await waitUntil(() => reader.assigned.length === kafka.partitions);
    await broker().kill();
    await waitUntil(() => reader.failures.length > 0);
    expect(reader.failures).toMatchObject([{ code: 'SERVICE_UNAVAILABLE', isRetryable: true }]);
    expect(reader.reader.start(0, 0)).toBe(false);
    await broker().start();
    await reader.reader.close();
    const another = await openReader(store, { group });
    await write(instrument, [batchOf(1)]);
    await waitUntil(() => another.batchesOf(instrument).length === 1);
    expect(reader.failures).toHaveLength(1);
  });

  it('none is opened and one is closed in time, and what was not durable is nowhere said to be', async () => {
    const instrument = 'outage:C-USD' as InstrumentKey;
    const { writer, durable } = await openWriter(store);
    await broker().kill();
    expect(writer.offer(instrument, batchOf(1))).toBe(true);
    await writer.close(100);
    expect(durable).toEqual([]);
    expect(writer.offer(instrument, batchOf(2))).toBe(false);
    for (const open of [openWriter, openReader]) {
      await expect(open(store)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', isRetryable: true });
    }
  });
});
