/**
 * Who is to feed what, worked out by every node alike from the nodes there are and from who holds what. Pure. Nodes that see different things for a
 * moment may want the same slot; the table of leases lets one of them have it.
 */
import type { Slot } from './ports.ts';

export type SlotHolding = Slot & {
  /** Name of the node that holds it, or held it last; `undefined` where nobody did. */
  readonly holder: string | undefined;
};

export type SlotShare = Slot & { readonly node: string };

/**
 * Returns a node for each slot, none where there are no nodes.
 *
 * 1. Shares differ by one at most; the larger ones are with those that hold most.
 * 2. A node keeps what it holds up to its share, so no more slots move than shares demand.
 * 3. What a node gives up is of the exchanges of which it holds most, and goes to who holds least of them: connections of one exchange spread over
 *    nodes, whose addresses have limits of their own there.
 *
 * O(slots × nodes).
 * @param nodes in any order, each once
 */
export function shareSlots(holdings: readonly SlotHolding[], nodes: readonly string[]): SlotShare[] {
  if (nodes.length === 0) return [];
  const shares = new Map(nodes.map((name) => [name, new NodeShare(name)]));
  const free: Slot[] = [];
  for (const { exchange, slot, holder } of [...holdings].sort(bySlot)) {
    const share = holder === undefined ? undefined : shares.get(holder);
    if (share === undefined) free.push({ exchange, slot });
    else share.add({ exchange, slot });
  }
  const byCount = [...shares.values()].sort((a, b) => b.slots.length - a.slots.length || byName(a, b));
  const least = Math.floor(holdings.length / nodes.length);
  const largerCount = holdings.length - least * nodes.length;
  for (const [index, share] of byCount.entries()) {
    share.size = index < largerCount ? least + 1 : least;
    while (share.slots.length > share.size) free.push(share.giveUp());
  }
  for (const slot of free.sort(bySlot)) takerOf(slot, byCount).add(slot);
  return byCount.flatMap(({ name, slots }) => slots.map((slot) => ({ ...slot, node: name })));
}

class NodeShare {
  readonly name: string;
  /** How many it is to have. */
  size = 0;
  /** By exchange and slot. */
  slots: Slot[] = [];
  readonly #countByExchange = new Map<string, number>();

  constructor(name: string) {
    this.name = name;
  }

  countOf(exchange: string): number {
    return this.#countByExchange.get(exchange) ?? 0;
  }

  add(slot: Slot): void {
    this.slots.push(slot);
    this.#countByExchange.set(slot.exchange, this.countOf(slot.exchange) + 1);
  }

  giveUp(): Slot {
    let given = this.slots[0]!;
    for (const slot of this.slots) {
      if (this.countOf(slot.exchange) > this.countOf(given.exchange)) given = slot;
    }
    this.slots = this.slots.filter((slot) => slot !== given);
    this.#countByExchange.set(given.exchange, this.countOf(given.exchange) - 1);
    return given;
  }
}

/** Sizes add up to the number of slots, so somebody has room while one is free. */
function takerOf({ exchange }: Slot, shares: readonly NodeShare[]): NodeShare {
  const roomOf = (share: NodeShare): number => share.size - share.slots.length;
  return shares
    .filter((share) => roomOf(share) > 0)
    .reduce((best, share) => {
      const difference =
        share.countOf(exchange) - best.countOf(exchange) ||
        roomOf(best) - roomOf(share) ||
        byName(share, best);
      return difference < 0 ? share : best;
    });
}

function bySlot(one: Slot, other: Slot): number {
  if (one.exchange !== other.exchange) return one.exchange < other.exchange ? -1 : 1;
  return one.slot - other.slot;
}

function byName(one: NodeShare, other: NodeShare): number {
  return one.name < other.name ? -1 : 1;
}
