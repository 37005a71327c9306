import type { FeedGap, FeedGapCount } from '../actors/ports.ts';
import { FEED_GAP_CAUSES } from '../actors/ports.ts';

/** Gaps by exchange, channel, cause and repair, since the process began. */
export class FeedGapCounts {
  readonly #counts = new Map<string, FeedGapCount>();

  add({ exchange, channel, reason, repair }: FeedGap): void {
    const cause = FEED_GAP_CAUSES.find((each) => reason.startsWith(each)) ?? 'other';
    const key = `${exchange} ${channel} ${cause} ${repair}`;
    const count = (this.#counts.get(key)?.count ?? 0) + 1;
    this.#counts.set(key, { exchange, channel, cause, repair, count });
  }

  all(): FeedGapCount[] {
    return [...this.#counts.values()];
  }
}
