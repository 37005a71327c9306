/**
 * Triggers that write down what happens to shards, journal and state snapshots: in a schema that no node knows of, in the same transaction as
 * the deed, so that neither can be without the other. What a node prunes later stays known here.
 */

export const HISTORY_SCHEMA = 'history';

/** Rows are numbered while the writer holds the lock of its shard: see `HistoryRow`. */
export function createHistoryText(schema: string): string {
  const record = `INSERT INTO ${HISTORY_SCHEMA}.event`;
  return `
CREATE SCHEMA ${HISTORY_SCHEMA};
CREATE TABLE ${HISTORY_SCHEMA}.event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  time_ms double precision NOT NULL DEFAULT extract(epoch FROM clock_timestamp()) * 1000,
  kind text NOT NULL,
  instrument_id int,
  batch_number bigint,
  epoch int,
  position bigint,
  owner text,
  schema_id text,
  entry bytea
);
ALTER TABLE ${HISTORY_SCHEMA}.event ALTER COLUMN entry SET STORAGE EXTERNAL;

CREATE FUNCTION ${HISTORY_SCHEMA}.note_claim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'INSERT' OR NEW.epoch IS DISTINCT FROM OLD.epoch THEN
    ${record} (kind, epoch, position, owner) VALUES ('claim', NEW.epoch, NEW.id, NEW.owner);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER note_claim AFTER INSERT OR UPDATE ON ${schema}.shard FOR EACH ROW EXECUTE FUNCTION ${HISTORY_SCHEMA}.note_claim();

CREATE FUNCTION ${HISTORY_SCHEMA}.note_batches() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  ${record} (kind, instrument_id, batch_number, epoch, schema_id, entry)
    SELECT 'journal', instrument_id, batch_number, epoch, schema_id, entry FROM added ORDER BY instrument_id, batch_number;
  RETURN NULL;
END $$;
CREATE TRIGGER note_batches AFTER INSERT ON ${schema}.journal REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION ${HISTORY_SCHEMA}.note_batches();

CREATE FUNCTION ${HISTORY_SCHEMA}.note_changed_batches() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  ${record} (kind, instrument_id, batch_number) SELECT 'rewritten', instrument_id, batch_number FROM changed;
  RETURN NULL;
END $$;
CREATE TRIGGER note_changed_batches AFTER UPDATE ON ${schema}.journal REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION ${HISTORY_SCHEMA}.note_changed_batches();

CREATE FUNCTION ${HISTORY_SCHEMA}.note_pruning() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  ${record} (kind, instrument_id, batch_number)
    SELECT 'pruned', instrument_id, max(batch_number) FROM gone GROUP BY instrument_id;
  RETURN NULL;
END $$;
CREATE TRIGGER note_pruning AFTER DELETE ON ${schema}.journal REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION ${HISTORY_SCHEMA}.note_pruning();

CREATE FUNCTION ${HISTORY_SCHEMA}.note_snapshot() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  ${record} (kind, instrument_id, batch_number, epoch, position)
    VALUES ('snapshot', NEW.instrument_id, NEW.batch_number, NEW.epoch, NEW.position);
  RETURN NULL;
END $$;
CREATE TRIGGER note_snapshot AFTER INSERT OR UPDATE ON ${schema}.state_snapshot
  FOR EACH ROW EXECUTE FUNCTION ${HISTORY_SCHEMA}.note_snapshot();
`;
}
