/**
 * Which nodes there are. Each renews its row every second and reads the others; who was seen within three seconds, by the database's clock, is alive.
 *
 * This is for liveness only: it decides who should do what, never who may. What a node may do is told by leases and by the fence of each write.
 */
import type { Clock, TimerHandle, Timers } from '../base/clock.ts';
import { TampinesError, hasErrorCode } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { describeCause } from '../supervision/failure.ts';
import type { ClusterNode, JsonValue, NamesakeNode, NodeIdentity, NodeTable } from './ports.ts';

const RENEW_MS = 1_000;
/** Who was not seen for so long is taken for gone. */
export const NODE_ALIVE_MS = 3_000;

const NAME_TAKEN = 'another process took the name of this node while it was not seen; this one ends';
const LOG_MOVED = 'the log of events was moved to another topic while this node was not seen; it ends';

export type ClusterMembershipOptions = {
  readonly node: NodeIdentity;
  readonly table: NodeTable;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  /** What this node tells of itself: shards, lag, leases. Asked before each renewal. */
  readonly report: () => JsonValue;
  /** The nodes, their runs, addresses or roles are others than before. */
  readonly onChanged: (nodes: readonly ClusterNode[]) => void;
  /** While this one was not seen another process took its name, or the log was moved. Called once; nothing follows. */
  readonly onDisplaced: () => void;
};

export class ClusterMembership {
  readonly #options: ClusterMembershipOptions;
  #roles: readonly string[];
  #nodes: readonly ClusterNode[] = [];
  #timer: TimerHandle | undefined;
  #isStopped = false;
  #underway: Promise<void> | undefined;
  #isWanted = false;
  /** When the database stopped answering; `undefined` while it does. */
  #awaySinceMs: number | undefined;
  /** Until then a node that is not seen may be one that found the database later than this one did. */
  #returnUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: ClusterMembershipOptions) {
    this.#options = options;
    this.#roles = options.node.roles;
  }

  /**
   * Resolves when this node is one of the cluster and knows the others. After a crash the row of the run before is still fresh: it is waited for
   * until it has aged, or is seen to be renewed.
   * @throws TampinesError `NODE_NAME_TAKEN` while another process of this name lives · `EVENT_LOG_MOVED`
   * @throws TampinesError `SERVICE_UNAVAILABLE` and others of `Database`
   */
  async start(): Promise<void> {
    const { timers } = this.#options;
    let first: NamesakeNode | undefined;
    for (let namesake = await this.#renew(); namesake !== undefined; namesake = await this.#renew()) {
      first ??= namesake;
      if (namesake.runId !== first.runId || namesake.seenAtMs !== first.seenAtMs) {
        throw this.#nameTaken(namesake);
      }
      await timers.sleep(RENEW_MS / 2);
    }
    this.#take(await this.#options.table.readAlive(NODE_ALIVE_MS));
    this.#timer = timers.every(RENEW_MS, () => this.refresh());
  }

  /** Those that were seen last, by name, this one among them; the last known ones while the database is away. */
  nodes(): readonly ClusterNode[] {
    return this.#nodes;
  }

  /** Ms since the database was heard last, where it does not answer at present. */
  get awayMs(): number | undefined {
    if (this.#awaySinceMs === undefined) return undefined;
    return this.#options.clock.monotonicMs() - this.#awaySinceMs;
  }

  /** What this node does from now on; others see it within a second. A node that is about to stop lets go of roles first. */
  setRoles(roles: readonly string[]): void {
    this.#roles = roles;
    this.refresh();
  }

  /** Renews and reads now, in place of at the next second. */
  refresh(): void {
    if (this.#isStopped) return;
    this.#isWanted = true;
    this.#underway ??= this.#work();
  }

  /** Takes the row out, so that the others need not wait for it to age. To be called last: whoever still does something has a row. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#underway;
    const { node, table, log } = this.#options;
    try {
      await table.remove(node);
    } catch (error) {
      log.warn({ cause: describeCause(error) }, 'could not leave the cluster: its row ages');
    }
  }

  async #work(): Promise<void> {
    while (this.#isWanted && !this.#isStopped) {
      this.#isWanted = false;
      try {
        const namesake = await this.#renew();
        this.#noteAnswer();
        if (namesake === undefined) this.#take(await this.#options.table.readAlive(NODE_ALIVE_MS));
        else this.#end({ byRunId: namesake.runId, byAdminUrl: namesake.adminUrl }, NAME_TAKEN);
      } catch (error) {
        if (hasErrorCode(error, 'EVENT_LOG_MOVED')) this.#end(error.fields, LOG_MOVED);
        else this.#noteSilence(error);
      }
    }
    this.#underway = undefined;
  }

  #renew(): Promise<NamesakeNode | undefined> {
    const { node, table, report } = this.#options;
    return table.renew({ ...node, roles: this.#roles }, report(), NODE_ALIVE_MS);
  }

  #take(seen: readonly ClusterNode[]): void {
    if (this.#isStopped) return;
    const isReturning = this.#options.clock.monotonicMs() < this.#returnUntilMs;
    const nodes = isReturning ? withMissing(seen, this.#nodes) : seen;
    const isChanged = fingerprintOf(nodes) !== fingerprintOf(this.#nodes);
    if (!isChanged) return;
    this.#nodes = nodes;
    const { log, onChanged } = this.#options;
    log.info({ nodes: nodes.map(({ name }) => name) }, 'the nodes of the cluster');
    onChanged(nodes);
  }

  #end(fields: object, why: string): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#timer?.cancel();
    const { log, node, onDisplaced } = this.#options;
    log.error({ runId: node.runId, ...fields }, why);
    onDisplaced();
  }

  #noteSilence(error: unknown): void {
    if (this.#awaySinceMs !== undefined) return;
    this.#awaySinceMs = this.#options.clock.monotonicMs();
    const fields = { cause: describeCause(error), nodes: this.#nodes.length };
    this.#options.log.warn(fields, 'the nodes of the cluster can not be read: the last known ones are kept');
  }

  #noteAnswer(): void {
    const { awayMs } = this;
    if (awayMs === undefined) return;
    this.#awaySinceMs = undefined;
    this.#returnUntilMs = this.#options.clock.monotonicMs() + NODE_ALIVE_MS;
    this.#options.log.info({ awayMs: Math.round(awayMs) }, 'the nodes of the cluster are read again');
  }

  #nameTaken({ runId, adminUrl }: NamesakeNode): TampinesError {
    const { name } = this.#options.node;
    const message = `The name ${name} is taken by a node that lives (${adminUrl}, run ${runId}); give this one another`;
    return new TampinesError('NODE_NAME_TAKEN', message, { fields: { node: name, adminUrl, runId } });
  }
}

/** Returns those that were seen and those known before that were not, by name. */
function withMissing(seen: readonly ClusterNode[], known: readonly ClusterNode[]): ClusterNode[] {
  const names = new Set(seen.map(({ name }) => name));
  const missing = known.filter(({ name }) => !names.has(name));
  return [...seen, ...missing].sort((one, other) => (one.name < other.name ? -1 : 1));
}

function fingerprintOf(nodes: readonly ClusterNode[]): string {
  return JSON.stringify(nodes.map(({ name, runId, adminUrl, roles }) => [name, runId, adminUrl, roles]));
}
