/** kafkajs, set up once for all that use it here. */
import type { LogEntry } from 'kafkajs';
import kafkajs from 'kafkajs';
import { TampinesError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

const CONNECT_WITHIN_MS = 3_000;
const REQUEST_WITHIN_MS = 10_000;
/** Its pauses grow to half a minute otherwise, in which nobody is told anything. */
const RETRY_MAX_MS = 500;

/**
 * @param options `clientId`: what brokers call this node in their logs. `retries`: of every step that asks brokers anything. They are nested in one another, so
 *   there are few, and whoever uses the client decides on the rest
 */
export function createKafkaClient(
  brokers: readonly string[],
  { clientId, log, retries = 1 }: { clientId: string; log: Log; retries?: number },
): kafkajs.Kafka {
  return new kafkajs.Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: CONNECT_WITHIN_MS,
    requestTimeout: REQUEST_WITHIN_MS,
    retry: { retries, initialRetryTime: 100, maxRetryTime: RETRY_MAX_MS },
    logLevel: kafkajs.logLevel.WARN,
    // It calls an error what it tries again the next moment. What matters comes out of it as a failure, and is logged where that is decided on.
    logCreator: () => (entry) => log.debug(fieldsOf(entry), entry.log.message),
  });
}

/** @param attempted what could not be done, beginning with a verb: `write to tampines.events` */
export function kafkaFailure(attempted: string, cause: unknown): TampinesError {
  const said = cause instanceof Error ? cause.message : String(cause);
  return new TampinesError('SERVICE_UNAVAILABLE', `Cannot ${attempted}: ${said}`, {
    cause,
    isRetryable: true,
  });
}

function fieldsOf({ namespace, log }: LogEntry): object {
  return { ...log, kafkajs: namespace, message: undefined, timestamp: undefined };
}
