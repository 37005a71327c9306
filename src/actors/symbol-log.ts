/** The log of one instrument as the kernel's engine: its own journal, or its part of a log that is shared and delivered by others. */
import type { LogEntry } from '../market/events.ts';
import type { InstrumentSnapshot } from '../market/instrument-state.ts';
import type { PersistenceEngine } from './kernel/actor-types.ts';
import type { DesiredInstrument, Journal, ShardClaim } from './ports.ts';

type Engine = PersistenceEngine<LogEntry, InstrumentSnapshot>;

type SymbolLog = {
  readonly instrument: DesiredInstrument;
  readonly journal: Journal;
  readonly claim: ShardClaim;
};

/** @param onReplayed awaited after each batch that is read */
export function journalEngine(
  { journal, claim, instrument }: SymbolLog,
  onReplayed: () => Promise<void> | undefined,
): Engine {
  const key = instrument.instrument;
  return {
    latestSnapshot: () => latestSnapshot(journal, instrument),
    readBatches: (_key, afterBatchNumber, visit) =>
      journal.readBatches(key, afterBatchNumber, (row) =>
        visit(row.batchNumber, row.entry)?.then(onReplayed),
      ),
    append: (_key, batchNumber, entry) => journal.append(claim, key, batchNumber, entry),
  };
}

/**
 * What follows on the state snapshot is delivered, and stands in the log before it is.
 * @param onSnapshotRead told whether a newer one could not be read: who delivers may think that the state has all that one had
 */
export function sharedLogEngine(
  { journal, instrument }: SymbolLog,
  onSnapshotRead: (snapshot: { fellBack: boolean }) => void,
): Engine {
  return {
    latestSnapshot: async () => {
      let fellBack = false;
      const found = await latestSnapshot(journal, instrument, () => {
        fellBack = true;
      });
      onSnapshotRead({ fellBack });
      return found;
    },
    readBatches: () => Promise.resolve(),
    append: () => {
      const message = `Cannot append for ${instrument.instrument}: its log is written by those who feed it`;
      return Promise.reject(new Error(message));
    },
  };
}

async function latestSnapshot(
  journal: Journal,
  { instrument }: DesiredInstrument,
  onSkipped?: () => void,
): ReturnType<Engine['latestSnapshot']> {
  const row = await journal.latestSnapshot(instrument, onSkipped);
  return row === undefined ? undefined : { batchNumber: row.batchNumber, snapshot: row.state };
}
