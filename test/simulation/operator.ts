/** Whoever keeps the product running: starts a node again when one ended, and may let a second take over from one that stands still. */
import type { FaultSwitches } from './faults/fault-switches.ts';
import type { SimSurroundings } from './sim-node.ts';
import { SimNode } from './sim-node.ts';
import type { World } from './world/world.ts';

const RESTART_DELAY_MS = 300;
/** What a clean end may take, whatever is away; then it is killed, as a service manager does. */
const STOP_MAX_MS = 20_000;

export class Operator {
  readonly nodes: SimNode[] = [];
  readonly #surroundings: SimSurroundings;
  readonly #world: World;
  readonly #faults: FaultSwitches;
  /** Nothing is started any more. */
  isOver = false;
  /** Told of each node that was started. */
  onStarted: (node: SimNode) => void = () => undefined;

  constructor(surroundings: SimSurroundings) {
    this.#surroundings = surroundings;
    this.#world = surroundings.world;
    this.#faults = surroundings.faults;
  }

  /** The node that was started last and has not ended. */
  get current(): SimNode | undefined {
    return this.nodes.findLast(({ status }) => status !== 'ended');
  }

  start(): SimNode {
    const node = new SimNode(`node-${this.nodes.length + 1}`, this.#surroundings, (ended, why) =>
      this.#ended(ended, why),
    );
    this.nodes.push(node);
    this.onStarted(node);
    return node;
  }

  /** The node stands still; its sockets stay open and its timers wait. */
  pause(node: SimNode, durationMs: number): void {
    node.process.isPaused = true;
    this.#world.after(this.#world.nature, durationMs, 'resume', () => this.wake(node));
  }

  wake(node: SimNode): void {
    if (node.process.isPaused && !node.process.isDead) this.#world.resume(node.process);
  }

  stopCleanly(node: SimNode): void {
    node.stop('stopped');
    this.#world.after(this.#world.nature, STOP_MAX_MS, 'kill', () => node.kill('took too long to stop'));
  }

  #ended(node: SimNode, why: string): void {
    this.#world.trace.add(`${node.process.name} ended: ${why}`);
    if (why.startsWith('could not start')) this.#faults.sometimes('start failed');
    this.#world.after(this.#world.nature, RESTART_DELAY_MS, 'start again', () => {
      if (this.current === undefined && !this.isOver) this.start();
    });
  }
}
