/** The table of nodes as a model: one map, and the clock of the database. */
import type { Clock } from '../../src/base/clock.ts';
import { TampinesError } from '../../src/base/errors.ts';
import type {
  ClusterNode,
  JsonValue,
  NamesakeNode,
  NodeIdentity,
  NodeTable,
} from '../../src/cluster/ports.ts';

type Row = NodeIdentity & { startedAtMs: number; seenAtMs: number; report: JsonValue };

export class ModelNodeTable implements NodeTable {
  readonly rows = new Map<string, Row>();
  readonly #clock: Clock;
  /** While true every statement fails. */
  isAway = false;
  /** While true another topic has taken the place of the log that the nodes work by. */
  isLogMoved = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async renew(node: NodeIdentity, report: JsonValue, aliveMs: number): Promise<NamesakeNode | undefined> {
    await this.#arrive();
    if (this.isLogMoved) throw new TampinesError('EVENT_LOG_MOVED', 'the log was moved');
    const nowMs = this.#clock.nowMs();
    const known = this.rows.get(node.name);
    if (known !== undefined && known.runId !== node.runId && known.seenAtMs > nowMs - aliveMs) {
      return { ...known };
    }
    const startedAtMs = known?.runId === node.runId ? known.startedAtMs : nowMs;
    this.rows.set(node.name, { ...node, report, startedAtMs, seenAtMs: nowMs });
    return undefined;
  }

  async readAlive(aliveMs: number): Promise<ClusterNode[]> {
    await this.#arrive();
    return [...this.rows.values()]
      .filter(({ seenAtMs }) => seenAtMs > this.#clock.nowMs() - aliveMs)
      .map(({ name, runId, adminUrl, roles, startedAtMs }) => ({ name, runId, adminUrl, roles, startedAtMs }))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  async remove({ name, runId }: Pick<NodeIdentity, 'name' | 'runId'>): Promise<void> {
    await this.#arrive();
    if (this.rows.get(name)?.runId === runId) this.rows.delete(name);
  }

  async #arrive(): Promise<void> {
    await Promise.resolve();
    if (this.isAway) throw new Error('the database is away');
  }
}
