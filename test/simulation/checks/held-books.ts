/** What Redis holds after it came back with older values: some time after a node was heard again, no live book that is not the newest published. */
import type { PublishedRecord } from '../history.ts';
import { instrumentOf } from './publications.ts';
import type { Violation } from './violation.ts';

/** @param held text by key */
export function checkHeldBooks(
  held: ReadonlyMap<string, string>,
  published: readonly PublishedRecord[],
): Violation[] {
  const violations: Violation[] = [];
  for (const [key, text] of held) {
    if (!key.startsWith('orderbook:') || !text.includes('"status":"live"')) continue;
    const newest = published.findLast((record) => record.key === key)?.text ?? 'nothing';
    if (contentOf(newest) === contentOf(text)) continue;
    violations.push({
      rule: 'Redis that came back with older values holds no live book but the newest',
      instrument: instrumentOf(key),
      expected: newest.slice(0, 300),
      was: text.slice(0, 300),
    });
  }
  return violations;
}

/** The value without the time it was published at: the very same is not set twice. */
function contentOf(text: string): string {
  return text.replace(/"publishTimeMs":\d+/, '');
}
