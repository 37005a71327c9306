import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GroupMember } from '../../src/kafka/sticky-assignment.ts';
import { assignSticky } from '../../src/kafka/sticky-assignment.ts';

type Assigned = ReadonlyMap<string, readonly number[]>;

const PROPERTY = { seed: 3, numRuns: 2_000 };

/** Members that say anything of what they hold: the same partition twice, of two of them, or one that is none. */
const anyGroup = fc.record({
  partitionCount: fc.integer({ min: 1, max: 40 }),
  members: fc
    .uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 9 })
    .chain((ids) =>
      fc.tuple(
        ...ids.map((id) =>
          fc.record({
            id: fc.constant(id),
            held: fc.array(fc.integer({ min: -2, max: 44 }), { maxLength: 30 }),
            generation: fc.integer({ min: -1, max: 5 }),
          }),
        ),
      ),
    ),
});

const partitionsOf = (assigned: Assigned): number[] => [...assigned.values()].flat().sort((a, b) => a - b);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const asMembers = (assigned: Assigned, generation = 1): GroupMember[] =>
  [...assigned].map(([id, held]) => ({ id, held, generation }));
const keptCount = (assigned: Assigned, members: readonly GroupMember[]): number =>
  members.reduce(
    (sum, { id, held }) => sum + assigned.get(id)!.filter((partition) => held.includes(partition)).length,
    0,
  );

describe('a sticky assignment', () => {
  it('gives every partition to one member, and members differ by one at most, whatever they say they hold', () => {
    fc.assert(
      fc.property(anyGroup, ({ partitionCount, members }) => {
        const assigned = assignSticky(partitionCount, members);
        expect([...assigned.keys()].sort()).toEqual(members.map(({ id }) => id).sort());
        expect(partitionsOf(assigned)).toEqual(upTo(partitionCount));
        const sizes = [...assigned.values()].map(({ length }) => length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
      PROPERTY,
    );
  });

  it('is the same whoever works it out, in whatever order the members come', () => {
    fc.assert(
      fc.property(
        anyGroup.chain(({ partitionCount, members }) =>
          fc.tuple(
            fc.constant({ partitionCount, members }),
            fc.shuffledSubarray(members, { minLength: members.length }),
          ),
        ),
        ([{ partitionCount, members }, shuffled]) => {
          const inOrder = (assigned: Assigned): unknown => [...assigned].sort(([a], [b]) => (a < b ? -1 : 1));
          expect(inOrder(assignSticky(partitionCount, shuffled))).toEqual(
            inOrder(assignSticky(partitionCount, members)),
          );
        },
      ),
      PROPERTY,
    );
  });

  it('moves as few partitions as any even assignment could', () => {
    const smallGroup = fc
      .record({
        owners: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 6 }),
        memberCount: fc.integer({ min: 1, max: 3 }),
      })
      .map(({ owners, memberCount }) =>
        // An owner that is no member has left, or never was: its partitions are free.
        ({
          partitionCount: owners.length,
          members: Array.from({ length: memberCount }, (_, index) => ({
            id: `m${index}`,
            held: upTo(owners.length).filter((partition) => owners[partition] === index),
            generation: 1,
          })),
        }),
      );
    fc.assert(
      fc.property(smallGroup, ({ partitionCount, members }) => {
        expect(keptCount(assignSticky(partitionCount, members), members)).toBe(
          mostKept(partitionCount, members),
        );
      }),
      PROPERTY,
    );
  });

  it('changes nothing when nobody comes or goes', () => {
    fc.assert(
      fc.property(anyGroup, ({ partitionCount, members }) => {
        const assigned = assignSticky(partitionCount, members);
        expect(new Map([...assignSticky(partitionCount, asMembers(assigned))].sort())).toEqual(
          new Map([...assigned].sort()),
        );
      }),
      PROPERTY,
    );
  });

  it('takes a share from the others when one comes, and hands out what was left when one goes', () => {
    const two = assignSticky(
      6,
      ['a', 'b'].map((id) => ({ id, held: [], generation: -1 })),
    );
    expect(two).toEqual(
      new Map([
        ['a', [0, 1, 2]],
        ['b', [3, 4, 5]],
      ]),
    );
    const three = assignSticky(6, [...asMembers(two), { id: 'c', held: [], generation: -1 }]);
    expect(three).toEqual(
      new Map([
        ['a', [0, 1]],
        ['b', [3, 4]],
        ['c', [2, 5]],
      ]),
    );
    const withoutB = assignSticky(
      6,
      asMembers(three).filter(({ id }) => id !== 'b'),
    );
    expect(withoutB).toEqual(
      new Map([
        ['a', [0, 1, 3]],
        ['c', [2, 4, 5]],
      ]),
    );
  });

  it('believes the later of two that claim a partition', () => {
    const members = [
      { id: 'a', held: [0, 1], generation: 4 },
      { id: 'b', held: [1, 2], generation: 5 },
      { id: 'c', held: [3], generation: 5 },
    ];
    expect(assignSticky(4, members)).toEqual(
      new Map([
        ['b', [1, 2]],
        ['a', [0]],
        ['c', [3]],
      ]),
    );
  });
});

/** By trying every even assignment. */
function mostKept(partitionCount: number, members: readonly GroupMember[]): number {
  const counts = members.map(() => 0);
  const smallest = Math.floor(partitionCount / members.length);
  const place = (partition: number, kept: number): number => {
    if (partition === partitionCount) {
      return Math.max(...counts) - Math.min(...counts) <= 1 ? kept : -1;
    }
    let most = -1;
    for (const [index, member] of members.entries()) {
      if (counts[index]! > smallest) continue;
      counts[index]!++;
      most = Math.max(most, place(partition + 1, kept + (member.held.includes(partition) ? 1 : 0)));
      counts[index]!--;
    }
    return most;
  };
  return place(0, 0);
}
