import { describe, expect, test } from 'vitest';
import type { Recovery } from '../../../src/actors/kernel/actor-types.ts';
import { TampinesError } from '../../../src/base/errors.ts';
import { failureRate } from '../../../src/supervision/strategy.ts';
import { settle, until } from '../../support/fake-clock.ts';
import {
  createGate,
  createTestSystem,
  type CounterMessage,
  MemoryEngine,
  persistentCounterSpec,
  never,
} from './support.ts';

const getValues = (reply: (values: readonly number[]) => void): CounterMessage => ({ type: 'Get', reply });
const fail = (error: unknown = new Error('broken')): CounterMessage => ({ type: 'Fail', error });
const add = (value: number): CounterMessage => ({ type: 'Add', value });

describe('recovery', () => {
  test('a persistent actor recovers from its log before its first message', async () => {
    const { system, events } = createTestSystem();
    const account = system.spawnPersistent(system.root, persistentCounterSpec(new MemoryEngine([1, 2, 3])));
    system.send(account, add(4));
    expect(await system.ask(account, getValues, 1000)).toEqual([1, 2, 3, 4]);
    expect(events).toMatchObject([{ kind: 'recovered', recoveredPosition: 3 }]);
  });

  test('it begins at the snapshot and folds only what came after it', async () => {
    const { system } = createTestSystem();
    const engine = new MemoryEngine([1, 2, 3, 4]);
    engine.snapshot = { batchNumber: 3, snapshot: [100] };
    const recoveries: Recovery[] = [];
    const account = system.spawnPersistent(
      system.root,
      persistentCounterSpec(engine, {
        onRecovered: (_state, _context, recovery) => void recoveries.push(recovery),
      }),
    );
    expect(await system.ask(account, getValues, 1000)).toEqual([100, 4]);
    expect(recoveries).toEqual([{ snapshotBatchNumber: 3, batchNumber: 4, entriesReplayed: 1, tookMs: 0 }]);
  });

  test('a snapshot at the end of the log leaves nothing to fold, and writing goes on after it', async () => {
    const { system } = createTestSystem();
    const engine = new MemoryEngine([1, 2]);
    engine.snapshot = { batchNumber: 2, snapshot: [3] };
    const account = system.spawnPersistent(system.root, persistentCounterSpec(engine));
    system.send(account, add(9));
    expect(await system.ask(account, getValues, 1000)).toEqual([3, 9]);
    expect(engine.entries.at(-1)).toEqual({ batchNumber: 3, entry: 9 });
  });

  test('after a failure the state is what the log says, and the numbers go on without a hole', async () => {
    const { system, time, events } = createTestSystem();
    const engine = new MemoryEngine();
    const account = system.spawnPersistent(system.root, persistentCounterSpec(engine));
    for (const message of [add(1), add(2), fail(), add(3)]) system.send(account, message);
    await time.advance(100);
    expect(await system.ask(account, getValues, 1000)).toEqual([1, 2, 3]);
    expect(engine.entries.map((entry) => entry.batchNumber)).toEqual([1, 2, 3]);
    expect(events.map(({ kind, recoveredPosition }) => [kind, recoveredPosition])).toEqual([
      ['recovered', 0],
      ['restarted', undefined],
      ['recovered', 2],
    ]);
  });

  test('an operator restart recovers from the log', async () => {
    const { system } = createTestSystem();
    const engine = new MemoryEngine([1]);
    const account = system.spawnPersistent(system.root, persistentCounterSpec(engine));
    expect(await system.ask(account, getValues, 1000)).toEqual([1]);
    engine.entries.push({ batchNumber: 2, entry: 2 });
    await system.restart(account, 'look again');
    expect(await system.ask(account, getValues, 1000)).toEqual([1, 2]);
  });

  test('a log that can not be read is tried again by the strategy, silently to the console', async () => {
    const { system, time, kinds } = createTestSystem();
    const engine = new MemoryEngine([1]);
    engine.readFailures.push(new Error('torn'), new Error('torn'));
    const account = system.spawnPersistent(system.root, persistentCounterSpec(engine));
    system.send(account, add(2));
    await time.advance(100 + 200);
    expect(await system.ask(account, getValues, 1000)).toEqual([1, 2]);
    expect(kinds(account)).toEqual(['restarted', 'restarted', 'recovered']);
  });

  test('an actor that can not recover is parked even where its strategy says escalate, and nothing was handled', async () => {
    const { system, time, kinds, status, deadLetters } = createTestSystem();
    const engine = new MemoryEngine([1]);
    engine.readFailures.push(new Error('torn'), new Error('torn'), new Error('torn'));
    const strategy = failureRate({ maxFailures: 1, withinMs: 10_000, delayMs: 10, then: 'escalate' });
    const account = system.spawnPersistent(system.root, persistentCounterSpec(engine, { strategy }));
    system.send(account, add(2));
    await time.advance(10);
    expect(status(account)).toBe('parked');
    expect(kinds(account)).toEqual(['restarted', 'parked']);
    expect(deadLetters).toMatchObject([{ reason: 'parked', message: 'Add' }]);
    expect(engine.values).toEqual([1]);
  });

  test('an entry that can not be folded is a failure of recovery, and no entry after it is folded', async () => {
    const { system, time, status } = createTestSystem();
    const folded: number[] = [];
    const strategy = failureRate({ maxFailures: 0, withinMs: 10_000, delayMs: 10, then: 'park' });
    const account = system.spawnPersistent(
      system.root,
      persistentCounterSpec(new MemoryEngine([1, 2, 3]), {
        strategy,
        evolve(state, entry) {
          if (entry === 2) throw new Error('no such entry');
          folded.push(entry);
          return state;
        },
      }),
    );
    await time.advance(0);
    expect(status(account)).toBe('parked');
    expect(folded).toEqual([1]);
  });

  test('a hole in the log is a failure of recovery', async () => {
    const { system, time, events } = createTestSystem();
    const engine = new MemoryEngine([1, 2, 3]);
    engine.entries.splice(1, 1);
    system.spawnPersistent(system.root, persistentCounterSpec(engine));
    await time.advance(0);
    expect(events[0]?.cause).toBe(
      'JOURNAL_SEQUENCE: Cannot go on with the log of account: expected batch 2, was 3',
    );
  });

  test('a service that is away during recovery is waited for without end', async () => {
    const { system, time } = createTestSystem();
    const engine = new MemoryEngine([1]);
    for (let count = 0; count < 10; count++) {
      engine.readFailures.push(new TampinesError('SERVICE_UNAVAILABLE', 'away'));
    }
    const strategy = failureRate({ maxFailures: 0, withinMs: 10_000, delayMs: 10, then: 'park' });
    const account = system.spawnPersistent(system.root, persistentCounterSpec(engine, { strategy }));
    await time.advance(100);
    expect(await system.ask(account, getValues, 1000)).toEqual([1]);
  });

  test('of many actors only so many recover at once', async () => {
    const { system } = createTestSystem({ recoveriesMax: 5 });
    const engine = new MemoryEngine([1]);
    const gate = createGate();
    engine.hold = gate.passed;
    const refs = Array.from({ length: 20 }, (_, index) => {
      const name = `account-${String(index)}`;
      return system.spawnPersistent(system.root, persistentCounterSpec(engine, { name, key: name }));
    });
    await settle();
    expect(engine.readingCount).toBe(5);
    gate.open();
    for (const ref of refs) expect(await system.ask(ref, getValues, 1000)).toEqual([1]);
    expect(engine.readingMax).toBe(5);
  });

  test('an actor that is stopped while it recovers gives its place to the next', async () => {
    const { system } = createTestSystem({ recoveriesMax: 1 });
    const held = new MemoryEngine([1]);
    held.hold = never;
    const first = system.spawnPersistent(system.root, persistentCounterSpec(held));
    const second = system.spawnPersistent(
      system.root,
      persistentCounterSpec(new MemoryEngine([2]), { name: 'second', key: 'second' }),
    );
    await settle();
    await system.stop(first);
    expect(await system.ask(second, getValues, 1000)).toEqual([2]);
  });

  test('a long log lets others have the loop', async () => {
    const { system } = createTestSystem();
    const entries = Array.from({ length: 2000 }, (_, index) => index);
    const account = system.spawnPersistent(
      system.root,
      persistentCounterSpec(new MemoryEngine(entries), { evolve: (state) => state }),
    );
    let turns = 0;
    const count = () => {
      turns++;
      if (system.tree()[0]?.status === 'recovering') setImmediate(count);
    };
    setImmediate(count);
    await until(() => system.tree()[0]?.status === 'running', 'the recovery');
    expect(turns).toBeGreaterThanOrEqual(4);
    expect(await system.ask(account, getValues, 1000)).toEqual([]);
  });
});

