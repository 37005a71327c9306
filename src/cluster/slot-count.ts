/**
 * Into how many slots a node divides each exchange, told in its report: nodes that differ in it would feed some instruments twice and others not at all.
 */
import { z } from 'zod';
import { TampinesError } from '../base/errors.ts';
import type { ClusterPicture } from './ports.ts';

/** Nodes of versions that do not tell it are let be. */
const slotsReport = z.object({ feedSlots: z.int().optional() }).catch({});

/** @throws TampinesError `SETTINGS_INVALID` where a node that is alive divides otherwise than this one */
export function checkSlotCount(nodes: ClusterPicture['nodes'], own: number): void {
  for (const { name, isAlive, report } of nodes) {
    const { feedSlots = own } = slotsReport.parse(report);
    if (!isAlive || feedSlots === own) continue;
    const message = `Settings are not valid: feed.slots is ${own}, and ${feedSlots} on node ${name}, which is alive: all nodes need the same; to change it stop all of them first`;
    throw new TampinesError('SETTINGS_INVALID', message, { fields: { node: name } });
  }
}
