/** Looks at what Redis holds once the node that runs had time to say everything again. */
import { checkHeldBooks } from './checks/held-books.ts';
import type { Violation } from './checks/violation.ts';
import type { RedisModel } from './models/redis-model.ts';
import type { Operator } from './operator.ts';
import type { SimNode } from './sim-node.ts';
import type { World } from './world/world.ts';

const LOOK_MS = 250;

export class HeldBooksWatch {
  readonly violations: Violation[] = [];
  readonly #world: World;
  readonly #redis: RedisModel;
  readonly #operator: Operator;
  readonly #calmMs: number;

  /** @param calmMs how long the same node must have run, its Redis taking all it was sent */
  constructor(options: { world: World; redis: RedisModel; operator: Operator; calmMs: number }) {
    this.#world = options.world;
    this.#redis = options.redis;
    this.#operator = options.operator;
    this.#calmMs = options.calmMs;
  }

  /** Redis has come back with older values. */
  begin(): void {
    this.#look({ node: undefined, sinceMs: 0 }, this.#redis.life);
  }

  #look(calm: { readonly node: SimNode | undefined; readonly sinceMs: number }, life: number): void {
    if (this.#operator.isOver || this.#redis.life !== life) return;
    const node = this.#calmNode();
    const sinceMs = node === calm.node ? calm.sinceMs : this.#world.elapsedMs;
    if (node !== undefined && this.#world.elapsedMs - sinceMs >= this.#calmMs) {
      const held = new Map(this.#redis.keys().map((key) => [key, this.#redis.get(key) ?? '']));
      this.violations.push(...checkHeldBooks(held, this.#redis.history.published));
      return;
    }
    this.#world.after(this.#world.nature, LOOK_MS, 'look at what Redis holds', () =>
      this.#look({ node, sinceMs }, life),
    );
  }

  #calmNode(): SimNode | undefined {
    const node = this.#operator.current;
    const isCalm =
      node?.status === 'running' && !node.process.isPaused && node.built?.publisher.isTaken === true;
    return isCalm ? node : undefined;
  }
}
