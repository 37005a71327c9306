import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Mailbox } from '../../../src/actors/kernel/mailbox.ts';
import { RecoveryGate } from '../../../src/actors/kernel/recovery-gate.ts';
import { settle } from '../../support/fake-clock.ts';

test('a mailbox does what a plain array does, over any mix of operations', () => {
  const operation = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ type: fc.constant('push'), count: fc.integer({ min: 1, max: 700 }) }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ type: fc.constant('take'), count: fc.integer({ min: 1, max: 700 }) }),
    },
    { weight: 3, arbitrary: fc.record({ type: fc.constant('pushFirst'), count: fc.constant(1) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('takeAll'), count: fc.constant(1) }) },
  );
  const property = fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
    const mailbox = new Mailbox();
    let expected: unknown[] = [];
    let next = 0;
    for (const { type, count } of operations) {
      if (type === 'takeAll') {
        expect(mailbox.takeAll().map((envelope) => envelope.message)).toEqual(expected);
        expected = [];
      }
      for (let index = 0; index < count; index++) {
        if (type === 'push') {
          mailbox.push({ message: ++next });
          expected.push(next);
        } else if (type === 'pushFirst') {
          mailbox.pushFirst({ message: ++next });
          expected.unshift(next);
        } else if (type === 'take') {
          expect(mailbox.take()?.message).toBe(expected.shift());
        }
      }
      expect(mailbox.length).toBe(expected.length);
    }
  });
  fc.assert(property, { seed: 20260101, numRuns: 60 });
});

test('a gate lets in as many as it has places, in order, and leaving twice frees one place only', async () => {
  const gate = new RecoveryGate(2);
  const entered: number[] = [];
  const leaves: (() => void)[] = [];
  for (const number of [1, 2, 3, 4]) {
    void gate.enter().then((leave) => {
      entered.push(number);
      leaves.push(leave);
    });
  }
  await settle(1);
  expect(entered).toEqual([1, 2]);
  leaves[0]!();
  leaves[0]!();
  await settle(1);
  expect(entered).toEqual([1, 2, 3]);
  expect(gate.runningCount).toBe(2);
  for (const leave of leaves.slice(1)) leave();
  await settle(1);
  for (const leave of leaves) leave();
  expect(entered).toEqual([1, 2, 3, 4]);
  expect(gate.runningCount).toBe(0);
});
