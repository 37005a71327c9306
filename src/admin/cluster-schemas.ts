/** The shapes of what a cluster says of itself. */
import { z } from 'zod';

const time = z.int().describe('Unix milliseconds, by the clock of the database');

export const clusterSchema = z
  .strictObject({
    node: z.string().describe('The one that answers'),
    isCluster: z.boolean().describe('Whether the node shares its work with others'),
    nodes: z
      .array(
        z.strictObject({
          name: z.string(),
          isAlive: z.boolean(),
          roles: z.array(z.string()),
          adminUrl: z.string().nullable().describe('Where the others reach it'),
          startedAtMs: time.nullable(),
          seenAgoMs: z.int().nullable().describe('How long ago it was seen last'),
          report: z.unknown().describe('What it said of itself then: lag, leases, …'),
        }),
      )
      .describe('By name; those that are gone for a day'),
    shards: z
      .array(
        z.strictObject({
          shard: z.int(),
          epoch: z.int(),
          owner: z.string().describe('Name of a node'),
          isOwnerAlive: z.boolean(),
          claimedAtMs: time.nullable(),
        }),
      )
      .describe('That were claimed'),
    leases: z
      .array(
        z.strictObject({
          exchange: z.string(),
          slot: z.int().describe('Of the instruments of the exchange'),
          replica: z.int().describe('Which of the feeds of the slot, counted from 0 (`feed.redundancy`)'),
          epoch: z.int(),
          holder: z.string().nullable().describe('Name of the node that feeds it; `null` while none does'),
        }),
      )
      .describe('Who feeds what'),
  })
  .meta({ id: 'Cluster' });

/** How one node took part in an answer for all of them. */
export const askedNodeSchema = z
  .strictObject({
    node: z.string(),
    isAnswered: z.boolean().describe('What it has is missing here where it is false'),
    code: z.string().nullable().describe('Of the error, where it did not answer'),
    detail: z.string(),
  })
  .meta({ id: 'AskedNode' });
