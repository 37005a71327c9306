/**
 * Sends to Kafka what others read there (docs/kafka-outputs.md): what waits in the outbox, oldest first, and the newest tickers. A record leaves the
 * outbox once all brokers in sync have it, so whatever ends in between is a repeat under the same id. Whoever makes records waits for
 * nothing here.
 *
 * Why order holds whoever sends: every sender begins with the oldest record that is not removed, in order, and only what Kafka has is removed. So
 * before any record everything before it was sent once at least, by this sender or another one.
 */
import type { Message, Producer } from 'kafkajs';
import type {
  OutboxSize,
  OutputOutbox,
  OutputRecord,
  OutputTopic,
  WaitingOutput,
} from '../actors/outputs.ts';
import type { BackoffPolicy } from '../base/backoff.ts';
import { backoffDelayMs } from '../base/backoff.ts';
import type { Clock, RandomSource, Timers } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { createKafkaClient, kafkaFailure } from './kafka-client.ts';
import type { KafkaOptions } from './kafka-options.ts';
import { LatestTickers, tickerOutput } from './latest-tickers.ts';
import { outputTopicName, provideOutputTopics } from './output-topics.ts';

/** Records that are read from the outbox and sent at once: all that memory holds of it. */
export const OUTPUT_PAGE_MAX_RECORDS = 500;
/** While nothing waits. */
const LOOK_EVERY_MS = 200;
const MEASURE_EVERY_MS = 1_000;
const RETRY_POLICY: BackoffPolicy = { initialMs: 200, maxMs: 5_000, jitter: 0.2 };
/** By which a broker says that it will never take this record, whatever happens. */
const REFUSALS: readonly string[] = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD'];

export type KafkaOutputsOptions = {
  readonly kafka: KafkaOptions;
  readonly topics: readonly OutputTopic[];
  readonly outbox: OutputOutbox;
  readonly clientId: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly log: Log;
};

export type KafkaOutputReadings = OutboxSize & {
  readonly sentCounts: ReadonlyMap<OutputTopic, number>;
  readonly refusedCount: number;
  readonly conflatedCount: number;
  readonly waitingTickers: number;
};

export class KafkaOutputs {
  readonly #options: KafkaOutputsOptions;
  readonly #sentCounts: Map<OutputTopic, number>;
  readonly tickers = new LatestTickers();
  #producer: Producer | undefined;
  #size: OutboxSize = { waitingRecords: 0, oldestMs: 0 };
  #measuredAtMs = -Infinity;
  #refusedCount = 0;
  #trouble = 'not connected yet';
  #isStopped = false;
  #running: Promise<void> | undefined;
  /** Ends the pause that it is in. */
  #wake: () => void = () => undefined;

  constructor(options: KafkaOutputsOptions) {
    this.#options = options;
    this.#sentCounts = new Map(options.topics.map((topic) => [topic, 0]));
  }

  /** Why nothing is sent at present; empty when all is well. */
  get trouble(): string {
    return this.#trouble;
  }

  get readings(): KafkaOutputReadings {
    return {
      ...this.#size,
      sentCounts: this.#sentCounts,
      refusedCount: this.#refusedCount,
      conflatedCount: this.tickers.conflatedCount,
      waitingTickers: this.tickers.size,
    };
  }

  /** @param mayTell whether this node still speaks for its instruments; asked before tickers are sent */
  start(mayTell: () => boolean): void {
    this.#running ??= this.#run(mayTell);
  }

