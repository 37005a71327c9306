/** What becomes of the appends that wait behind a group whose outcome nobody knows. */
import { expect, test } from 'vitest';
import { TampinesError } from '../../src/base/errors.ts';
import type { Database, Statement } from '../../src/persistence/database.ts';
import { JournalLane } from '../../src/persistence/journal-lane.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { contextOf } from '../support/writer-context.ts';

type Answer = { readonly rowCount: number };

/** A database whose statements wait until the test answers them. */
function createDatabase() {
  const asked: { statement: Statement; answer: (answer: Answer) => void; fail: (error: Error) => void }[] =
    [];
  const database = {
    schema: 'test',
    isEmbedded: false,
    query: (statement: Statement) =>
      new Promise((answer, fail) => {
        asked.push({ statement, answer, fail });
      }),
  };
  return { asked, database: database as unknown as Database };
}

function createLane() {
  const { asked, database } = createDatabase();
  const lane = new JournalLane({
    claim: { shard: 0, epoch: 1 },
    database,
    context: contextOf(new RecordingLog()),
    outcomeDeadlineMs: 0,
    stop: new AbortController().signal,
  });
  const outcomes: string[] = [];
  const append = (instrumentId: number, batchNumber: number): void => {
    const name = `${String(instrumentId)}/${String(batchNumber)}`;
    lane.enqueue({
      instrument: `test:${String(instrumentId)}`,
      instrumentId,
      stored: { batchNumber, schemaId: 'log-1', checksum: 0, entry: Uint8Array.of(1) },
      resolve: () => outcomes.push(`${name} durable`),
      reject: ({ code }) => outcomes.push(`${name} ${code}`),
    });
  };
  return { lane, asked, append, outcomes };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const rowsOf = ({ values = [] }: Statement): unknown[] =>
  values.filter((_value, index) => index >= 2 && (index - 2) % 5 === 0 && values[index] !== null);

test('what waits behind a lost group of the same instrument fails with it and is never sent; the others go on', async () => {
  const { lane, asked, append, outcomes } = createLane();
  append(1, 1);
  await nextTurn();
  append(1, 2);
  append(2, 1);
  asked[0]!.fail(new TampinesError('OUTCOME_UNKNOWN', 'the connection was lost'));
  await expect.poll(() => asked.length).toBe(2);
  expect(rowsOf(asked[1]!.statement)).toEqual([2]);
  asked[1]!.answer({ rowCount: 1 });
  await lane.flush();
  expect(outcomes).toEqual(['1/1 OUTCOME_UNKNOWN', '1/2 OUTCOME_UNKNOWN', '2/1 durable']);
});

test('a lane that was fenced once sends nothing more, for any instrument', async () => {
  const { lane, asked, append, outcomes } = createLane();
  append(1, 1);
  await nextTurn();
  append(2, 1);
  asked[0]!.answer({ rowCount: 0 });
  await lane.flush();
  append(3, 1);
  await lane.flush();
  expect(asked).toHaveLength(1);
  expect(outcomes).toEqual(['1/1 FENCED', '2/1 FENCED', '3/1 FENCED']);
});

test('appends of one turn of the event loop, from wherever they come, are one statement', async () => {
  const { lane, asked, append } = createLane();
  append(1, 1);
  await Promise.resolve();
  append(2, 1);
  process.nextTick(() => append(3, 1));
  await nextTurn();
  expect(rowsOf(asked[0]!.statement)).toEqual([1, 2, 3]);
  asked[0]!.answer({ rowCount: 3 });
  await lane.flush();
  expect(asked).toHaveLength(1);
});
