import { MemoryJournal, MemoryJournalStorage } from '../../src/persistence/memory-journal.ts';
import { describeJournal } from '../suites/journal-suite.ts';
import { jsonLogCodec } from '../support/json-log-codec.ts';
import { RecordingLog } from '../support/recording-log.ts';

describeJournal('in memory', () => {
  const storage = new MemoryJournalStorage();
  const log = new RecordingLog();
  return Promise.resolve({
    openJournal: () => new MemoryJournal({ storage, codec: jsonLogCodec, log }),
    log,
    damage: (what, instrument, batchNumber, kind) => {
      storage.damage(what, instrument, batchNumber, kind);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  });
});
