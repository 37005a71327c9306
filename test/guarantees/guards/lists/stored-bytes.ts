import type { Guard } from '../guard.ts';

const packed = 'test/market/packed-minutes.test.ts';
const rows = 'test/persistence/stored-bytes.test.ts';
const damagedRows = 'test/persistence/damaged-rows.int.test.ts';

/** Stored bytes: old ones stay readable, damaged ones are never accepted. */
export const storedBytes: readonly Guard[] = [
  {
    holds: 'bytes',
    name: 'A transaction is rolled back whatever its work throws',
    file: 'src/persistence/database.ts',
    text: 'if (!connection.isBroken) await rollBack(run, connection);',
    without: 'if (!connection.isBroken && !isConnectionLoss(error)) await rollBack(run, connection);',
    tests: [
      { file: 'test/persistence/transactions.int.test.ts', name: 'whose work throws an error of its own' },
    ],
  },
  {
    holds: 'bytes',
    name: 'The checksum of a journal row is compared',
    file: 'src/persistence/stored-bytes.ts',
    text: 'if (checksum !== stored.checksum) {',
    without: 'if (checksum !== stored.checksum && checksum === 0.5) {',
    tests: [
      { file: rows, name: 'with any single bit of its checksum flipped is refused' },
      { file: damagedRows, name: 'a journal row of another instrument is refused though it is whole' },
    ],
  },
  {
    holds: 'bytes',
    name: 'The checksum of a journal row covers where it belongs',
    file: 'src/persistence/stored-bytes.ts',
    text: 'crc32(`${instrument}\\n${batchNumber}\\n${epoch}\\n${schemaId}\\n`)',
    without: 'crc32(`${schemaId}${epoch - epoch}${batchNumber - batchNumber}${instrument.slice(0, 0)}`)',
    tests: [
      {
        file: rows,
        name: 'a journal row in the place of another instrument, batch, epoch or schema is refused',
      },
      {
        file: damagedRows,
        name: 'a journal row under the number of its neighbour is refused though it is whole',
      },
    ],
  },
  {
    holds: 'bytes',
    name: 'The hash of a state snapshot is compared',
    file: 'src/persistence/stored-bytes.ts',
    text: 'if (!stateHash({ instrument, batchNumber, position }, schemaId, state).equals(stored.sha256)) {',
    without: 'if (batchNumber < 0 && position < 0) {',
    tests: [
      { file: rows, name: 'a state snapshot with any single bit of its hash flipped is refused' },
      { file: damagedRows, name: 'a state snapshot of another instrument is skipped though it is whole' },
    ],
  },
  {
    holds: 'bytes',
    name: 'The hash of a state snapshot covers where it belongs',
    file: 'src/persistence/stored-bytes.ts',
    text: '    .update(`${instrument}\\n${batchNumber}\\n${position}\\n${schemaId}\\n`)\n',
    without:
      '    .update(`${instrument.length - instrument.length}${batchNumber * 0}${position * 0}${schemaId}`)\n',
    tests: [
      {
        file: rows,
        name: 'a state snapshot in the place of another instrument, batch, position or schema is refused',
      },
    ],
  },
  {
    holds: 'bytes',
    name: 'Avro sees only bytes that an encoder once wrote',
    file: 'src/codec/versioned-format.ts',
    text: 'if (expected !== actual) {',
    without: 'if (expected !== actual && expected === 0.5) {',
    tests: [
      { file: 'test/codec/log-entry-codec.test.ts', name: 'with any flipped bit are unreadable' },
      { file: 'test/codec/state-codec.test.ts', name: 'cut short or with a flipped bit are unreadable' },
    ],
  },
  {
    holds: 'bytes',
    name: 'A state snapshot that can not be read is skipped for the one before',
    file: 'src/persistence/state-snapshots.ts',
    text: '        below = row.batchNumber;\n',
    without: '        return undefined;\n',
    tests: [
      {
        file: damagedRows,
        name: 'a state snapshot with a bit of it changed is skipped for the one before, with a warning',
      },
    ],
  },
  {
    holds: 'bytes',
    name: 'A damaged number in a state snapshot fails no instrument that is read with it',
    file: 'src/persistence/journal-reads.ts',
    text: "          columns: STATE_COLUMNS,\n          integers: 'nearest',\n",
    without: '          columns: STATE_COLUMNS,\n',
    tests: [{ file: damagedRows, name: 'harms no instrument that is read with it' }],
  },
  {
    holds: 'bytes',
    name: 'A state snapshot under a number that no batch has is not read',
    file: 'src/persistence/journal-reads.ts',
    text: 'AND batch_number >= 0 AND',
    without: 'AND',
    tests: [{ file: damagedRows, name: 'with its number far below zero is the last that is tried' }],
  },
  {
    holds: 'bytes',
    name: 'Nothing is written behind a journal row under a number that no batch has',
    file: 'src/persistence/journal-reads.ts',
    text: 'if (Number.isSafeInteger(last) && last >= 0) return last;',
    without: 'if (Number.isFinite(last)) return last;',
    tests: [
      {
        file: damagedRows,
        name: 'is refused alone, and nothing is written behind it',
      },
    ],
  },
  {
    holds: 'bytes',
    name: 'What stays packed in a state is looked at while the state snapshot before can be had',
    file: 'src/codec/log-codec.ts',
    text: '  expectSoundMinutes(state.ticker.minutes);\n',
    without: '',
    tests: [
      { file: rows, name: 'that is whole but holds minutes that no window ever held is refused' },
      { file: damagedRows, name: 'with minutes that no window ever held is skipped for the one before' },
    ],
  },
  {
    holds: 'bytes',
    name: 'Packed minutes ascend in time',
    file: 'src/market/packed-minutes.ts',
    text: 'if (startsMs[index]! <= startMs) throw',
    without: 'if (startsMs[index]! < -Infinity) throw',
    tests: [
      { file: packed, name: 'are refused where one begins where the one before does' },
      { file: packed, name: 'are refused where one begins before the one before' },
    ],
  },
  {
    holds: 'bytes',
    name: 'Each packed minute has bytes of its own',
    file: 'src/market/packed-minutes.ts',
    text: 'if (ends[index]! <= end) throw',
    without: 'if (ends[index]! <= -1) throw',
    tests: [
      { file: packed, name: 'are refused where one has no bytes' },
      { file: packed, name: 'are refused where one ends before it begins' },
    ],
  },
  {
    holds: 'bytes',
    name: 'Each packed minute is of a form that is known',
    file: 'src/market/packed-minutes.ts',
    text: 'if (!isMinuteForm(bytes[end])) throw',
    without: 'if (bytes[end] === -1 || isMinuteForm(-1)) throw',
    tests: [{ file: packed, name: 'are refused where a form in the middle is not known' }],
  },
  {
    holds: 'bytes',
    name: 'The first packed minute is opened before a state is taken',
    file: 'src/market/packed-minutes.ts',
    text: '  if (count > 0) unpackMinuteAt(minutes, 0);\n',
    without: '',
    tests: [{ file: packed, name: 'are refused where the first has another highest price' }],
  },
  {
    holds: 'bytes',
    name: 'The last packed minute is opened before a state is taken',
    file: 'src/market/packed-minutes.ts',
    text: '  if (count > 1) unpackMinuteAt(minutes, count - 1);\n',
    without: '',
    tests: [
      { file: packed, name: 'are refused where the last has another lowest price' },
      { file: packed, name: 'are refused where the last ends early' },
    ],
  },
  {
    holds: 'bytes',
    name: 'A minute that is opened has the prices that its window counts on',
    file: 'src/market/packed-minutes.ts',
    text: 'if (minute.high === high && minute.low === low) return minute;',
    without: 'if (minute.high >= minute.low || high < low) return minute;',
    tests: [{ file: packed, name: 'of other prices, but for a few bytes, are refused by the window' }],
  },
  {
    holds: 'bytes',
    name: 'A minute that is opened has its trades in order, and at its time',
    file: 'src/market/packed-minutes.ts',
    text: '  expectSecondsOf(startMs, seconds);\n',
    without: '',
    tests: [
      { file: packed, name: 'of another time, but for a few bytes, are refused by the window' },
      { file: packed, name: 'whose trades go back in time, but for a few bytes, are refused by the window' },
    ],
  },
  {
    holds: 'bytes',
    name: 'No integer of a packed minute is read beyond its end',
    file: 'src/market/integer-bytes.ts',
    text: '    if (at >= this.#end) throw beyond(this.#end);\n    return',
    without: '    return',
    tests: [{ file: packed, name: 'cut off, but for a few bytes, are refused by the window' }],
  },
  {
    holds: 'bytes',
    name: 'A packed minute of a form that is not known is not read',
    file: 'src/market/packed-minute.ts',
    text: 'if (form !== NUMBERS && form !== TEXTS) {',
    without: 'if (form === NUMBERS && form === TEXTS) {',
    tests: [
      {
        file: 'test/market/packed-minute.test.ts',
        name: 'that is a form that is not known is refused',
      },
    ],
  },
  {
    holds: 'bytes',
    name: 'The journal keeps what the older of both snapshots needs',
    file: 'src/persistence/postgres-journal.ts',
    text: 'ORDER BY batch_number DESC OFFSET 1 LIMIT 1) AS needless',
    without: 'ORDER BY batch_number DESC LIMIT 1) AS needless',
    tests: [
      {
        file: 'test/persistence/postgres-journal.int.test.ts',
        name: 'drops what both kept snapshots contain, so that either can be recovered from',
      },
    ],
  },
  {
    holds: 'bytes',
    name: 'A released schema stays as it is',
    file: 'src/codec/log-entry-schemas.ts',
    text: "{ name: 'isHistory', type: 'boolean' },",
    without:
      "{ name: 'isHistory', type: 'boolean' },\n              { name: 'isBlock', type: 'boolean', default: false },",
    tests: [
      { file: 'test/codec/released-bytes.test.ts', name: 'is the schema that was released' },
      { file: 'test/codec/released-bytes.test.ts', name: 'reads what a release wrote with log-1' },
    ],
  },
  {
    holds: 'bytes',
    name: 'Negative numbers beyond 2^52 do not go through the doubles of the Avro library',
    file: 'src/codec/wide-integers.ts',
    text: 'const LONG_MAX = 2 ** 52 - 1;',
    without: 'const LONG_MAX = 2 ** 53 - 1;',
    tests: [
      { file: 'test/codec/log-entry-codec.test.ts', name: 'come back as they were, at any size of number' },
    ],
  },
  {
    holds: 4,
    name: 'The end of a journal is taken from a recovery only once it was read to its end',
    file: 'src/persistence/postgres-journal.ts',
    text: 'end?.isRead === true ? end.batchNumber',
    without: 'end !== undefined ? end.batchNumber',
    tests: [
      {
        file: 'test/persistence/postgres-journal.int.test.ts',
        name: 'takes it from a recovery that read to the end, and once only',
      },
    ],
  },
  {
    holds: 1,
    name: 'A newest state snapshot that cannot be read still says how far the journal went',
    file: 'src/persistence/postgres-journal.ts',
    text: 'batchNumber: Math.max(end.batchNumber, last), isRead: true',
    without: 'batchNumber: last, isRead: true',
    tests: [
      {
        file: 'test/persistence/damaged-rows.int.test.ts',
        name: 'a newest state snapshot that cannot be read still says how far the journal went',
      },
    ],
  },
];
