import { describe, expect, test } from 'vitest';
import { TampinesError } from '../../src/base/errors.ts';
import { classifyError, describeCause, PoisonMessageError } from '../../src/supervision/failure.ts';
import { PoisonTracker } from '../../src/supervision/poison-tracker.ts';

describe('classes of error', () => {
  test.each([
    [new TampinesError('FENCED', 'x'), 'fenced'],
    [new TampinesError('FENCED', 'x', { isRetryable: true }), 'fenced'],
    [new TampinesError('OUTCOME_UNKNOWN', 'x'), 'transient'],
    [new TampinesError('SERVICE_UNAVAILABLE', 'x'), 'transient'],
    [new TampinesError('FEED_REQUEST', 'x', { isRetryable: true }), 'transient'],
    [new TampinesError('JOURNAL_SEQUENCE', 'x'), 'fatal'],
    [new PoisonMessageError('x'), 'poison'],
    [new Error('x'), 'fatal'],
    ['a text', 'fatal'],
    [undefined, 'fatal'],
  ])('%s is %s', (error, errorClass) => {
    expect(classifyError(error)).toBe(errorClass);
  });

  test('a cause is one line of bounded length, for whatever was thrown', () => {
    expect(describeCause(new Error('two\n  lines'))).toBe('Error: two lines');
    expect(describeCause(new TampinesError('FENCED', 'newer claim'))).toBe('FENCED: newer claim');
    expect(describeCause('text')).toBe('thrown text');
    expect(describeCause(undefined)).toBe('thrown undefined');
    expect(describeCause({ toString: () => 'x' })).toBe('thrown an object that is no Error');
    expect(describeCause(new Error('x'.repeat(1000)))).toHaveLength(500);
  });
});

describe('poison', () => {
  test('a message is poison when it fails its actor for the second time, and is then forgotten', () => {
    const tracker = new PoisonTracker();
    expect([tracker.recordFailure('a:1'), tracker.recordFailure('a:2')]).toEqual([false, false]);
    expect(tracker.recordFailure('a:1')).toBe(true);
    expect(tracker.trackedCount).toBe(1);
    expect(tracker.recordFailure('a:1')).toBe(false);
  });

  test('a message that was handled after all starts from nothing', () => {
    const tracker = new PoisonTracker();
    tracker.recordFailure('a');
    tracker.recordSuccess('a');
    expect(tracker.recordFailure('a')).toBe(false);
  });

  test('of too many failing messages the one that failed longest ago is forgotten', () => {
    const tracker = new PoisonTracker({ trackedMax: 2, afterFailures: 3 });
    for (const key of ['a', 'b', 'a', 'c']) tracker.recordFailure(key);
    expect(tracker.trackedCount).toBe(2);
    expect(tracker.recordFailure('a')).toBe(true);
    expect(tracker.recordFailure('b')).toBe(false);
  });
});
