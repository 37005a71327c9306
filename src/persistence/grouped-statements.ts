/**
 * Questions and orders of many instruments in one statement: what comes while statements are under way waits and goes together with the next. A
 * thousand instruments that recover at once, or have their checkpoints, would otherwise cost a round trip each, and as many writes to the disk.
 */

/** Statements under way at once; more would only make the groups smaller. */
const UNDER_WAY_MAX = 2;

type Waiting<Question, Answer> = {
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
};

export class GroupedStatements<Question, Answer> {
  readonly #questionsMax: number;
  readonly #run: (questions: readonly Question[]) => Promise<readonly Answer[]>;
  #waiting: Waiting<Question, Answer>[] = [];
  #underWayCount = 0;

  /** `run` answers the questions in their order; when it fails, all of its questions fail so. `questionsMax` bounds what one statement holds. */
  constructor(options: {
    questionsMax: number;
    run: (questions: readonly Question[]) => Promise<readonly Answer[]>;
  }) {
    this.#questionsMax = options.questionsMax;
    this.#run = options.run;
  }

  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject });
      // Those who ask in the same turn go together.
      if (this.#waiting.length === 1) queueMicrotask(() => this.#start());
    });
  }

  #start(): void {
    while (this.#waiting.length > 0 && this.#underWayCount < UNDER_WAY_MAX) {
      const group = this.#waiting.slice(0, this.#questionsMax);
      this.#waiting = this.#waiting.slice(group.length);
      this.#underWayCount++;
      void this.#answer(group);
    }
  }

  async #answer(group: readonly Waiting<Question, Answer>[]): Promise<void> {
    try {
      const answers = await this.#run(group.map(({ question }) => question));
      group.forEach(({ resolve }, index) => {
        resolve(answers[index]!);
      });
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      this.#underWayCount--;
      this.#start();
    }
  }
}
