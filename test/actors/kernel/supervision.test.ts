import { describe, expect, test } from 'vitest';
import type { ActorSpec, StopReason } from '../../../src/actors/kernel/actor-types.ts';
import { TampinesError } from '../../../src/base/errors.ts';
import { PoisonMessageError } from '../../../src/supervision/failure.ts';
import { failureRate, restartWithBackoff } from '../../../src/supervision/strategy.ts';
import { settle } from '../../support/fake-clock.ts';
import {
  counterSpec,
  createGate,
  createTestSystem,
  type CounterMessage,
  type CounterState,
  patient,
  never,
} from './support.ts';

const getValues = (reply: (values: readonly number[]) => void): CounterMessage => ({ type: 'Get', reply });
const fail = (error: unknown = new Error('broken')): CounterMessage => ({ type: 'Fail', error });
const add = (value: number): CounterMessage => ({ type: 'Add', value });

describe('restart', () => {
  test('a failed actor begins again with a new state after the delay of its strategy', async () => {
    const { system, time, events } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec());
    system.send(counter, add(1));
    system.send(counter, fail());
    await time.advance(99);
    expect(system.tree()[0]?.status).toBe('restarting');
    await time.advance(1);
    expect(system.tree()[0]).toMatchObject({
      status: 'running',
      restarts: 1,
      lastFailure: { cause: 'Error: broken' },
    });
    expect(await system.ask(counter, getValues, 1000)).toEqual([]);
    expect(events.map(({ kind, attempt, delayMs }) => ({ kind, attempt, delayMs }))).toEqual([
      { kind: 'started', attempt: 0, delayMs: 0 },
      { kind: 'restarted', attempt: 1, delayMs: 100 },
      { kind: 'started', attempt: 1, delayMs: 0 },
    ]);
  });

  test('each supervision event is one structured log line', async () => {
    const { system, time, events, logLines } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec());
    system.send(counter, fail());
    await time.advance(100);
    expect(logLines.map((line) => line.fields)).toEqual(events);
    expect(logLines[1]?.fields).toEqual({
      timeMs: time.nowMs() - 100,
      path: 'counter',
      kind: 'restarted',
      cause: 'Error: broken',
      errorClass: 'fatal',
      decision: 'restart',
      attempt: 1,
      delayMs: 100,
      recoveredPosition: undefined,
    });
  });

  test('messages that wait while an actor restarts are handled afterwards, the one that failed is not', async () => {
    const { system, time } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec());
    for (const message of [add(1), fail(), add(2)]) system.send(counter, message);
    await time.advance(50);
    system.send(counter, add(3));
    await time.advance(50);
    expect(await system.ask(counter, getValues, 1000)).toEqual([2, 3]);
  });

  test('a wall clock that is set back does not bring failures together that lie far apart', async () => {
    const { system, time } = createTestSystem();
    const strategy = failureRate({ maxFailures: 1, withinMs: 60_000, delayMs: 0, then: 'park' });
    const counter = system.spawn(system.root, counterSpec({ strategy }));
    for (let failure = 0; failure < 3; failure++) {
      system.send(counter, fail());
      await time.advance(60_000);
      time.setWallClock(-120_000);
    }
    expect(system.tree()[0]).toMatchObject({ status: 'running', restarts: 3 });
    system.send(counter, fail());
    system.send(counter, fail());
    await time.advance(1);
    expect(system.tree()[0]).toMatchObject({ status: 'parked', lastFailure: { atMs: time.nowMs() - 1 } });
  });

  test('delays grow with each failure in a row', async () => {
    const { system, time, events } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec());
    for (let failure = 0; failure < 4; failure++) system.send(counter, fail());
    await time.advance(100 + 200 + 400 + 800);
    const delays = events.filter((event) => event.kind === 'restarted').map((event) => event.delayMs);
    expect(delays).toEqual([100, 200, 400, 800]);
  });

  test('a start that fails is tried again and no message is lost by it', async () => {
    const { system, time, kinds } = createTestSystem();
    let starts = 0;
    const counter = system.spawn(
      system.root,
      counterSpec({
        onStarted() {
          starts++;
          if (starts <= 2) throw new Error('not yet');
        },
      }),
    );
    for (const value of [1, 2, 3]) system.send(counter, add(value));
    await time.advance(100 + 200);
    expect(await system.ask(counter, getValues, 1000)).toEqual([1, 2, 3]);
    expect(kinds(counter)).toEqual(['restarted', 'restarted', 'started']);
  });

  test('an initial state that can not be made is tried again as well', async () => {
    const { system, time } = createTestSystem();
    let isReady = false;
    const initialState = (): CounterState => {
      if (!isReady) throw new Error('not yet');
      return { values: [] };
    };
    const counter = system.spawn(system.root, counterSpec({ initialState }));
    system.send(counter, add(1));
    await time.advance(100);
    isReady = true;
    await time.advance(200);
    expect(await system.ask(counter, getValues, 1000)).toEqual([1]);
  });

  test('a handler that returns no state has failed', async () => {
    const { system, time, events } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec());
    system.send(counter, { type: 'ReturnNothing' });
    await time.advance(0);
    expect(events.at(-1)).toMatchObject({ kind: 'restarted' });
    expect(events.at(-1)?.cause).toContain('returned no state for ReturnNothing');
  });

  test('timers of a life end with it', async () => {
    const { system, time } = createTestSystem();
    const fired: number[] = [];
    const counter = system.spawn(
      system.root,
      counterSpec({
        onStarted(_state, context) {
          context.timers.every(10, () => fired.push(context.incarnation));
        },
      }),
    );
    await time.advance(20);
    system.send(counter, fail());
    await time.advance(100);
    expect(fired).toEqual([1, 1]);
    await time.advance(10);
    expect(fired).toEqual([1, 1, 2]);
  });

  test('a timer whose action throws fails its actor', async () => {
    const { system, time, kinds } = createTestSystem();
    const counter = system.spawn(
      system.root,
      counterSpec({
        onStarted(_state, context) {
          if (context.incarnation > 1) return;
          context.timers.after(10, () => {
            throw new Error('in a timer');
          });
        },
      }),
    );
    await time.advance(10 + 100);
    expect(kinds(counter)).toEqual(['started', 'restarted', 'started']);
  });

  test('a life that failed releases what it held, once, and a failing release harms nothing', async () => {
    const { system, time, status } = createTestSystem();
    const released: [StopReason, readonly number[]][] = [];
    const onStop = (state: CounterState, _context: unknown, reason: StopReason) => {
      released.push([reason, state.values]);
      throw new Error('stuck door');
    };
    const counter = system.spawn(system.root, counterSpec({ onStop }));
    system.send(counter, add(1));
    system.send(counter, fail());
    await time.advance(100);
    expect(status(counter)).toBe('running');
    await system.stop(counter);
    expect(released).toEqual([
      ['failure', [1]],
      ['stop', []],
    ]);
  });

  test('an operator restarts an actor; its waiting messages are kept', async () => {
    const { system, events } = createTestSystem();
    const gate = createGate();
    const counter = system.spawn(system.root, counterSpec());
    system.send(counter, add(1));
    system.send(counter, { type: 'Wait', until: gate.passed });
    system.send(counter, add(2));
    await settle();
    const restarted = system.restart(counter, 'asked by an operator');
    gate.open();
    await restarted;
    expect(await system.ask(counter, getValues, 1000)).toEqual([2]);
    expect(events.find((event) => event.kind === 'restarted')).toMatchObject({
      cause: 'asked by an operator',
    });
  });

  test('a storm of failing siblings does not hold up the others', async () => {
    const { system, time, status } = createTestSystem();
    const storm = Array.from({ length: 50 }, (_, index) =>
      system.spawn(system.root, counterSpec({ name: `failing-${String(index)}` })),
    );
    const well = system.spawn(system.root, counterSpec({ name: 'well' }));
    for (let round = 0; round < 5; round++) {
      for (const ref of storm) system.send(ref, fail());
      system.send(well, add(round));
    }
    await settle();
    expect(await system.ask(well, getValues, 1000)).toEqual([0, 1, 2, 3, 4]);
    await time.advance(100 + 200 + 400 + 800 + 1600);
    expect(storm.map(status)).toEqual(storm.map(() => 'running'));
  });
});

