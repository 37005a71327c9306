/** The words of `ExchangeAdapter` that say nothing where the book's snapshot comes by itself on the stream. */
import type { ExchangeAdapter } from './adapter.ts';

export const inStreamBook = {
  snapshotPolicy: 'inStream',
  isSnapshotTooOld: () => false,
  snapshotRequest: () => undefined,
  readSnapshot: () => ({ ok: false, reason: 'the stream sends the book snapshot; there is none to fetch' }),
} as const satisfies Partial<ExchangeAdapter>;

/** For feeds that number nothing: each delta follows on what is held, and only a checksum can tell otherwise. */
export const withoutSequences = {
  continuityScope: 'none',
  continuity: () => ({ verdict: 'apply' }),
  nextConnectionSequence: (last) => last,
} as const satisfies Partial<ExchangeAdapter>;
