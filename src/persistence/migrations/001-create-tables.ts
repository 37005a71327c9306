import type { Migration } from './migration.ts';

/**
 * The first tables. Times are Unix milliseconds (`…_ms`), decimals `numeric` (kept digit by digit), instruments an integer.
 * Bytes are stored plainly (`EXTERNAL`): the binary encoding does not compress, and trying costs time.
 */
export const createTables: Migration = {
  version: 1,
  name: 'create-tables',
  sql: (schema) => `
-- One row per shard: whoever holds the newest epoch may write.
CREATE TABLE ${schema}.shard (
  id int PRIMARY KEY,
  epoch int NOT NULL,
  owner text NOT NULL,
  next_position bigint NOT NULL DEFAULT 0,
  claimed_at timestamptz NOT NULL DEFAULT now()
);

-- Ids are assigned once and never reused, also for instruments that are no longer desired.
CREATE TABLE ${schema}.instrument (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key text NOT NULL UNIQUE,
  native_symbol text,
  is_desired boolean NOT NULL DEFAULT false
);

CREATE TABLE ${schema}.journal (
  instrument_id int NOT NULL,
  batch_number bigint NOT NULL,
  epoch int NOT NULL,
  schema_id text NOT NULL,
  checksum int NOT NULL,
  entry bytea NOT NULL,
  PRIMARY KEY (instrument_id, batch_number)
);
ALTER TABLE ${schema}.journal ALTER COLUMN entry SET STORAGE EXTERNAL;

CREATE TABLE ${schema}.state_snapshot (
  instrument_id int NOT NULL,
  batch_number bigint NOT NULL,
  position bigint NOT NULL,
  epoch int NOT NULL,
  schema_id text NOT NULL,
  sha256 bytea NOT NULL,
  state bytea NOT NULL,
  is_savepoint boolean NOT NULL DEFAULT false,
  saved_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (instrument_id, batch_number)
);
ALTER TABLE ${schema}.state_snapshot ALTER COLUMN state SET STORAGE EXTERNAL;

-- One partition per UTC day of event time, made when its first trade comes; times beyond all reason go to the default one.
CREATE TABLE ${schema}.trade (
  instrument_id int NOT NULL,
  event_time_ms bigint NOT NULL,
  trade_id text NOT NULL,
  receive_time_ms bigint NOT NULL,
  price numeric NOT NULL,
  quantity numeric NOT NULL,
  taker_side text NOT NULL,
  is_history boolean NOT NULL,
  PRIMARY KEY (instrument_id, event_time_ms, trade_id)
) PARTITION BY RANGE (event_time_ms);
CREATE TABLE ${schema}.trade_default PARTITION OF ${schema}.trade DEFAULT;

-- One partition per UTC month of open time.
CREATE TABLE ${schema}.candle (
  instrument_id int NOT NULL,
  interval text NOT NULL,
  open_time_ms bigint NOT NULL,
  revision int NOT NULL,
  open numeric,
  high numeric,
  low numeric,
  close numeric,
  volume numeric NOT NULL,
  quote_volume numeric NOT NULL,
  taker_buy_volume numeric NOT NULL,
  trade_count bigint NOT NULL,
  PRIMARY KEY (instrument_id, interval, open_time_ms)
) PARTITION BY RANGE (open_time_ms);
CREATE TABLE ${schema}.candle_default PARTITION OF ${schema}.candle DEFAULT;

CREATE TABLE ${schema}.supervision_event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  time_ms bigint NOT NULL,
  path text NOT NULL,
  kind text NOT NULL,
  cause text NOT NULL,
  decision text NOT NULL,
  attempt bigint NOT NULL,
  delay_ms bigint NOT NULL,
  recovered_position bigint
);

CREATE TABLE ${schema}.dead_letter (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  time_ms bigint NOT NULL,
  exchange text NOT NULL,
  symbol text,
  reason text NOT NULL,
  detail text NOT NULL,
  text text NOT NULL
);

CREATE TABLE ${schema}.dead_letter_count (
  exchange text NOT NULL,
  reason text NOT NULL,
  count bigint NOT NULL,
  PRIMARY KEY (exchange, reason)
);
`,
};
