import type { Migration } from './migration.ts';

/** Which log the states of this schema stand in. Batch numbers mean places in it. */
export const eventLog: Migration = {
  version: 5,
  name: 'event-log',
  sql: (schema) => `
CREATE TABLE ${schema}.event_log (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  -- 'journal', or the topic of Kafka.
  name text NOT NULL,
  -- Of the topic; 0 of the journal.
  partitions int NOT NULL
);
INSERT INTO ${schema}.event_log (name, partitions)
SELECT 'journal', 0 WHERE EXISTS (SELECT FROM ${schema}.state_snapshot) OR EXISTS (SELECT FROM ${schema}.journal);
`,
};
