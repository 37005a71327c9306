import type { ClusterNode, JsonValue, NamesakeNode, NodeIdentity, NodeTable } from '../cluster/ports.ts';
import type { Database } from './database.ts';
import { requireGeneration } from './event-log-kind.ts';

/** A node asks every second; one that gets no answer by then may be taken for gone. */
const STATEMENT_TIMEOUT_MS = 2_000;
/** Rows of nodes that never come back under their name are kept for so long, to be seen. */
const GONE_KEPT = '1 day';
/** What a node tells of itself is read by all others whenever somebody asks. */
export const REPORT_MAX_CHARACTERS = 256 * 1024;

/** The table of nodes in Postgres. */
export class PostgresNodeTable implements NodeTable {
  readonly #database: Database;
  readonly #logGeneration: number;

  /** @param logGeneration of the log of events that this node works by: one that another has taken the place of has no nodes */
  constructor(database: Database, logGeneration: number) {
    this.#database = database;
    this.#logGeneration = logGeneration;
  }

  async renew(
    { name, runId, adminUrl, roles }: NodeIdentity,
    report: JsonValue,
    aliveMs: number,
  ): Promise<NamesakeNode | undefined> {
    const { schema } = this.#database;
    // The clock is read when the row is held: whoever waited for it must not write a time that has passed. Whoever moves the log holds its row, so
    // either it sees this node, or this node sees that it was moved.
    const { rowCount } = await this.#database.query({
      name: `${schema}.renew-node`,
      text: `WITH log AS MATERIALIZED (SELECT FROM ${schema}.event_log WHERE generation = $7 FOR SHARE)
        INSERT INTO ${schema}.node AS known (name, run_id, admin_url, roles, report)
        SELECT $1::text, $2::text, $3::text, $4::text[], $5::jsonb FROM log
        ON CONFLICT (name) DO UPDATE SET
          run_id = excluded.run_id, admin_url = excluded.admin_url, roles = excluded.roles, report = excluded.report,
          started_at = CASE WHEN known.run_id = excluded.run_id THEN known.started_at ELSE clock_timestamp() END,
          seen_at = clock_timestamp()
        WHERE known.run_id = excluded.run_id OR known.seen_at <= clock_timestamp() - $6::int * interval '1 ms'`,
      values: [name, runId, adminUrl, roles, toReportText(report), aliveMs, this.#logGeneration],
      timeoutMs: STATEMENT_TIMEOUT_MS,
    });
    if (rowCount === 1) return undefined;
    await requireGeneration(this.#database, this.#logGeneration);
    const { rows } = await this.#database.query<NamesakeNode>({
      text: `SELECT run_id AS "runId", admin_url AS "adminUrl",
          floor(extract(epoch FROM seen_at) * 1000)::bigint AS "seenAtMs"
        FROM ${schema}.node WHERE name = $1`,
      values: [name],
      timeoutMs: STATEMENT_TIMEOUT_MS,
    });
    // It left between the two statements: once more.
    return rows[0] ?? this.renew({ name, runId, adminUrl, roles }, report, aliveMs);
  }

  async readAlive(aliveMs: number): Promise<ClusterNode[]> {
    const { rows } = await this.#database.query<ClusterNode>({
      name: `${this.#database.schema}.read-alive-nodes`,
      text: `SELECT name, run_id AS "runId", admin_url AS "adminUrl", roles,
          floor(extract(epoch FROM started_at) * 1000)::bigint AS "startedAtMs"
        FROM ${this.#database.schema}.node
        WHERE seen_at > clock_timestamp() - $1::int * interval '1 ms' ORDER BY name COLLATE "C"`,
      values: [aliveMs],
      timeoutMs: STATEMENT_TIMEOUT_MS,
    });
    return rows;
  }

  async remove({ name, runId }: Pick<NodeIdentity, 'name' | 'runId'>): Promise<void> {
    await this.#database.query({
      text: `DELETE FROM ${this.#database.schema}.node
        WHERE (name = $1 AND run_id = $2) OR seen_at < clock_timestamp() - interval '${GONE_KEPT}'`,
      values: [name, runId],
      timeoutMs: STATEMENT_TIMEOUT_MS,
    });
  }
}

/** Returns JSON text that Postgres can hold: no NUL, no half of a surrogate pair, not without end. */
function toReportText(report: JsonValue): string {
  const text = JSON.stringify(report, (_, value: unknown) =>
    typeof value === 'string' ? value.replaceAll(/\0|\p{Surrogate}/gu, '\uFFFD') : value,
  );
  if (text.length <= REPORT_MAX_CHARACTERS) return text;
  return JSON.stringify({ tooLarge: `the report has ${String(text.length)} characters` });
}
