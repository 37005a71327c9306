import type { ShardClaim, ShardHolder } from '../actors/ports.ts';
import type { Database } from './database.ts';

/**
 * Returns whose the newest claim on the shard is, `undefined` when nobody ever claimed it.
 *
 * A plain read, not a write: it sees every claim that was committed before it was sent, which is all that a lease needs, and it waits for no
 * append that holds the row. What keeps a former owner from writing is the fence in each write.
 * @throws what `Database.query` throws, and `OUTCOME_UNKNOWN` when no answer came within `timeoutMs`
 */
export async function readShardHolder(
  database: Database,
  shard: number,
  timeoutMs: number,
): Promise<ShardHolder | undefined> {
  const { rows } = await database.query<ShardHolder>({
    text: `SELECT epoch, owner, floor(extract(epoch FROM claimed_at) * 1000)::bigint AS "claimedAtMs"
      FROM ${database.schema}.shard WHERE id = $1`,
    values: [shard],
    timeoutMs,
  });
  return rows[0];
}

/** Whether the claim is the newest on its shard, and whose the newest one is where it is not. Errors as those of `readShardHolder`. */
export async function askWhoseShard(
  database: Database,
  { shard, epoch }: ShardClaim,
  timeoutMs: number,
): Promise<{ isOwn: true } | { isOwn: false; holder: ShardHolder | undefined }> {
  const holder = await readShardHolder(database, shard, timeoutMs);
  return holder?.epoch === epoch ? { isOwn: true } : { isOwn: false, holder };
}
