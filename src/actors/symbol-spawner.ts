/** Starts symbol actors below one shard, all with the same surroundings. */
import type { ChecksumInput } from '../market/checksum-input.ts';
import type { CandlePolicy } from '../market/candle.ts';
import type { RestartStrategy } from '../supervision/strategy.ts';
import { InstrumentPulse } from './instrument-pulse.ts';
import type { RunningSymbol } from './running-instrument.ts';
import type { AnyActorRef } from './kernel/actor-types.ts';
import type { ActorSystem } from './kernel/actor-system.ts';
import type {
  DesiredInstrument,
  Documents,
  Journal,
  LiveReaders,
  MarketTables,
  OperationsRecords,
  Publisher,
  PublishLease,
  ShardClaim,
} from './ports.ts';
import type { StandbyReadings } from './standby-readings.ts';
import type { SymbolActorOptions } from './symbol.ts';
import { symbolActor } from './symbol.ts';
import { SymbolPublications } from './symbol-publications.ts';

export type SymbolSpawnerOptions = {
  readonly system: ActorSystem;
  /** Parent of the symbol actors. */
  readonly shard: AnyActorRef;
  readonly claim: ShardClaim;
  readonly lease?: PublishLease | undefined;
  readonly standbys?: StandbyReadings | undefined;
  readonly journal: Journal;
  readonly tables: MarketTables;
  readonly records: OperationsRecords;
  readonly publisher: Publisher;
  readonly liveReaders?: LiveReaders | undefined;
  readonly documents: Documents;
  readonly candles: CandlePolicy;
  readonly maxFutureMs: number;
  /** The checksum rule of an exchange; `undefined` where it has none. */
  readonly checksumOf: (exchange: string) => ((book: ChecksumInput) => number) | undefined;
  readonly bookResolutions: readonly number[];
  readonly bookDepth: number;
  readonly checkpointEveryEntries: number;
  readonly strategy: RestartStrategy;
  readonly isRecording?: boolean | undefined;
  readonly sharedLog?: SymbolActorOptions['sharedLog'];
  /** Told of each recovery of an instrument. */
  readonly onReady: (
    instrument: DesiredInstrument,
    batchNumber: number,
    life: number,
    fellBack: boolean,
  ) => void;
};

export function spawnSymbol(options: SymbolSpawnerOptions, instrument: DesiredInstrument): RunningSymbol {
  const { system, shard, claim, journal, tables, records, publisher, documents, candles, strategy } = options;
  const publications = new SymbolPublications({
    instrument,
    epoch: claim.epoch,
    documents,
    publisher,
    liveReaders: options.liveReaders,
    bookResolutions: options.bookResolutions,
    bookDepth: options.bookDepth,
    candleIntervals: candles.intervals,
  });
  const pulse = new InstrumentPulse();
  const wakeUp = { isPending: false, takenCount: 0 };
  const ref = system.spawnPersistent(
    shard,
    symbolActor({
      instrument,
      policy: {
        checksum: options.checksumOf(instrument.exchange),
        candles,
        maxFutureMs: options.maxFutureMs,
      },
      claim,
      lease: options.lease,
      standbys: options.standbys,
      journal,
      tables,
      records,
      publications,
      pulse,
      strategy,
      isRecording: options.isRecording,
      checkpointEveryEntries: options.checkpointEveryEntries,
      onWakeUpTaken: () => {
        wakeUp.isPending = false;
        wakeUp.takenCount++;
      },
      sharedLog: options.sharedLog,
      onReady: ({ batchNumber, life, fellBack }) => {
        // A wake-up that the last life did not work off must not keep the next one asleep.
        wakeUp.isPending = false;
        options.onReady(instrument, batchNumber, life, fellBack);
      },
    }),
  );
  return {
    ref,
    pulse,
    scheduled: {
      instrument: instrument.instrument,
      target: ref,
      changes: publications.changes,
      wakeUp,
      intervals: instrument.settings,
    },
    setBookDepth: (depth) => publications.setBookDepth(depth),
    expirePublications: () => publications.expire(),
    publishAgain: () => publications.everythingChanged(),
    markStale: (reason) => publications.markStale(reason),
  };
}
