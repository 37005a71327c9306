/** An actor system on a clock that stands still, with everything it reports kept, and a log in memory that can be told to fail. */
import { createActorSystem, type ActorSystem } from '../../../src/actors/kernel/actor-system.ts';
import type {
  ActorDeadLetter,
  ActorSpec,
  AnyActorRef,
  PersistenceEngine,
  PersistentActorSpec,
  SupervisionEvent,
} from '../../../src/actors/kernel/actor-types.ts';
import { createSeededRandom } from '../../../src/base/clock.ts';
import { TampinesError } from '../../../src/base/errors.ts';
import type { RestartStrategy } from '../../../src/supervision/strategy.ts';
import { restartWithBackoff } from '../../../src/supervision/strategy.ts';
import { FakeClock } from '../../support/fake-clock.ts';

export type TestSystem = {
  readonly time: FakeClock;
  readonly system: ActorSystem;
  readonly events: SupervisionEvent[];
  readonly deadLetters: ActorDeadLetter[];
  readonly logLines: { readonly fields: object; readonly message: string }[];
  /** Kinds of the events of one actor, in order. */
  readonly kinds: (ref: AnyActorRef) => string[];
  readonly status: (ref: AnyActorRef) => string | undefined;
};

export function createTestSystem(options: { recoveriesMax?: number } = {}): TestSystem {
  const time = new FakeClock();
  const events: SupervisionEvent[] = [];
  const deadLetters: ActorDeadLetter[] = [];
  const logLines: { fields: object; message: string }[] = [];
  const keep = (fields: object, message: string) => void logLines.push({ fields, message });
  const system = createActorSystem({
    name: 'test',
    clock: time,
    timers: time,
    random: createSeededRandom(7),
    log: { debug: keep, info: keep, warn: keep, error: keep },
    onSupervisionEvent: (event) => events.push(event),
    onDeadLetter: (letter) => deadLetters.push(letter),
    ...options,
  });
  return {
    time,
    system,
    events,
    deadLetters,
    logLines,
    kinds: (ref) => events.filter((event) => event.path === ref.path).map((event) => event.kind),
    status: (ref) => system.tree().find((node) => node.path === ref.path)?.status,
  };
}

/** Waits 100 ms, then 200, 400, … */
export const patient: RestartStrategy = restartWithBackoff({ initialMs: 100, maxMs: 10_000, jitter: 0 });

export type CounterMessage =
  | { readonly type: 'Add'; readonly value: number }
  | { readonly type: 'Get'; readonly reply: (values: readonly number[]) => void }
  | { readonly type: 'Fail'; readonly error: unknown }
  | { readonly type: 'Wait'; readonly until: Promise<unknown> }
  | { readonly type: 'ReturnNothing' };

export type CounterState = { values: number[] };

/** Collects numbers; fails when told to. */
export function counterSpec(
  overrides: Partial<ActorSpec<CounterMessage, CounterState>> = {},
): ActorSpec<CounterMessage, CounterState> {
  return {
    name: 'counter',
    strategy: patient,
    initialState: () => ({ values: [] }),
    async receive(state, message) {
      switch (message.type) {
        case 'Add':
          state.values.push(message.value);
          return state;
        case 'Get':
          message.reply([...state.values]);
          return state;
        case 'Fail':
          throw message.error;
        case 'Wait':
          await message.until;
          return state;
        case 'ReturnNothing':
          return undefined as unknown as CounterState;
      }
    },
    ...overrides,
  };
}

/** Collects numbers by way of its log. */
export function persistentCounterSpec(
  engine: MemoryEngine,
  overrides: Partial<PersistentActorSpec<CounterMessage, CounterState, number, number[]>> = {},
): PersistentActorSpec<CounterMessage, CounterState, number, number[]> {
  const plain = counterSpec();
  return {
    name: 'account',
    key: 'account',
    engine,
    strategy: patient,
    initialState: () => ({ values: [] }),
    restore: (snapshot) => ({ values: [...snapshot] }),
    evolve: (state, entry) => ({ values: [...state.values, entry] }),
    receive: (state, message, context) =>
      message.type === 'Add' ? context.persist(message.value) : plain.receive(state, message, context),
    ...overrides,
  };
}

/** A log in memory. What is to go wrong is set by tests. */
export class MemoryEngine implements PersistenceEngine<number, number[]> {
  readonly entries: { readonly batchNumber: number; readonly entry: number }[] = [];
  snapshot: { batchNumber: number; snapshot: number[] } | undefined;
  /** Thrown by the next reads or writes, first one first. */
  readonly readFailures: unknown[] = [];
  readonly appendFailures: unknown[] = [];
  /** Awaited before each read and write. */
  hold: Promise<unknown> = Promise.resolve();
  readingCount = 0;
  readingMax = 0;

  constructor(entries: readonly number[] = []) {
    entries.forEach((entry, index) => this.entries.push({ batchNumber: index + 1, entry }));
  }

  latestSnapshot() {
    return Promise.resolve(this.snapshot);
  }

  async readBatches(
    _key: string,
    afterBatchNumber: number,
    visit: (batchNumber: number, entry: number) => void | Promise<void>,
  ): Promise<void> {
    this.readingCount++;
    this.readingMax = Math.max(this.readingMax, this.readingCount);
    try {
      await this.hold;
      const failure = this.readFailures.shift();
      if (failure !== undefined) throw failure as Error;
      for (const { batchNumber, entry } of [...this.entries]) {
        if (batchNumber > afterBatchNumber) await visit(batchNumber, entry);
      }
    } finally {
      this.readingCount--;
    }
  }

  async append(_key: string, batchNumber: number, entry: number): Promise<void> {
    await this.hold;
    const failure = this.appendFailures.shift();
    if (failure !== undefined) throw failure as Error;
    const expected = (this.entries.at(-1)?.batchNumber ?? 0) + 1;
    if (batchNumber !== expected) {
      throw new TampinesError('JOURNAL_SEQUENCE', `Expected batch ${expected}, was ${batchNumber}`);
    }
    this.entries.push({ batchNumber, entry });
  }

  get values(): number[] {
    return this.entries.map(({ entry }) => entry);
  }
}

/** A promise and the function that resolves it. */
export function createGate(): { readonly passed: Promise<void>; open(): void } {
  let resolvePassed: (() => void) | undefined;
  const passed = new Promise<void>((resolve) => {
    resolvePassed = resolve;
  });
  return { passed, open: () => resolvePassed?.() };
}

/** A promise that never settles. */
export const never = new Promise<void>(() => undefined);
