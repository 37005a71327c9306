import { describe, expect, test } from 'vitest';
import { GroupedStatements } from '../../src/persistence/grouped-statements.ts';

/** A reader whose statements end when the test says so; answers are ten times the question. */
function createReader(questionsMax: number) {
  const statements: { questions: readonly number[]; end: (error?: Error) => void }[] = [];
  const reads = new GroupedStatements<number, number>({
    questionsMax,
    run: (questions) =>
      new Promise((resolve, reject) => {
        statements.push({
          questions,
          end: (error) => {
            if (error === undefined) resolve(questions.map((question) => question * 10));
            else reject(error);
          },
        });
      }),
  });
  return { reads, statements, asked: () => statements.map(({ questions }) => questions) };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('grouped statements', () => {
  test('questions of one turn go in one statement, and each gets its own answer', async () => {
    const { reads, statements, asked } = createReader(10);
    const answers = Promise.all([1, 2, 3].map((question) => reads.ask(question)));
    await turn();
    expect(asked()).toEqual([[1, 2, 3]]);
    statements[0]!.end();
    expect(await answers).toEqual([10, 20, 30]);
  });

  test('no statement has more questions than the bound, and what comes meanwhile waits for one to end', async () => {
    const { reads, statements, asked } = createReader(2);
    const answers = Promise.all([1, 2, 3, 4, 5].map((question) => reads.ask(question)));
    await turn();
    expect(asked()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    const late = reads.ask(6);
    await turn();
    expect(statements).toHaveLength(2);
    statements[1]!.end();
    await turn();
    expect(asked()[2]).toEqual([5, 6]);
    for (const { end } of statements) end();
    expect(await answers).toEqual([10, 20, 30, 40, 50]);
    expect(await late).toBe(60);
  });

  test('a statement that fails fails its own questions and no others', async () => {
    const { reads, statements } = createReader(1);
    const first = reads.ask(1);
    const second = reads.ask(2);
    await turn();
    statements[0]!.end(new Error('no connection'));
    statements[1]!.end();
    await expect(first).rejects.toThrow('no connection');
    expect(await second).toBe(20);
    const third = reads.ask(3);
    await turn();
    statements[2]!.end();
    expect(await third).toBe(30);
  });
});
