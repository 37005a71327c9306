import { describe, expect, it } from 'vitest';
import { bookText } from './book-text.ts';
import { BookTruths } from './book-truths.ts';
import { JournalCheck } from './journal-check.ts';
import type { Publication } from './publish-check.ts';
import { PublishCheck } from './publish-check.ts';

const BTC = 'binance:BTC-USDT';
const FIRST = bookText([['100.10', '1']], [['100.20', '2.50']]);
const SECOND = bookText([['100.10', '3']], [['100.20', '2.50']]);
const AGE_MAX_MS = 5_000;
const LEASE_MS = 5_000;

/**
 * Position 10 is durable at 1 s, 20 at 2 s; the first book was true until 3 s, the second is since. Epochs 1 and 2
 * were claimed at 0 s, 3 at 4 s.
 */
function createCheck(): PublishCheck {
  const journal = new JournalCheck();
  for (const epoch of [1, 2, 3])
    journal.add({
      id: epoch,
      timeMs: epoch === 3 ? 4_000 : 0,
      kind: 'claim',
      shard: 0,
      epoch,
      owner: 'node',
    });
  for (const batchNumber of [1, 2]) {
    journal.add({
      id: 10 + batchNumber,
      timeMs: batchNumber * 1_000,
      kind: 'journal',
      instrument: BTC,
      batchNumber,
      epoch: 2,
      eventCount: 10,
    });
  }
  const truths = new BookTruths();
  truths.note(BTC, FIRST, 0);
  truths.note(BTC, SECOND, 3_000);
  return new PublishCheck({ journal, truths, liveAgeMaxMs: () => AGE_MAX_MS, leaseMs: LEASE_MS });
}

const publication = (values: Partial<Publication>): Publication => ({
  channel: `orderbook:${BTC}:1`,
  way: 'published',
  epoch: 2,
  seq: 10,
  status: 'live',
  publishTimeMs: 3_500,
  heardMs: 3_501,
  levels: SECOND,
  ...values,
});

function rulesBrokenBy(publications: readonly Publication[]): string[] {
  const check = createCheck();
  for (const each of publications) check.add(each);
  return check.violations.map(({ rule }) => rule);
}

describe('publications', () => {
  it('that only go forward, are durable and true break nothing', () => {
    const all = [
      publication({ epoch: 1, seq: 5, publishTimeMs: 1_500, levels: FIRST }),
      publication({ seq: 5 }),
      publication({ seq: 20 }),
      publication({ seq: 20, status: 'stale', levels: 'nonsense' }),
      publication({ channel: `candle:${BTC}:1s:closed`, seq: 20, levels: undefined }),
      publication({ way: 'read', seq: 20 }),
      publication({ seq: 20, publishTimeMs: 9_050 }),
      publication({ seq: 20, status: 'stale', publishTimeMs: 60_000 }),
    ];
    expect(rulesBrokenBy(all)).toEqual([]);
  });

  it.each<[string, string, Publication[]]>([
    ['of an older epoch behind a newer', 'monotone', [publication({}), publication({ epoch: 1, seq: 20 })]],
    ['of an older sequence', 'monotone', [publication({ seq: 20 }), publication({ seq: 19 })]],
    [
      'whose key goes back when it is read again',
      'monotone',
      [publication({ way: 'read', seq: 20 }), publication({ way: 'read', seq: 19 })],
    ],
    ['beyond the end of the log', 'durable', [publication({ seq: 21 })]],
    ['before the log had them', 'durable', [publication({ seq: 20, publishTimeMs: 1_900, levels: FIRST })]],
    ['under an epoch that nobody claimed', 'durable', [publication({ epoch: 4 })]],
    [
      'of a node that has lost its shard for longer than its lease',
      'lease',
      [publication({ publishTimeMs: 9_051 })],
    ],
    ['of a live book that never was', 'true-book', [publication({ levels: bookText([['99', '1']], []) })]],
    [
      'of a live book that its node only recovered',
      'stale-shown',
      [publication({ epoch: 3, levels: FIRST, publishTimeMs: 4_500 })],
    ],
    [
      'of a live book that was true too long ago',
      'stale-shown',
      [publication({ levels: FIRST, publishTimeMs: 8_001 })],
    ],
  ])('%s break "%s"', (_what, rule, publications) => {
    expect(rulesBrokenBy(publications)).toEqual([rule]);
  });

  it('may begin anew when Redis lost everything, and only then', () => {
    const check = createCheck();
    check.add(publication({ seq: 20 }));
    check.redisEmptied();
    check.add(publication({ seq: 5 }));
    expect(check.violations).toEqual([]);
    check.add(publication({ seq: 4 }));
    expect(check.violations).toHaveLength(1);
  });
});

describe('the books that were true', () => {
  it('are known with the time since, also when one comes back, until they are forgotten', () => {
    const truths = new BookTruths();
    truths.note(BTC, FIRST, 0);
    truths.note(BTC, SECOND, 1_000);
    truths.note(BTC, FIRST, 2_000);
    expect(truths.ageMs(BTC, FIRST, 9_000)).toBe(0);
    expect(truths.ageMs(BTC, SECOND, 9_000)).toBe(7_000);
    truths.forget(2_500);
    expect(truths.ageMs(BTC, SECOND, 9_000)).toBeUndefined();
    expect(truths.ageMs(BTC, FIRST, 9_000)).toBe(0);
  });

  it('are compared without zeros that mean nothing, and no deeper than agreed', () => {
    expect(bookText([['100.10', '1.000']], [['200', '20']])).toBe(
      bookText([['100.1', '1']], [['200', '20']]),
    );
    expect(bookText([['100.10', '10']], [])).not.toBe(bookText([['100.10', '1']], []));
    const deep = Array.from({ length: 12 }, (_, index) => [String(100 - index), '1'] as const);
    expect(bookText(deep, [])).toBe(bookText(deep.slice(0, 10), []));
  });
});
