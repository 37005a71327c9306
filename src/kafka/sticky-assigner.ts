/** `assignSticky` as a member of a Kafka group speaks it: each says what it holds when it joins, the leader hands out. */
import type { PartitionAssigner } from 'kafkajs';
import kafkajs from 'kafkajs';
import type { GroupMember } from './sticky-assignment.ts';
import { assignSticky } from './sticky-assignment.ts';

const NAME = 'tampines-sticky';
const VERSION = 0;
const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;

type Holding = Pick<GroupMember, 'held' | 'generation'>;

const NOTHING: Holding = { held: [], generation: -1 };

/** @param holding asked when this member joins */
export function createStickyAssigner(options: {
  readonly topic: string;
  readonly partitions: number;
  readonly holding: () => Holding;
}): PartitionAssigner {
  const { topic, partitions } = options;
  return () => ({
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => ({
      name: NAME,
      metadata: MemberMetadata.encode({
        version: VERSION,
        topics,
        userData: encodeHolding(options.holding()),
      }),
    }),
    assign: ({ members }) => {
      const assigned = assignSticky(
        partitions,
        members.map(({ memberId, memberMetadata }) => ({
          id: memberId,
          ...decodeHolding(MemberMetadata.decode(memberMetadata)?.userData),
        })),
      );
      return Promise.resolve(
        members.map(({ memberId }) => ({
          memberId,
          memberAssignment: MemberAssignment.encode({
            version: VERSION,
            assignment: { [topic]: [...assigned.get(memberId)!] },
            userData: Buffer.alloc(0),
          }),
        })),
      );
    },
  });
}

const INTEGER_BYTES = 4;

/** Big-endian 32-bit integers: the generation, then each partition. */
function encodeHolding({ held, generation }: Holding): Buffer {
  const bytes = Buffer.alloc(INTEGER_BYTES * (1 + held.length));
  for (const [index, value] of [generation, ...held].entries())
    bytes.writeInt32BE(value, INTEGER_BYTES * index);
  return bytes;
}

/** What another member sent; one that says nothing of the kind holds nothing, and is given partitions all the same. */
function decodeHolding(bytes: Buffer | undefined): Holding {
  if (bytes === undefined || bytes.length < INTEGER_BYTES || bytes.length % INTEGER_BYTES !== 0)
    return NOTHING;
  const held: number[] = [];
  for (let at = INTEGER_BYTES; at < bytes.length; at += INTEGER_BYTES) held.push(bytes.readInt32BE(at));
  return { held, generation: bytes.readInt32BE(0) };
}
