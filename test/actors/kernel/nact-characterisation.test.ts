/**
 * What nact 7.6.2 does today, each hazard that the kernel relies on or guards against. The numbers are those of the notes on nact (section 2).
 * A test that fails here after an upgrade says which guard may go, or which one no longer holds.
 */
import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { toNactName } from '../../../src/actors/kernel/nact-boundary.ts';
import { settle } from '../../support/fake-clock.ts';
import { createGate, never } from './support.ts';

type Ref = { readonly path: { readonly parts: readonly string[] } };
type Context = {
  readonly self: Ref;
  readonly recovering?: boolean;
  readonly children: ReadonlyMap<string, Ref>;
  readonly mailbox: readonly unknown[];
  readonly sender: unknown;
  readonly log: unknown;
  persist(entry: unknown, ...rest: unknown[]): Promise<void>;
} & Record<'stop' | 'reset' | 'resume' | 'escalate' | 'resetAll' | 'resetChild', symbol>;
type Handler = (state: unknown, message: unknown, context: Context) => unknown;
type Crash = (message: unknown, error: unknown, context: Context, child?: Ref) => unknown;
type Properties = {
  initialState?: unknown;
  initialStateFunc?: () => unknown;
  onCrash?: Crash;
  afterStop?: () => void;
  snapshotEvery?: number;
  shutdownAfter?: number;
};
type PersistedEvent = { readonly data: unknown; readonly sequenceNumber: number; readonly key: string };
type Engine = {
  events(key: string, offset: number): unknown;
  latestSnapshot(key: string): Promise<unknown>;
  persist(event: PersistedEvent, ...rest: unknown[]): Promise<void>;
  takeSnapshot(snapshot: PersistedEvent): Promise<void>;
};
type Nact = {
  start(...options: unknown[]): Ref;
  configurePersistence(engine: Engine): unknown;
  spawn(parent: Ref, handler: Handler, name?: string, properties?: Properties): Ref;
  spawnStateless(parent: Ref, handler: (message: unknown) => unknown, name?: string): Ref;
  spawnPersistent(parent: Ref, handler: Handler, key: string, name: string, properties?: Properties): Ref;
  dispatch(ref: Ref, message: unknown): void;
  query(ref: Ref, message: unknown, timeoutMs: number): Promise<unknown>;
  stop(ref: Ref): void;
};

const requireHere = createRequire(import.meta.url);
const nact = requireHere('nact') as Nact;

let systemNumber = 0;
function startSystem(engine?: Engine): Ref {
  const name = `pinned-${String(++systemNumber)}`;
  return engine === undefined
    ? nact.start({ name })
    : nact.start({ name }, nact.configurePersistence(engine));
}

/** Keeps entries of all keys; reads them as an array, as nact's own engines do. */
function createEngine(overrides: Partial<Engine> = {}) {
  const entries: PersistedEvent[] = [];
  const engine: Engine = {
    events: (key, offset) => entries.filter((entry) => entry.key === key && entry.sequenceNumber > offset),
    latestSnapshot: () => Promise.resolve(undefined),
    persist: (event) => {
      entries.push(event);
      return Promise.resolve();
    },
    takeSnapshot: () => Promise.resolve(),
    ...overrides,
  };
  return { engine, entries };
}

const sum: Handler = async (state, message, context) => {
  if (context.recovering !== true) await context.persist(message);
  return (state as number) + (message as number);
};

const consoleLog = vi.spyOn(console, 'log');
const consoleWarn = vi.spyOn(console, 'warn');
const strays: unknown[] = [];
const keepStray = (error: unknown) => void strays.push(error);

beforeEach(() => {
  consoleLog.mockReset().mockImplementation(() => undefined);
  consoleWarn.mockReset().mockImplementation(() => undefined);
  strays.length = 0;
});

afterEach(() => {
  process.off('unhandledRejection', keepStray);
});

