/** Faults of the node's own process: killed, killed again while it recovers, frozen past its lease while another takes over. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeProcess } from '../nodes/node-process.ts';
import { FENCED_EXIT_CODE } from '../nodes/node-supervisor.ts';
import type { RunState } from '../run-state.ts';
import { count, drawWhole } from '../run-state.ts';

const READY_WITHIN_MS = 30_000;
/** A node that was thawed must find out and end within this. */
const FENCED_WITHIN_MS = 15_000;

/** kill -9 of the running node, wherever it is; then, as often as drawn, of the one that is just recovering. */
export async function killNode(state: RunState): Promise<void> {
  const { nodes, random } = state;
  const again = random() < 0.4 ? drawWhole(random, 1, 2) : 0;
  const delaysMs = Array.from({ length: again }, () => drawWhole(random, 250, 2_000));
  await killCurrent(state, 'kill');
  for (const delayMs of delaysMs) {
    await untilAnotherRuns(state);
    await sleep(delayMs);
    const isReady = nodes.current?.adminUrl !== undefined;
    await killCurrent(state, isReady ? 'kill' : 'kill during recovery');
  }
  await untilReady(state);
}

/**
 * SIGSTOP, a second node of another name takes the shard over, SIGCONT: the first must find itself fenced and end by itself. That it wrote
 * nothing is for the history to tell.
 */
export async function freezeNode(state: RunState, leaseMs: number): Promise<void> {
  const { nodes, random } = state;
  const frozenMs = leaseMs + drawWhole(random, 200, 1_500);
  const zombie = nodes.current;
  if (zombie?.adminUrl === undefined || !zombie.isRunning) return;
  zombie.freeze();
  count(state, 'zombie freeze');
  await sleep(frozenMs);
  const successor = await takeOver(state);
  if (successor === undefined) {
    await zombie.kill();
    nodes.adopt(nodes.launch());
    await untilReady(state);
    return;
  }
  nodes.adopt(successor);
  await sleep(drawWhole(random, 0, 1_500));
  zombie.thaw();
  const end = await Promise.race([zombie.ended, sleep(FENCED_WITHIN_MS, undefined, { ref: false })]);
  if (end?.code === FENCED_EXIT_CODE) {
    count(state, 'zombie ended as fenced');
    return;
  }
  state.report({
    rule: 'fenced',
    subject: zombie.name,
    expected: `a node that lost its shard ends as fenced (${FENCED_EXIT_CODE}) within ${FENCED_WITHIN_MS / 1000} s after it was thawed`,
    was:
      end === undefined
        ? 'still running'
        : `code ${end.code}, signal ${end.signal}: ${end.errors.slice(0, 300)}`,
  });
  await zombie.kill();
}

/** SIGSTOP and SIGCONT with nobody else about: the node goes on, and must not show what it held as if it were of now. */
export async function pauseNode(state: RunState): Promise<void> {
  const { nodes, random } = state;
  const pausedMs = drawWhole(random, 100, 4_000);
  const node = nodes.current;
  if (!node?.isRunning) return;
  count(state, 'pause');
  node.freeze();
  await sleep(pausedMs);
  node.thaw();
}

/** Starts another node until one holds the shard: one that can't start, for Postgres is away, is tried again. */
async function takeOver(state: RunState): Promise<NodeProcess | undefined> {
  for (let tries = 0; tries < 20 && !state.isOver(); tries++) {
    const node = state.nodes.launch();
    if (await node.waitUntilReady(READY_WITHIN_MS)) return node;
    await node.kill();
    await sleep(300);
  }
  return undefined;
}

async function killCurrent(state: RunState, what: string): Promise<void> {
  const node = state.nodes.current;
  if (!node?.isRunning) return;
  count(state, what);
  await node.kill();
}

async function untilAnotherRuns({ nodes, isOver }: RunState): Promise<void> {
  while (nodes.current?.isRunning !== true && !isOver()) await sleep(20);
}

/** Resolves when a node is ready; restarts that fail on the way are the supervisor's. */
export async function untilReady({ nodes, isOver }: RunState): Promise<boolean> {
  const deadlineMs = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadlineMs && !isOver()) {
    if (nodes.current?.adminUrl !== undefined && nodes.current.isRunning) return true;
    await sleep(50);
  }
  return false;
}
