import type { Migration } from './migration.ts';

/** What is to go to Kafka: written in the statement or transaction that writes what it tells of, and deleted once Kafka has it. */
export const outputs: Migration = {
  version: 7,
  name: 'outputs',
  sql: (schema) => `
CREATE TABLE ${schema}.output (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic text NOT NULL,
  key text NOT NULL,
  -- Of the record, the same whenever it is sent again.
  record_id text NOT NULL,
  value text NOT NULL,
  written_at timestamptz NOT NULL DEFAULT now()
);

-- Which node sends them. Two at once would only repeat what the other sends.
CREATE TABLE ${schema}.output_turn (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  holder text NOT NULL,
  renewed_at timestamptz NOT NULL
) WITH (fillfactor = 50);
`,
};
