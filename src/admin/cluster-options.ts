import type { ClusterDirectory } from '../cluster/cluster-directory.ts';
import type { DesiredInstrument } from '../actors/ports.ts';
import type { InstrumentKey } from '../market/symbols.ts';

/** What the admin server of a node of a cluster needs beside its own. */
export type AdminClusterOptions = {
  readonly directory: Pick<
    ClusterDirectory,
    'picture' | 'ownerOf' | 'ingestOwnerOf' | 'aliveNodes' | 'goneOwners'
  >;
  /** The feeds of this node; an instrument may be fed by another node than the one that has its actor. */
  readonly feed: {
    readonly isFedHere: (instrument: InstrumentKey) => boolean;
    /** Asks the exchange for a fresh book. */
    readonly resync: (instrument: InstrumentKey, reason: string) => void;
  };
  /** Which instruments are to run anywhere, and what other nodes publish, for clients of this node's stream. Without it they read of instruments that are here. */
  readonly elsewhere?: ElsewhereChannels;
};

/** Channels of instruments that other nodes have. */
export type ElsewhereChannels = {
  /** The instrument of that key (`<exchange>:<symbol>`), or of that number where channels go by number, if it is to run anywhere. */
  readonly find: (name: string) => DesiredInstrument | undefined;
  /** Lets what is published there be told here, from now on. */
  readonly follow: (channel: string) => void;
  /** Follows those that are read here and are of another node, and no other; called every second while there are clients. */
  readonly keep: (isElsewhere: (channel: string) => boolean) => void;
};
