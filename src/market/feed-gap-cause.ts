/** What opens gaps of feeds, in few words: their reasons begin with one of these and go on with values. */
export const FEED_GAP_CAUSES = [
  'sequence gap',
  'connection sequence gap',
  'checksum mismatch',
  'crossed book',
  'silent',
  'disconnected',
  'other',
] as const;

export type FeedGapCause = (typeof FEED_GAP_CAUSES)[number];

export type FeedGapCount = {
  readonly exchange: string;
  readonly channel: 'book' | 'trades';
  readonly cause: FeedGapCause;
  readonly repair: 'snapshot' | 'refetched' | 'incomplete';
  readonly count: number;
};

/** Returns `other` for a reason that begins in no known way. */
export function toFeedGapCause(reason: string): FeedGapCause {
  return FEED_GAP_CAUSES.find((cause) => reason.startsWith(cause)) ?? 'other';
}