describe('stop', () => {
  test('hazard 1: stopping a parent leaves its children running, without afterStop', async () => {
    const system = startSystem();
    const seen: unknown[] = [];
    const afterStop = vi.fn();
    const gate = createGate();
    const parent = nact.spawn(system, (state) => state, 'parent');
    const handler: Handler = async (state, message) => {
      await gate.passed;
      seen.push(message);
      return state;
    };
    const child = nact.spawn(parent, handler, 'child', { afterStop });
    for (const message of [1, 2, 3]) nact.dispatch(child, message);
    await settle(2);
    nact.stop(parent);
    gate.open();
    await settle();
    expect(seen).toEqual([1, 2, 3]);
    expect(afterStop).not.toHaveBeenCalled();
  });

  test('hazard 1: stopping a system stops no actor', async () => {
    const system = startSystem();
    const seen: unknown[] = [];
    const actor = nact.spawn(system, (_state, message) => seen.push(message), 'actor');
    nact.dispatch(actor, 1);
    nact.dispatch(actor, 2);
    nact.stop(system);
    await settle();
    expect(seen).toEqual([1, 2]);
  });

  test('hazard 2: a handler in hand goes on after stop, and may still persist', async () => {
    const { engine, entries } = createEngine();
    const system = startSystem(engine);
    const gate = createGate();
    const handler: Handler = async (state, message, context) => {
      await gate.passed;
      await context.persist(message);
      return state;
    };
    const actor = nact.spawnPersistent(system, handler, 'key', 'actor', { initialState: 0 });
    nact.dispatch(actor, 'late');
    await settle();
    nact.stop(actor);
    gate.open();
    await settle();
    expect(entries).toMatchObject([{ data: 'late', sequenceNumber: 1 }]);
  });

  test('hazard 2: a message that was scheduled when the actor stopped is lost', async () => {
    const system = startSystem();
    const handler = vi.fn();
    const actor = nact.spawn(system, handler, 'actor');
    nact.dispatch(actor, 1);
    nact.stop(actor);
    await settle();
    expect(handler).not.toHaveBeenCalled();
  });

  test('hazard 3: a handler that throws after stop, answered with stop, runs afterStop twice', async () => {
    const system = startSystem();
    const afterStop = vi.fn();
    const gate = createGate();
    const handler: Handler = () => gate.passed.then(() => Promise.reject(new Error('late')));
    const actor = nact.spawn(system, handler, 'actor', {
      afterStop,
      onCrash: (_m, _e, context) => context.stop,
    });
    nact.dispatch(actor, 1);
    await settle();
    nact.stop(actor);
    gate.open();
    await settle();
    expect(afterStop).toHaveBeenCalledTimes(2);
  });

  test('hazard 18: a reference is a name, so it reaches whoever has the name next', async () => {
    const system = startSystem();
    const second = vi.fn();
    const old = nact.spawn(system, (state) => state, 'same');
    nact.stop(old);
    nact.spawn(system, (_state, message) => void second(message), 'same');
    nact.dispatch(old, 'for the first');
    await settle();
    expect(second).toHaveBeenCalledWith('for the first');
  });

  test('hazard 22: a message to a stopped actor vanishes without a sign', () => {
    const system = startSystem();
    const actor = nact.spawn(system, (state) => state, 'actor');
    nact.stop(actor);
    expect(() => nact.dispatch(actor, 1)).not.toThrow();
  });
});

