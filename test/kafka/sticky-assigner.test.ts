import type { Assigner, Cluster, Logger } from 'kafkajs';
import kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { createStickyAssigner } from '../../src/kafka/sticky-assigner.ts';

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;
const TOPIC = 'x.events';

/** What the client hands in besides is not used. */
const UNUSED = { cluster: {} as Cluster, groupId: 'g', logger: {} as Logger };

function assignerOf(held: readonly number[], generation: number): Assigner {
  return createStickyAssigner({ topic: TOPIC, partitions: 6, holding: () => ({ held, generation }) })(UNUSED);
}

const metadataOf = (assigner: Assigner): Buffer => assigner.protocol({ topics: [TOPIC] }).metadata;

async function assign(members: Record<string, Buffer>): Promise<Record<string, number[]>> {
  const assigned = await assignerOf([], -1).assign({
    members: Object.entries(members).map(([memberId, memberMetadata]) => ({ memberId, memberMetadata })),
    topics: [TOPIC],
  });
  return Object.fromEntries(
    assigned.map(({ memberId, memberAssignment }) => [
      memberId,
      MemberAssignment.decode(memberAssignment)!.assignment[TOPIC]!,
    ]),
  );
}

describe('the assigner of a group', () => {
  it('carries what each member holds to the leader', async () => {
    expect(
      await assign({
        a: metadataOf(assignerOf([5, 1, 3], 7)),
        b: metadataOf(assignerOf([], -1)),
        c: metadataOf(assignerOf([0, 1], 6)),
      }),
    ).toEqual({ a: [1, 3], b: [4, 5], c: [0, 2] });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['half a number', Buffer.from([0, 0, 1])],
    ['a text', Buffer.from('{"held":[1,2]}')],
    ['impossible partitions', Buffer.from([0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0])],
  ])('gives a member that says %s its share all the same', async (_, userData) => {
    const foreign = MemberMetadata.encode({ version: 0, topics: [TOPIC], userData });
    const assigned = await assign({ a: metadataOf(assignerOf([0, 1, 2], 3)), z: foreign });
    expect(assigned['a']).toEqual([0, 1, 2]);
    expect(assigned['z']).toEqual([3, 4, 5]);
  });

  it('says what it holds when it joins, not what it held when it was made', async () => {
    let held: readonly number[] = [];
    const assigner = createStickyAssigner({
      topic: TOPIC,
      partitions: 6,
      holding: () => ({ held, generation: 1 }),
    })(UNUSED);
    held = [2, 4];
    expect(await assign({ a: metadataOf(assigner), b: metadataOf(assignerOf([0, 1, 3], 1)) })).toEqual({
      a: [2, 4, 5],
      b: [0, 1, 3],
    });
  });
});
