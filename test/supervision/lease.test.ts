import { expect, test } from 'vitest';
import { Lease } from '../../src/supervision/lease.ts';

const at = (monotonicMs: number, wallMs = monotonicMs) => ({ monotonicMs, wallMs });

test('a lease runs from before the question was sent, not from when the answer came', () => {
  const lease = new Lease(1_000, at(0));
  expect(lease.isHeldAt(at(999))).toBe(true);
  expect(lease.isHeldAt(at(1_000))).toBe(false);
  lease.confirm(at(600));
  expect(lease.isHeldAt(at(1_599))).toBe(true);
  expect(lease.isHeldAt(at(1_600))).toBe(false);
});

test('an answer that comes after the lease ran out gives what is left of it', () => {
  const lease = new Lease(1_000, at(0));
  lease.confirm(at(900));
  expect(lease.remainingMs(at(1_850))).toBe(50);
  expect(lease.isHeldAt(at(1_850))).toBe(true);
});

test('an answer that a newer one overtook takes nothing back', () => {
  const lease = new Lease(1_000, at(0));
  lease.confirm(at(800));
  lease.confirm(at(300));
  expect(lease.remainingMs(at(1_000))).toBe(800);
});

test('a machine that was suspended is seen by the wall clock, and a wall clock set back extends nothing', () => {
  const lease = new Lease(1_000, at(0, 50_000));
  expect(lease.isHeldAt(at(10, 51_000))).toBe(false);
  expect(lease.isHeldAt(at(999, 10_000))).toBe(true);
  expect(lease.isHeldAt(at(1_000, 10_000))).toBe(false);
});

test('a fenced lease is never held again', () => {
  const lease = new Lease(1_000, at(0));
  lease.fence();
  lease.confirm(at(10));
  expect(lease.isHeldAt(at(11))).toBe(false);
});