describe('failure', () => {
  test('hazard 4: an onCrash that throws leaves an unhandled rejection and a hung actor', async () => {
    const listeners = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', keepStray);
    const system = startSystem();
    const handler = vi.fn(() => {
      throw new Error('broken');
    });
    const onCrash = () => {
      throw new Error('supervision broken');
    };
    const actor = nact.spawn(system, handler, 'actor', { onCrash });
    nact.dispatch(actor, 1);
    nact.dispatch(actor, 2);
    await settle();
    for (const listener of listeners) process.on('unhandledRejection', listener);
    expect(strays).toMatchObject([{ message: 'supervision broken' }]);
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test('hazard 5: onCrash may be async; nact waits for it and keeps the mailbox', async () => {
    const system = startSystem();
    const gate = createGate();
    const seen: unknown[] = [];
    const handler: Handler = (state, message) => {
      seen.push(message);
      if (message === 'bad') throw new Error('broken');
      return state;
    };
    const onCrash: Crash = async (_message, _error, context) => {
      await gate.passed;
      return context.reset;
    };
    const actor = nact.spawn(system, handler, 'actor', { initialStateFunc: () => 0, onCrash });
    for (const message of ['bad', 1, 2]) nact.dispatch(actor, message);
    await settle();
    expect(seen).toEqual(['bad']);
    gate.open();
    await settle();
    expect(seen).toEqual(['bad', 1, 2]);
  });

  test('hazard 6: escalate and a parent that resumes leave the child hung', async () => {
    const system = startSystem();
    const seen: unknown[] = [];
    const parent = nact.spawn(system, (state) => state, 'parent', {
      onCrash: (_m, _e, context) => context.resume,
    });
    const handler: Handler = (state, message) => {
      seen.push(message);
      if (message === 'bad') throw new Error('broken');
      return state;
    };
    const child = nact.spawn(parent, handler, 'child', { onCrash: (_m, _e, context) => context.escalate });
    nact.dispatch(child, 'bad');
    nact.dispatch(child, 1);
    await settle();
    expect(seen).toEqual(['bad']);
  });

  test('hazard 7: resetting a busy actor starts a second message beside the first', async () => {
    const system = startSystem();
    const gate = createGate();
    let running = 0;
    let runningMax = 0;
    const busyHandler: Handler = async (state) => {
      runningMax = Math.max(runningMax, ++running);
      await gate.passed;
      running--;
      return state;
    };
    const parent = nact.spawn(system, (state) => state, 'parent');
    const busy = nact.spawn(parent, busyHandler, 'busy');
    const failing = nact.spawn(
      parent,
      () => {
        throw new Error('broken');
      },
      'failing',
      { onCrash: (_m, _e, context) => context.resetAll },
    );
    nact.dispatch(busy, 1);
    nact.dispatch(busy, 2);
    await settle();
    nact.dispatch(failing, 'x');
    await settle();
    gate.open();
    expect(runningMax).toBe(2);
  });

  test('a reset stops the children of the actor', async () => {
    const system = startSystem();
    const seen: unknown[] = [];
    const handler: Handler = () => {
      throw new Error('broken');
    };
    const parent = nact.spawn(system, handler, 'parent', { onCrash: (_m, _e, context) => context.reset });
    const child = nact.spawn(parent, (_state, message) => seen.push(message), 'child');
    nact.dispatch(parent, 1);
    await settle();
    nact.dispatch(child, 1);
    await settle();
    expect(seen).toEqual([]);
  });

  test('hazard 8: reset takes the same initialState object again, with what was done to it', async () => {
    const system = startSystem();
    const handler: Handler = (state, message) => {
      (state as unknown[]).push(message);
      if (message === 'bad') throw new Error('broken');
      return state;
    };
    const initialState: unknown[] = [];
    const actor = nact.spawn(system, handler, 'actor', {
      initialState,
      onCrash: (_m, _e, context) => context.reset,
    });
    nact.dispatch(actor, 'bad');
    nact.dispatch(actor, 1);
    await settle();
    expect(initialState).toEqual(['bad', 1]);
  });

  test('hazard 8: reset with initialStateFunc begins anew and drops the failed message', async () => {
    const system = startSystem();
    let last: unknown;
    const handler: Handler = (state, message) => {
      if (message === 'bad') throw new Error('broken');
      return (last = [...(state as unknown[]), message]);
    };
    const actor = nact.spawn(system, handler, 'actor', {
      initialStateFunc: () => [],
      onCrash: (_m, _e, context) => context.reset,
    });
    for (const message of [1, 'bad', 2]) nact.dispatch(actor, message);
    await settle();
    expect(last).toEqual([2]);
  });

  test('hazard 24: a handler that returns nothing loses the state', async () => {
    const system = startSystem();
    const states: unknown[] = [];
    const actor = nact.spawn(system, (state) => void states.push(state), 'actor', { initialState: 1 });
    nact.dispatch(actor, 'x');
    nact.dispatch(actor, 'x');
    await settle();
    expect(states).toEqual([1, undefined]);
  });

  test('hazard 23: a handler that never settles blocks its actor without a sign', async () => {
    const system = startSystem();
    const handler = vi.fn(() => never);
    const actor = nact.spawn(system, handler, 'actor');
    nact.dispatch(actor, 1);
    nact.dispatch(actor, 2);
    await settle();
    expect(handler).toHaveBeenCalledTimes(1);
    expect(consoleLog).not.toHaveBeenCalled();
  });

  test('hazard 27: spawnStateless swallows every error', async () => {
    const system = startSystem();
    const handler = vi.fn(() => {
      throw new Error('broken');
    });
    const actor = nact.spawnStateless(system, handler, 'actor');
    nact.dispatch(actor, 1);
    nact.dispatch(actor, 2);
    await settle();
    expect(handler).toHaveBeenCalledTimes(2);
    expect(consoleLog).not.toHaveBeenCalled();
  });

  test('hazard 28: without onCrash the whole message goes to the console', async () => {
    const system = startSystem();
    const handler: Handler = () => {
      throw new Error('broken');
    };
    nact.dispatch(nact.spawn(system, handler, 'actor'), { secret: 1 });
    await settle();
    expect(consoleLog.mock.calls[0]?.[1]).toEqual({ secret: 1 });
  });

  test('hazard 25: a failing handler is not told to whoever queried', async () => {
    const system = startSystem();
    const handler: Handler = () => {
      throw new Error('broken');
    };
    const actor = nact.spawn(system, handler, 'actor', { onCrash: (_m, _e, context) => context.resume });
    await expect(nact.query(actor, 'question', 20)).rejects.toThrow('Query Timeout');
  });
});

describe('persistence', () => {
  test('hazard 9: a failed persist and resume leave a hole in the numbers', async () => {
    const { engine, entries } = createEngine();
    const persist = engine.persist.bind(engine);
    engine.persist = (event) => (event.data === 2 ? Promise.reject(new Error('disk full')) : persist(event));
    const system = startSystem(engine);
    const actor = nact.spawnPersistent(system, sum, 'key', 'actor', {
      initialState: 0,
      onCrash: (_m, _e, context) => context.resume,
    });
    for (const message of [1, 2, 3]) nact.dispatch(actor, message);
    await settle();
    expect(entries.map((entry) => entry.sequenceNumber)).toEqual([1, 3]);
  });

  test('a reset recovers from the log, and waiting messages come after it', async () => {
    const { engine, entries } = createEngine();
    const system = startSystem(engine);
    const states: unknown[] = [];
    const handler: Handler = (state, message, context) => {
      states.push([state, message, context.recovering === true]);
      if (message === -1) throw new Error('broken');
      return sum(state, message, context);
    };
    const actor = nact.spawnPersistent(system, handler, 'key', 'actor', {
      initialStateFunc: () => 0,
      onCrash: (_m, _e, context) => context.reset,
    });
    for (const message of [1, -1, 2]) nact.dispatch(actor, message);
    await settle(20);
    expect(states).toEqual([
      [0, 1, false],
      [1, -1, false],
      [0, 1, true],
      [1, 2, false],
    ]);
    expect(entries.map((entry) => entry.sequenceNumber)).toEqual([1, 2]);
  });

  test('hazard 10: a failed recovery arrives as onCrash without a message, and resume runs the actor unrecovered', async () => {
    const { engine, entries } = createEngine({
      events: () => {
        throw new Error('no connection');
      },
    });
    const system = startSystem(engine);
    const crashes: unknown[] = [];
    const actor = nact.spawnPersistent(system, sum, 'key', 'actor', {
      initialState: 0,
      onCrash: (message, _error, context) => {
        crashes.push(message);
        return context.resume;
      },
    });
    nact.dispatch(actor, 5);
    await settle();
    expect(crashes).toEqual([undefined]);
    expect(entries).toMatchObject([{ data: 5, sequenceNumber: 1 }]);
  });

  test('hazard 12: a fold that throws and a resume skip the entry; a reset there writes to the console', async () => {
    const { engine, entries } = createEngine();
    const system = startSystem(engine);
    for (const data of [1, 2, 3]) entries.push({ data, key: 'key', sequenceNumber: data });
    let last: unknown;
    const handler: Handler = (state, message) => {
      if (message === 2) throw new Error('no such entry');
      return (last = (state as number) + (message as number));
    };
    const decisions = ['reset', 'resume'] as const;
    let crashes = 0;
    nact.spawnPersistent(system, handler, 'key', 'actor', {
      initialStateFunc: () => 0,
      onCrash: (_m, _e, context) => context[decisions[crashes++]!],
    });
    await settle(20);
    expect(last).toBe(4);
    expect(consoleWarn).toHaveBeenCalledTimes(1);
  });

  test('hazard 13: events may be any object with an async reduce', async () => {
    const pages = [
      [1, 2],
      [3, 4],
    ];
    const { engine, entries } = createEngine({
      events: () => ({
        async reduce(step: (acc: unknown, event: unknown, index: number) => unknown, initial: unknown) {
          let accumulated = await initial;
          let index = 0;
          for (const page of pages) {
            await settle(1);
            for (const data of page) {
              accumulated = await step(
                Promise.resolve(accumulated),
                { data, sequenceNumber: ++index },
                index,
              );
            }
          }
          return accumulated;
        },
      }),
    });
    const system = startSystem(engine);
    const states: unknown[] = [];
    const handler: Handler = (state, message, context) => {
      states.push(state);
      return sum(state, message, context);
    };
    const actor = nact.spawnPersistent(system, handler, 'key', 'actor', { initialState: 0 });
    nact.dispatch(actor, 5);
    await settle(30);
    expect(states.at(-1)).toBe(10);
    expect(entries).toMatchObject([{ data: 5, sequenceNumber: 5 }]);
  });

  test('hazard 14: a snapshot that fails is only printed, and the actor goes on', async () => {
    const { engine, entries } = createEngine({ takeSnapshot: () => Promise.reject(new Error('disk full')) });
    const system = startSystem(engine);
    const actor = nact.spawnPersistent(system, sum, 'key', 'actor', { initialState: 0, snapshotEvery: 1 });
    for (const message of [1, 2]) nact.dispatch(actor, message);
    await settle();
    expect(entries).toHaveLength(2);
    expect(consoleLog).toHaveBeenCalled();
  });

  test('hazard 15: a snapshot is the live state itself', async () => {
    const snapshots: unknown[] = [];
    const { engine } = createEngine({
      takeSnapshot: (snapshot) => {
        snapshots.push(snapshot.data);
        return Promise.resolve();
      },
    });
    const system = startSystem(engine);
    const handler: Handler = async (state, message, context) => {
      await context.persist(message);
      (state as unknown[]).push(message);
      return state;
    };
    const actor = nact.spawnPersistent(system, handler, 'key', 'actor', {
      initialStateFunc: () => [],
      snapshotEvery: 1,
    });
    for (const message of [1, 2, 3]) nact.dispatch(actor, message);
    await settle();
    expect(snapshots.length).toBeGreaterThan(1);
    expect(new Set(snapshots).size).toBe(1);
  });

  test('hazard 18: two persistent actors of one key both write number 1', async () => {
    const { engine, entries } = createEngine();
    const system = startSystem(engine);
    for (const name of ['a', 'b']) {
      nact.dispatch(nact.spawnPersistent(system, sum, 'key', name, { initialState: 0 }), 1);
    }
    await settle();
    expect(entries.map((entry) => entry.sequenceNumber)).toEqual([1, 1]);
  });

  test('hazard 19: a persistent actor without a key throws, and its name stays taken', () => {
    const system = startSystem(createEngine().engine);
    expect(() => nact.spawnPersistent(system, sum, '', 'actor')).toThrow('Persistence key required');
    expect(() => nact.spawn(system, sum, 'actor')).toThrow('already exists');
  });
});

describe('names, limits, scheduling', () => {
  test('hazard 20: an actor gets a copy of its children with every message', async () => {
    const system = startSystem();
    const maps = new Set<unknown>();
    const parent = nact.spawn(system, (_state, _message, context) => maps.add(context.children), 'parent');
    nact.spawn(parent, (state) => state, 'child');
    for (const message of [1, 2, 3]) nact.dispatch(parent, message);
    await settle();
    expect(maps.size).toBe(3);
  });

  test('hazard 21: an actor handles one message in each turn of the loop', async () => {
    const system = startSystem();
    const handler = vi.fn((state: unknown) => state);
    const actor = nact.spawn(system, handler, 'actor');
    for (const message of [1, 2, 3]) nact.dispatch(actor, message);
    await settle(1);
    expect(handler).toHaveBeenCalledTimes(1);
    await settle();
    expect(handler).toHaveBeenCalledTimes(3);
  });

  test('hazard 26: a shutdown time beyond 31 bits wraps to an instant', async () => {
    const setTimeoutSpy = vi.spyOn(globalThis, 'setTimeout');
    const thirtyDaysMs = 30 * 24 * 3600 * 1000;
    const actor = nact.spawn(startSystem(), (state) => state, 'actor', { shutdownAfter: thirtyDaysMs });
    const delays = setTimeoutSpy.mock.calls.map((call) => call[1]);
    setTimeoutSpy.mockRestore();
    nact.stop(actor);
    expect(delays[0]).toBeLessThan(0);
    await settle(1);
  });

  test('hazard 29: a second system of a name shadows the first, and a plain text is no name', () => {
    const first = nact.start({ name: 'twice' });
    nact.start({ name: 'twice' });
    nact.spawn(first, (state) => state, 'actor');
    expect(() => nact.spawn(first, (state) => state, 'actor')).toThrow('already exists');
    nact.stop(first);
    expect(() => nact.spawn(first, (state) => state, 'other')).toThrow('stopped or never even existed');
    const plain = nact.start('plain') as Ref & { readonly name: string };
    expect(plain.name).not.toBe('plain');
  });

  test('hazard 31: names hold few characters only, and the encoding keeps to them', () => {
    const system = startSystem();
    expect(() => nact.spawn(system, (state) => state, 'binance/BTC-USDT')).toThrow('Invalid argument');
    const texts = ['binance/BTC-USDT', 'a b', 'a$20b', '%', 'é', '…', '~'];
    const names = texts.map(toNactName);
    expect(new Set(names).size).toBe(texts.length);
    for (const name of names) expect(() => nact.spawn(system, (state) => state, name)).not.toThrow();
  });
});

test('the version that is pinned here is the one that runs', () => {
  expect((requireHere('nact/package.json') as { version: string }).version).toBe('7.6.2');
});
