/** The topic of events: made where it is missing, and held against what the cluster rests on where it is there. */
import type { Admin } from 'kafkajs';
import kafkajs from 'kafkajs';
import type { Clock, Timers } from '../base/clock.ts';
import { TampinesError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { createKafkaClient, kafkaFailure } from './kafka-client.ts';
import type { EventTopic, KafkaOptions } from './kafka-options.ts';
import { RECORD_MAX_BYTES } from './record-size.ts';

/** Brokers hear of a new topic one after the other. */
const KNOWN_WITHIN_MS = 30_000;
/** A cluster that has just started, or is busy, does not know all of its brokers at once. */
const BROKERS_WITHIN_MS = 10_000;
const ASK_EVERY_MS = 200;
/** Beside a record of the largest size: what Kafka itself writes around it. */
const ENVELOPE_BYTES = 64 * 1024;

export type EventTopicOptions = {
  readonly kafka: KafkaOptions;
  readonly topic: EventTopic;
  /** A node that comes back reads from a checkpoint on, in the worst case from the one before the last: the log must reach back that far. */
  readonly checkpointEveryMs: number;
  readonly clientId: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
};

/**
 * Makes the topic of events unless it is there, and checks it.
 * @throws TampinesError `EVENT_TOPIC_UNFIT`, which names everything that is wrong with it and how to mend it · `SERVICE_UNAVAILABLE`
 */
export async function provideEventTopic(options: EventTopicOptions): Promise<void> {
  const admin = createKafkaClient(options.kafka, options).admin();
  const topic = options.topic.name;
  try {
    await admin.connect();
    const isThere = (await admin.listTopics()).includes(topic);
    if (!isThere) await create(admin, topic, options);
    const found = await describe(admin, topic, options);
    const faults = faultsOf(found, options);
    if (faults.length > 0) {
      throw new TampinesError(
        'EVENT_TOPIC_UNFIT',
        `The topic ${topic} can't be used as it is: ${faults.join('; ')}`,
        { fields: { topic } },
      );
    }
  } catch (error) {
    throw error instanceof TampinesError
      ? error
      : kafkaFailure(`provide the topic ${topic}`, error, options.kafka);
  } finally {
    await admin.disconnect();
  }
}

async function create(admin: Admin, topic: string, options: EventTopicOptions): Promise<void> {
  const { kafka, clock, timers, log } = options;
  const untilMs = clock.monotonicMs() + BROKERS_WITHIN_MS;
  let { brokers } = await admin.describeCluster();
  while (brokers.length < kafka.replicationFactor && clock.monotonicMs() < untilMs) {
    await timers.sleep(ASK_EVERY_MS);
    ({ brokers } = await admin.describeCluster());
  }
  if (brokers.length < kafka.replicationFactor) {
    throw new TampinesError(
      'EVENT_TOPIC_UNFIT',
      `The topic ${topic} can't be made: kafka.replicationFactor is ${kafka.replicationFactor}, and there are ${brokers.length} brokers; add brokers, or set it lower`,
      { fields: { topic } },
    );
  }
  const isNew = await admin.createTopics({
    // A broker that has not heard of the topic yet would be asked for leaders, and the client takes its answer for a failure.
    waitForLeaders: false,
    topics: [
      {
        topic,
        numPartitions: kafka.partitions,
        replicationFactor: kafka.replicationFactor,
        configEntries: Object.entries({
          'cleanup.policy': 'delete',
          'retention.ms': kafka.retentionMs,
          'retention.bytes': -1,
          'min.insync.replicas': inSyncMin(kafka.replicationFactor),
          'max.message.bytes': RECORD_MAX_BYTES + ENVELOPE_BYTES,
        }).map(([name, value]) => ({ name, value: String(value) })),
      },
    ],
  });
  if (isNew) log.info({ topic, partitions: kafka.partitions }, 'topic of events made');
}

type FoundTopic = {
  readonly partitionCount: number;
  /** Of the partition that has fewest. */
  readonly replicaCount: number;
  readonly config: ReadonlyMap<string, string>;
};

const CHECKED = [
  'cleanup.policy',
  'retention.ms',
  'retention.bytes',
  'min.insync.replicas',
  'max.message.bytes',
];

/** Asks until every partition has a leader: a topic that was just made is not known everywhere. */
async function describe(
  admin: Admin,
  topic: string,
  { kafka, clock, timers }: EventTopicOptions,
): Promise<FoundTopic> {
  const untilMs = clock.monotonicMs() + KNOWN_WITHIN_MS;
  for (;;) {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const partitions = topics[0]!.partitions;
      if (partitions.every(({ leader }) => leader >= 0)) {
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: CHECKED }],
        });
        return {
          partitionCount: partitions.length,
          replicaCount: Math.min(...partitions.map(({ replicas }) => replicas.length)),
          config: new Map(
            resources[0]!.configEntries.map(({ configName, configValue }) => [configName, configValue]),
          ),
        };
      }
    } catch (error) {
      if (clock.monotonicMs() > untilMs) throw error;
    }
    if (clock.monotonicMs() > untilMs) {
      throw kafkaFailure(`use the topic ${topic}`, 'some of its partitions have no leader', kafka);
    }
    await timers.sleep(ASK_EVERY_MS);
  }
}

