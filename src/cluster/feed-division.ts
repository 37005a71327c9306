/**
 * How a node divides each exchange among those that feed, told in its report: nodes that differ in it would feed some instruments more often than they
 * are to be, and others not at all.
 */
import { z } from 'zod';
import { TampinesError } from '../base/errors.ts';
import type { ClusterPicture } from './ports.ts';

export type FeedDivision = {
  /** Into how many slots the instruments of an exchange are divided. */
  readonly slots: number;
  /** By how many nodes each slot is fed at once. */
  readonly redundancy: number;
};

/** What of it a node's report tells: nodes of versions that knew no replicas tell of none, and those before tell nothing. */
const divisionReport = z
  .object({ feedSlots: z.int().optional(), feedRedundancy: z.int().optional() })
  .catch({});

export function reportFeedDivision({ slots, redundancy }: FeedDivision): {
  feedSlots: number;
  feedRedundancy: number;
} {
  return { feedSlots: slots, feedRedundancy: redundancy };
}

/** @throws TampinesError `SETTINGS_INVALID` where a node that is alive divides otherwise than this one */
export function checkFeedDivision(nodes: ClusterPicture['nodes'], own: FeedDivision): void {
  for (const { name, isAlive, report } of nodes) {
    if (!isAlive) continue;
    const { feedSlots = own.slots, feedRedundancy = 1 } = divisionReport.parse(report);
    checkAlike('feed.slots', own.slots, feedSlots, name);
    checkAlike('feed.redundancy', own.redundancy, feedRedundancy, name);
  }
}

function checkAlike(setting: string, own: number, other: number, node: string): void {
  if (own === other) return;
  const message = `Settings are not valid: ${setting} is ${own}, and ${other} on node ${node}, which is alive: all nodes need the same; to change it stop all of them first`;
  throw new TampinesError('SETTINGS_INVALID', message, { fields: { node } });
}
