/** Letting go of actors whose work has a newer owner. */
import { expect, test } from 'vitest';
import { settle } from '../../support/fake-clock.ts';
import { counterSpec, createTestSystem, MemoryEngine, persistentCounterSpec } from './support.ts';

test('a released group ends at once: nothing waiting is handled, nothing in hand is written, and onStop is not called', async () => {
  const { system, events, deadLetters, kinds } = createTestSystem();
  const engine = new MemoryEngine();
  const stopped: string[] = [];
  const group = system.spawn(
    system.root,
    counterSpec({ name: 'group', onStop: () => void stopped.push('group') }),
  );
  const account = system.spawnPersistent(
    group,
    persistentCounterSpec(engine, { onStop: () => void stopped.push('account') }),
  );
  system.send(account, { type: 'Add', value: 1 });
  await settle();
  let goOn: () => void = () => undefined;
  system.send(account, { type: 'Wait', until: new Promise<void>((resolve) => (goOn = resolve)) });
  system.send(account, { type: 'Add', value: 2 });
  await settle();
  await system.release(group, 'a newer owner');
  goOn();
  await settle();
  expect(engine.entries.map(({ entry }) => entry)).toEqual([1]);
  expect(stopped).toEqual([]);
  expect(system.has(group) || system.has(account)).toBe(false);
  expect(kinds(group)).toEqual(['started', 'fenced']);
  expect(events.filter(({ kind }) => kind === 'fenced').map(({ cause }) => cause)).toEqual(['a newer owner']);
  expect(deadLetters.map(({ reason }) => reason)).toEqual(['stopped']);
});

test('release cuts a stop short that waits for a handler', async () => {
  const { time, system } = createTestSystem();
  const counter = system.spawn(system.root, counterSpec({ shutdownMs: 60_000 }));
  system.send(counter, { type: 'Wait', until: new Promise(() => undefined) });
  await settle();
  let isStopped = false;
  void system.stop(counter).then(() => (isStopped = true));
  await time.advance(10);
  expect(isStopped).toBe(false);
  await system.release(counter, 'a newer owner');
  expect(isStopped).toBe(true);
});

test('release of an actor that waits for its restart leaves it ended', async () => {
  const { time, system, status } = createTestSystem();
  const counter = system.spawn(system.root, counterSpec());
  system.send(counter, { type: 'Fail', error: new Error('no') });
  await settle();
  expect(status(counter)).toBe('restarting');
  await system.release(counter, 'a newer owner');
  await time.advance(60_000);
  expect(system.has(counter)).toBe(false);
});
