import type { ClusterDirectory } from '../cluster/cluster-directory.ts';
import type { InstrumentKey } from '../market/symbols.ts';

/** What the admin server of a node of a cluster needs beside its own. */
export type AdminClusterOptions = {
  readonly directory: Pick<ClusterDirectory, 'picture' | 'ownerOf' | 'ingestOwnerOf' | 'aliveNodes'>;
  /** The feeds of this node; an instrument may be fed by another node than the one that has its actor. */
  readonly feed: {
    readonly isFedHere: (instrument: InstrumentKey) => boolean;
    /** Asks the exchange for a fresh book. */
    readonly resync: (instrument: InstrumentKey, reason: string) => void;
  };
};