describe('classes of error', () => {
  test('a poisonous message becomes a dead letter and does not count against the limit', async () => {
    const { system, time, deadLetters, kinds } = createTestSystem();
    const strategy = failureRate({ maxFailures: 0, withinMs: 1000, delayMs: 10, then: 'park' });
    const counter = system.spawn(system.root, counterSpec({ strategy }));
    system.send(counter, fail(new PoisonMessageError('bad level')));
    system.send(counter, add(1));
    await time.advance(0);
    expect(await system.ask(counter, getValues, 1000)).toEqual([1]);
    expect(deadLetters).toMatchObject([
      { reason: 'poison', message: 'Fail', cause: 'PoisonMessageError: bad level' },
    ]);
    expect(kinds(counter)).toEqual(['started', 'poison', 'started']);
  });

  test('transient failures are waited out without end', async () => {
    const { system, time, status } = createTestSystem();
    const strategy = failureRate({ maxFailures: 1, withinMs: 100_000, delayMs: 10, then: 'park' });
    const counter = system.spawn(system.root, counterSpec({ strategy }));
    for (let failure = 0; failure < 20; failure++) {
      system.send(counter, fail(new TampinesError('SERVICE_UNAVAILABLE', 'away')));
      await time.advance(10);
    }
    expect(status(counter)).toBe('running');
  });

  test('a fenced actor lets go: it is gone, its messages are dropped silently, and one event says so', async () => {
    const { system, deadLetters, kinds } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec());
    const child = system.spawn(counter, counterSpec({ name: 'child' }));
    system.send(counter, fail(new TampinesError('FENCED', 'newer claim')));
    system.send(counter, add(1));
    await settle(40);
    expect(system.has(counter)).toBe(false);
    expect(system.has(child)).toBe(false);
    expect(deadLetters).toEqual([]);
    expect(kinds(counter)).toEqual(['started', 'fenced']);
  });

  test('an actor may class its errors itself', async () => {
    const { system, kinds } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec({ classify: () => 'fenced' }));
    system.send(counter, fail());
    await settle(40);
    expect(kinds(counter)).toEqual(['started', 'fenced']);
  });
});