describe('persist', () => {
  test('a write that fails ends the life even when the handler catches it', async () => {
    const { system, time, kinds } = createTestSystem();
    const engine = new MemoryEngine();
    const account = system.spawnPersistent(
      system.root,
      persistentCounterSpec(engine, {
        async receive(state, message, context) {
          if (message.type === 'Get') message.reply(state.values);
          if (message.type !== 'Add') return state;
          try {
            return await context.persist(message.value);
          } catch {
            return { values: [...state.values, -1] };
          }
        },
      }),
    );
    engine.appendFailures.push(new TampinesError('OUTCOME_UNKNOWN', 'lost at commit'));
    for (const message of [add(1), add(2)]) system.send(account, message);
    await time.advance(100);
    expect(await system.ask(account, getValues, 1000)).toEqual([2]);
    expect(engine.entries).toEqual([{ batchNumber: 1, entry: 2 }]);
    expect(kinds(account)).toEqual(['recovered', 'restarted', 'recovered']);
  });

  test('a write that is not awaited is finished before the next message, and its failure is seen', async () => {
    const { system, time, kinds } = createTestSystem();
    const engine = new MemoryEngine();
    const account = system.spawnPersistent(
      system.root,
      persistentCounterSpec(engine, {
        receive(state, message, context) {
          if (message.type === 'Add') void context.persist(message.value);
          if (message.type === 'Get') message.reply(state.values);
          return state;
        },
      }),
    );
    engine.appendFailures.push(new Error('disk full'));
    system.send(account, add(1));
    system.send(account, add(2));
    await time.advance(100);
    expect(engine.entries).toEqual([{ batchNumber: 1, entry: 2 }]);
    expect(kinds(account)).toEqual(['recovered', 'restarted', 'recovered']);
  });

  test('a write under way when its handler fails is in the log before that is read again', async () => {
    const { system, time, kinds } = createTestSystem();
    const engine = new MemoryEngine();
    const gate = createGate();
    const account = system.spawnPersistent(
      system.root,
      persistentCounterSpec(engine, {
        receive(state, message, context) {
          if (message.type === 'Get') message.reply(state.values);
          if (message.type !== 'Add') return state;
          const persisted = context.persist(message.value);
          if (message.value === 1) throw new Error('broken');
          return persisted;
        },
      }),
    );
    await settle();
    const append = engine.append.bind(engine);
    engine.append = async (key, batchNumber, entry) => {
      if (entry === 1) await gate.passed;
      await append(key, batchNumber, entry);
    };
    system.send(account, add(1));
    await time.advance(1_000);
    gate.open();
    await time.advance(100);
    expect(await system.ask(account, getValues, 1000)).toEqual([1]);
    system.send(account, add(2));
    expect(await system.ask(account, getValues, 1000)).toEqual([1, 2]);
    expect(kinds(account)).toEqual(['recovered', 'restarted', 'recovered']);
  });

  test('an unknown outcome that did reach the log is found there', async () => {
    const { system, time } = createTestSystem();
    const engine = new MemoryEngine();
    const account = system.spawnPersistent(system.root, persistentCounterSpec(engine));
    await settle();
    const append = engine.append.bind(engine);
    engine.append = async (key, batchNumber, entry) => {
      await append(key, batchNumber, entry);
      if (entry === 1) throw new TampinesError('OUTCOME_UNKNOWN', 'lost at commit');
    };
    for (const message of [add(1), add(2)]) system.send(account, message);
    await time.advance(100);
    expect(await system.ask(account, getValues, 1000)).toEqual([1, 2]);
  });

  test('a cut-off incarnation writes nothing any more', async () => {
    const { system, time, kinds } = createTestSystem();
    const engine = new MemoryEngine();
    const gate = createGate();
    const rejected: unknown[] = [];
    const account = system.spawnPersistent(
      system.root,
      persistentCounterSpec(engine, {
        handlerMaxMs: 5000,
        async receive(state, message, context) {
          if (message.type === 'Get') message.reply(state.values);
          if (message.type !== 'Add') return state;
          if (message.value === 1) await gate.passed;
          return context.persist(message.value).catch((error: unknown) => {
            rejected.push(error);
            throw error;
          });
        },
      }),
    );
    for (const message of [add(1), add(2)]) system.send(account, message);
    await time.advance(6100);
    gate.open();
    await settle();
    expect(rejected).toHaveLength(1);
    expect(engine.values).toEqual([2]);
    expect(await system.ask(account, getValues, 1000)).toEqual([2]);
    expect(kinds(account)).toEqual(['recovered', 'stuck', 'restarted', 'recovered']);
  });

  test('a fenced write lets the actor go without another write', async () => {
    const { system, kinds } = createTestSystem();
    const engine = new MemoryEngine();
    engine.appendFailures.push(new TampinesError('FENCED', 'newer claim'));
    const account = system.spawnPersistent(system.root, persistentCounterSpec(engine));
    for (const message of [add(1), add(2)]) system.send(account, message);
    await settle(40);
    expect(engine.values).toEqual([]);
    expect(system.has(account)).toBe(false);
    expect(kinds(account)).toEqual(['recovered', 'fenced']);
  });

  test('an actor may persist when it has recovered, and that is in its state', async () => {
    const { system } = createTestSystem();
    const engine = new MemoryEngine([1]);
    const account = system.spawnPersistent(
      system.root,
      persistentCounterSpec(engine, {
        async onStarted(_state, context) {
          await context.persist(10 * context.batchNumber);
        },
      }),
    );
    expect(await system.ask(account, getValues, 1000)).toEqual([1, 10]);
  });

  test('two actors can not have one log', async () => {
    const { system } = createTestSystem();
    const engine = new MemoryEngine();
    const account = system.spawnPersistent(system.root, persistentCounterSpec(engine));
    const again = () => system.spawnPersistent(system.root, persistentCounterSpec(engine, { name: 'other' }));
    expect(again).toThrow(expect.objectContaining({ code: 'ACTOR_EXISTS' }));
    await system.stop(account);
    expect(again).not.toThrow();
  });
});

