/**
 * Whether a node can do its work: not only whether its services answer, but whether its own work gets on. Each check says in words what is
 * missing; together they are `/health/ready`.
 */
import type { ReadinessCheck } from './admin/admin-options.ts';
import type { LeaseKeeper } from './actors/lease-keeper.ts';
import type { LoopDelay } from './base/loop-delay.ts';
import type { OldestWait } from './base/oldest-wait.ts';
import type { Database } from './persistence/database.ts';
import type { RedisPublisher } from './publishing/redis-publisher.ts';

/** An append that takes longer means that no state changes any more. */
const APPEND_MAX_MS = 5_000;
/** Beyond that nothing here is live any more. */
const LOOP_DELAY_MAX_MS = 1_000;
/** A probe wants an answer soon. */
const POSTGRES_ANSWER_MAX_MS = 2_000;

export type ReadinessParts = {
  readonly database: Database;
  /** Of appends to the journal. */
  readonly appends: OldestWait;
  readonly lease: Pick<LeaseKeeper, 'isHeld' | 'isFenced' | 'health'>;
  readonly publisher: Pick<RedisPublisher, 'isTaken' | 'metrics'>;
  readonly redisKind: string;
  readonly loopDelay: LoopDelay;
  /** Of a node of a cluster: why it does not write or read the log of events; empty where it does, or need not. */
  readonly kafkaTrouble?: (() => string) | undefined;
  /** Why nothing goes out to Kafka; empty where it does. */
  readonly outputsTrouble?: (() => string) | undefined;
};

/** Returns the state of everything that the node needs. Never rejects. */
export async function checkReadiness(parts: ReadinessParts): Promise<ReadinessCheck[]> {
  return [
    await checkPostgres(parts.database),
    checkJournal(parts.appends),
    checkLease(parts.lease),
    checkRedis(parts.publisher, parts.redisKind),
    checkLoop(parts.loopDelay),
    ...(parts.kafkaTrouble === undefined ? [] : [checkKafka('kafka', parts.kafkaTrouble())]),
    ...(parts.outputsTrouble === undefined ? [] : [checkKafka('kafka-outputs', parts.outputsTrouble())]),
  ];
}

async function checkPostgres(database: Database): Promise<ReadinessCheck> {
  const name = 'postgres';
  try {
    await database.query({ text: 'SELECT 1', timeoutMs: POSTGRES_ANSWER_MAX_MS });
    return { name, isReady: true, detail: database.isEmbedded ? 'embedded' : 'external' };
  } catch (error) {
    return { name, isReady: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

function checkJournal({ ageMs }: OldestWait): ReadinessCheck {
  const age = `the oldest batch has waited ${Math.round(ageMs)} ms to be written`;
  return { name: 'journal', isReady: ageMs <= APPEND_MAX_MS, detail: ageMs === 0 ? 'nothing waits' : age };
}

function checkLease(lease: ReadinessParts['lease']): ReadinessCheck {
  const name = 'lease';
  const { remainingMs, lastErrorText } = lease.health;
  if (lease.isFenced) return { name, isReady: false, detail: 'another node owns the instruments' };
  if (lease.isHeld()) return { name, isReady: true, detail: `held for ${Math.round(remainingMs)} ms more` };
  const cause = lastErrorText === '' ? 'no answer in time' : lastErrorText;
  return { name, isReady: false, detail: `not confirmed: ${cause}` };
}

function checkRedis(publisher: ReadinessParts['publisher'], kind: string): ReadinessCheck {
  const { isTaken, metrics } = publisher;
  return {
    name: 'redis',
    isReady: isTaken,
    detail: isTaken ? kind : metrics.lastErrorText || 'not connected yet',
  };
}

function checkKafka(name: string, trouble: string): ReadinessCheck {
  return { name, isReady: trouble === '', detail: trouble === '' ? 'connected' : trouble };
}

function checkLoop({ maxMs }: LoopDelay): ReadinessCheck {
  const detail = `held up for ${Math.round(maxMs)} ms at most of late`;
  return { name: 'loop', isReady: maxMs <= LOOP_DELAY_MAX_MS, detail };
}
