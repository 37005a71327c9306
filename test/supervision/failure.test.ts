import { describe, expect, test } from 'vitest';
import { TampinesError } from '../../src/base/errors.ts';
import { classifyError, describeCause, PoisonMessageError } from '../../src/supervision/failure.ts';

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
