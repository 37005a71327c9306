import type { Guard } from '../guard.ts';

/** Nothing is published before it is durable. */
export const durableFirst: readonly Guard[] = [
  {
    holds: 2,
    name: 'The actor folds an entry only after the journal took it',
    file: 'src/actors/kernel/life.ts',
    text: '    await this.nactPersist(entry);\n',
    without: '    void this.nactPersist(entry).catch(() => undefined);\n',
    tests: [
      { file: 'test/actors/symbol.test.ts', name: 'tells nobody of what is not durable' },
      {
        file: 'test/actors/kernel/persistent-actor.test.ts',
        name: 'an unknown outcome that did reach the log is found there',
      },
    ],
  },
  {
    holds: 2,
    name: 'The kernel waits for the journal of the actor',
    file: 'src/actors/kernel/persistence-bridge.ts',
    text: 'await log.engine.append(log.key, event.sequenceNumber, event.data);',
    without: 'void log.engine.append(log.key, event.sequenceNumber, event.data).catch(() => undefined);',
    tests: [{ file: 'test/actors/symbol.test.ts', name: 'tells nobody of what is not durable' }],
  },
  {
    holds: 2,
    name: 'A batch is acknowledged to its feed only after it is durable',
    file: 'src/actors/symbol.ts',
    text: '? await context.persist(decision.entry)',
    without: '? (this.#acknowledge(state, batch, feed, context), await context.persist(decision.entry))',
    tests: [{ file: 'test/actors/symbol.test.ts', name: 'tells nobody of what is not durable' }],
  },
  {
    holds: 2,
    name: 'A write whose failure was caught still fails its handler',
    file: 'src/actors/kernel/actor-cell.ts',
    text: 'if (life.persistFailure !== undefined && !life.hasEnded()) throw life.persistFailure.error;',
    without: '',
    tests: [
      {
        file: 'test/actors/kernel/persistent-actor.test.ts',
        name: 'a write that fails ends the life even when the handler catches it',
      },
    ],
  },
  {
    holds: 2,
    name: 'A checkpoint is taken only when the rows before it are in their tables',
    file: 'src/actors/checkpoints.ts',
    text: ', rowsWritten);',
    without: ');',
    tests: [
      {
        file: 'test/actors/symbol.test.ts',
        name: 'takes a checkpoint only when the rows before it are written',
      },
    ],
  },
  {
    holds: 2,
    name: 'A checkpoint of a life that is over does not take the word of rows that were forgotten',
    file: 'src/actors/derived-rows.ts',
    text: 'if (generation !== this.#generation) {',
    without: 'if (generation < 0) {',
    tests: [
      {
        file: 'test/actors/derived-rows.test.ts',
        name: 'does not say that rows are written which were forgotten while they were on their way',
      },
    ],
  },
  {
    holds: 2,
    name: 'A group whose outcome is unknown is looked for before it is called written or refused',
    file: 'src/persistence/journal-lane.ts',
    text: '(await this.#isWritten(group))',
    without: 'false',
    tests: [
      {
        file: 'test/persistence/connection-loss.int.test.ts',
        name: 'before the answer: an append that was written resolves, and is there once',
      },
    ],
  },
  {
    holds: 2,
    name: 'What was enqueued behind a lost group does not overtake it',
    file: 'src/persistence/journal-lane.ts',
    text: "failure.code === 'FENCED' || group.some(({ instrumentId }) => instrumentId === append.instrumentId);",
    without: "failure.code === 'FENCED';",
    tests: [
      {
        file: 'test/persistence/journal-lane.test.ts',
        name: 'what waits behind a lost group of the same instrument fails with it',
      },
    ],
  },
  {
    holds: 2,
    name: 'Batch numbers have no holes: an append that is not the next one is refused',
    file: 'src/persistence/postgres-journal.ts',
    text: 'if (stored.batchNumber !== expected) {',
    without: 'if (stored.batchNumber < 0) {',
    tests: [
      { file: 'test/persistence/postgres-journal.int.test.ts', name: 'refuses any number but the next one' },
    ],
  },
  {
    holds: 2,
    name: 'Reading stops at a missing batch',
    file: 'src/persistence/postgres-journal.ts',
    text: 'if (row.batchNumber !== last + 1) throw missingBatchError(instrument, last + 1, row.batchNumber);',
    without: '',
    tests: [{ file: 'test/persistence/postgres-journal.int.test.ts', name: 'refuses a journal with a hole' }],
  },
  {
    holds: 2,
    name: 'Readers of the stream hear of trades that were folded, not of those that are read again',
    file: 'src/actors/symbol.ts',
    text: 'if (this.#isRecovering) this.#options.publications.tradesReplayed(state);',
    without: 'if (this.#isRecovering && !this.#hasLived) this.#options.publications.tradesReplayed(state);',
    tests: [{ file: 'test/build-node.test.ts', name: 'trades are told to readers once they are durable' }],
  },
];
