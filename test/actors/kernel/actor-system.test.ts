import { expect, test } from 'vitest';
import { createActorSystem } from '../../../src/actors/kernel/actor-system.ts';
import type { ActorRef } from '../../../src/actors/kernel/actor-types.ts';
import { createSeededRandom } from '../../../src/base/clock.ts';
import { FakeClock, settle, until } from '../../support/fake-clock.ts';
import { counterSpec, createTestSystem, type CounterMessage, never, patient } from './support.ts';

const getValues = (reply: (values: readonly number[]) => void): CounterMessage => ({ type: 'Get', reply });

test('messages are handled one at a time in the order they were sent', async () => {
  const { system } = createTestSystem();
  const counter = system.spawn(system.root, counterSpec());
  for (const value of [1, 2, 3]) expect(system.send(counter, { type: 'Add', value })).toBe(true);
  expect(await system.ask(counter, getValues, 1000)).toEqual([1, 2, 3]);
});

test('names may be any text, and the tree shows them as they are', async () => {
  const { system } = createTestSystem();
  const names = ['binance/BTC-USDT', 'a b', 'é$~%', '…'];
  const refs = names.map((name) => system.spawn(system.root, counterSpec({ name })));
  for (const ref of refs) expect(await system.ask(ref, getValues, 1000)).toEqual([]);
  expect(system.tree().map((node) => node.path)).toEqual(names);
});

test('two actors of one path can not be there', () => {
  const { system } = createTestSystem();
  system.spawn(system.root, counterSpec());
  expect(() => system.spawn(system.root, counterSpec())).toThrow(
    expect.objectContaining({ code: 'ACTOR_EXISTS' }),
  );
});

test('an actor needs a parent that is there', async () => {
  const { system } = createTestSystem();
  const parent = system.spawn(system.root, counterSpec());
  await system.stop(parent);
  expect(() => system.spawn(parent, counterSpec({ name: 'child' }))).toThrow(
    expect.objectContaining({ code: 'ACTOR_UNAVAILABLE' }),
  );
});

test('a message to an actor that is gone is refused and becomes a dead letter', async () => {
  const { system, deadLetters } = createTestSystem();
  const counter = system.spawn(system.root, counterSpec());
  await system.stop(counter);
  expect(system.send(counter, { type: 'Add', value: 1 })).toBe(false);
  expect(deadLetters).toMatchObject([{ path: 'counter', reason: 'gone', message: 'Add' }]);
});

test('a full mailbox refuses the next message, which becomes a dead letter', async () => {
  const { system, deadLetters } = createTestSystem();
  const describe = (message: CounterMessage) => `${message.type} to the counter`;
  const counter = system.spawn(system.root, counterSpec({ mailboxMaxMessages: 2, describe }));
  const sent = [1, 2, 3].map((value) => system.send(counter, { type: 'Add', value }));
  expect(sent).toEqual([true, true, false]);
  expect(deadLetters).toMatchObject([{ reason: 'mailbox-full', message: 'Add to the counter' }]);
  await until(() => system.tree()[0]?.mailboxCount === 0, 'the mailbox to be empty');
  expect(await system.ask(counter, getValues, 1000)).toEqual([1, 2]);
});

test('who asks is told when the handler fails on the question', async () => {
  const { system } = createTestSystem();
  const counter = system.spawn(system.root, counterSpec());
  const asked = system.ask(
    counter,
    (): CounterMessage => ({ type: 'Fail', error: new Error('no answer') }),
    1000,
  );
  await expect(asked).rejects.toThrow('no answer');
});

test('who asks an actor that is gone is told at once', async () => {
  const { system } = createTestSystem();
  const counter = system.spawn(system.root, counterSpec());
  await system.stop(counter);
  await expect(system.ask(counter, getValues, 1000)).rejects.toMatchObject({ code: 'ACTOR_UNAVAILABLE' });
});

test('who asks and gets no reply is told after the time given', async () => {
  const { system, time } = createTestSystem();
  const counter = system.spawn(system.root, counterSpec());
  const asked = system.ask(counter, (): CounterMessage => ({ type: 'Add', value: 1 }), 500);
  const outcome = expect(asked).rejects.toMatchObject({ code: 'ASK_TIMEOUT' });
  await time.advance(500);
  await outcome;
});

test('the tree shows what each actor is doing', async () => {
  const { system, time } = createTestSystem();
  const parent = system.spawn(system.root, counterSpec({ name: 'parent' }));
  const child = system.spawn(parent, counterSpec({ name: 'child' }));
  system.send(child, { type: 'Wait', until: never });
  system.send(child, { type: 'Add', value: 1 });
  await time.advance(250);
  expect(system.tree()).toMatchObject([
    { path: 'parent', parentPath: '', kind: 'plain', status: 'running', mailboxCount: 0, restarts: 0 },
    {
      path: 'parent/child',
      parentPath: 'parent',
      status: 'running',
      mailboxCount: 1,
      handlerAgeMs: 250,
    },
  ]);
});

test('an actor sends to others and to itself through its context', async () => {
  const { system } = createTestSystem();
  const counter = system.spawn(system.root, counterSpec());
  const relay = system.spawn(system.root, {
    name: 'relay',
    strategy: patient,
    initialState: () => 0,
    receive(state: number, message: { type: 'Relay'; left: number }, context) {
      context.send(counter, { type: 'Add', value: message.left });
      if (message.left > 0) context.send(context.self, { type: 'Relay', left: message.left - 1 });
      return state + 1;
    },
  });
  system.send(relay, { type: 'Relay', left: 2 });
  await settle(30);
  expect(await system.ask(counter, getValues, 1000)).toEqual([2, 1, 0]);
});

test('nothing can be started in a system that was shut down', async () => {
  const { system, time } = createTestSystem();
  system.spawn(system.root, counterSpec());
  await system.shutdown();
  expect(system.tree()).toEqual([]);
  expect(time.pendingTimerCount).toBe(0);
  expect(() => system.spawn(system.root, counterSpec())).toThrow(
    expect.objectContaining({ code: 'ACTOR_UNAVAILABLE' }),
  );
});

test('a reference takes only the messages of its actor, by the word of the compiler', () => {
  const { system, deadLetters } = createTestSystem();
  const other: ActorRef<{ readonly type: 'Other' }> = { path: 'other' };
  const counter = system.spawn(system.root, counterSpec());
  // @ts-expect-error the message is one of another actor
  system.send(counter, { type: 'Other' });
  // @ts-expect-error the reference is one of another actor
  const wrong: ActorRef<CounterMessage> = other;
  expect(system.send(wrong, { type: 'Add', value: 1 })).toBe(false);
  expect(deadLetters).toHaveLength(1);
});

test('a failing listener or describer disturbs no actor', async () => {
  const time = new FakeClock();
  const lines: string[] = [];
  const keep = (_fields: object, message: string) => void lines.push(message);
  const breakDown = () => {
    throw new Error('listener');
  };
  const system = createActorSystem({
    name: 'test',
    clock: time,
    timers: time,
    random: createSeededRandom(1),
    log: { debug: keep, info: keep, warn: keep, error: keep },
    onSupervisionEvent: breakDown,
    onDeadLetter: breakDown,
  });
  const counter = system.spawn(system.root, counterSpec({ mailboxMaxMessages: 1, describe: breakDown }));
  system.send(counter, { type: 'Add', value: 1 });
  expect(system.send(counter, { type: 'Add', value: 2 })).toBe(false);
  await settle();
  expect(await system.ask(counter, getValues, 1000)).toEqual([1]);
  expect(lines).toContain('A listener for supervision failed');
});
