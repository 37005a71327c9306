/**
 * Writes batches to the topic of events. Idempotent and acknowledged by all brokers in sync: while it lives, a batch is in the log once and in its
 * place, whatever happens to connections and brokers. A writer that has to be replaced may write once more what was on its way; readers
 * know such a batch by its ordinals.
 */
import type { Producer } from 'kafkajs';
import kafkajs from 'kafkajs';
import type { Clock, RandomSource, Timers } from '../base/clock.ts';
import { TampinesError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { QueueReading } from '../base/queue-reading.ts';
import type { EventBatch } from '../market/events.ts';
import { shardOf } from '../market/shards.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import type { EventLogWriter, EventLogWriterEvents } from '../actors/event-log.ts';
import { createEventProducer, kafkaFailure } from './kafka-client.ts';
import type { EventTopic, KafkaOptions } from './kafka-options.ts';
import { PartitionLane } from './partition-lane.ts';
import { encodeRecord } from './record-codec.ts';
import { RECORD_MAX_BYTES } from './record-size.ts';

/** Of all partitions, encoded, waiting or on their way. */
export const WRITER_QUEUE_MAX_BYTES = 64 * 1024 * 1024;
/** A writer that had no room says so again when this share of the queue is free. */
const ROOM_SHARE = 0.25;

export type EventLogWriterOptions = {
  readonly kafka: KafkaOptions;
  readonly topic: EventTopic;
  readonly clientId: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly log: Log;
  readonly events: EventLogWriterEvents;
};

type WaitingRecord = {
  readonly instrument: InstrumentKey;
  readonly source: string;
  readonly lastOrdinal: number;
  readonly message: ReturnType<typeof encodeRecord>;
  readonly sizeBytes: number;
};

export class KafkaEventLogWriter implements EventLogWriter {
  readonly #options: EventLogWriterOptions;
  readonly #topic: string;
  readonly #producer: Producer;
  readonly #lanes: readonly PartitionLane<WaitingRecord>[];
  #heldBytes = 0;
  #fullCount = 0;
  #isRoomWanted = false;
  #isOpen = true;
  #isAway = false;
  /** Called when nothing is on its way. */
  #onDrained: (() => void) | undefined;

  private constructor(options: EventLogWriterOptions, producer: Producer) {
    this.#options = options;
    this.#topic = options.topic.name;
    this.#producer = producer;
    this.#lanes = Array.from({ length: options.kafka.partitions }, (_, partition) =>
      this.#createLane(partition),
    );
  }

  /** @throws TampinesError `SERVICE_UNAVAILABLE` when no broker answers */
  static async open(options: EventLogWriterOptions): Promise<KafkaEventLogWriter> {
    const producer = createEventProducer(options.kafka, options);
    try {
      await producer.connect();
    } catch (error) {
      await producer.disconnect();
      throw kafkaFailure('connect to Kafka as a writer', error, options.kafka);
    }
    return new KafkaEventLogWriter(options, producer);
  }

  get queue(): QueueReading {
    return {
      queue: 'kafka-writer-bytes',
      depth: this.#heldBytes,
      limit: WRITER_QUEUE_MAX_BYTES,
      fullCount: this.#fullCount,
    };
  }

  offer(instrument: InstrumentKey, batch: EventBatch): boolean {
    if (!this.#isOpen) return false;
    // Encoding is most of the work: it is not done for what is refused.
    if (this.#heldBytes >= WRITER_QUEUE_MAX_BYTES) return this.#refuse();
    const message = encodeRecord(instrument, batch);
    const sizeBytes = message.key.length + message.value.length;
    if (sizeBytes > RECORD_MAX_BYTES) {
      throw new TampinesError(
        'RECORD_TOO_LARGE',
        `Cannot write a batch of ${instrument} to ${this.#topic}: expected at most ${RECORD_MAX_BYTES} bytes, was ${sizeBytes}`,
        { fields: { instrument, sizeBytes, limitBytes: RECORD_MAX_BYTES } },
      );
    }
    if (this.#heldBytes > 0 && this.#heldBytes + sizeBytes > WRITER_QUEUE_MAX_BYTES) return this.#refuse();
    this.#heldBytes += sizeBytes;
    const lastOrdinal = batch.firstOrdinal + batch.events.length - 1;
    this.#lanes[shardOf(instrument, this.#lanes.length)]!.add({
      instrument,
      source: batch.source,
      lastOrdinal,
      message,
      sizeBytes,
    });
    return true;
  }

  async close(withinMs: number): Promise<void> {
    if (this.#isOpen) await this.#drain(withinMs);
    this.#isOpen = false;
    const stopped = Promise.all(this.#lanes.map((lane) => lane.stop()));
    // Ends requests that are under way; kafkajs connects again for one that it was about to repeat, so it is told once more.
    await this.#producer.disconnect();
    await stopped;
    await this.#producer.disconnect();
  }

  async #drain(withinMs: number): Promise<void> {
    this.#isOpen = false;
    for (const lane of this.#lanes) lane.flush();
    if (this.#heldBytes === 0) return;
    await new Promise<void>((resolve) => {
      const deadline = this.#options.timers.after(withinMs, resolve);
      this.#onDrained = () => {
        deadline.cancel();
        resolve();
      };
    });
  }

  #refuse(): false {
    this.#fullCount++;
    this.#isRoomWanted = true;
    return false;
  }

  #createLane(partition: number): PartitionLane<WaitingRecord> {
    const { timers, random, kafka } = this.#options;
    return new PartitionLane({
      lingerMs: kafka.lingerMs,
      timers,
      random,
      send: (records) => this.#send(partition, records),
      isTransient,
      onRetry: (failure, { count, delayMs }) => this.#noteAway(partition, failure, { count, delayMs }),
      onDurable: (records, firstOffset) => this.#settle(partition, records, firstOffset),
      onFailed: (failure) => this.#fail(failure),
    });
  }

  async #send(partition: number, records: readonly WaitingRecord[]): Promise<number> {
    const timestamp = String(this.#options.clock.nowMs());
    const answers = await this.#producer.send({
      topic: this.#topic,
      acks: -1,
      messages: records.map(({ message }) => ({ ...message, partition, timestamp })),
    });
    const offset = Number(answers.find((answer) => answer.partition === partition)?.baseOffset);
    // Without an offset nobody knows whether it is there: tried again, the broker tells the copies apart.
    if (!Number.isSafeInteger(offset) || offset < 0) {
      throw new kafkajs.KafkaJSError(`no offset for partition ${partition} came back`, { retriable: true });
    }
    return offset;
  }

  #settle(partition: number, records: readonly WaitingRecord[], firstOffset: number): void {
    if (this.#isAway) {
      this.#isAway = false;
      this.#options.log.info({ topic: this.#topic }, 'Kafka takes batches again');
    }
    const { topic, events } = this.#options;
    const { onDurable, onRoom } = events;
    const firstPlace = topic.firstPlace + firstOffset;
    for (const [index, { instrument, source, lastOrdinal, sizeBytes }] of records.entries()) {
      this.#heldBytes -= sizeBytes;
      onDurable({ instrument, source, lastOrdinal, partition, offset: firstPlace + index });
    }
    if (this.#heldBytes === 0) this.#onDrained?.();
    if (this.#isRoomWanted && this.#heldBytes <= (1 - ROOM_SHARE) * WRITER_QUEUE_MAX_BYTES) {
      this.#isRoomWanted = false;
      onRoom();
    }
  }

  /** One line, not one of each partition and attempt. */
  #noteAway(partition: number, failure: unknown, attempt: { count: number; delayMs: number }): void {
    const { log } = this.#options;
    const fields = { topic: this.#topic, partition, err: failure, ...attempt };
    if (this.#isAway) log.debug(fields, 'Kafka takes no batches yet');
    else log.warn(fields, 'Kafka takes no batches, trying again until it does');
    this.#isAway = true;
  }

  #fail(failure: unknown): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#options.events.onFailed(kafkaFailure(`write to ${this.#topic}`, failure, this.#options.kafka));
  }
}

/**
 * Connections, leaders and brokers come back. What does not: a right that is missing, or a broker that forgot this writer, which only another
 * writer can mend. The last cause tells, for kafkajs wraps what it gave up trying again in an error that is not to be tried again.
 */
function isTransient(failure: unknown): boolean {
  const { cause, retriable } = failure as { readonly cause?: unknown; readonly retriable?: unknown };
  return cause === undefined ? retriable === true : isTransient(cause);
}
