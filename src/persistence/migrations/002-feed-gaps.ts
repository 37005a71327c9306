import type { Migration } from './migration.ts';

/** Intervals in which a feed was not whole, told when they end. */
export const feedGaps: Migration = {
  version: 2,
  name: 'feed-gaps',
  sql: (schema) => `
CREATE TABLE ${schema}.feed_gap (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  exchange text NOT NULL,
  instrument text NOT NULL,
  channel text NOT NULL,
  from_ms bigint NOT NULL,
  to_ms bigint NOT NULL,
  reason text NOT NULL,
  repair text NOT NULL,
  trades_refetched bigint NOT NULL
);
`,
};
