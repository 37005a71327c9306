/** What changed hands between two answers of the cluster. */
import type { ClusterAnswer } from '../node/rest-documents.ts';

export type Move = {
  readonly key: string;
  /** `shard 3`, `binance slot 0`. */
  readonly what: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly epoch: number;
  /** When the page heard of it, by the clock of the node, Unix milliseconds. */
  readonly seenMs: number;
};

const KEPT_MOVES = 50;

type Held = { readonly what: string; readonly holder: string | null; readonly epoch: number };

/** Returns the moves that are known and those between the two answers, newest first. A new epoch with the same holder is a move too: it was claimed anew. */
export function withMoves(
  moves: readonly Move[],
  before: ClusterAnswer,
  after: ClusterAnswer,
  seenMs: number,
): readonly Move[] {
  const known = new Map(heldIn(before).map((held) => [held.what, held]));
  const news = heldIn(after).flatMap(({ what, holder, epoch }): Move[] => {
    const from = known.get(what);
    if (from?.holder === holder && from.epoch === epoch) return [];
    const key = `${what} ${epoch} ${holder ?? ''} ${seenMs}`;
    return [{ key, what, from: from?.holder ?? null, to: holder, epoch, seenMs }];
  });
  return news.length === 0 ? moves : [...news.toReversed(), ...moves].slice(0, KEPT_MOVES);
}

/** `slot 3`, of the second feed `slot 3.1`. */
export function nameOfSlot({ slot, replica }: { readonly slot: number; readonly replica: number }): string {
  return replica === 0 ? `slot ${slot}` : `slot ${slot}.${replica}`;
}

function heldIn({ shards, leases }: ClusterAnswer): Held[] {
  return [
    ...shards.map(({ shard, owner, epoch }) => ({ what: `shard ${shard}`, holder: owner, epoch })),
    ...leases.map(({ exchange, holder, epoch, ...lease }) => ({
      what: `${exchange} ${nameOfSlot(lease)}`,
      holder,
      epoch,
    })),
  ];
}
