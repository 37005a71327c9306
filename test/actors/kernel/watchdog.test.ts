/** Handlers and recoveries that never end are cut off, at their limit and not before. */
import { expect, test } from 'vitest';
import { settle, until } from '../../support/fake-clock.ts';
import {
  counterSpec,
  createGate,
  createTestSystem,
  MemoryEngine,
  never,
  persistentCounterSpec,
} from './support.ts';
import type { CounterMessage } from './support.ts';

const LIMIT_MS = 5_000;
const WATCHDOG_MS = 1_000;
const getValues = (reply: (values: readonly number[]) => void): CounterMessage => ({ type: 'Get', reply });

test('a handler that took exactly its limit is let be; one that takes longer is cut off at the next look', async () => {
  const { time, system, kinds } = createTestSystem();
  const counter = system.spawn(system.root, counterSpec({ handlerMaxMs: LIMIT_MS }));
  await settle();
  const gate = createGate();
  system.send(counter, { type: 'Wait', until: gate.passed });
  await time.advance(LIMIT_MS);
  expect(kinds(counter)).toEqual(['started']);
  gate.open();
  await settle();
  system.send(counter, { type: 'Wait', until: never });
  await time.advance(LIMIT_MS + WATCHDOG_MS);
  expect(kinds(counter)).toEqual(['started', 'stuck', 'restarted']);
});

test('a log that gives nothing for longer than the limit is let go, and its place goes to the next', async () => {
  const { time, system, events, kinds } = createTestSystem({ recoveriesMax: 1 });
  const held = new MemoryEngine([1]);
  const gate = createGate();
  held.hold = gate.passed;
  const spec = { handlerMaxMs: LIMIT_MS };
  const first = system.spawnPersistent(system.root, persistentCounterSpec(held, spec));
  const second = system.spawnPersistent(
    system.root,
    persistentCounterSpec(new MemoryEngine([2]), { ...spec, name: 'second', key: 'second' }),
  );
  await time.advance(LIMIT_MS);
  expect([kinds(first), kinds(second)]).toEqual([[], []]);
  await time.advance(WATCHDOG_MS);
  expect(kinds(second)).toEqual(['recovered']);
  expect(kinds(first)).toEqual(['stuck', 'restarted']);
  expect(events.find(({ path, kind }) => path === first.path && kind === 'restarted')).toMatchObject({
    errorClass: 'transient',
    cause: expect.stringContaining('a recovery whose log gave nothing') as string,
  });
  // The log answers again: the life that asked first is over, the next one reads it.
  gate.open();
  await time.advance(1_000);
  expect(kinds(first)).toEqual(['stuck', 'restarted', 'recovered']);
  expect(await system.ask(first, getValues, 1_000)).toEqual([1]);
});

test('a log that hangs for ever is asked again and again, and never parks its actor', async () => {
  const { time, system, status, kinds } = createTestSystem();
  const held = new MemoryEngine([1]);
  held.hold = never;
  const first = system.spawnPersistent(system.root, persistentCounterSpec(held, { handlerMaxMs: LIMIT_MS }));
  await time.advance(40 * LIMIT_MS);
  expect(kinds(first).filter((kind) => kind === 'stuck').length).toBeGreaterThan(5);
  expect(['recovering', 'restarting']).toContain(status(first));
});

test('waiting for a place among those that recover is not hanging', async () => {
  const { time, system, kinds } = createTestSystem({ recoveriesMax: 1 });
  const slow = new MemoryEngine([1]);
  const gate = createGate();
  slow.hold = gate.passed;
  system.spawnPersistent(system.root, persistentCounterSpec(slow, { handlerMaxMs: 100 * LIMIT_MS }));
  const waiting = system.spawnPersistent(
    system.root,
    persistentCounterSpec(new MemoryEngine([2]), { name: 'b', key: 'b', handlerMaxMs: LIMIT_MS }),
  );
  await time.advance(10 * LIMIT_MS);
  expect(kinds(waiting)).toEqual([]);
  gate.open();
  await until(() => kinds(waiting).includes('recovered'));
  expect(kinds(waiting)).toEqual(['recovered']);
});

test('a long log that goes on giving is read to its end, however long that takes', async () => {
  const { time, system, kinds } = createTestSystem();
  const entries = Array.from({ length: 3_000 }, (_, index) => index);
  const engine = new MemoryEngine(entries);
  const read = engine.readBatches.bind(engine);
  // A page of 500 takes almost as long as the limit.
  engine.readBatches = (key, after, visit) =>
    read(key, after, async (batchNumber, entry) => {
      if (batchNumber % 500 === 1) await time.sleep(LIMIT_MS - 1_000);
      await visit(batchNumber, entry);
    });
  const account = system.spawnPersistent(
    system.root,
    persistentCounterSpec(engine, { handlerMaxMs: LIMIT_MS, evolve: (state) => state }),
  );
  for (let step = 0; step < 40 && kinds(account).length === 0; step++) await time.advance(LIMIT_MS / 4);
  expect(kinds(account)).toEqual(['recovered']);
});
