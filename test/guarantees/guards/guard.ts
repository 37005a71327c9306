/** What a guard is: a few words of source text that hold a promise, what the code is without them, and the tests that must notice. */

/** A rule of the design (ARCHITECTURE.md), or one of the promises beside them: no trade is lost unsaid or doubled, stored bytes, access from outside. */
export type Held = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 'trades' | 'bytes' | 'access';

export type Guard = {
  readonly holds: Held;
  /** What the guard does, as a claim that is false once it is gone. */
  readonly name: string;
  /** From the root of the project. */
  readonly file: string;
  /** The exact source text, found once in `file`. */
  readonly text: string;
  /** What stands there when the guard is removed; it must still be a program. */
  readonly without: string;
  /** Where the same promise is kept twice: removed together, for either alone would hold. */
  readonly also?: readonly Removal[];
  /** Tests that fail then. */
  readonly tests: readonly GuardTest[];
};

export type Removal = Pick<Guard, 'file' | 'text' | 'without'>;

export type GuardTest = {
  readonly file: string;
  /** Part of the full name of a test in it. */
  readonly name: string;
};

/** All that is taken out for the guard. */
export function removalsOf({ file, text, without, also = [] }: Guard): readonly Removal[] {
  return [{ file, text, without }, ...also];
}

/** Why the text can't be replaced; `undefined` when it stands in the file exactly once. */
export function findMismatch({ file, text }: Removal, fileText: string): string | undefined {
  const count = fileText.split(text).length - 1;
  if (count === 1) return undefined;
  return `${file}: expected the text of a guard once, found it ${count} times: ${JSON.stringify(text.slice(0, 100))}`;
}