function faultsOf(found: FoundTopic, { kafka, checkpointEveryMs }: EventTopicOptions): string[] {
  const faults: string[] = [];
  const numberOf = (name: string): number => Number(found.config.get(name));
  const alter = (name: string, value: number | string): string =>
    `set it with kafka-configs --alter --add-config ${name}=${value}`;

  if (found.partitionCount !== kafka.partitions) {
    faults.push(
      `it has ${found.partitionCount} partitions and kafka.partitions is ${kafka.partitions}: set kafka.partitions to ${found.partitionCount}, or choose another kafka.topicPrefix; ` +
        'a topic whose partitions are changed has instruments in two places',
    );
  }
  if (found.replicaCount < kafka.replicationFactor) {
    faults.push(
      `a partition has ${found.replicaCount} replicas and kafka.replicationFactor is ${kafka.replicationFactor}: add replicas with kafka-reassign-partitions, or set it lower`,
    );
  }
  const policy = found.config.get('cleanup.policy');
  if (policy !== 'delete') {
    faults.push(
      `cleanup.policy is ${policy}, which would drop all but the newest batch of an instrument: ${alter('cleanup.policy', 'delete')}`,
    );
  }
  const retentionMinMs = 2 * checkpointEveryMs;
  const retentionMs = numberOf('retention.ms');
  if (retentionMs !== -1 && retentionMs < retentionMinMs) {
    faults.push(
      `retention.ms is ${retentionMs}, shorter than two checkpoints (${retentionMinMs} ms): ${alter('retention.ms', kafka.retentionMs)}`,
    );
  }
  const retentionBytes = numberOf('retention.bytes');
  if (retentionBytes !== -1) {
    faults.push(
      `retention.bytes is ${retentionBytes}, which may drop what is not in a checkpoint yet: ${alter('retention.bytes', -1)}`,
    );
  }
  const inSync = inSyncMin(kafka.replicationFactor);
  if (numberOf('min.insync.replicas') < inSync) {
    faults.push(
      `min.insync.replicas is ${numberOf('min.insync.replicas')}, so that a batch may count as durable on one broker alone: ${alter('min.insync.replicas', inSync)}`,
    );
  }
  const largestBytes = RECORD_MAX_BYTES + ENVELOPE_BYTES;
  if (numberOf('max.message.bytes') < largestBytes) {
    faults.push(
      `max.message.bytes is ${numberOf('max.message.bytes')}, too small for a large book: ${alter('max.message.bytes', largestBytes)}`,
    );
  }
  return faults;
}

/** Half of them, rounded up: of three brokers one may be away without stopping writers, and two have each batch. */
export function inSyncMin(replicationFactor: number): number {
  return Math.ceil(replicationFactor / 2);
}
