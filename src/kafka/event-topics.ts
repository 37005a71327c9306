/** The topics that were, are or are to be the log of a stopped cluster: where their partitions begin and end, and copying from one to another. */
import type { Batch, Consumer, KafkaMessage, Producer } from 'kafkajs';
import type { Clock, TimerHandle, Timers } from '../base/clock.ts';
import { TampinesError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { LogCopy, LogGeneration, LogTopics, ShardBounds } from '../cluster/ports.ts';
import { shardOf } from '../market/shards.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import { provideEventTopic } from './event-topic.ts';
import { createEventProducer, createKafkaClient, kafkaFailure } from './kafka-client.ts';
import { FETCH_MAX_BYTES, FETCH_MAX_BYTES_PER_PARTITION } from './kafka-event-log-reader.ts';
import type { KafkaOptions } from './kafka-options.ts';
import { eventTopicOf } from './kafka-options.ts';

/** Of one request; the client's cost grows with the square of this. */
const REQUEST_MAX_RECORDS = 500;
/** The first group of a new Kafka waits until a place is made for all groups, for some seconds; kafkajs takes "not yet" for a failure. */
const STEP_RETRIES = 8;
/** Longer than it takes a broker to come back. A record that is never handed out (the mark of a foreign transaction) would be waited for without end. */
const SILENCE_MAX_MS = 60_000;

export type EventTopicsOptions = {
  readonly kafka: KafkaOptions;
  readonly checkpointEveryMs: number;
  readonly clientId: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
};

/** What of a partition is still to be read, in offsets of Kafka. */
type Rest = { nextOffset: number; readonly endOffset: number };

export class KafkaEventTopics implements LogTopics {
  readonly #options: EventTopicsOptions;

  constructor(options: EventTopicsOptions) {
    this.#options = options;
  }

  nameOf(generation: number): string {
    return eventTopicOf(this.#options.kafka, { generation, firstPlace: 0 }).name;
  }

  async boundsOf({ generation, firstPlace }: LogGeneration): Promise<ShardBounds[]> {
    const topic = this.nameOf(generation);
    const admin = createKafkaClient(this.#options.kafka, this.#options).admin();
    try {
      await admin.connect();
      const found = await admin.fetchTopicOffsets(topic);
      return found
        .map(({ partition, low, high }) => ({
          shard: partition,
          firstPlace: firstPlace + readOffset(low),
          endPlace: firstPlace + readOffset(high),
        }))
        .sort((one, other) => one.shard - other.shard);
    } catch (error) {
      throw kafkaFailure(`ask where the partitions of ${topic} begin and end`, error, this.#options.kafka);
    } finally {
      await admin.disconnect();
    }
  }

  create({ partitions, ...to }: LogCopy['to']): Promise<void> {
    const kafka = { ...this.#options.kafka, partitions };
    return provideEventTopic({ ...this.#options, kafka, topic: eventTopicOf(kafka, to) });
  }

  async copy(copy: LogCopy): Promise<readonly number[]> {
    const counts = Array.from({ length: copy.to.partitions }, () => 0);
    const rests = restsOf(copy);
    if (rests.size === 0) return counts;
    const producer = createEventProducer(this.#options.kafka, this.#options);
    const consumer = this.#createConsumer(copy.to.generation);
    try {
      await producer.connect();
      await this.#read(consumer, { copy, rests }, async (messages) => {
        for (const [partition, group] of byPartition(messages, copy.to.partitions)) {
          await this.#send(producer, { topic: this.nameOf(copy.to.generation), partition, messages: group });
          counts[partition]! += group.length;
        }
      });
      return counts;
    } catch (error) {
      if (error instanceof TampinesError) throw error;
      throw kafkaFailure(`copy ${this.nameOf(copy.from.generation)}`, error, this.#options.kafka);
    } finally {
      await Promise.all([consumer.disconnect(), producer.disconnect()]);
    }
  }

  /** Resolves when all of the rests was handed on. What was copied is kept as if it had come just now: it is in no state yet. */
  #read(
    consumer: Consumer,
    { copy, rests }: { copy: LogCopy; rests: Map<number, Rest> },
    take: (needed: KafkaMessage[]) => Promise<void>,
  ): Promise<void> {
    const topic = this.nameOf(copy.from.generation);
    const { timers } = this.#options;
    let silence: TimerHandle | undefined;
    const read = new Promise<void>((resolve, reject) => {
      const heard = (): void => {
        silence?.cancel();
        silence = timers.after(SILENCE_MAX_MS, () =>
          reject(new Error(`nothing was read for ${SILENCE_MAX_MS / 1_000} s`)),
        );
      };
      heard();
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      const begin = async (): Promise<void> => {
        await consumer.connect();
        await consumer.subscribe({ topics: [topic], fromBeginning: true });
        await consumer.run({
          autoCommit: false,
          eachBatch: async (payload) => {
            try {
              heard();
              const { batch } = payload;
              const rest = rests.get(batch.partition);
              if (rest === undefined) return;
              const read = takeOf(batch, rest);
              const { firstPlace } = copy.from;
              await take(
                read.filter(({ key, offset }) => copy.isNeeded(keyOf(key), firstPlace + readOffset(offset))),
              );
              copy.onRead(read.length);
              await payload.heartbeat();
              if (rest.nextOffset < rest.endOffset) return;
              rests.delete(batch.partition);
              consumer.pause([{ topic, partitions: [batch.partition] }]);
              if (rests.size === 0) resolve();
            } catch (error) {
              reject(error instanceof Error ? error : new Error(String(error)));
            }
          },
        });
        for (const [partition, { nextOffset }] of rests) {
          consumer.seek({ topic, partition, offset: String(nextOffset) });
        }
      };
      begin().catch(reject);
    });
    return read.finally(() => silence?.cancel());
  }

  /** One partition in each request, as of the writer of events: no answer for one hides that another was not written. */
  async #send(
    producer: Producer,
    { topic, partition, messages }: { topic: string; partition: number; messages: readonly KafkaMessage[] },
  ): Promise<void> {
    for (let at = 0; at < messages.length; at += REQUEST_MAX_RECORDS) {
      await producer.send({
        topic,
        acks: -1,
        messages: messages
          .slice(at, at + REQUEST_MAX_RECORDS)
          .map(({ key, value, headers = {} }) => ({ key, value, headers, partition })),
      });
    }
  }

  /** In a group of its own, for another attempt may still run. */
  #createConsumer(generation: number): Consumer {
    const { kafka } = this.#options;
    return createKafkaClient(kafka, { ...this.#options, retries: STEP_RETRIES }).consumer({
      groupId: `${kafka.topicPrefix}.repartition.${generation}`,
      maxBytesPerPartition: FETCH_MAX_BYTES_PER_PARTITION,
      maxBytes: FETCH_MAX_BYTES,
      allowAutoTopicCreation: false,
      readUncommitted: true,
      retry: { retries: STEP_RETRIES, restartOnFailure: () => Promise.resolve(false) },
    });
  }
}

function restsOf({ from, ranges }: LogCopy): Map<number, Rest> {
  return new Map(
    ranges
      .filter(({ fromPlace, endPlace }) => fromPlace < endPlace)
      .map(({ shard, fromPlace, endPlace }) => [
        shard,
        { nextOffset: fromPlace - from.firstPlace, endOffset: endPlace - from.firstPlace },
      ]),
  );
}

/**
 * Returns those of the batch that come next, and moves the rest on.
 * @throws TampinesError `EVENT_LOG_SHORT` when one is missing before them
 */
function takeOf({ topic, partition, messages }: Batch, rest: Rest): KafkaMessage[] {
  const taken: KafkaMessage[] = [];
  for (const message of messages) {
    const offset = readOffset(message.offset);
    if (offset < rest.nextOffset) continue;
    if (offset >= rest.endOffset) break;
    if (offset !== rest.nextOffset) {
      throw new TampinesError(
        'EVENT_LOG_SHORT',
        `Partition ${partition} of ${topic} has no offset ${rest.nextOffset}, but goes on at ${offset}: the log was kept for too short a time`,
        { fields: { partition, expectedOffset: rest.nextOffset, foundOffset: offset } },
      );
    }
    taken.push(message);
    rest.nextOffset++;
  }
  return taken;
}

function byPartition(messages: readonly KafkaMessage[], partitions: number): Map<number, KafkaMessage[]> {
  const groups = new Map<number, KafkaMessage[]>();
  for (const message of messages) {
    const partition = shardOf(keyOf(message.key), partitions);
    const group = groups.get(partition);
    if (group === undefined) groups.set(partition, [message]);
    else group.push(message);
  }
  return groups;
}

function readOffset(text: string): number {
  return Number(text);
}

/** Of a record that somebody else wrote it may be anything; whoever reads it sets it aside. */
function keyOf(key: Buffer | null): InstrumentKey {
  return (key?.toString('utf8') ?? '') as InstrumentKey;
}
