/** After the last fault the product comes back by itself: one node, every instrument live at the market's book; and it ends when asked to. */
import { logCodec } from '../../../src/codec/log-codec.ts';
import { snapshotInstrument } from '../../../src/market/instrument-state.ts';
import type { RedisModel } from '../models/redis-model.ts';
import type { Operator } from '../operator.ts';
import type { SimNode } from '../sim-node.ts';
import type { SimulatedMarkets } from '../simulated-markets.ts';
import { bookText } from '../simulated-markets.ts';
import type { World } from '../world/world.ts';
import type { LiveState } from './refold.ts';
import type { Violation } from './violation.ts';

const VIEW_MAX_MS = 10_000;
/** A clean end with nothing broken. */
const STOP_MAX_MS = 10_000;

export type LivingFacts = {
  readonly world: World;
  readonly operator: Operator;
  readonly markets: SimulatedMarkets;
  readonly redis: RedisModel;
  readonly healedMs: number | undefined;
};

/** Asks every instrument for its state, then ends the node; returns the states and what was wrong. */
export async function checkLiving(
  facts: LivingFacts,
): Promise<{ readonly states: ReadonlyMap<string, LiveState>; readonly violations: readonly Violation[] }> {
  const { world, operator, markets } = facts;
  const states = new Map<string, LiveState>();
  const node = operator.current;
  if (node?.status !== 'running') {
    const was = node?.status ?? 'none';
    return {
      states,
      violations: [{ rule: 'a node runs after the last fault', instrument: '', expected: 'running', was }],
    };
  }
  const failures = await askStates(world, node, markets, states);
  const violations: Violation[] = [];
  for (const { instrument, currentBook } of markets.truths) {
    violations.push(
      ...judge(facts, node, {
        instrument,
        book: currentBook(),
        live: states.get(instrument),
        failure: failures.get(instrument),
      }),
    );
  }
  operator.isOver = true;
  node.stop('the seed is over');
  await world.run(world.elapsedMs + STOP_MAX_MS, () => node.status === 'ended');
  if (!node.hasEnded()) {
    violations.push({
      rule: 'a node ends when asked to',
      instrument: node.process.name,
      expected: 'ended',
      was: node.status,
    });
  }
  return { states, violations: [...violations, ...findLiveAfterEnd(facts, node)] };
}

/** Nobody keeps a book right whose node has ended. */
function findLiveAfterEnd({ markets, redis }: LivingFacts, { epoch }: SimNode): Violation[] {
  return markets.truths.flatMap(({ instrument }) => {
    const head = redis.get(`orderbook:${instrument}:1`)?.slice(0, 300) ?? '';
    return head.startsWith(`{"epoch":${epoch},`) && head.includes('"status":"live"')
      ? [{ rule: 'no book is live after its node has ended', instrument, expected: 'stale', was: head }]
      : [];
  });
}

/** Returns why those that gave no answer gave none. */
async function askStates(
  world: World,
  node: SimNode,
  markets: SimulatedMarkets,
  states: Map<string, LiveState>,
): Promise<ReadonlyMap<string, string>> {
  const { instruments } = node.built!;
  const failures = new Map<string, string>();
  world.soon(node.process, 'look', () => {
    for (const { instrument } of markets.truths) {
      instruments
        .view(instrument, ({ state, status }) => ({
          position: state.position,
          status,
          bytes: logCodec.encodeState(snapshotInstrument(state)),
        }))
        .then(
          (live) => states.set(instrument, live),
          (error: unknown) => failures.set(instrument, String(error)),
        );
    }
  });
  await world.run(world.elapsedMs + VIEW_MAX_MS, () => states.size + failures.size === markets.truths.length);
  return failures;
}

function judge(
  { redis, healedMs }: LivingFacts,
  node: SimNode,
  facts: { instrument: string; book: string; live: LiveState | undefined; failure: string | undefined },
): Violation[] {
  const { instrument, live, book } = facts;
  const violations: Violation[] = [];
  const found = (rule: string, expected: string, was: string): void => {
    violations.push({ rule, instrument, expected, was });
  };
  if (live === undefined) {
    const actor = node.built!.instruments.list().find((each) => each.instrument.instrument === instrument);
    const why = `${facts.failure ?? 'no answer'}; actor ${actor?.actorStatus ?? 'none'}: ${actor?.lastFailure ?? 'no failure'}`;
    found('every instrument answers after the last fault', 'its state', why);
    return violations;
  }
  const text = redis.get(`orderbook:${instrument}:1`) ?? '{"status":"not published","bids":[],"asks":[]}';
  if (healedMs === undefined || live.status !== 'live') {
    found(
      'every instrument is live after the last fault',
      'live',
      `${live.status}; published ${text.slice(0, 300)}`,
    );
  }
  const { bids, asks } = JSON.parse(text) as { bids: [string, string][]; asks: [string, string][] };
  if (bookText(bids, asks) !== book) {
    found('the published book is the market’s once it stands still', book, bookText(bids, asks));
  }
  return violations;
}
