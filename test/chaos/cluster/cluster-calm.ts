/** Times without faults: every node must be ready again, and every book in Redis live and what its exchange truly has. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { ChaosMarkets } from '../chaos-markets.ts';
import { bookText } from '../checks/book-text.ts';
import type { ClusterNode } from './cluster-node.ts';

const HEALED_WITHIN_MS = 60_000;
const POLL_MS = 100;
/** How long a market stands still for its last changes to arrive. */
const STILL_MS = 2_500;
const MOVING_MS = 700;

type Cluster = {
  readonly nodes: readonly ClusterNode[];
  readonly markets: ChaosMarkets;
  readonly redis: Redis;
};

type Levels = readonly (readonly [string, string])[];

/**
 * Markets stand still for the comparison and move on for another try, for a book that is being resynchronised may need its next change. Leaves them
 * still. Returns how long it took in ms, and what was still wrong after a minute.
 */
export async function untilBooksTrue(cluster: Cluster): Promise<{ tookMs: number; wrong: string[] }> {
  const startMs = performance.now();
  for (;;) {
    cluster.markets.startMoving();
    await sleep(MOVING_MS);
    cluster.markets.standStill();
    const wrong = await untilTrue(cluster);
    const tookMs = performance.now() - startMs;
    if (wrong.length === 0 || tookMs > HEALED_WITHIN_MS) return { tookMs, wrong };
  }
}

async function untilTrue(cluster: Cluster): Promise<string[]> {
  const deadlineMs = performance.now() + STILL_MS;
  for (;;) {
    const wrong = await findWrong(cluster);
    if (wrong.length === 0 || performance.now() > deadlineMs) return wrong;
    await sleep(POLL_MS);
  }
}

async function findWrong({ nodes, markets, redis }: Cluster): Promise<string[]> {
  const away = nodes
    .filter(({ adminUrl }) => adminUrl === undefined)
    .map(({ name }) => `${name} is not ready`);
  const texts = await redis.mget(markets.instruments.map(({ key }) => `orderbook:${key}:1`));
  const wrong = markets.instruments.map((instrument, index) =>
    describeWrong(instrument.key, texts[index], markets.bookOf(instrument)),
  );
  return [...away, ...wrong.filter((text) => text !== undefined)];
}

function describeWrong(key: string, text: string | null | undefined, truth: string): string | undefined {
  if (text === null || text === undefined) return `${key} is not there`;
  const { status, bids, asks } = JSON.parse(text) as { status: string; bids: Levels; asks: Levels };
  if (status !== 'live') return `${key} is ${status}`;
  const was = bookText(bids, asks);
  return was === truth
    ? undefined
    : `${key} is live with ${was.slice(0, 80)}… in place of ${truth.slice(0, 80)}…`;
}
