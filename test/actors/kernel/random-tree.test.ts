/** A tree of actors under random orders and failures, from seeds: whatever happens, it comes to rest, and nothing is left when it is shut down. */
import { expect, test } from 'vitest';
import type { ActorRef } from '../../../src/actors/kernel/actor-types.ts';
import { createSeededRandom } from '../../../src/base/clock.ts';
import { TampinesError } from '../../../src/base/errors.ts';
import { failureRate } from '../../../src/supervision/strategy.ts';
import { settle } from '../../support/fake-clock.ts';
import {
  counterSpec,
  createTestSystem,
  type CounterMessage,
  MemoryEngine,
  persistentCounterSpec,
} from './support.ts';

const SEEDS = 60;
const STEPS = 60;

/** Seeds that once found a mistake. */
const FOUND = [329];

for (const seed of [...FOUND, ...Array.from({ length: SEEDS }, (_, index) => index + 1)]) {
  test(`a tree under random failures and orders comes to rest (seed ${String(seed)})`, async () => {
    const random = createSeededRandom(seed);
    const draw = (below: number) => Math.floor(random() * below);
    const { system, time, status } = createTestSystem();
    const strategy = () =>
      failureRate({
        maxFailures: draw(3),
        withinMs: 1000,
        delayMs: draw(50),
        then: (['escalate', 'park', 'stop'] as const)[draw(3)]!,
      });
    const engines = new Map<string, MemoryEngine>();
    const refs: ActorRef<CounterMessage>[] = [];
    const spawn = (parent: ActorRef<CounterMessage> | undefined, name: string) => {
      const spec = { name, strategy: strategy(), shutdownMs: 100, handlerMaxMs: 500 };
      const place = parent ?? system.root;
      if (random() < 0.5) return void refs.push(system.spawn(place, counterSpec(spec)));
      const engine = new MemoryEngine();
      const ref = system.spawnPersistent(
        place,
        persistentCounterSpec(engine, { ...spec, key: `${place.path}/${name}` }),
      );
      engines.set(ref.path, engine);
      refs.push(ref);
    };
    for (let top = 0; top < 2; top++) {
      spawn(undefined, `top-${String(top)}`);
      const parent = refs.at(-1)!;
      for (let child = 0; child < 3; child++) spawn(parent, `child-${String(child)}`);
    }

    const orders: Promise<unknown>[] = [];
    for (let step = 0; step < STEPS; step++) {
      const ref = refs[draw(refs.length)]!;
      const engine = engines.get(ref.path);
      switch (draw(9)) {
        case 0:
          system.send(ref, { type: 'Fail', error: new Error('broken') });
          break;
        case 1:
          system.send(ref, { type: 'Fail', error: new TampinesError('SERVICE_UNAVAILABLE', 'away') });
          break;
        case 2:
          engine?.appendFailures.push(new TampinesError('OUTCOME_UNKNOWN', 'lost'));
          break;
        case 3:
          engine?.readFailures.push(new Error('torn'));
          break;
        case 4:
          if (system.has(ref)) orders.push(system.restart(ref, 'asked').catch(() => undefined));
          break;
        case 5:
          if (status(ref) === 'parked') system.unpark(ref);
          break;
        case 6:
          system.send(ref, { type: 'Wait', until: time.sleep(draw(1500)) });
          break;
        case 8:
          if (system.has(ref)) orders.push(system.park(ref, 'asked').catch(() => undefined));
          break;
        case 7:
          if (draw(6) === 0) orders.push(system.stop(ref));
          break;
        default:
          system.send(ref, { type: 'Add', value: step });
      }
      if (random() < 0.5) await settle(1 + draw(4));
      if (random() < 0.3) await time.advance(draw(60));
    }
    await time.advance(20_000);
    await Promise.all(orders);

    for (const node of system.tree()) {
      const parent = system.tree().find((other) => other.path === node.parentPath);
      const isBelowStopped = parent?.status === 'parked' || parent?.status === 'stopped';
      expect(isBelowStopped ? ['parked', 'stopped', 'running'] : ['parked', 'running']).toContain(
        node.status,
      );
      expect(node.mailboxCount === 0 || node.status !== 'running').toBe(true);
      if (node.status !== 'running') continue;
      const ref = refs.find((other) => other.path === node.path)!;
      const values = await system.ask<CounterMessage, readonly number[]>(
        ref,
        (reply) => ({ type: 'Get', reply }),
        1000,
      );
      const engine = engines.get(node.path);
      if (engine === undefined) continue;
      expect(values).toEqual(engine.values);
      expect(engine.entries.map((entry) => entry.batchNumber)).toEqual(values.map((_, index) => index + 1));
    }
    await system.shutdown();
    expect(system.tree()).toEqual([]);
    expect(time.pendingTimerCount).toBe(0);
  });
}