  /** Ends after the request that is under way; what waits in the outbox is sent by whoever comes next. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    await this.#running;
  }

  async #run(mayTell: () => boolean): Promise<void> {
    for (let failureCount = 0; !this.#hasStopped();) {
      try {
        const isMore = await this.#sendWaiting(mayTell);
        failureCount = 0;
        this.#noteTrouble('');
        if (!isMore) await this.#sleep(LOOK_EVERY_MS);
      } catch (error) {
        const failure = kafkaFailure('send outputs to Kafka', error, this.#options.kafka);
        this.#noteTrouble(failure.message);
        await this.#disconnect();
        await this.#sleep(backoffDelayMs(RETRY_POLICY, failureCount++, this.#options.random));
      }
    }
    await this.#disconnect();
  }

  /** Returns whether more waits. */
  async #sendWaiting(mayTell: () => boolean): Promise<boolean> {
    const { outbox } = this.#options;
    const isOurs = await outbox.takeTurn();
    await this.#measure(isOurs);
    const producer = await this.#connect();
    await this.#sendTickers(producer, mayTell);
    if (!isOurs) return false;
    const page = await outbox.read(OUTPUT_PAGE_MAX_RECORDS);
    if (page.length === 0) return false;
    await this.#sendPage(producer, page);
    await outbox.remove(page.map(({ place }) => place));
    return page.length === OUTPUT_PAGE_MAX_RECORDS;
  }

  async #sendTickers(producer: Producer, mayTell: () => boolean): Promise<void> {
    if (!mayTell()) return;
    const taken = this.tickers.take();
    try {
      await this.#send(producer, taken.map(tickerOutput));
    } catch (error) {
      this.tickers.putBack(taken);
      throw error;
    }
  }

  /** What no broker takes must not hold up the rest: it is looked for by halves, and left out when it is alone. */
  async #sendPage(producer: Producer, page: readonly WaitingOutput[]): Promise<void> {
    try {
      await this.#send(producer, page);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (page.length === 1) {
        this.#refusedCount++;
        const { topic, key, id } = page[0]!;
        this.#options.log.error({ topic, key, id, err: error }, 'Kafka refuses a record, it is left out');
        return;
      }
      const half = page.length >> 1;
      await this.#sendPage(producer, page.slice(0, half));
      await this.#sendPage(producer, page.slice(half));
    }
  }

  /** Resolves when all brokers in sync have them. */
  async #send(producer: Producer, records: readonly OutputRecord[]): Promise<void> {
    if (records.length === 0) return;
    const { kafka, clock } = this.#options;
    const timestamp = String(clock.nowMs());
    const byTopic = new Map<OutputTopic, Message[]>();
    for (const { topic, key, id, value } of records) {
      const messages = byTopic.get(topic) ?? [];
      messages.push({ key, value, headers: { id }, timestamp });
      byTopic.set(topic, messages);
    }
    await producer.sendBatch({
      acks: -1,
      topicMessages: [...byTopic].map(([topic, messages]) => ({
        topic: outputTopicName(kafka.topicPrefix, topic),
        messages,
      })),
    });
    for (const [topic, { length }] of byTopic) {
      this.#sentCounts.set(topic, (this.#sentCounts.get(topic) ?? 0) + length);
    }
  }

  async #connect(): Promise<Producer> {
    if (this.#producer !== undefined) return this.#producer;
    const { kafka, topics } = this.#options;
    const client = createKafkaClient(kafka, this.#options);
    const admin = client.admin();
    try {
      await admin.connect();
      await provideOutputTopics(admin, topics, kafka);
    } finally {
      await admin.disconnect();
    }
    // Not an idempotent one: after a failure that could be either way it would have to be told from one that could not, and ids tell repeats anyway.
    this.#producer = client.producer({ maxInFlightRequests: 1, allowAutoTopicCreation: false });
    await this.#producer.connect();
    return this.#producer;
  }

  async #disconnect(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    try {
      await producer?.disconnect();
    } catch (error) {
      this.#options.log.debug({ err: error }, 'the connection to Kafka was lost before it was closed');
    }
  }

  async #measure(isOurs: boolean): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#measuredAtMs < MEASURE_EVERY_MS) return;
    this.#measuredAtMs = nowMs;
    // One node tells for all.
    this.#size = isOurs ? await this.#options.outbox.measure() : { waitingRecords: 0, oldestMs: 0 };
  }

  /** One line when it begins and one when it ends. */
  #noteTrouble(trouble: string): void {
    const { log } = this.#options;
    if (trouble === '' && this.#trouble !== '') log.info({}, 'outputs go to Kafka');
    if (trouble !== '' && trouble !== this.#trouble) {
      log.warn({ cause: trouble }, 'outputs do not go to Kafka, trying again until they do');
    }
    this.#trouble = trouble;
  }

  async #sleep(delayMs: number): Promise<void> {
    if (this.#hasStopped()) return;
    await new Promise<void>((resolve) => {
      const timer = this.#options.timers.after(delayMs, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
    this.#wake = () => undefined;
  }

  /** Asked anew: it may have become true while something was waited for. */
  #hasStopped(): boolean {
    return this.#isStopped;
  }
}

/** The last cause tells: kafkajs wraps what it gave up. */
function isRefusal(failure: unknown): boolean {
  const { cause, type } = failure as { readonly cause?: unknown; readonly type?: unknown };
  return REFUSALS.includes(String(type)) || (cause !== undefined && isRefusal(cause));
}
