/** Whether the removal of a guard was noticed, and by what. */
import type { Guard } from './guard.ts';
import type { TestOutcome, TestRun } from './run-tests.ts';

export type Verdict =
  | { readonly isNoticed: true; readonly failures: readonly TestOutcome[] }
  | { readonly isNoticed: false; readonly why: string };

/** Failures of the program as such: they say that the removal was wrong, not that a test noticed. */
const NO_ASSERTION =
  /^(ReferenceError|Error: (Cannot find (module|package)|Failed to (resolve|load)|Transform failed))/;

/** Every test that is named for the guard must fail by what it asserts. */
export function judge(guard: Guard, run: TestRun): Verdict {
  const [broken] = run.broken;
  if (broken !== undefined) return { isNoticed: false, why: broken };
  const failures = run.outcomes.filter(({ status }) => status === 'failed');
  const invalid = failures.find(({ message }) => NO_ASSERTION.test(message));
  if (invalid !== undefined) return { isNoticed: false, why: `${invalid.name}: ${invalid.message}` };
  const missed = guard.tests.find(
    (test) => !failures.some(({ file, name }) => file === test.file && name.includes(test.name)),
  );
  if (missed !== undefined) return { isNoticed: false, why: `${missed.file} stays green: ${missed.name}` };
  return { isNoticed: true, failures };
}

/** Named tests that are not there, or are red while every guard is in its place. */
export function findFalseStarts(guards: readonly Guard[], run: TestRun): string[] {
  const red = run.outcomes.filter(({ status }) => status === 'failed');
  const absent = guards
    .flatMap(({ tests }) => tests)
    .filter((test) => !run.outcomes.some(({ file, name }) => file === test.file && name.includes(test.name)));
  return [
    ...run.broken,
    ...red.map(({ file, name, message }) => `${file}: ${name}: red with every guard in place: ${message}`),
    ...absent.map(({ file, name }) => `${file}: there is no test '${name}'`),
  ];
}
