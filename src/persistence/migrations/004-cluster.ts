import type { Migration } from './migration.ts';

/**
 * Which nodes there are, which of them feeds what, and word of changes of the desired set. Ages are told by the clock of the database, the one clock
 * that all nodes have in common.
 */
export const cluster: Migration = {
  version: 4,
  name: 'cluster',
  sql: (schema) => `
-- One row per node, renewed every second while it lives: room is left in each page for the next version of a row.
CREATE TABLE ${schema}.node (
  name text PRIMARY KEY,
  run_id text NOT NULL,
  admin_url text NOT NULL,
  roles text[] NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  seen_at timestamptz NOT NULL DEFAULT now(),
  report jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);

-- A slot that somebody gave up keeps its row without a holder, and its epoch: that of the next holder is larger.
CREATE TABLE ${schema}.ingest_lease (
  exchange text NOT NULL,
  slot int NOT NULL,
  holder text,
  holder_run_id text,
  epoch bigint NOT NULL,
  renewed_at timestamptz NOT NULL,
  PRIMARY KEY (exchange, slot)
) WITH (fillfactor = 50);

-- Once for each statement that changes what is desired; rows that only get an id say nothing.
CREATE FUNCTION ${schema}.notify_desired_change() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
  is_changed boolean;
BEGIN
  IF TG_OP = 'INSERT' THEN
    is_changed := EXISTS (SELECT FROM new_rows WHERE is_desired);
  ELSIF TG_OP = 'DELETE' THEN
    is_changed := EXISTS (SELECT FROM old_rows WHERE is_desired);
  ELSE
    is_changed := EXISTS (
      SELECT FROM old_rows JOIN new_rows USING (id)
      WHERE (old_rows.is_desired OR new_rows.is_desired)
        AND (old_rows.is_desired, old_rows.key, old_rows.native_symbol)
          IS DISTINCT FROM (new_rows.is_desired, new_rows.key, new_rows.native_symbol));
  END IF;
  IF is_changed THEN PERFORM pg_notify('${schema}_desired', ''); END IF;
  RETURN NULL;
END
$body$;
CREATE TRIGGER desired_inserted AFTER INSERT ON ${schema}.instrument
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.notify_desired_change();
CREATE TRIGGER desired_updated AFTER UPDATE ON ${schema}.instrument
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.notify_desired_change();
CREATE TRIGGER desired_deleted AFTER DELETE ON ${schema}.instrument
  REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.notify_desired_change();
`,
};
