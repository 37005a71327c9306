import type { FeedGap } from '../actors/ports.ts';
import type { FeedGapCount } from '../market/feed-gap-cause.ts';
import { toFeedGapCause } from '../market/feed-gap-cause.ts';

/** Gaps by exchange, channel, cause and repair, since the process began. */
export class FeedGapCounts {
  readonly #counts = new Map<string, FeedGapCount>();

  add({ exchange, channel, reason, repair }: FeedGap): void {
    const cause = toFeedGapCause(reason);
    const key = `${exchange} ${channel} ${cause} ${repair}`;
    const count = (this.#counts.get(key)?.count ?? 0) + 1;
    this.#counts.set(key, { exchange, channel, cause, repair, count });
  }

  all(): FeedGapCount[] {
    return [...this.#counts.values()];
  }
}
