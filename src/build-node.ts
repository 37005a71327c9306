/** A node on its own: one shard, which it claims as a whole; connections feed its symbol actors, whose log is the journal in Postgres. */
import { groupActor } from './actors/group.ts';
import type { ShardClaim } from './actors/ports.ts';
import type { Core, CoreParts } from './build-core.ts';
import { buildCore } from './build-core.ts';
import { keepWanted } from './keep-wanted.ts';

export type NodeParts = Omit<CoreParts, 'epoch'> & { readonly claim: ShardClaim };

export type BuiltNode = Core & {
  /** Starts the instruments of the settings, those that do not run yet. */
  keepWanted(): void;
};

/** The one shard of a node on its own. */
export const SHARD = 0;

export function buildNode(parts: NodeParts): BuiltNode {
  const { claim, closers } = parts;
  const core = buildCore({ ...parts, epoch: claim.epoch }, ({ system, shards, spawnSymbol }) => {
    const shard = system.spawn(shards, groupActor(String(SHARD)));
    closers.add('symbols', () => system.stop(shards));
    return {
      kind: 'here',
      spawnSymbol: (instrument) => spawnSymbol(instrument, { shard, claim, onReady: () => undefined }),
    };
  });
  return { ...core, keepWanted: () => keepWanted(parts, core.instruments) };
}
