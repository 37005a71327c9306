import type { Migration } from './migration.ts';

/** What is wanted otherwise for one instrument; a change of it is a change of what is desired. */
export const instrumentSettings: Migration = {
  version: 6,
  name: 'instrument-settings',
  sql: (schema) => `
ALTER TABLE ${schema}.instrument ADD COLUMN settings jsonb NOT NULL DEFAULT '{}';

CREATE OR REPLACE FUNCTION ${schema}.notify_desired_change() RETURNS trigger LANGUAGE plpgsql AS $body$
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
        AND (old_rows.is_desired, old_rows.key, old_rows.native_symbol, old_rows.settings)
          IS DISTINCT FROM (new_rows.is_desired, new_rows.key, new_rows.native_symbol, new_rows.settings));
  END IF;
  IF is_changed THEN PERFORM pg_notify('${schema}_desired', ''); END IF;
  RETURN NULL;
END
$body$;
`,
};