describe('beyond the limit', () => {
  const oneFailure = (then: 'park' | 'escalate' | 'stop') =>
    failureRate({ maxFailures: 1, withinMs: 10_000, delayMs: 10, then });

  test('a parked actor stays in the tree with its cause, and its messages are dead letters', async () => {
    const { system, time, events, deadLetters, status } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec({ strategy: oneFailure('park') }));
    for (const message of [fail(), fail(), add(1)]) system.send(counter, message);
    await time.advance(10);
    expect(status(counter)).toBe('parked');
    expect(events.at(-1)).toMatchObject({
      kind: 'parked',
      cause: 'Error: broken',
      attempt: 2,
      decision: 'park',
    });
    expect(system.tree()[0]?.lastFailure?.cause).toBe('Error: broken');
    expect(system.send(counter, add(2))).toBe(false);
    expect(deadLetters.map(({ reason, message }) => [reason, message])).toEqual([
      ['parked', 'Add'],
      ['parked', 'Add'],
    ]);
  });

  test('a parked actor can be started again, with its failures forgotten', async () => {
    const { system, time, kinds, status } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec({ strategy: oneFailure('park') }));
    for (const message of [fail(), fail()]) system.send(counter, message);
    await time.advance(10);
    system.unpark(counter);
    system.send(counter, add(1));
    expect(await system.ask(counter, getValues, 1000)).toEqual([1]);
    system.send(counter, fail());
    await time.advance(10);
    expect(status(counter)).toBe('running');
    expect(kinds(counter)).toEqual([
      'started',
      'restarted',
      'started',
      'parked',
      'unparked',
      'started',
      'restarted',
      'started',
    ]);
  });

  test('whoever hears that an actor is parked may start it again at once', async () => {
    const { system, time, events, status } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec({ strategy: oneFailure('park') }));
    const push = events.push.bind(events);
    events.push = (event) => {
      if (event.kind === 'parked') system.unpark(counter);
      return push(event);
    };
    for (const message of [fail(), fail()]) system.send(counter, message);
    await time.advance(10);
    expect(status(counter)).toBe('running');
  });

  test('an operator parks an actor after the message in hand; what waited is told, and it starts again when asked to', async () => {
    const { system, time, deadLetters, kinds, status } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec());
    system.send(counter, { type: 'Wait', until: time.sleep(50) });
    system.send(counter, add(1));
    await settle();
    const parked = system.park(counter, 'a drill');
    await time.advance(60);
    await parked;
    expect(status(counter)).toBe('parked');
    expect(system.send(counter, add(2))).toBe(false);
    expect(deadLetters.map(({ reason }) => reason)).toEqual(['parked', 'parked']);
    await system.park(counter, 'once more');
    system.unpark(counter);
    system.send(counter, add(3));
    expect(await system.ask(counter, getValues, 1000)).toEqual([3]);
    expect(kinds(counter)).toEqual(['started', 'parked', 'unparked', 'started']);
  });

  test('who starts an actor again while it is being parked finds it running', async () => {
    const { system, time, status } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec());
    system.send(counter, { type: 'Wait', until: time.sleep(50) });
    await settle();
    const orders = [system.park(counter, 'a drill'), system.restart(counter, 'no')];
    await time.advance(60);
    await Promise.all(orders);
    await settle();
    expect(status(counter)).toBe('running');
  });

  test('an operator who restarts the parent brings back children that gave up', async () => {
    const { system, time, status } = createTestSystem();
    const strategy = restartWithBackoff({ initialMs: 60_000, maxMs: 60_000, jitter: 0 });
    const group = system.spawn(system.root, counterSpec({ name: 'group', strategy }));
    const bad = system.spawn(group, counterSpec({ name: 'bad', strategy: oneFailure('escalate') }));
    for (const message of [fail(), fail()]) system.send(bad, message);
    await time.advance(10);
    expect([group, bad].map(status)).toEqual(['restarting', 'stopped']);
    await system.restart(group, 'now');
    await settle();
    expect([group, bad].map(status)).toEqual(['running', 'running']);
    await time.advance(60_000);
    expect([group, bad].map(status)).toEqual(['running', 'running']);
  });

  test('a group that is stopped while it waits for its restart stays stopped', async () => {
    const { system, time } = createTestSystem();
    const group = system.spawn(system.root, counterSpec({ name: 'group' }));
    const bad = system.spawn(group, counterSpec({ name: 'bad', strategy: oneFailure('escalate') }));
    for (const message of [fail(), fail()]) system.send(bad, message);
    await time.advance(10);
    await system.stop(group);
    await time.advance(10_000);
    expect(system.tree()).toEqual([]);
  });

  test('what is started below a parked actor begins with it', async () => {
    const { system, time, status } = createTestSystem();
    const group = system.spawn(system.root, counterSpec({ strategy: oneFailure('park') }));
    for (const message of [fail(), fail()]) system.send(group, message);
    await time.advance(10);
    const child = system.spawn(group, counterSpec({ name: 'child' }));
    expect(status(child)).toBe('stopped');
    system.unpark(group);
    await settle();
    expect(status(child)).toBe('running');
  });

  test('children of a parked actor are stopped, and start again with it', async () => {
    const { system, time, status } = createTestSystem();
    const parent = system.spawn(system.root, counterSpec({ strategy: oneFailure('park') }));
    const child = system.spawn(parent, counterSpec({ name: 'child' }));
    for (const message of [fail(), fail()]) system.send(parent, message);
    await time.advance(10);
    expect(status(child)).toBe('stopped');
    system.unpark(parent);
    await settle();
    expect([status(parent), status(child)]).toEqual(['running', 'running']);
  });

  test('an actor whose strategy ends with stop is taken out of the tree', async () => {
    const { system, time, kinds } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec({ strategy: oneFailure('stop') }));
    for (const message of [fail(), fail()]) system.send(counter, message);
    await time.advance(10);
    expect(system.has(counter)).toBe(false);
    expect(kinds(counter).at(-1)).toBe('stopped');
  });

  test('an escalation restarts the whole group by the strategy of the parent', async () => {
    const { system, time, kinds, status } = createTestSystem();
    const group = system.spawn(system.root, counterSpec({ name: 'group' }));
    const bad = system.spawn(group, counterSpec({ name: 'bad', strategy: oneFailure('escalate') }));
    const sibling = system.spawn(group, counterSpec({ name: 'sibling' }));
    const other = system.spawn(system.root, counterSpec({ name: 'other' }));
    for (const ref of [sibling, other]) system.send(ref, add(1));
    for (const message of [fail(), fail()]) system.send(bad, message);
    await time.advance(10);
    expect([group, bad, sibling, other].map(status)).toEqual(['restarting', 'stopped', 'stopped', 'running']);
    await time.advance(100);
    expect([group, bad, sibling, other].map(status)).toEqual(['running', 'running', 'running', 'running']);
    expect(kinds(bad)).toEqual(['started', 'restarted', 'started', 'escalated', 'started']);
    expect(kinds(group)).toEqual(['started', 'restarted', 'started']);
    expect(await system.ask(sibling, getValues, 1000)).toEqual([]);
    expect(await system.ask(other, getValues, 1000)).toEqual([1]);
  });

  test('messages sent while a group is down are handled when it is back', async () => {
    const { system, time } = createTestSystem();
    const group = system.spawn(system.root, counterSpec({ name: 'group' }));
    const bad = system.spawn(group, counterSpec({ name: 'bad', strategy: oneFailure('escalate') }));
    for (const message of [fail(), fail()]) system.send(bad, message);
    await time.advance(10);
    expect(system.send(bad, add(7))).toBe(true);
    await time.advance(100);
    expect(await system.ask(bad, getValues, 1000)).toEqual([7]);
  });

  test('a group that gives up as well escalates further, and at the top it is parked', async () => {
    const { system, time, kinds, status } = createTestSystem();
    const noFailure = failureRate({ maxFailures: 0, withinMs: 1000, delayMs: 10, then: 'escalate' });
    const top = system.spawn(system.root, counterSpec({ name: 'top', strategy: noFailure }));
    const group = system.spawn(top, counterSpec({ name: 'group', strategy: noFailure }));
    const bad = system.spawn(group, counterSpec({ name: 'bad', strategy: noFailure }));
    system.send(bad, fail());
    await time.advance(0);
    await settle(60);
    expect([top, group, bad].map(status)).toEqual(['parked', 'stopped', 'stopped']);
    expect(kinds(top)).toEqual(['started', 'escalated', 'parked']);
    system.unpark(top);
    await settle();
    expect([top, group, bad].map(status)).toEqual(['running', 'running', 'running']);
  });

  test('siblings that give up together restart their group once', async () => {
    const { system, time, kinds } = createTestSystem();
    const noFailure = failureRate({ maxFailures: 0, withinMs: 1000, delayMs: 10, then: 'escalate' });
    const group = system.spawn(system.root, counterSpec({ name: 'group' }));
    const bad = ['a', 'b', 'c'].map((name) =>
      system.spawn(group, counterSpec({ name, strategy: noFailure })),
    );
    const gate = createGate();
    const until = gate.passed.then(() => Promise.reject(new Error('together')));
    for (const ref of bad) system.send(ref, { type: 'Wait', until });
    await settle();
    gate.open();
    await time.advance(200);
    expect(kinds(group)).toEqual(['started', 'restarted', 'started']);
    expect(bad.map((ref) => kinds(ref).at(-1))).toEqual(['started', 'started', 'started']);
  });
});

