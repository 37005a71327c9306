/** What subscribers were given: never older than what a key had, never beyond what was durable, and no live book that never was true. */
import type { PublishedRecord } from '../history.ts';
import type { Violation } from './violation.ts';

/** Position of an instrument's journal after each append, in order. */
export type DurablePosition = { readonly order: number; readonly position: number };

export function checkPublishOrder(published: readonly PublishedRecord[]): Violation[] {
  const violations: Violation[] = [];
  const newest = new Map<string, PublishedRecord>();
  for (const record of published) {
    const held = newest.get(record.key);
    const isOlder =
      held?.life === record.life &&
      (record.epoch < held.epoch || (record.epoch === held.epoch && record.seq < held.seq));
    if (isOlder) {
      violations.push({
        rule: 'a key never goes backwards',
        instrument: record.key,
        expected: `at least epoch ${held.epoch} seq ${held.seq}`,
        was: `epoch ${record.epoch} seq ${record.seq}`,
      });
    }
    newest.set(record.key, record);
  }
  return violations;
}

/** @param positions by instrument, growing */
export function checkDurableFirst(
  published: readonly PublishedRecord[],
  positions: ReadonlyMap<string, readonly DurablePosition[]>,
): Violation[] {
  const violations: Violation[] = [];
  const reached = new Map<string, number>();
  for (const { order, key, seq } of published) {
    const instrument = instrumentOf(key);
    const durable = positions.get(instrument) ?? [];
    let index = reached.get(instrument) ?? -1;
    while (index + 1 < durable.length && durable[index + 1]!.order < order) index++;
    reached.set(instrument, index);
    const position = durable[index]?.position ?? 0;
    if (seq > position) {
      violations.push({
        rule: 'nothing is published before it is durable',
        instrument,
        expected: `${key} at most at position ${position}`,
        was: String(seq),
      });
    }
  }
  return violations;
}

type BookText = {
  readonly status: string;
  readonly bids: readonly (readonly [string, string])[];
  readonly asks: readonly (readonly [string, string])[];
};

/** @param isTrue whether the instrument's market ever had exactly this book */
export function checkLiveBooks(
  published: readonly PublishedRecord[],
  isTrue: (instrument: string, book: BookText) => boolean,
): Violation[] {
  const violations: Violation[] = [];
  for (const { key, text } of published) {
    if (!key.startsWith('orderbook:') || !key.endsWith(':1') || !text.includes('"status":"live"')) continue;
    const book = JSON.parse(text) as BookText;
    const instrument = instrumentOf(key);
    if (!isTrue(instrument, book)) {
      violations.push({
        rule: 'a live book was true once',
        instrument,
        expected: 'a book that the market had',
        was: text,
      });
    }
  }
  return violations;
}

/** `orderbook:kraken:BTC-USD:1` → `kraken:BTC-USD`. */
export function instrumentOf(key: string): string {
  const [, exchange, symbol] = key.split(':');
  return `${exchange!}:${symbol!}`;
}
