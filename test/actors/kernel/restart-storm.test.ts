/** A thousand actors that all fail at once, and again: the node stays usable, and its log readable. */
import { expect, test } from 'vitest';
import type { SupervisionEvent } from '../../../src/actors/kernel/actor-types.ts';
import { LINES_PER_WINDOW } from '../../../src/actors/kernel/line-limit.ts';
import { restartWithBackoff } from '../../../src/supervision/strategy.ts';
import { settle, until } from '../../support/fake-clock.ts';
import { counterSpec, createGate, createTestSystem, MemoryEngine, persistentCounterSpec } from './support.ts';
import type { CounterMessage } from './support.ts';

const ACTORS = 1_000;
const RECOVERIES_MAX = 20;
const getValues = (reply: (values: readonly number[]) => void): CounterMessage => ({ type: 'Get', reply });

/** A thousand persistent actors over one log of two entries, and one that has nothing to do with them. */
function createStorm(strategy = restartWithBackoff({ initialMs: 100, maxMs: 2_000, jitter: 0.2 })) {
  const kernel = createTestSystem({ recoveriesMax: RECOVERIES_MAX });
  const { system } = kernel;
  const engine = new MemoryEngine([1, 2]);
  const storm = Array.from({ length: ACTORS }, (_, index) => {
    const name = `instrument-${String(index)}`;
    return system.spawnPersistent(system.root, persistentCounterSpec(engine, { name, key: name, strategy }));
  });
  const well = system.spawn(system.root, counterSpec({ name: 'well' }));
  const failAll = (): void => {
    for (const ref of storm) system.send(ref, { type: 'Fail', error: new Error('the same for all') });
  };
  return { ...kernel, engine, storm, well, failAll };
}

test('while a thousand fail and recover, again and again, another actor’s messages wait no longer than a few turns of the loop', async () => {
  const { time, system, engine, storm, well, status, failAll } = createStorm();
  await until(() => storm.every((ref) => status(ref) === 'running'), 'the start');
  const turnsOf = async (): Promise<number> => {
    let turns = 0;
    let isAnswered = false;
    void system.ask(well, getValues, 60_000).then(() => (isAnswered = true));
    await until(() => {
      if (!isAnswered) turns++;
      return isAnswered;
    });
    return turns;
  };
  const calm = await turnsOf();
  for (let round = 0; round < 5; round++) {
    failAll();
    expect(await turnsOf()).toBeLessThanOrEqual(calm + 3);
    // Into the middle of the recoveries: the log is slow, and only so many may read it.
    const gate = createGate();
    engine.hold = gate.passed;
    time.advanceNow(3_000);
    expect(await turnsOf()).toBeLessThanOrEqual(calm + 3);
    await until(() => engine.readingCount > 0, 'the first to read');
    gate.open();
    expect(await turnsOf()).toBeLessThanOrEqual(calm + 3);
    await until(() => storm.every((ref) => system.node(ref)?.status === 'running'), 'all to be back');
  }
  expect(engine.readingMax).toBe(RECOVERIES_MAX);
});

test('restarts are spread: the delays of a thousand that fail in one moment differ', async () => {
  const { events, failAll } = createStorm();
  await settle(200);
  failAll();
  await settle(50);
  const delaysMs = events.filter(({ kind }) => kind === 'restarted').map(({ delayMs }) => delayMs);
  expect(delaysMs).toHaveLength(ACTORS);
  expect(Math.min(...delaysMs)).toBeLessThan(85);
  expect(Math.max(...delaysMs)).toBeGreaterThan(115);
  expect(new Set(delaysMs).size).toBeGreaterThan(30);
});

type Fields = Partial<SupervisionEvent> & { readonly leftOutCount?: number; readonly causes?: unknown };

test('of identical lines so many are written in a window, the others are counted: none is left out silently', async () => {
  const { time, events, logLines, failAll } = createStorm();
  await settle(200);
  failAll();
  await time.advance(9_000);
  failAll();
  await time.advance(30_000);
  const fields = logLines.map((line) => line.fields as Fields);
  const written = fields.filter(
    ({ kind, leftOutCount }) => kind === 'restarted' && leftOutCount === undefined,
  );
  const leftOut = fields.filter(({ leftOutCount }) => leftOutCount !== undefined);
  const total = leftOut.reduce((sum, { leftOutCount }) => sum + leftOutCount!, written.length);
  expect(events.filter(({ kind }) => kind === 'restarted')).toHaveLength(2 * ACTORS);
  expect(total).toBe(2 * ACTORS);
  expect(written.length).toBeLessThanOrEqual(2 * LINES_PER_WINDOW);
  expect(leftOut.length).toBeLessThanOrEqual(2);
  expect(leftOut[0]).toMatchObject({ kind: 'restarted', causes: [{ cause: 'Error: the same for all' }] });
});

test('what is left out when the system ends is told before it has ended', async () => {
  const { system, logLines, failAll } = createStorm(
    restartWithBackoff({ initialMs: 100, maxMs: 100, jitter: 0, maxRestarts: 0, then: 'park' }),
  );
  await settle(200);
  failAll();
  await settle(50);
  await system.shutdown();
  const summaries = logLines
    .map((line) => line.fields as Fields)
    .filter((fields) => fields.leftOutCount !== undefined);
  expect(summaries).toMatchObject([{ kind: 'parked', leftOutCount: ACTORS - LINES_PER_WINDOW }]);
});

test('dead letters of a storm are bounded in the same way', async () => {
  const { system, time, logLines, deadLetters } = createTestSystem();
  const full = system.spawn(system.root, counterSpec({ mailboxMaxMessages: 1 }));
  for (let count = 0; count < 501; count++) system.send(full, { type: 'Add', value: count });
  await time.advance(11_000);
  expect(deadLetters).toHaveLength(500);
  const lines = logLines.filter(({ message }) => message === 'Dead letter');
  expect(lines).toHaveLength(LINES_PER_WINDOW);
  const [summary] = logLines.filter(({ message }) => message.startsWith('Supervision lines left out'));
  expect(summary?.fields).toMatchObject({
    kind: 'dead letter: mailbox-full',
    leftOutCount: 500 - LINES_PER_WINDOW,
  });
});

test('lines that come slowly are all written', async () => {
  const { system, time, logLines } = createTestSystem();
  const counter = system.spawn(system.root, counterSpec());
  for (let round = 0; round < 2 * LINES_PER_WINDOW; round++) {
    system.send(counter, { type: 'Fail', error: new Error('now and then') });
    await time.advance(11_000);
  }
  const restarts = logLines.filter(({ fields }) => (fields as Fields).kind === 'restarted');
  expect(restarts).toHaveLength(2 * LINES_PER_WINDOW);
});
