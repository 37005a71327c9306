/**
 * Reads the partitions of the topic of events that the group gives this node. The group only says who is to work on what; that two nodes never
 * write for one instrument is the fence's business, not this one's.
 *
 * 1. On joining, all partitions are paused before the first fetch. They are announced when the group has confirmed the membership by a heartbeat.
 * 2. Positions are the owner's: nothing is committed, each partition is read from where `start` says, and every record must be the next one.
 * 3. The client's own loop sends the heartbeats, so nothing waits in it: a partition whose owner has enough is paused instead.
 * 4. A reader that crashed stays so and says it; it is the owner who builds the next one.
 * 5. The client measures its heartbeats by the wall clock. One that is set back silences them, and the client reads on without being a member;
 *    so somebody else watches them, by the clock that nobody sets.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Admin, Consumer, EachBatchPayload } from 'kafkajs';
import type { Clock, TimerHandle, Timers } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type {
  EventLogReader,
  EventLogReaderEvents,
  LogRecord,
  UnreadableRecord,
} from '../actors/event-log.ts';
import { createKafkaClient, kafkaFailure } from './kafka-client.ts';
import type { EventTopic, KafkaOptions } from './kafka-options.ts';
import { decodeRecord } from './record-codec.ts';
import { createStickyAssigner } from './sticky-assigner.ts';

/** Of one partition at once; one record alone may be larger. */
export const FETCH_MAX_BYTES_PER_PARTITION = 1024 * 1024;
/** Of all partitions of one broker at once. */
export const FETCH_MAX_BYTES = 8 * 1024 * 1024;
/** An idle broker answers after so long; until then no heartbeat is sent. */
const FETCH_WAIT_MAX_MS = 250;
/** So many bytes are decoded in one turn of the loop. */
const TURN_MAX_BYTES = 128 * 1024;
/** Without a heartbeat for so many session timeouts it is no member any more: others have its partitions. */
const SILENCE_MAX_SESSIONS = 2;
/** The first group of a new Kafka waits until a place is made for all groups, for some seconds; kafkajs takes "not yet" for a failure. */
const STEP_RETRIES = 8;
/** With those of each step some 20 s of a broker that is away; kafkajs counts failures over the whole life of a consumer. */
const INNER_RETRIES = 5;

export type EventLogReaderOptions = {
  readonly kafka: KafkaOptions;
  readonly topic: EventTopic;
  readonly group: string;
  readonly clientId: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly events: EventLogReaderEvents;
};

/** One partition under one membership. */
type Share = {
  readonly partition: number;
  /** Of the record that comes next; `undefined` until it is first started. */
  nextOffset: number | undefined;
  isReading: boolean;
  /** Promises of the owner that are not resolved yet. */
  waitCount: number;
};

export class KafkaEventLogReader implements EventLogReader {
  readonly #options: EventLogReaderOptions;
  readonly #topic: string;
  /** Between the offsets of Kafka and the places by which everybody else counts. */
  readonly #firstPlace: number;
  readonly #consumer: Consumer;
  readonly #admin: Admin;
  #adminConnected: Promise<void> | undefined;
  #shares = new Map<number, Share>();
  readonly #knownEnds = new Map<number, number>();
  /** Joined, and not confirmed yet. */
  #joinedMember: string | undefined;
  #confirmed = { member: '', generation: -1 };
  /** Of the last sign that the group knows this member, by the monotonic clock. */
  #knownAtMs = 0;
  #watch: TimerHandle | undefined;
  #isOpen = true;
  /** Failures before it has joined are thrown by `open`. */
  #isOpening = true;
  #failure: Error | undefined;

