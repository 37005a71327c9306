import type { Migration } from './migration.ts';

/** What was changed over REST, by whom. */
export const audit: Migration = {
  version: 3,
  name: 'audit',
  sql: (schema) => `
CREATE TABLE ${schema}.audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  time_ms bigint NOT NULL,
  who text NOT NULL,
  address text NOT NULL,
  method text NOT NULL,
  path text NOT NULL,
  body text NOT NULL,
  status int NOT NULL
);
`,
};
