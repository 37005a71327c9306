import type { Migration } from './migration.ts';

/** States that recovery passes over because the reading of the log was reset to an older one. */
export const logResets: Migration = {
  version: 11,
  name: 'log-resets',
  sql: (schema) => `
CREATE TABLE ${schema}.state_set_aside (
  LIKE ${schema}.state_snapshot INCLUDING STORAGE,
  set_aside_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (instrument_id, batch_number)
);

-- Where in the log a dead letter comes from: the same when the log is read again. Those of feeds have none.
ALTER TABLE ${schema}.dead_letter ADD COLUMN place text;
CREATE UNIQUE INDEX dead_letter_place ON ${schema}.dead_letter (place);
`,
};
