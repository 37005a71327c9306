import type { Migration } from './migration.ts';

/** A slot may be fed by two nodes at once, each under a lease of its own. Nodes of a version before this keep and give up what they hold, and take nothing. */
export const leaseReplicas: Migration = {
  version: 8,
  name: 'lease-replicas',
  sql: (schema) => `
ALTER TABLE ${schema}.ingest_lease ADD COLUMN replica int NOT NULL DEFAULT 0;
ALTER TABLE ${schema}.ingest_lease DROP CONSTRAINT ingest_lease_pkey, ADD PRIMARY KEY (exchange, slot, replica);
`,
};