test('crashing at any point of any message loses nothing that was acknowledged and doubles nothing', async () => {
  for (let seed = 0; seed < 40; seed++) {
    const { system, time } = createTestSystem();
    const engine = new MemoryEngine();
    const append = engine.append.bind(engine);
    let steps = 0;
    // Every few steps something breaks: before the write, after it, or in the read that follows.
    const breakAt = (place: number) => {
      steps++;
      if ((steps * 7 + place * 3 + seed) % 5 === 0) throw new Error(`seed ${seed}, step ${steps}`);
    };
    engine.append = async (key, batchNumber, entry) => {
      breakAt(1);
      await append(key, batchNumber, entry);
      breakAt(2);
    };
    const latestSnapshot = engine.latestSnapshot.bind(engine);
    engine.latestSnapshot = async () => {
      breakAt(3);
      return latestSnapshot();
    };
    const account = system.spawnPersistent(
      system.root,
      persistentCounterSpec(engine, {
        strategy: failureRate({ maxFailures: 1000, withinMs: 1, delayMs: 5 }),
      }),
    );
    for (let value = 1; value <= 10; value++) {
      system.send(account, add(value));
      await time.advance(50);
    }
    const values = await system.ask(account, getValues, 1000);
    expect(values).toEqual(engine.values);
    expect(engine.entries.map((entry) => entry.batchNumber)).toEqual(
      engine.values.map((_, index) => index + 1),
    );
    expect(new Set(values).size).toBe(values.length);
    await system.shutdown();
  }
});
