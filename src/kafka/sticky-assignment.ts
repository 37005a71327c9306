/** Who gets which partition of a group: as even as can be, and nobody loses what he has without need, for a shard that moves is recovered elsewhere. */

export type GroupMember = {
  readonly id: string;
  /** Partitions that it has in its hands. */
  readonly held: readonly number[];
  /** Of the group when it was given them; where two hold one partition, the later one is right. */
  readonly generation: number;
};

/**
 * Returns the partitions of each member, ascending. Every partition from 0 to `partitionCount` − 1 is given once; two members differ by one at
 * most; of all such ways it is one in which the fewest partitions move. It depends on the members alone, not on their order.
 */
export function assignSticky(
  partitionCount: number,
  members: readonly GroupMember[],
): ReadonlyMap<string, readonly number[]> {
  const held = heldByMember(partitionCount, members);
  // Where partitions don't divide evenly, those who hold most may have one more than the others, so that it need not move.
  const order = [...held.keys()].sort(
    (a, b) => held.get(b)!.length - held.get(a)!.length || compareText(a, b),
  );
  const share = Math.floor(partitionCount / members.length);
  const largerCount = partitionCount - share * members.length;
  const assigned = new Map(
    order.map((id, index) => [id, held.get(id)!.slice(0, index < largerCount ? share + 1 : share)] as const),
  );
  const taken = new Set([...assigned.values()].flat());
  let next = 0;
  for (const [index, id] of order.entries()) {
    const partitions = assigned.get(id)!;
    while (partitions.length < (index < largerCount ? share + 1 : share)) {
      while (taken.has(next)) next++;
      partitions.push(next++);
    }
    partitions.sort((a, b) => a - b);
  }
  return assigned;
}

/** Each partition at one holder only, the one of the latest generation. */
function heldByMember(partitionCount: number, members: readonly GroupMember[]): Map<string, number[]> {
  const held = new Map<string, number[]>(members.map(({ id }) => [id, []]));
  const latestFirst = [...members].sort((a, b) => b.generation - a.generation || compareText(a.id, b.id));
  const taken = new Set<number>();
  for (const member of latestFirst) {
    for (const partition of member.held) {
      if (partition < 0 || partition >= partitionCount || taken.has(partition)) continue;
      taken.add(partition);
      held.get(member.id)!.push(partition);
    }
  }
  for (const partitions of held.values()) partitions.sort((a, b) => a - b);
  return held;
}

/** By code units: the same on every node, whatever its language. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
