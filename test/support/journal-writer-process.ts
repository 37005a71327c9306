/**
 * A process that appends to the embedded journal of the data directory in its argument until it is killed, and prints
 * `<instrument> <batch number>` for each batch that was acknowledged.
 */
import { writeSync } from 'node:fs';
import { systemTimers } from '../../src/base/clock.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { InstrumentIds } from '../../src/persistence/instrument-ids.ts';
import { openDatabase } from '../../src/persistence/open-database.ts';
import { PostgresJournal } from '../../src/persistence/postgres-journal.ts';
import { jsonLogCodec } from './json-log-codec.ts';
import { contextOf } from './writer-context.ts';
import { RecordingLog } from './recording-log.ts';

const dataDirectory = process.argv[2]!;
const log = new RecordingLog();
const database = await openDatabase({ location: { dataDirectory }, timers: systemTimers, log });
const ids = new InstrumentIds(database);
const journal = new PostgresJournal({ database, ids, codec: jsonLogCodec, context: contextOf(log) });
const claim = await journal.claim(0, 'writer');

await Promise.all(
  ['a', 'b', 'c', 'd'].map(async (name) => {
    const instrument = `kill:${name}` as InstrumentKey;
    let last = 0;
    await journal.readBatches(instrument, 0, (row) => {
      last = row.batchNumber;
    });
    for (;;) {
      const batchNumber = ++last;
      await journal.append(claim, instrument, batchNumber, {
        source: 'writer',
        lastOrdinal: batchNumber,
        events: [],
      });
      // Written at once: what is acknowledged must be known to the parent even when this process is killed right after.
      writeSync(1, `${instrument} ${batchNumber}\n`);
    }
  }),
);