  private constructor(options: EventLogReaderOptions) {
    this.#options = options;
    this.#topic = options.topic.name;
    this.#firstPlace = options.topic.firstPlace;
    const { partitions, sessionTimeoutMs, heartbeatMs } = options.kafka;
    this.#admin = createKafkaClient(options.kafka, options).admin();
    const holding = (): { held: number[]; generation: number } => ({
      held: [...this.#shares.values()]
        .filter(({ nextOffset }) => nextOffset !== undefined)
        .map(({ partition }) => partition),
      generation: this.#confirmed.generation,
    });
    this.#consumer = createKafkaClient(options.kafka, { ...options, retries: STEP_RETRIES }).consumer({
      groupId: options.group,
      partitionAssigners: [createStickyAssigner({ topic: this.#topic, partitions, holding })],
      sessionTimeout: sessionTimeoutMs,
      // Members have nothing to finish before they join again, so one that does not come in time is gone.
      rebalanceTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatMs,
      maxWaitTimeInMs: Math.min(FETCH_WAIT_MAX_MS, Math.ceil(heartbeatMs / 2)),
      maxBytesPerPartition: FETCH_MAX_BYTES_PER_PARTITION,
      maxBytes: FETCH_MAX_BYTES,
      allowAutoTopicCreation: false,
      // Nobody writes in transactions here, and a foreign one that hangs would hold everything up.
      readUncommitted: true,
      retry: {
        retries: INNER_RETRIES,
        initialRetryTime: 100,
        maxRetryTime: 1_000,
        restartOnFailure: () => Promise.resolve(false),
      },
    });
  }

  /** Joins the group. @throws TampinesError `SERVICE_UNAVAILABLE` when no broker answers */
  static async open(options: EventLogReaderOptions): Promise<KafkaEventLogReader> {
    const reader = new KafkaEventLogReader(options);
    try {
      await reader.#run();
      if (reader.#failure !== undefined) throw reader.#failure;
    } catch (error) {
      await reader.close();
      throw kafkaFailure(`join the group ${options.group}`, error, options.kafka);
    }
    reader.#isOpening = false;
    reader.#watchMembership();
    return reader;
  }

  start(partition: number, offset: number): boolean {
    const share = this.#shares.get(partition);
    if (share === undefined || !this.#isOpen || this.#joinedMember !== undefined) return false;
    // A share of its own: what was fetched for the old place, and promises about it, are not taken for this one's.
    const started: Share = { partition, nextOffset: offset, isReading: true, waitCount: 0 };
    this.#shares.set(partition, started);
    this.#consumer.seek({ topic: this.#topic, partition, offset: this.#toKafka(offset) });
    this.#resumeIfWanted(started);
    return true;
  }

  knownEndOf(partition: number): number | undefined {
    return this.#knownEnds.get(partition);
  }

  async endOf(partition: number): Promise<number> {
    try {
      await (this.#adminConnected ??= this.#admin.connect());
      const ends = await this.#admin.fetchTopicOffsets(this.#topic);
      return this.#toPlace(ends.find((end) => end.partition === partition)!.high);
    } catch (error) {
      // A connection that could not be made is tried again.
      this.#adminConnected = undefined;
      throw kafkaFailure(
        `ask where partition ${partition} of ${this.#topic} ends`,
        error,
        this.#options.kafka,
      );
    }
  }

  noteSaved(partition: number, nextOffset: number): void {
    if (!this.#isOpen || !this.#shares.has(partition)) return;
    this.#consumer
      .commitOffsets([{ topic: this.#topic, partition, offset: this.#toKafka(nextOffset) }])
      .catch((error: unknown) =>
        this.#options.log.debug({ partition, err: error }, 'the offset was not committed'),
      );
  }

  async close(): Promise<void> {
    this.#end();
    await Promise.all([this.#consumer.disconnect(), this.#admin.disconnect()]);
  }

  async #run(): Promise<void> {
    const { GROUP_JOIN, HEARTBEAT, CRASH } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) =>
      this.#onJoined(payload.memberId, payload.memberAssignment[this.#topic] ?? []),
    );
    this.#consumer.on(HEARTBEAT, ({ payload }) =>
      this.#onHeartbeat(payload.memberId, payload.groupGenerationId),
    );
    this.#consumer.on(CRASH, ({ payload }) => this.#fail(payload.error));
    await this.#consumer.connect();
    // Where no position is given it begins at the first record: a position that the log lost is then told by the gap.
    await this.#consumer.subscribe({ topics: [this.#topic], fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.#onBatch(payload),
    });
  }

  /** Called by the client before it fetches anything of the new assignment, and not awaited: all in here happens at once. */
  #onJoined(member: string, partitions: readonly number[]): void {
    if (!this.#isOpen) return;
    const before = this.#shares;
    this.#joinedMember = member;
    this.#knownAtMs = this.#options.clock.monotonicMs();
    // New shares, so that what was fetched for the old ones is not taken for theirs. The client forgot all positions.
    this.#shares = new Map(
      partitions.map((partition) => [
        partition,
        { partition, nextOffset: before.get(partition)?.nextOffset, isReading: false, waitCount: 0 },
      ]),
    );
    this.#pause([...partitions]);
    const revoked = [...before.keys()].filter((partition) => !this.#shares.has(partition));
    if (revoked.length > 0) this.#options.events.onRevoked(revoked);
  }

  #onHeartbeat(member: string, generation: number): void {
    this.#knownAtMs = this.#options.clock.monotonicMs();
    if (!this.#isOpen || this.#joinedMember !== member) return;
    // A heartbeat of the generation before may have been on its way. The same one is right: a member that comes again changes nothing.
    if (member === this.#confirmed.member && generation < this.#confirmed.generation) return;
    this.#joinedMember = undefined;
    this.#confirmed = { member, generation };
    this.#options.log.info(
      { group: this.#options.group, generation, partitions: [...this.#shares.keys()] },
      'partitions assigned',
    );
    this.#options.events.onAssigned({
      generation,
      partitions: [...this.#shares.values()].map(({ partition, nextOffset }) => ({ partition, nextOffset })),
    });
  }

  async #onBatch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    this.#knownEnds.set(batch.partition, this.#toPlace(batch.highWatermark));
    const share = this.#shares.get(batch.partition);
    const isCurrent = (): boolean => this.#shares.get(batch.partition) === share && share?.isReading === true;
    let records: (LogRecord | UnreadableRecord)[] = [];
    let bytes = 0;
    const hand = (): void => {
      if (records.length === 0) return;
      this.#deliver(share!, records);
      payload.resolveOffset(this.#toKafka(share!.nextOffset! - 1));
      records = [];
      bytes = 0;
    };
    for (const message of batch.messages) {
      if (!isCurrent()) return;
      const offset = this.#toPlace(message.offset);
      const expectedOffset = share!.nextOffset! + records.length;
      if (offset !== expectedOffset) {
        hand();
        if (isCurrent()) this.#losePosition(share!, { expectedOffset, foundOffset: offset });
        return;
      }
      records.push(decodeRecord(offset, message));
      bytes += message.value?.length ?? 0;
      if (bytes < TURN_MAX_BYTES) continue;
      hand();
      await payload.heartbeat();
      await nextTurn();
    }
    if (isCurrent()) hand();
  }

  #deliver(share: Share, records: readonly (LogRecord | UnreadableRecord)[]): void {
    share.nextOffset! += records.length;
    const room = this.#options.events.onRecords(share.partition, records);
    if (room === undefined) return;
    share.waitCount++;
    this.#pause([share.partition]);
    void room.then(() => {
      share.waitCount--;
      if (this.#shares.get(share.partition) === share) this.#resumeIfWanted(share);
    });
  }

  #losePosition(share: Share, lost: { expectedOffset: number; foundOffset: number }): void {
    share.isReading = false;
    this.#pause([share.partition]);
    this.#options.events.onPositionLost(share.partition, lost);
  }

  #pause(partitions: number[]): void {
    this.#consumer.pause([{ topic: this.#topic, partitions }]);
  }

  #resumeIfWanted({ partition, isReading, waitCount }: Share): void {
    if (!this.#isOpen || !isReading || waitCount > 0) return;
    this.#consumer.resume([{ topic: this.#topic, partitions: [partition] }]);
  }

  #toPlace(offset: string): number {
    return this.#firstPlace + Number(offset);
  }

  #toKafka(place: number): string {
    return String(place - this.#firstPlace);
  }

  #watchMembership(): void {
    const { clock, timers, kafka } = this.#options;
    const silenceMaxMs = SILENCE_MAX_SESSIONS * kafka.sessionTimeoutMs;
    this.#watch = timers.every(kafka.heartbeatMs, () => {
      const silentMs = clock.monotonicMs() - this.#knownAtMs;
      if (silentMs > silenceMaxMs) this.#fail(new Error(`no heartbeat for ${Math.round(silentMs)} ms`));
    });
  }

  #end(): void {
    this.#isOpen = false;
    this.#watch?.cancel();
    this.#shares.clear();
  }

  #fail(failure: Error): void {
    if (!this.#isOpen) return;
    this.#end();
    if (this.#isOpening) this.#failure = failure;
    else this.#options.events.onFailed(kafkaFailure(`read ${this.#topic}`, failure, this.#options.kafka));
  }
}
