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
 * Returns a node for each slot, none where there are no nodes. Of the replicas of a slot each is with another node; those that are more than nodes have none.
 *
 * 1. Shares differ by one at most; the larger ones are with those that hold most.
 * 2. A node keeps what it holds up to its share, so no more slots move than shares demand.
 * 3. What a node gives up is of the exchanges of which it holds most, and goes to who holds least of them: connections of one exchange spread over
 *    nodes, whose addresses have limits of their own there.
 * 4. Of two replicas of a slot only one is given up, where there is a choice: the other one goes on meanwhile.
 *
 * O(slots × nodes).
 * @param nodes in any order, each once
 */
export function shareSlots(holdings: readonly SlotHolding[], nodes: readonly string[]): SlotShare[] {
  if (nodes.length === 0) return [];
  const shares = new Map(nodes.map((name) => [name, new NodeShare(name)]));
  const placed = placeableOf(holdings, shares);
  const free: Slot[] = [];
  for (const { exchange, slot, replica, holder } of placed) {
    const share = holder === undefined ? undefined : shares.get(holder);
    if (share === undefined || share.hasReplicaOf({ exchange, slot })) free.push({ exchange, slot, replica });
    else share.add({ exchange, slot, replica });
  }
  const byCount = [...shares.values()].sort((a, b) => b.slots.length - a.slots.length || byName(a, b));
  const least = Math.floor(placed.length / nodes.length);
  const largerCount = placed.length - least * nodes.length;
  const freeParts = new Set(free.map(partOf));
  for (const [index, share] of byCount.entries()) {
    share.size = index < largerCount ? least + 1 : least;
    while (share.slots.length > share.size) {
      const given = share.giveUp(freeParts);
      freeParts.add(partOf(given));
      free.push(given);
    }
  }
  const given = new Set(free);
  for (const slot of free.sort(bySlot))
    (takerOf(slot, byCount) ?? makeRoomFor(slot, byCount, given)).add(slot);
  return byCount.flatMap(({ name, slots }) => slots.map((slot) => ({ ...slot, node: name })));
}

/** Of each slot as many replicas as there are nodes, in order; those that are held already come first to be among them. */
function placeableOf(
  holdings: readonly SlotHolding[],
  nodes: ReadonlyMap<string, NodeShare>,
): readonly SlotHolding[] {
  const byPart = new Map<string, SlotHolding[]>();
  for (const holding of [...holdings].sort(bySlot)) {
    const part = partOf(holding);
    const known = byPart.get(part);
    if (known === undefined) byPart.set(part, [holding]);
    else known.push(holding);
  }
  const isHeld = ({ holder }: SlotHolding): boolean => holder !== undefined && nodes.has(holder);
  return [...byPart.values()].flatMap((replicas) =>
    replicas.length <= nodes.size
      ? replicas
      : [...replicas.filter(isHeld), ...replicas.filter((one) => !isHeld(one))].slice(0, nodes.size),
  );
}

/** What replicas of a slot have in common. */
function partOf({ exchange, slot }: Omit<Slot, 'replica'>): string {
  return `${exchange}/${slot}`;
}

class NodeShare {
  readonly name: string;
  /** How many it is to have. */
  size = 0;
  /** By exchange and slot. */
  slots: Slot[] = [];
  readonly #countByExchange = new Map<string, number>();
  readonly #parts = new Set<string>();

  constructor(name: string) {
    this.name = name;
  }

  countOf(exchange: string): number {
    return this.#countByExchange.get(exchange) ?? 0;
  }

  get room(): number {
    return this.size - this.slots.length;
  }

  hasReplicaOf(slot: Omit<Slot, 'replica'>): boolean {
    return this.#parts.has(partOf(slot));
  }

  add(slot: Slot): void {
    this.slots.push(slot);
    this.#parts.add(partOf(slot));
    this.#countByExchange.set(slot.exchange, this.countOf(slot.exchange) + 1);
  }

  remove(removed: Slot): void {
    this.slots = this.slots.filter((slot) => slot !== removed);
    this.#parts.delete(partOf(removed));
    this.#countByExchange.set(removed.exchange, this.countOf(removed.exchange) - 1);
  }

  /** @param freeParts those of which a replica is free already */
  giveUp(freeParts: ReadonlySet<string>): Slot {
    const spare = this.slots.filter((slot) => !freeParts.has(partOf(slot)));
    const [first, ...others] = spare.length > 0 ? spare : this.slots;
    let given = first!;
    for (const slot of others) if (this.countOf(slot.exchange) > this.countOf(given.exchange)) given = slot;
    this.remove(given);
    return given;
  }
}

/** Sizes add up to the number of slots, so somebody has room while one is free; `undefined` where he has a replica of it. */
function takerOf(slot: Slot, shares: readonly NodeShare[]): NodeShare | undefined {
  const { exchange } = slot;
  const takers = shares.filter((share) => share.room > 0 && !share.hasReplicaOf(slot));
  return takers.reduce<NodeShare | undefined>((best, share) => {
    if (best === undefined) return share;
    const difference =
      share.countOf(exchange) - best.countOf(exchange) || best.room - share.room || byName(share, best);
    return difference < 0 ? share : best;
  }, undefined);
}

/**
 * Returns a node that gave what it had to one with room. There is one while a slot has no more replicas than there are nodes: who has room has fewer slots
 * than others that have none, so at least one of theirs is none of his.
 * @param given those that nobody loses, where they move on: they go first
 */
function makeRoomFor(slot: Slot, shares: readonly NodeShare[], given: ReadonlySet<Slot>): NodeShare {
  const others = shares.filter((share) => !share.hasReplicaOf(slot));
  const movable = others.flatMap((share) => share.slots.map((moved) => ({ share, moved })));
  const inOrder = [
    ...movable.filter(({ moved }) => given.has(moved)),
    ...movable.filter(({ moved }) => !given.has(moved)),
  ];
  for (const { share, moved } of inOrder) {
    const taker = takerOf(moved, shares);
    if (taker === undefined || taker === share) continue;
    share.remove(moved);
    taker.add(moved);
    return share;
  }
  throw new Error(`Cannot place ${partOf(slot)}: expected a node without a replica of it, was none`);
}

function bySlot(one: Slot, other: Slot): number {
  if (one.exchange !== other.exchange) return one.exchange < other.exchange ? -1 : 1;
  return one.slot - other.slot || one.replica - other.replica;
}

function byName(one: NodeShare, other: NodeShare): number {
  return one.name < other.name ? -1 : 1;
}
