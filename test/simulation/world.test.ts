import { expect, test } from 'vitest';
import { Process, World } from './world/world.ts';

/** Two processes whose timers and turns race; returns the order in which they were picked. */
async function race(seed: number): Promise<string[]> {
  const world = new World(seed);
  const seen: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    const process = new Process(name);
    const timers = world.timersOf(process);
    timers.every(10, () => {
      seen.push(`${name} timer`);
      setImmediate(() => seen.push(`${name} turn`));
    });
  }
  await world.run(50);
  return seen;
}

test('a seed decides the order of everything, and another seed another order', async () => {
  const first = await race(1);
  expect(first).toHaveLength(30);
  expect(await race(1)).toEqual(first);
  expect(await race(2)).not.toEqual(first);
});

test('a paused process stands still while time goes on, and does what it owes when it is resumed', async () => {
  const world = new World(1);
  const process = new Process('p');
  const seen: number[] = [];
  world.timersOf(process).after(10, () => seen.push(world.elapsedMs));
  process.isPaused = true;
  await world.run(100);
  expect(seen).toEqual([]);
  world.resume(process);
  await world.run(200);
  expect(seen).toEqual([100]);
});

test('a killed process never runs again, whatever it was waiting for', async () => {
  const world = new World(1);
  const process = new Process('p');
  let count = 0;
  void world
    .timersOf(process)
    .sleep(10)
    .then(() => count++);
  world.timersOf(process).every(5, () => count++);
  world.kill(process);
  await world.run(100);
  expect(count).toBe(0);
});

test('promises that follow from a task settle before the next task', async () => {
  const world = new World(3);
  const process = new Process('p');
  const seen: string[] = [];
  for (const name of ['a', 'b']) {
    world.soon(process, name, () => {
      void Promise.resolve()
        .then(() => Promise.resolve())
        .then(() => seen.push(`${name} settled`));
      seen.push(name);
    });
  }
  await world.run(1);
  expect([seen[1], seen[3]].sort()).toEqual(['a settled', 'b settled']);
});

test('a rejection that nobody handles is told with the process it came in', async () => {
  const world = new World(1);
  const process = new Process('careless');
  world.soon(process, 'fail', () => void Promise.reject(new Error('nobody cares')));
  await world.run(10);
  expect(world.uncaught).toEqual([{ process, error: new Error('nobody cares') }]);
});
