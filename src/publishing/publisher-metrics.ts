/** What the publisher tells of its work. */

/** Counts since the start. */
export type PublisherMetrics = {
  published: number;
  closedPublished: number;
  /** Values that a newer one replaced before they were sent. */
  conflated: number;
  /** Closed candles lost because the queue was full, and values that are no JSON object. */
  dropped: number;
  /** Values that Redis refused because a newer version is there: some other writer has taken over. */
  rejectedAsOld: number;
  refreshed: number;
  /** Values that were made stale because their instrument could not be asked. */
  markedStale: number;
  failedRounds: number;
  /** From `publish` to the answer of Redis, of the value that waited longest in the newest round, and ever. */
  latenessMs: number;
  latenessMaxMs: number;
  lastErrorText: string;
};

export function createPublisherMetrics(): PublisherMetrics {
  return {
    published: 0,
    closedPublished: 0,
    conflated: 0,
    dropped: 0,
    rejectedAsOld: 0,
    refreshed: 0,
    markedStale: 0,
    failedRounds: 0,
    latenessMs: 0,
    latenessMaxMs: 0,
    lastErrorText: '',
  };
}