describe('stop', () => {
  test('a stop drains the mailbox first', async () => {
    const { system } = createTestSystem();
    const seen: (readonly number[])[] = [];
    const onStop = (state: CounterState) => void seen.push(state.values);
    const counter = system.spawn(system.root, counterSpec({ onStop }));
    for (const value of [1, 2, 3]) system.send(counter, add(value));
    await system.stop(counter);
    expect(seen).toEqual([[1, 2, 3]]);
  });

  test('a tree stops bottom-up, siblings in reverse start order', async () => {
    const { system } = createTestSystem();
    const stopped: string[] = [];
    const spec = (name: string): ActorSpec<CounterMessage, CounterState> =>
      counterSpec({ name, onStop: (_state, context) => void stopped.push(context.path) });
    const a = system.spawn(system.root, spec('a'));
    const b = system.spawn(system.root, spec('b'));
    for (const parent of [a, b]) for (const name of ['1', '2']) system.spawn(parent, spec(name));
    await settle();
    await system.shutdown();
    expect(stopped).toEqual(['b/2', 'b/1', 'b', 'a/2', 'a/1', 'a']);
  });

  test('an actor that does not stop in time is abandoned, and what it still does counts for nothing', async () => {
    const { system, time, kinds, deadLetters } = createTestSystem();
    const gate = createGate();
    const other = system.spawn(system.root, counterSpec({ name: 'other' }));
    const sent: boolean[] = [];
    const slow = system.spawn(
      system.root,
      counterSpec({
        name: 'slow',
        shutdownMs: 1000,
        async receive(state, _message, context) {
          await gate.passed;
          sent.push(context.send(other, add(1)));
          return state;
        },
      }),
    );
    system.send(slow, add(1));
    system.send(slow, add(2));
    await settle();
    const stopped = system.stop(slow);
    await time.advance(1000);
    await stopped;
    gate.open();
    await settle();
    expect(sent).toEqual([false]);
    expect(kinds(slow)).toEqual(['started', 'abandoned', 'stopped']);
    expect(deadLetters).toMatchObject([{ path: 'slow', reason: 'stopped', message: 'Add' }]);
  });

  test('children that do not know one another may stop all at once', async () => {
    const { system } = createTestSystem();
    const gate = createGate();
    let stoppingCount = 0;
    const parent = system.spawn(system.root, counterSpec({ stopChildren: 'together' }));
    for (const name of ['a', 'b', 'c']) {
      const onStop = () => {
        stoppingCount++;
        return gate.passed;
      };
      system.spawn(parent, counterSpec({ name, onStop }));
    }
    await settle();
    const stopped = system.stop(parent);
    await settle();
    expect(stoppingCount).toBe(3);
    gate.open();
    await stopped;
    expect(system.tree()).toEqual([]);
  });

  test('a restart that waits for a slow release goes on after its deadline', async () => {
    const { system, time, status } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec({ shutdownMs: 1000, onStop: () => never }));
    await settle();
    system.send(counter, fail());
    await time.advance(1000 + 100);
    expect(status(counter)).toBe('running');
  });

  test('an actor that waits for its restart stops at once', async () => {
    const { system, time } = createTestSystem();
    const strategy = restartWithBackoff({ initialMs: 60_000, maxMs: 60_000, jitter: 0 });
    const counter = system.spawn(system.root, counterSpec({ strategy }));
    system.send(counter, fail());
    await settle();
    await system.stop(counter);
    expect(system.has(counter)).toBe(false);
    await time.advance(120_000);
    expect(system.tree()).toEqual([]);
  });

  test('an actor that fails while it drains is stopped all the same', async () => {
    const { system, deadLetters } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec());
    for (const message of [fail(), add(1)]) system.send(counter, message);
    await system.stop(counter);
    expect(system.has(counter)).toBe(false);
    expect(deadLetters).toMatchObject([{ reason: 'stopped', message: 'Add' }]);
  });

  test('the path of a stopped actor is free again, and old references reach the new one', async () => {
    const { system } = createTestSystem();
    const first = system.spawn(system.root, counterSpec());
    system.send(first, add(1));
    await system.stop(first);
    system.spawn(system.root, counterSpec());
    system.send(first, add(2));
    expect(await system.ask(first, getValues, 1000)).toEqual([2]);
  });

  test('children made by a life end with it and are made anew', async () => {
    const { system, time, kinds } = createTestSystem();
    const onStarted: NonNullable<ActorSpec<CounterMessage, CounterState>['onStarted']> = (
      _state,
      context,
    ) => {
      context.spawn(counterSpec({ name: 'child' }));
    };
    const parent = system.spawn(system.root, counterSpec({ onStarted }));
    await settle();
    system.send(parent, fail());
    await time.advance(100);
    expect(kinds({ path: 'counter/child' })).toEqual(['started', 'stopped', 'started']);
    await system.stop(parent);
    expect(system.tree()).toEqual([]);
  });
});

