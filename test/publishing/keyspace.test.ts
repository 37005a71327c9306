import { expect, it } from 'vitest';
import { Keyspace } from '../../src/publishing/keyspace.ts';
import { FakeClock } from '../support/fake-clock.ts';

it.each([-3_600_000, 3_600_000])(
  'a key lives as long as it was given, also when the wall clock is set by %i ms meanwhile',
  (byMs) => {
    const clock = new FakeClock();
    const keys = new Keyspace(clock);
    keys.set('key', { type: 'string', text: 'value' }, 10_000);
    keys.set('other', { type: 'string', text: 'value' });
    keys.expire('other', 5_000);
    clock.advanceNow(1_000);
    clock.setWallClock(byMs);
    expect([keys.ttlMs('key'), keys.ttlMs('other')]).toEqual([9_000, 4_000]);
    clock.advanceNow(8_999);
    expect(keys.keys()).toEqual(['key']);
    clock.advanceNow(1);
    expect(keys.get('key')).toBeUndefined();
  },
);
