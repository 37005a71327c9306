/** What a shard actor is told, what it begins with, and what it needs of its node. */
import type { InstrumentKey } from '../../market/symbols.ts';
import type { LogRecord, PositionLost, UnreadableRecord } from '../event-log.ts';
import type { RunningSymbol } from '../running-instrument.ts';
import type { ActorRef } from '../kernel/actor-types.ts';
import type { DesiredInstrument, OperationsRecords, ShardClaim } from '../ports.ts';
import type { FeedReply } from '../symbol-protocol.ts';
import type { ShardProgress } from './shard-progress.ts';

export type ShardMessage =
  /** `taken` is called when there is room for more. */
  | {
      readonly type: 'Records';
      readonly records: readonly (LogRecord | UnreadableRecord)[];
      readonly taken: () => void;
    }
  | { readonly type: 'PositionLost'; readonly lost: PositionLost }
  /** A life of a symbol actor begins; its state has all of the log before `place`. */
  | {
      readonly type: 'SymbolBegins';
      readonly instrument: InstrumentKey;
      readonly place: number;
      readonly life: number;
      /** A newer state could not be read: all behind `place` is needed, also what lies before the shard's own beginning. */
      readonly fellBack: boolean;
    }
  /** The set of wanted instruments has changed. */
  | { readonly type: 'WantedChanged' }
  /** The group gave the shard to this node again, or keeps it here: it is to be read on, if it is still this node's own. */
  | { readonly type: 'AssignedAgain' }
  | FeedReply;

/** How a shard starts and ends symbol actors, and shows them to the rest of the node. */
export interface ShardHost {
  /** Starts the symbol actor below this shard. */
  run(
    instrument: DesiredInstrument,
    shard: {
      readonly claim: ShardClaim;
      readonly ref: ActorRef<ShardMessage>;
      readonly onBegun: (place: number, life: number, fellBack: boolean) => void;
      readonly onSaved: (place: number) => void;
    },
  ): RunningSymbol;
  /** Ends it because nobody wants it any more. */
  end(instrument: InstrumentKey, symbol: RunningSymbol): Promise<void>;
  /** Ends all that run below the shard. */
  endAll(shard: number): Promise<void>;
}

/** What a life of a shard begins with. */
export type ShardBeginning = {
  readonly claim: ShardClaim;
  /** From which on the log is needed. */
  readonly nextOffset: number;
  /** Where the log ended when the shard was claimed. */
  readonly endOffset: number;
  readonly instruments: readonly DesiredInstrument[];
};

export type ShardOptions = {
  readonly shard: number;
  readonly host: ShardHost;
  readonly records: OperationsRecords;
  readonly checkpointEveryMs: number;
  /** Feeds tell the time when they have nothing else to say; who is not heard for so long may be gone. */
  readonly silentAfterMs: number;
  /** Claims the shard and reads what it begins with. */
  readonly begin: () => Promise<ShardBeginning>;
  /** Reads the partition from this offset on; false when it is another's by now. */
  readonly read: (offset: number) => boolean;
  /** Those of this shard. */
  readonly readWanted: () => Promise<readonly DesiredInstrument[]>;
  /** @throws TampinesError `FENCED` */
  readonly savePosition: (claim: ShardClaim, nextOffset: number) => Promise<void>;
  /** Whether no newer claim on the shard exists. */
  readonly isStillOwn: (claim: ShardClaim) => Promise<boolean>;
  /** The book of an instrument contradicts its exchange, that of this source where one is named. */
  readonly onResyncWanted: (instrument: InstrumentKey, reason: string, source?: string) => void;
  readonly onBegun: (claim: ShardClaim, progress: ShardProgress) => void;
  readonly onFenced: () => void;
};
