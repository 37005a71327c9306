/** kafkajs, set up once for all that use it here. */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { LogEntry, Producer, SASLOptions } from 'kafkajs';
import kafkajs from 'kafkajs';
import { TampinesError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { KafkaAccess } from './kafka-options.ts';
import { socketOfWholeAnswers } from './whole-answers.ts';

const CONNECT_WITHIN_MS = 3_000;
const REQUEST_WITHIN_MS = 10_000;
/** Its pauses grow to half a minute otherwise, in which nobody is told anything. */
const RETRY_MAX_MS = 500;

/**
 * @param options `clientId`: what brokers call this node in their logs. `retries`: of every step that asks brokers anything. They are nested in one another, so
 *   there are few, and whoever uses the client decides on the rest
 * @throws TampinesError `SETTINGS_INVALID` when a file of `kafka.tls` can't be read
 */
export function createKafkaClient(
  access: KafkaAccess,
  { clientId, log, retries = 1 }: { clientId: string; log: Log; retries?: number },
): kafkajs.Kafka {
  return new kafkajs.Kafka({
    brokers: [...access.brokers],
    clientId,
    ssl: tlsOf(access.tls),
    ...saslOf(access.sasl),
    connectionTimeout: CONNECT_WITHIN_MS,
    requestTimeout: REQUEST_WITHIN_MS,
    retry: { retries, initialRetryTime: 100, maxRetryTime: RETRY_MAX_MS },
    socketFactory: socketOfWholeAnswers,
    logLevel: kafkajs.logLevel.WARN,
    // It calls an error what it tries again the next moment. What matters comes out of it as a failure, and is logged where that is decided on.
    logCreator: () => (entry) => log.debug(fieldsOf(entry), entry.log.message),
  });
}

/** Writes each message once and in order, to the partition that it names: as events are written to their log. */
export function createEventProducer(
  access: KafkaAccess,
  options: Parameters<typeof createKafkaClient>[1],
): Producer {
  return createKafkaClient(access, options).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition!,
  });
}

/** @param attempted what could not be done, beginning with a verb: `write to tampines.events` */
export function kafkaFailure(attempted: string, cause: unknown, access: KafkaAccess): TampinesError {
  const said = `${cause instanceof Error ? cause.message : String(cause)}${adviceFor(cause, access)}`;
  return new TampinesError('SERVICE_UNAVAILABLE', `Cannot ${attempted}: ${said}`, {
    cause,
    isRetryable: true,
  });
}

function fieldsOf({ namespace, log }: LogEntry): object {
  return { ...log, kafkajs: namespace, message: undefined, timestamp: undefined };
}

function tlsOf({ mode, caFile, certificateFile, keyFile }: KafkaAccess['tls']): ConnectionOptions | false {
  if (mode === 'off') return false;
  return {
    ...(caFile === '' ? {} : { ca: readPem('caFile', caFile) }),
    ...(keyFile === ''
      ? {}
      : { cert: readPem('certificateFile', certificateFile), key: readPem('keyFile', keyFile) }),
  };
}

function readPem(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new TampinesError('SETTINGS_INVALID', `Cannot read the file of kafka.tls.${setting}, ${path}`, {
      cause,
    });
  }
}

function saslOf({ mechanism, username, password }: KafkaAccess['sasl']): { sasl?: SASLOptions } {
  return mechanism === 'none' ? {} : { sasl: { mechanism, username, password } };
}

/** How kafkajs calls a broker that does not answer. */
const UNREACHED = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
]);

/** What brokers and TLS say of access is no help to who does not know which setting it comes from. */
function adviceFor(failure: unknown, { brokers, brokersSetting = 'kafka.brokers' }: KafkaAccess): string {
  const causes = causesOf(failure);
  if (causes.some(({ name }) => name === 'KafkaJSSASLAuthenticationError')) {
    return '; check kafka.sasl.mechanism, kafka.sasl.username and TAMPINES_KAFKA_SASL_PASSWORD';
  }
  if (causes.some(({ message }) => /certificate|tls|ssl/i.test(message))) {
    return '; check kafka.tls: caFile must hold the authority of the brokers, their certificates the names in kafka.brokers, and its mode must be on where they speak TLS';
  }
  const lost = causes.find((each): each is Error & { broker?: string } => UNREACHED.has(each.name));
  if (lost === undefined) return '';
  const named = `${brokersSetting} names ${brokers.join(', ')}`;
  if (lost.broker === undefined || brokers.includes(lost.broker)) {
    return `; ${named}: check that Kafka runs there and that this machine reaches it`;
  }
  return `; ${named}, whose brokers advertise ${lost.broker}: check that this machine reaches that, or their advertised.listeners`;
}

function causesOf(failure: unknown): Error[] {
  if (!(failure instanceof Error)) return [];
  const { cause, originalError } = failure as { readonly cause?: unknown; readonly originalError?: unknown };
  return [failure, ...causesOf(cause), ...causesOf(originalError)];
}