describe('watchdog', () => {
  test('a handler that takes too long is cut off, and the actor lives on with the messages that wait', async () => {
    const { system, time, kinds, events } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec({ handlerMaxMs: 5000 }));
    system.send(counter, { type: 'Wait', until: never });
    system.send(counter, add(1));
    await time.advance(6000);
    expect(events.find((event) => event.kind === 'stuck')?.cause).toContain('HANDLER_STUCK');
    await time.advance(100);
    expect(await system.ask(counter, getValues, 1000)).toEqual([1]);
    expect(kinds(counter)).toEqual(['started', 'stuck', 'restarted', 'started']);
  });

  test('what a cut-off handler returns later is thrown away', async () => {
    const { system, time } = createTestSystem();
    const gate = createGate();
    const counter = system.spawn(system.root, counterSpec({ handlerMaxMs: 5000 }));
    system.send(counter, add(1));
    system.send(counter, { type: 'Wait', until: gate.passed });
    await time.advance(6100);
    gate.open();
    system.send(counter, add(2));
    await settle();
    expect(await system.ask(counter, getValues, 1000)).toEqual([2]);
  });

  test('a handler that fails after it was cut off fails nobody', async () => {
    const { system, time, kinds } = createTestSystem();
    const gate = createGate();
    const counter = system.spawn(system.root, counterSpec({ handlerMaxMs: 5000 }));
    const until = gate.passed.then(() => Promise.reject(new Error('too late')));
    system.send(counter, { type: 'Wait', until });
    await time.advance(6100);
    gate.open();
    await settle();
    expect(kinds(counter)).toEqual(['started', 'stuck', 'restarted', 'started']);
  });

  test('who asked a handler that is cut off is told', async () => {
    const { system, time } = createTestSystem();
    const counter = system.spawn(system.root, counterSpec({ handlerMaxMs: 5000, strategy: patient }));
    const asked = system.ask(counter, (): CounterMessage => ({ type: 'Wait', until: never }), 60_000);
    const outcome = expect(asked).rejects.toMatchObject({ code: 'HANDLER_STUCK' });
    await time.advance(6000);
    await outcome;
  });
});
