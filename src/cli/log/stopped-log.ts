/** What commands on the log of a stopped cluster have in common: what they work on, and how they fail. */
import { systemClock, systemTimers } from '../../base/clock.ts';
import { TampinesError } from '../../base/errors.ts';
import { NODE_ALIVE_MS } from '../../cluster/cluster-membership.ts';
import { KafkaEventTopics } from '../../kafka/event-topics.ts';
import { eventTopicOf } from '../../kafka/kafka-options.ts';
import { PostgresLogMoves } from '../../persistence/log-moves.ts';
import type { Storage } from '../../persistence/open-storage.ts';
import { openStorage } from '../../persistence/open-storage.ts';
import type { Settings } from '../../settings-schema.ts';
import { CommandFailure, EXIT_CODES } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { NO_LOG } from '../no-log.ts';

type StoppedLog = {
  readonly storage: Storage;
  readonly moves: PostgresLogMoves;
  readonly topics: KafkaEventTopics;
};

/** @throws TampinesError `SETTINGS_INVALID` when they are of no cluster */
export async function withStoppedLog(
  settings: Settings,
  work: (log: StoppedLog) => Promise<void>,
): Promise<void> {
  const { kafka, postgres, node, checkpoint } = settings;
  if (kafka.brokers.length === 0 || postgres.url === '') {
    throw new TampinesError(
      'SETTINGS_INVALID',
      'Settings are not valid: a cluster is meant, so kafka.brokers and postgres.url are wanted, as its nodes have them',
    );
  }
  const surroundings = { clock: systemClock, timers: systemTimers, log: NO_LOG };
  const storage = await openStorage({
    location: { url: postgres.url },
    schema: postgres.schema,
    context: { ...surroundings, random: Math.random },
  });
  try {
    await work({
      storage,
      moves: new PostgresLogMoves({
        database: storage.database,
        journal: storage.journal,
        name: eventTopicOf(kafka).name,
        aliveMs: NODE_ALIVE_MS,
        leaseMs: node.leaseMs,
      }),
      topics: new KafkaEventTopics({
        ...surroundings,
        kafka,
        checkpointEveryMs: checkpoint.everyMs,
        clientId: 'tampines-log',
      }),
    });
  } finally {
    await storage.close();
  }
}

/** @throws CommandFailure in place of a TampinesError, with a document for scripts */
export async function toCommandFailure(isJson: boolean, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof TampinesError)) throw error;
    const { code, message, fields } = error;
    const said = isJson
      ? JSON.stringify({ code, detail: message, fields }, undefined, 2)
      : `${code}: ${message}`;
    throw new CommandFailure(exitCodeOf(error), said, { cause: error });
  }
}

function exitCodeOf(error: TampinesError): ExitCode {
  const { code } = error;
  if (code === 'CLUSTER_RUNNING' || code === 'EVENT_LOG_MOVED') return EXIT_CODES.conflict;
  if (code === 'SAVEPOINT_UNKNOWN' || code === 'INSTRUMENT_UNKNOWN') return EXIT_CODES.notFound;
  return error.isRetryable ? EXIT_CODES.tryAgain : EXIT_CODES.failed;
}
