import type { ClusterPicture, PictureSource } from '../cluster/ports.ts';
import type { Database } from './database.ts';

/** Somebody waits for the answer to a request. */
const STATEMENT_TIMEOUT_MS = 3_000;

type Nullable<Row, Name extends keyof Row> = Omit<Row, Name> & {
  readonly [Key in Name]: Exclude<Row[Key], undefined> | null;
};
type StoredPicture = Omit<ClusterPicture, 'leases'> & {
  readonly leases: readonly Nullable<ClusterPicture['leases'][number], 'holder'>[];
};

/** What the tables of Postgres say of the cluster. */
export class PostgresPictureSource implements PictureSource {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async read({ aliveMs, leaseMs }: { aliveMs: number; leaseMs: number }): Promise<ClusterPicture> {
    const { schema } = this.#database;
    const { rows } = await this.#database.read<StoredPicture>({
      name: `${schema}.read-cluster`,
      text: `SELECT
        (SELECT coalesce(json_agg(json_build_object(
            'name', name, 'runId', run_id, 'adminUrl', admin_url, 'roles', roles, 'report', report,
            'startedAtMs', floor(extract(epoch FROM started_at) * 1000)::bigint,
            'seenAgoMs', floor(extract(epoch FROM clock_timestamp() - seen_at) * 1000)::bigint,
            'isAlive', seen_at > clock_timestamp() - $1::int * interval '1 ms') ORDER BY name COLLATE "C"), '[]')
          FROM ${schema}.node) AS nodes,
        (SELECT coalesce(json_agg(json_build_object(
            'shard', id, 'epoch', epoch, 'owner', owner,
            'claimedAtMs', floor(extract(epoch FROM claimed_at) * 1000)::bigint) ORDER BY id), '[]')
          FROM ${schema}.shard) AS shards,
        (SELECT coalesce(json_agg(json_build_object(
            'exchange', exchange, 'slot', slot, 'replica', replica, 'epoch', epoch,
            'holder', CASE WHEN renewed_at > clock_timestamp() - $2::int * interval '1 ms' THEN holder END)
            ORDER BY exchange COLLATE "C", slot, replica), '[]')
          FROM ${schema}.ingest_lease) AS leases`,
      values: [aliveMs, leaseMs],
      timeoutMs: STATEMENT_TIMEOUT_MS,
    });
    const { nodes, shards, leases } = rows[0]!;
    return {
      nodes,
      shards,
      leases: leases.map((lease) => ({ ...lease, holder: lease.holder ?? undefined })),
    };
  }
}
