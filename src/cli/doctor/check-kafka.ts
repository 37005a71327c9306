/** Kafka, as the log of a cluster and for outputs: whether its brokers let this node in, and are enough. Nothing is made. */
import { createKafkaClient, kafkaFailure } from '../../kafka/kafka-client.ts';
import type { KafkaAccess } from '../../kafka/kafka-options.ts';
import type { Settings } from '../../settings-schema.ts';
import { NO_LOG } from '../no-log.ts';
import type { Finding } from './finding.ts';
import { fail, ok } from './finding.ts';

type CheckedKafka = KafkaAccess & Pick<Settings['kafka'], 'replicationFactor'>;

/** Nothing where no setting names a broker. */
export async function checkKafka({ kafka, outputs }: Settings): Promise<Finding[]> {
  const own = outputs.kafka.topics.length > 0 ? outputs.kafka.brokers : [];
  return Promise.all([
    ...(kafka.brokers.length > 0 ? [checkBrokers('kafka', kafka)] : []),
    ...(own.length > 0
      ? [checkBrokers('kafka outputs', { ...kafka, brokers: own, brokersSetting: 'outputs.kafka.brokers' })]
      : []),
  ]);
}

async function checkBrokers(check: string, kafka: CheckedKafka): Promise<Finding> {
  const named = kafka.brokers.join(', ');
  try {
    const admin = createKafkaClient(kafka, { clientId: 'tampines-doctor', log: NO_LOG }).admin();
    try {
      await admin.connect();
      const { brokers } = await admin.describeCluster();
      const found = `${brokers.length} brokers, reached by ${named}${accessOf(kafka)}`;
      if (brokers.length >= kafka.replicationFactor) return ok(check, found);
      const toDo = `add brokers, or set kafka.replicationFactor (${kafka.replicationFactor}) to ${brokers.length}`;
      return fail(check, found, toDo);
    } finally {
      await admin.disconnect();
    }
  } catch (error) {
    return fail(
      check,
      kafkaFailure(`reach ${named}`, error, kafka).message,
      'check that Kafka runs there and is reached from here, kafka.tls and kafka.sasl',
    );
  }
}

function accessOf({ tls, sasl }: KafkaAccess): string {
  return `${tls.mode === 'on' ? ', TLS' : ''}${sasl.mechanism === 'none' ? '' : `, ${sasl.mechanism}`}`;
}
