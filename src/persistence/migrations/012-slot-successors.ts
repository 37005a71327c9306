import type { Migration } from './migration.ts';

/** Feeds that stand ready to take a slot over, and word of them and of nodes that let go of a role: whoever is concerned need not wait until it looks. */
export const slotSuccessors: Migration = {
  version: 12,
  name: 'slot-successors',
  sql: (schema) => `
ALTER TABLE ${schema}.ingest_lease ADD COLUMN successor text;
CREATE TRIGGER slot_successor_ready AFTER UPDATE ON ${schema}.ingest_lease
  FOR EACH ROW WHEN (NEW.successor IS NOT NULL AND OLD.successor IS DISTINCT FROM NEW.successor)
  EXECUTE FUNCTION ${schema}.notify_given_up();
CREATE TRIGGER role_let_go AFTER UPDATE ON ${schema}.node
  FOR EACH ROW WHEN (OLD.roles IS DISTINCT FROM NEW.roles)
  EXECUTE FUNCTION ${schema}.notify_given_up();
`,
};
