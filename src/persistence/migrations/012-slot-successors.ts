import type { Migration } from './migration.ts';

/** Who waits for a slot, and word of feeds that stand ready and of nodes whose roles change: whoever is concerned need not wait until it looks. */
export const slotSuccessors: Migration = {
  version: 12,
  name: 'slot-successors',
  sql: (schema) => `
ALTER TABLE ${schema}.ingest_lease ADD COLUMN successor text, ADD COLUMN successor_run_id text,
  ADD COLUMN is_successor_ready boolean NOT NULL DEFAULT false;
CREATE TRIGGER slot_successor_ready AFTER UPDATE ON ${schema}.ingest_lease
  FOR EACH ROW WHEN (NEW.is_successor_ready AND NOT OLD.is_successor_ready)
  EXECUTE FUNCTION ${schema}.notify_given_up();
CREATE TRIGGER roles_changed AFTER UPDATE ON ${schema}.node
  FOR EACH ROW WHEN (OLD.roles IS DISTINCT FROM NEW.roles)
  EXECUTE FUNCTION ${schema}.notify_given_up();
`,
};
