/**
 * nact's persistence engine in front of each actor's own log. Reads in pages through an object with an async `reduce` (an array would make
 * one chain of promises for the whole history), holds recoveries to a bounded number at once, insists on batch numbers without holes, and
 * refuses whatever a closed incarnation still tries to write.
 */
import type { Clock } from '../../base/clock.ts';
import { TampinesError } from '../../base/errors.ts';
import type { LogSpec } from './cell-spec.ts';
import type { Life } from './life.ts';
import type { NactEvent, NactPersistenceEngine, NactRecoveryStep } from './nact-boundary.ts';
import { RecoveryGate } from './recovery-gate.ts';

/** Entries that go through nact as one event of its: a context and some promises for each of them would cost more than folding them. */
const ENTRIES_PER_EVENT = 50;
/** Such events before the event loop turns, so that a long log does not hold up everybody else. */
const EVENTS_PER_TURN = 10;

/** One nact actor that recovers and persists. */
export type PersistenceSession = {
  /** nact's key: unique for each nact actor, so that it tells the writer and not only the log. */
  readonly nactKey: string;
  readonly log: LogSpec;
  hasClosed(): boolean;
  /** The life that begins; made anew by nact's reset. */
  readonly life: Life;
  initialState(life: Life): unknown;
  /** Set by the handler when folding an entry threw: nact's own handling of that writes to the console. */
  recoveryFailure: { readonly error: unknown } | undefined;
  /** When the state snapshot was asked for, on the monotonic clock. */
  recoveryStartedMs: number;
  leaveRecovery: (() => void) | undefined;
};

export class PersistenceBridge implements NactPersistenceEngine {
  readonly #clock: Clock;
  readonly #gate: RecoveryGate;
  readonly #sessions = new Map<string, PersistenceSession>();

  constructor(clock: Clock, recoveriesMax: number) {
    this.#clock = clock;
    this.#gate = new RecoveryGate(recoveriesMax);
  }

  open(session: PersistenceSession): void {
    this.#sessions.set(session.nactKey, session);
  }

  close(session: PersistenceSession): void {
    this.#sessions.delete(session.nactKey);
    session.leaveRecovery?.();
  }

  async latestSnapshot(nactKey: string) {
    const session = this.#openSession(nactKey);
    session.recoveryFailure = undefined;
    const leave = await this.#gate.enter();
    session.leaveRecovery = leave;
    const { life } = session;
    try {
      life.recoveryProgressMs = this.#clock.monotonicMs();
      return await this.#readSnapshot(this.#openSession(nactKey));
    } catch (error) {
      life.recoveryProgressMs = undefined;
      leave();
      throw error;
    }
  }

  async #readSnapshot(session: PersistenceSession) {
    const { life, log } = session;
    session.recoveryStartedMs = this.#clock.monotonicMs();
    const found = await log.engine.latestSnapshot(log.key);
    this.#openSession(session.nactKey);
    life.recoveryProgressMs = this.#clock.monotonicMs();
    life.state = found === undefined ? session.initialState(life) : log.restore(found.snapshot);
    life.batchNumber = found?.batchNumber ?? 0;
    return found === undefined ? undefined : { data: life, sequenceNumber: found.batchNumber };
  }

  events(nactKey: string, afterSequenceNumber: number) {
    return {
      reduce: async (step: NactRecoveryStep, initial: Promise<unknown>): Promise<unknown> => {
        const session = this.#openSession(nactKey);
        try {
          return await this.#replay(session, afterSequenceNumber, step, await initial);
        } finally {
          session.life.recoveryProgressMs = undefined;
          session.leaveRecovery?.();
        }
      },
    };
  }

  async #replay(
    session: PersistenceSession,
    afterBatchNumber: number,
    step: NactRecoveryStep,
    initial: unknown,
  ): Promise<unknown> {
    const { life, log, nactKey } = session;
    let accumulated = initial;
    let entriesReplayed = 0;
    let eventCount = 0;
    let entries: unknown[] = [];
    const fold = async (): Promise<void> => {
      const event = { key: nactKey, sequenceNumber: life.batchNumber, data: entries };
      entriesReplayed += entries.length;
      entries = [];
      accumulated = await step(Promise.resolve(accumulated), event, eventCount++);
      if (session.recoveryFailure !== undefined) throw session.recoveryFailure.error;
      if (eventCount % EVENTS_PER_TURN !== 0) return;
      life.recoveryProgressMs = this.#clock.monotonicMs();
      await nextTurn();
    };
    await log.engine.readBatches(log.key, afterBatchNumber, (batchNumber, data) => {
      this.#openSession(nactKey);
      assertNext(log.key, life.batchNumber + 1, batchNumber);
      life.batchNumber = batchNumber;
      entries.push(data);
      return entries.length === ENTRIES_PER_EVENT ? fold() : undefined;
    });
    if (entries.length > 0) await fold();
    this.#openSession(nactKey);
    life.recovery = {
      snapshotBatchNumber: afterBatchNumber,
      batchNumber: life.batchNumber,
      entriesReplayed,
      tookMs: this.#clock.monotonicMs() - session.recoveryStartedMs,
    };
    return accumulated;
  }

  async persist(event: NactEvent): Promise<void> {
    const { life, log } = this.#openSession(event.key);
    assertNext(log.key, life.batchNumber + 1, event.sequenceNumber);
    await log.engine.append(log.key, event.sequenceNumber, event.data);
    life.batchNumber = event.sequenceNumber;
  }

  /** Never called: nact's own snapshots are off, they are written whenever they like (notes on nact, 14 to 16). */
  takeSnapshot(): Promise<void> {
    return Promise.resolve();
  }

  #openSession(nactKey: string): PersistenceSession {
    const session = this.#sessions.get(nactKey);
    if (session === undefined || session.hasClosed()) {
      throw new Error(`Cannot use the log through ${nactKey}: this incarnation is closed`);
    }
    return session;
  }
}

function assertNext(key: string, expected: number, batchNumber: number): void {
  if (batchNumber === expected) return;
  throw new TampinesError(
    'JOURNAL_SEQUENCE',
    `Cannot go on with the log of ${key}: expected batch ${expected}, was ${batchNumber}`,
    { fields: { key, expected, batchNumber } },
  );
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
