/** What the cluster page tells of two answers that follow one another. */
import { describe, expect, it } from 'vitest';
import type { Move } from '../../web/src/cluster/cluster-moves.ts';
import { withMoves } from '../../web/src/cluster/cluster-moves.ts';
import type { ClusterAnswer } from '../../web/src/node/rest-documents.ts';

type Shards = Readonly<Record<number, readonly [owner: string, epoch: number]>>;
type Leases = Readonly<Record<string, readonly [holder: string | null, epoch: number]>>;

function answerOf(shards: Shards, leases: Leases = {}): ClusterAnswer {
  return {
    node: 'a',
    isCluster: true,
    nodes: [],
    shards: Object.entries(shards).map(([shard, [owner, epoch]]) => ({
      ...{ shard: Number(shard), owner, epoch, isOwnerAlive: true },
    })),
    leases: Object.entries(leases).map(([exchange, [holder, epoch]]) => ({
      exchange,
      slot: 0,
      replica: 0,
      holder,
      epoch,
    })),
  };
}

const told = (moves: readonly Move[]): string[] =>
  moves.map(({ what, from, to, epoch }) => `${what}: ${from ?? 'nobody'} → ${to ?? 'nobody'} (${epoch})`);

describe('moves', () => {
  it('are none where nothing changed, and then what was known stays the same list', () => {
    const known = withMoves([], answerOf({ 0: ['a', 1] }), answerOf({ 0: ['b', 2] }), 5);
    const same = answerOf({ 0: ['b', 2] }, { binance: ['a', 1] });
    expect(withMoves(known, same, structuredClone(same), 9)).toBe(known);
  });

  it('tell of a shard that another node has, of one that was claimed anew, and of one that is new', () => {
    const before = answerOf({ 0: ['a', 1], 1: ['a', 4], 2: ['b', 7] });
    const after = answerOf({ 0: ['b', 2], 1: ['a', 5], 2: ['b', 7], 3: ['b', 1] });
    expect(told(withMoves([], before, after, 5))).toEqual([
      'shard 3: nobody → b (1)',
      'shard 1: a → a (5)',
      'shard 0: a → b (2)',
    ]);
  });

  it('tell of a slot that is given up and taken', () => {
    const [held, free, taken] = [
      answerOf({}, { binance: ['a', 2] }),
      answerOf({}, { binance: [null, 2] }),
      answerOf({}, { binance: ['b', 3] }),
    ];
    const given = withMoves([], held, free, 5);
    expect(told(withMoves(given, free, taken, 6))).toEqual([
      'binance slot 0: nobody → b (3)',
      'binance slot 0: a → nobody (2)',
    ]);
  });

  it('say nothing of what is told no more: it was not given to anybody', () => {
    expect(withMoves([], answerOf({ 0: ['a', 1] }), answerOf({}), 5)).toEqual([]);
  });

  it('are the newest fifty, each under its own key, though one shard goes to and fro', () => {
    let moves: readonly Move[] = [];
    let before = answerOf({ 0: ['a', 0] });
    for (let epoch = 1; epoch <= 60; epoch++) {
      const after = answerOf({ 0: [epoch % 2 === 0 ? 'a' : 'b', epoch] });
      moves = withMoves(moves, before, after, 1_000 + epoch);
      before = after;
    }
    expect([moves.length, moves[0]!.epoch, moves.at(-1)!.epoch]).toEqual([50, 60, 11]);
    expect(moves[0]).toMatchObject({ what: 'shard 0', from: 'b', to: 'a', seenMs: 1_060 });
    expect(new Set(moves.map(({ key }) => key)).size).toBe(50);
  });
});
