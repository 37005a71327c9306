import type { LeaseHolder, LeaseTable, Slot, SlotLease, SlotRow } from '../cluster/ports.ts';
import type { Database, Statement } from './database.ts';

/** Looked at every second; a renewal has its own limit. */
const STATEMENT_TIMEOUT_MS = 3_000;

type StoredRow = SlotLease & {
  readonly holderName: string | null;
  readonly holderRunId: string | null;
  readonly successorName: string | null;
  readonly successorRunId: string | null;
  readonly isSuccessorReady: boolean;
  readonly isFree: boolean;
};

/**
 * The table of leases in Postgres. The clock is read when a row is held, never when a statement began. Several rows are held in the order of their key by
 * every statement, so that none waits for another in a circle.
 */
export class PostgresLeaseTable implements LeaseTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async read(leaseMs: number): Promise<SlotRow[]> {
    const { rows } = await this.#database.query<StoredRow>({
      name: `${this.#database.schema}.read-leases`,
      text: `SELECT exchange, slot, replica, epoch, holder AS "holderName", holder_run_id AS "holderRunId",
          successor AS "successorName", successor_run_id AS "successorRunId", is_successor_ready AS "isSuccessorReady",
          holder IS NULL OR renewed_at <= clock_timestamp() - $1::int * interval '1 ms' AS "isFree"
        FROM ${this.#database.schema}.ingest_lease`,
      values: [leaseMs],
      timeoutMs: STATEMENT_TIMEOUT_MS,
    });
    return rows.map(({ exchange, slot, replica, epoch, isFree, ...row }) => {
      const holder = holderOf(row.holderName, row.holderRunId);
      const successor = holderOf(row.successorName, row.successorRunId);
      return {
        ...{ exchange, slot, replica, epoch, holder, isFree },
        successor: successor && { ...successor, isReady: row.isSuccessorReady },
      };
    });
  }

  /**
   * Epochs grow over all slots of an exchange: an instrument that comes to another slot, because `feed.slots` was changed, is fed under a larger one than before too. Under a
   * smaller one its book would take the feed for a late one, for ever.
   */
  async take(holder: LeaseHolder, slots: readonly Slot[], leaseMs: number): Promise<SlotLease[]> {
    const { schema } = this.#database;
    return this.#change({
      text: `INSERT INTO ${schema}.ingest_lease AS known (exchange, slot, replica, holder, holder_run_id, epoch, renewed_at)
        SELECT exchange, slot, replica, $1, $2,
            coalesce((SELECT max(epoch) FROM ${schema}.ingest_lease AS any_slot WHERE any_slot.exchange = wanted.exchange), 0) + 1,
            clock_timestamp()
          FROM unnest($3::text[], $4::int[], $5::int[]) AS wanted (exchange, slot, replica)
          ORDER BY exchange, slot, replica
        ON CONFLICT (exchange, slot, replica) DO UPDATE SET
          holder = excluded.holder, holder_run_id = excluded.holder_run_id,
          successor = NULL, successor_run_id = NULL, is_successor_ready = false,
          epoch = greatest(known.epoch + 1, excluded.epoch), renewed_at = clock_timestamp()
        WHERE known.holder IS NULL OR known.renewed_at <= clock_timestamp() - $6::int * interval '1 ms'
        RETURNING exchange, slot, replica, epoch`,
      values: [holder.name, holder.runId, ...columnsOf(slots), leaseMs],
      timeoutMs: STATEMENT_TIMEOUT_MS,
    });
  }

  async renew(holder: LeaseHolder, leases: readonly SlotLease[], timeoutMs: number): Promise<SlotLease[]> {
    const { schema } = this.#database;
    return this.#change({
      text: `WITH ours AS MATERIALIZED (
          SELECT known.exchange, known.slot, known.replica FROM ${schema}.ingest_lease AS known
            JOIN unnest($3::text[], $4::int[], $5::int[], $6::bigint[]) AS asked (exchange, slot, replica, epoch)
              USING (exchange, slot, replica, epoch)
            WHERE known.holder = $1 AND known.holder_run_id = $2
            ORDER BY known.exchange, known.slot, known.replica FOR UPDATE OF known)
        UPDATE ${schema}.ingest_lease AS known SET renewed_at = clock_timestamp()
          FROM ours
          WHERE (known.exchange, known.slot, known.replica) = (ours.exchange, ours.slot, ours.replica)
        RETURNING known.exchange, known.slot, known.replica, known.epoch`,
      values: [holder.name, holder.runId, ...columnsOf(leases), leases.map(({ epoch }) => epoch)],
      timeoutMs,
    });
  }

  async announce(
    { name, runId }: LeaseHolder,
    leases: readonly SlotLease[],
    isReady: boolean,
  ): Promise<void> {
    const { schema } = this.#database;
    await this.#change({
      text: `WITH theirs AS MATERIALIZED (
          SELECT known.exchange, known.slot, known.replica FROM ${schema}.ingest_lease AS known
            JOIN unnest($4::text[], $5::int[], $6::int[], $7::bigint[]) AS asked (exchange, slot, replica, epoch)
              USING (exchange, slot, replica, epoch)
            WHERE known.holder IS NOT NULL
            ORDER BY known.exchange, known.slot, known.replica FOR UPDATE OF known)
        UPDATE ${schema}.ingest_lease AS known SET successor = $1, successor_run_id = $2, is_successor_ready = $3
          FROM theirs
          WHERE (known.exchange, known.slot, known.replica) = (theirs.exchange, theirs.slot, theirs.replica)`,
      values: [name, runId, isReady, ...columnsOf(leases), leases.map(({ epoch }) => epoch)],
      timeoutMs: STATEMENT_TIMEOUT_MS,
    });
  }

  async release(holder: LeaseHolder, leases: readonly SlotLease[]): Promise<void> {
    const { schema } = this.#database;
    await this.#change({
      text: `WITH ours AS MATERIALIZED (
          SELECT known.exchange, known.slot, known.replica FROM ${schema}.ingest_lease AS known
            JOIN unnest($3::text[], $4::int[], $5::int[], $6::bigint[]) AS asked (exchange, slot, replica, epoch)
              USING (exchange, slot, replica, epoch)
            WHERE known.holder = $1 AND known.holder_run_id = $2
            ORDER BY known.exchange, known.slot, known.replica FOR UPDATE OF known)
        UPDATE ${schema}.ingest_lease AS known SET holder = NULL, holder_run_id = NULL
          FROM ours
          WHERE (known.exchange, known.slot, known.replica) = (ours.exchange, ours.slot, ours.replica)`,
      values: [holder.name, holder.runId, ...columnsOf(leases), leases.map(({ epoch }) => epoch)],
      timeoutMs: STATEMENT_TIMEOUT_MS,
    });
  }

  async releaseAll({ name, runId }: LeaseHolder): Promise<void> {
    const { schema } = this.#database;
    await this.#change({
      text: `WITH ours AS MATERIALIZED (
          SELECT exchange, slot, replica FROM ${schema}.ingest_lease
            WHERE holder = $1 AND holder_run_id = $2 ORDER BY exchange, slot, replica FOR UPDATE)
        UPDATE ${schema}.ingest_lease AS known SET holder = NULL, holder_run_id = NULL
          FROM ours
          WHERE (known.exchange, known.slot, known.replica) = (ours.exchange, ours.slot, ours.replica)`,
      values: [name, runId],
      timeoutMs: STATEMENT_TIMEOUT_MS,
    });
  }

  async #change(statement: Statement): Promise<SlotLease[]> {
    return (await this.#database.query<SlotLease>(statement)).rows;
  }
}

function holderOf(name: string | null, runId: string | null): LeaseHolder | undefined {
  return name === null || runId === null ? undefined : { name, runId };
}

function columnsOf(slots: readonly Slot[]): [exchanges: string[], slots: number[], replicas: number[]] {
  return [
    slots.map(({ exchange }) => exchange),
    slots.map(({ slot }) => slot),
    slots.map(({ replica }) => replica),
  ];
}
