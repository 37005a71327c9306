import type { FeedGap, FeedGapCount } from '../actors/ports.ts';

/** Gaps by exchange, channel and repair, since the process began. */
export class FeedGapCounts {
  readonly #counts = new Map<string, FeedGapCount>();

  add({ exchange, channel, repair }: FeedGap): void {
    const key = `${exchange} ${channel} ${repair}`;
    const count = (this.#counts.get(key)?.count ?? 0) + 1;
    this.#counts.set(key, { exchange, channel, repair, count });
  }

  all(): FeedGapCount[] {
    return [...this.#counts.values()];
  }
}
