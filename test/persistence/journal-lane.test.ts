/** What becomes of the appends that wait behind a group whose outcome nobody knows. */
import { expect, test } from 'vitest';
import { TampinesError } from '../../src/base/errors.ts';
import type { Database, Statement } from '../../src/persistence/database.ts';
import { JournalLane } from '../../src/persistence/journal-lane.ts';
import { FakeClock } from '../support/fake-clock.ts';
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
    // Its time stands still: how long turns take here is no reason to send.
    context: { ...contextOf(new RecordingLog()), clock: new FakeClock() },
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
  await expect.poll(() => asked.length).toBe(1);
  expect(rowsOf(asked[0]!.statement)).toEqual([1, 2, 3]);
  asked[0]!.answer({ rowCount: 3 });
  await lane.flush();
  expect(asked).toHaveLength(1);
});

test('a group waits while each turn brings more, and leaves with the first that brings none', async () => {
  const { asked, append } = createLane();
  append(1, 1);
  for (const id of [2, 3, 4]) {
    append(id, 1);
    await nextTurn();
    expect(asked).toHaveLength(0);
  }
  await expect.poll(() => asked.length).toBe(1);
  expect(rowsOf(asked[0]!.statement)).toEqual([1, 2, 3, 4]);
});

test('who was answered may bring the next append before the next group leaves', async () => {
  const { asked, append, outcomes } = createLane();
  append(1, 1);
  await expect.poll(() => asked.length).toBe(1);
  append(2, 1);
  asked[0]!.answer({ rowCount: 1 });
  // What it brings comes a turn later, by way of its feed.
  await nextTurn();
  expect(outcomes).toEqual(['1/1 durable']);
  append(1, 2);
  await expect.poll(() => asked.length).toBe(2);
  expect(rowsOf(asked[1]!.statement)).toEqual([2, 1]);
});
