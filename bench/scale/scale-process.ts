/**
 * One node with so many instruments, in a process of its own that runs as the shipped command does: what it holds, what it does while nothing
 * changes, and what an event of its few busy instruments costs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import { LoopDelay } from '../../src/base/loop-delay.ts';
import type { TampinesNode } from '../../src/main.ts';
import type { LoadedNodeOptions } from '../end-to-end/loaded-node.ts';
import { LoadedNode } from '../end-to-end/loaded-node.ts';
import { profileInto } from '../harness/cpu-profile.ts';
import { collectGarbage } from './memory.ts';

export type ScaleOrder = LoadedNodeOptions & {
  readonly symbolCount: number;
  readonly quietCount: number;
  readonly settings: readonly string[];
  /** How long the node is watched while nothing but time changes. */
  readonly idleMs: number;
  /** A profile of that time is written there. */
  readonly profileDirectory: string | undefined;
};

export type ScaleReport = {
  readonly liveAfterMs: number;
  readonly residentMb: number;
  readonly heapMb: number;
  readonly buffersMb: number;
  /** Processor time of each round by frames of the busy instruments, all threads and all that the node does beside. */
  readonly cpuNsPerFrame: readonly number[];
  readonly loadedLoopDelayMs: number;
  /** Processor time by time that passed. */
  readonly idleShare: number;
  readonly idleLoopDelayMs: number;
  /** Values handed to the publisher in 10 ms while nothing changed but time. */
  readonly publishedInSlot: { readonly mean: number; readonly most: number };
  /** Meanwhile, of all instruments. */
  readonly closedCandles: number;
  readonly logEntries: number;
};

const LIVE_WITHIN_MS = 300_000;
const POLL_MS = 250;
const SETTLE_MS = 15_000;
const QUIET_TRADES_WITHIN_MS = 10_000;
/** Until all have had their first checkpoint, and the candles of their last trade are closed. */
const CHECKPOINTS_MS = 75_000;
const SLOT_MS = 10;
/** `LoopDelay` tells of the last five seconds at least. */
const LOOK_MS = 4_000;

process.once('message', (order: ScaleOrder) => {
  void runScale(order).then((report) => process.send!(report, () => process.disconnect()));
});

async function runScale(order: ScaleOrder): Promise<ScaleReport> {
  const startMs = performance.now();
  const run = await LoadedNode.start({ ...order, settings: ['feed.heartbeatMs=1000', ...order.settings] });
  const { node } = run;
  await untilLive(node, order.symbolCount + order.quietCount);
  const liveAfterMs = performance.now() - startMs;
  await run.tradeQuietOnes(QUIET_TRADES_WITHIN_MS);
  await sleep(SETTLE_MS);
  const loop = new LoopWatch();
  const cpuNsPerFrame: number[] = [];
  for (let round = 0; round < order.runsMax; round++) {
    const before = process.cpuUsage();
    await run.run();
    cpuNsPerFrame.push((1_000 * sumOf(process.cpuUsage(before))) / order.framesPerRun);
  }
  const loadedLoopDelayMs = await loop.takeMaxMs();
  // Where ticks stood still nobody knows what time it is, until something is heard again.
  await run.tradeQuietOnes(QUIET_TRADES_WITHIN_MS);
  await sleep(CHECKPOINTS_MS);
  await loop.takeMaxMs();
  const slots = countPublished(node);
  const entries = countEntries(node);
  const endProfile = await profileInto(order.profileDirectory, 'idle');
  const before = process.cpuUsage();
  const beforeMs = performance.now();
  const closedBefore = node.publisher.metrics.closedPublished;
  await sleep(order.idleMs);
  const idleShare = sumOf(process.cpuUsage(before)) / 1_000 / (performance.now() - beforeMs);
  await endProfile();
  const publishedInSlot = slots();
  const logEntries = entries();
  const idleLoopDelayMs = await loop.takeMaxMs();
  loop.stop();
  const closedCandles = node.publisher.metrics.closedPublished - closedBefore;
  collectGarbage();
  const { rss, heapUsed, external } = process.memoryUsage();
  const report = {
    liveAfterMs,
    residentMb: rss / 1024 ** 2,
    heapMb: heapUsed / 1024 ** 2,
    buffersMb: external / 1024 ** 2,
    cpuNsPerFrame,
    loadedLoopDelayMs,
    idleShare,
    idleLoopDelayMs,
    publishedInSlot,
    closedCandles,
    logEntries,
  };
  await run.close();
  return report;
}

async function untilLive({ instruments }: TampinesNode, count: number): Promise<void> {
  const giveUpMs = performance.now() + LIVE_WITHIN_MS;
  for (;;) {
    const connections = await instruments.connections('kraken');
    const syncedCount = connections.reduce((sum, connection) => sum + connection.syncedCount, 0);
    if (syncedCount === count) return;
    if (performance.now() > giveUpMs) throw new Error(`Only ${syncedCount} of ${count} books are live`);
    await sleep(POLL_MS);
  }
}

/** The longest time for which the event loop was held up, over any time. */
class LoopWatch {
  readonly #delay = new LoopDelay({ clock: systemClock, timers: systemTimers });
  readonly #look: { cancel(): void };
  #maxMs = 0;

  constructor() {
    this.#delay.start();
    this.#look = systemTimers.every(LOOK_MS, () => {
      this.#maxMs = Math.max(this.#maxMs, this.#delay.maxMs);
    });
  }

  /** Since it was asked last, but for what the last seconds before that hold. */
  async takeMaxMs(): Promise<number> {
    await sleep(LOOK_MS);
    const maxMs = this.#maxMs;
    this.#maxMs = 0;
    return maxMs;
  }

  stop(): void {
    this.#look.cancel();
    this.#delay.stop();
  }
}

/** Counts what is handed to the publisher, until the answer is asked for. */
function countPublished({ publisher }: TampinesNode): () => ScaleReport['publishedInSlot'] {
  const publish = publisher.publish.bind(publisher);
  const counts = new Map<number, number>();
  const startMs = performance.now();
  publisher.publish = (publications) => {
    const slot = Math.floor(performance.now() / SLOT_MS);
    counts.set(slot, (counts.get(slot) ?? 0) + publications.length);
    publish(publications);
  };
  return () => {
    publisher.publish = publish;
    let sum = 0;
    for (const count of counts.values()) sum += count;
    const slotCount = (performance.now() - startMs) / SLOT_MS;
    return { mean: sum / slotCount, most: Math.max(0, ...counts.values()) };
  };
}

function countEntries({ storage: { journal } }: TampinesNode): () => number {
  const append = journal.append.bind(journal);
  let count = 0;
  journal.append = (...entry) => {
    count++;
    return append(...entry);
  };
  return () => {
    journal.append = append;
    return count;
  };
}

function sumOf({ user, system }: NodeJS.CpuUsage): number {
  return user + system;
}
