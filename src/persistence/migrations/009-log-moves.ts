import type { Migration } from './migration.ts';

/** Another topic may take the place of the one that a schema was first used with: each is a generation, and places count on from one to the next. */
export const logMoves: Migration = {
  version: 9,
  name: 'log-moves',
  sql: (schema) => `
ALTER TABLE ${schema}.event_log
  -- Of the topic in use; 0 is the first one.
  ADD COLUMN generation int NOT NULL DEFAULT 0,
  -- The newest that was ever begun. Each attempt has one of its own, so that nothing that is left of another is taken for its work.
  ADD COLUMN last_generation int NOT NULL DEFAULT 0,
  -- Place of the first record of each partition of the topic in use.
  ADD COLUMN first_place bigint NOT NULL DEFAULT 0;
`,
};
