import type { Migration } from './migration.ts';

/** Word of slots that are free: whoever is to feed them next need not wait until it looks. */
export const givenUpSlots: Migration = {
  version: 10,
  name: 'given-up-slots',
  sql: (schema) => `
CREATE FUNCTION ${schema}.notify_given_up() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  PERFORM pg_notify('${schema}_given_up', '');
  RETURN NULL;
END
$body$;
-- Of one transaction the same word is told once.
CREATE TRIGGER slot_given_up AFTER UPDATE ON ${schema}.ingest_lease
  FOR EACH ROW WHEN (OLD.holder IS NOT NULL AND NEW.holder IS NULL)
  EXECUTE FUNCTION ${schema}.notify_given_up();
`,
};
